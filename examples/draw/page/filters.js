// The filters, or in the backward pass their gradients, and an enlarged view of one.
import {ask} from './ask.js';
import './dialog.js';
import {latest} from './latest.js';
import {Picture, grid, magnitude, signed} from './maps.js';
import {failed} from './message.js';
import {network} from './network.js';
import {rough, short, smallNumber, unit} from './numbers.js';
import {rove} from './roving.js';
import {input, listen, lossLabel, state} from './state.js';
import {make, numbers, operator, table} from './tables.js';

const element = id => document.getElementById(id);

// The two groups, each with the layer it leads to and its pictures.
const groups = [
  {id: 'filters1', name: 'first', to: 'relu1', pictures: []},
  {id: 'filters2', name: 'second', to: 'relu2', pictures: []},
];
for (const group of groups) {
  const {id, name, pictures} = group, all = network[id], maps = all[0].length, rows = all[0][0].length, columns = all[0][0][0].length;
  element(`${id}-shape`).textContent = `${all.length} filters of ${maps}×${rows}×${columns}`;
  const scale = Math.max(1, Math.floor((maps === 1 ? 50 : 20) / columns)); // a kernel is about 50 or 20 CSS pixels wide
  all.forEach((_, f) => {
    const title = `Filter ${f} of the ${name} convolution`, canvas = make('canvas'), button = make('button', {type: 'button', title}, canvas);
    button.setAttribute('aria-label', title);
    button.addEventListener('click', () => enlarge(group, f));
    element(id).append(button);
    pictures.push(new Picture(canvas, {maps, rows, columns, across: Math.min(maps, 5), scale}));
  });
  rove(element(id));
}

// shownOf returns what the tiles of a group show, or null, and which network it is of.
function shownOf({id}) {
  if (state.backward) return {kernels: state.gradients && state.gradients[id], of: ''};
  if (state.session && id === 'filters1' && state.filters1) return {kernels: state.filters1.map(kernel => [kernel]), of: 'of the network in training'};
  const steps = `before your ${state.steps === 1 ? 'step' : `${state.steps} steps`}`;
  return {kernels: network[id], of: state.session ? 'of the trained network, not of the one in training' : state.steps > 0 ? steps : ''};
}

export function drawFilters() {
  for (const group of groups) {
    const {id, pictures} = group, {kernels, of} = shownOf(group), most = kernels ? magnitude(kernels) : 0;
    pictures.forEach((picture, f) => picture.show(kernels && kernels[f], signed(most)));
    element(`${id}-of`).textContent = of;
    element(`${id}-ramp`).replaceWith(ramp(most, {id: `${id}-ramp`}));
  }
  element('filters-title').textContent = state.backward ? 'Gradients of the filters' : 'Filters';
  element('filters-text').textContent = state.backward
    ? 'How the loss changes with each weight. Blue: if the weight rises, the loss rises. Red: if the weight rises, the loss falls. Click a filter to see how each gradient is computed.'
    : 'What the convolutions look for. Click a filter to see its weights.';
}

// ramp returns the legend of colors from −most to most. If most is 0 it only keeps its place.
function ramp(most, properties = {}) {
  const end = sign => make('span', {textContent: most === 0 ? '' : sign + rough(most)});
  return make('div', {className: 'ramp', ...properties}, end('−'), make('span', {className: 'signed'}), end('+'));
}

listen(changed => {
  if (['backward', 'gradients', 'session', 'filters1', 'steps'].some(name => changed.has(name))) drawFilters();
});

// The enlarged filter: its group and index, its weights, in the backward pass their gradients,
// and the channel, row and column of the weight whose gradient is explained.
let large = null;
const dialog = element('large');

// enlarge shows a filter in the dialog, or again if it's open there and has changed.
const enlarge = latest(async (group, f, again = false) => {
  const {channels} = await ask('cell', {...input(), layer: group.to, map: f, row: 0, column: 0}); // any cell has the filter's weights
  if (again && !dialog.open) return; // it has been closed meanwhile
  const gradients = state.backward && state.gradients ? state.gradients[group.id][f] : null;
  const {channel, row, column} = dialog.open ? large : strongest(gradients);
  large = {group, f, weights: channels.map(({weights}) => weights), gradients, channel, row, column};
  drawLarge();
  if (!dialog.open) dialog.showModal();
}, failed);

// strongest returns the place of the largest gradient.
function strongest(gradients) {
  let most = {channel: 0, row: 0, column: 0}, size = 0;
  (gradients ?? []).forEach((kernel, channel) => kernel.forEach((values, row) => values.forEach((v, column) => {
    if (Math.abs(v) > size) [size, most] = [Math.abs(v), {channel, row, column}];
  })));
  return most;
}

// While it's open, the network and the gradients may change.
listen(changed => {
  if (dialog.open && ['gradients', 'filters1'].some(name => changed.has(name))) enlarge(large.group, large.f, true);
});

function drawLarge() {
  const {group, f, weights, gradients} = large, body = element('large-body'), many = weights.length > 1;
  const focused = body.contains(document.activeElement) && document.activeElement.tagName;
  element('large-title').textContent = `Filter ${f} of the ${group.name} convolution`;
  element('large-how').hidden = element('large-products').hidden = !gradients;
  if (!gradients) {
    element('large-products').replaceChildren();
    body.replaceChildren(...weights.map((kernel, c) => table(many ? `channel ${c}` : 'the only channel: the image', kernel, {scale: magnitude(weights)})));
    return;
  }
  const chips = make('div', {className: 'chips'});
  chips.setAttribute('role', 'group');
  chips.setAttribute('aria-label', 'Channels');
  weights.forEach((_, c) => {
    const chip = make('button', {type: 'button', textContent: `channel ${c}`});
    chip.setAttribute('aria-pressed', c === large.channel);
    chip.addEventListener('click', () => {
      large.channel = c;
      drawLarge();
    });
    if (many) chips.append(chip);
  });
  const {channel} = large, of = many ? `, channel ${channel}` : '';
  const second = scaled(`gradients${of}`, gradients[channel], magnitude(gradients));
  second.classList.add('choice');
  body.replaceChildren(chips, table(`weights${of}`, weights[channel], {scale: magnitude(weights)}), second);
  cellOf(second).tabIndex = 0;
  rove(chips);
  rove(second, 'td');
  if (focused === 'BUTTON') chips.children[channel].focus();
  if (focused === 'TD') cellOf(second).focus();
  markWeight();
  explain();
}

// scaled returns a table of values that may be very small. most is the largest of them, and of
// the other tables beside it.
function scaled(caption, values, most, places = {}) {
  const {factor, text} = unit(most);
  return table(text ? `${caption}, in units of ${text}` : caption, values, {scale: most, write: v => v === 0 ? '0' : short(v / factor), ...places});
}

// cellOf returns the cell of the chosen weight in a table that has a row and a column of headings.
const cellOf = ({rows}) => rows[large.row + 1].cells[large.column + 1];

function markWeight() {
  for (const drawn of element('large-body').querySelectorAll('table')) {
    for (const cell of drawn.querySelectorAll('.now')) cell.classList.remove('now');
    cellOf(drawn).classList.add('now');
  }
}

// Of the pointer only its moves count: a table may also appear under it.
for (const kind of ['pointermove', 'focusin', 'click']) element('large-body').addEventListener(kind, event => {
  const cell = event.target.closest('td');
  if (!cell || !large.gradients) return;
  const [row, column] = [cell.parentElement.rowIndex - 1, cell.cellIndex - 1];
  if (row === large.row && column === large.column) return;
  Object.assign(large, {row, column});
  markWeight();
  explain();
});

// explain says how the gradient of the chosen weight is computed: from what the weight has met,
// and the gradients there.
const explain = latest(async () => {
  if (lossLabel() === null) return; // it's explained when there are gradients again
  const mine = large, {group, f, channel, row, column} = large;
  const explanation = await ask('cell', {...input(), label: lossLabel(), gradient: true, layer: group.id, map: f, channel, row, column});
  if (mine !== large || channel !== large.channel || row !== large.row || column !== large.column) return;
  const [{in: inputs, weights: gradients}] = explanation.channels, {total} = explanation;
  const products = inputs.map((values, y) => values.map((v, x) => v * gradients[y][x]));
  const high = products.length, wide = products[0].length, count = products.flat().filter(v => v !== 0).length;
  const met = group.id === 'filters1' ? 'in: the image' : `in: pool1, map ${channel}`;
  const step = total === 0 ? 'leaves the weight as it is' : `makes the weight ${total > 0 ? 'smaller' : 'larger'}`;
  element('large-how').textContent = `Weight at row ${row}, column ${column}. ${explanation.function}: ${explanation.formula} = ${smallNumber(total)}. `
    + `The weight is used at ${high}×${wide} positions, so its gradient is a sum of ${high * wide} products, ${count} of which ${count === 1 ? "isn't" : "aren't"} 0. A step of gradient descent ${step}.`;
  const show = high <= 8 && wide <= 8 && matchMedia('(min-width: 1240px)').matches // three tables fit beside each other
    ? (caption, values, places) => scaled(caption, values, magnitude(values), places)
    : pictureOf;
  element('large-products').replaceChildren(show(met, inputs, {rows: numbers(row, high), columns: numbers(column, wide)}), operator('·'), show('gradients there', gradients), operator('='), show('products', products));
}, failed);

// pictureOf returns a picture of many values, with a legend.
function pictureOf(caption, values) {
  const canvas = make('canvas'), shape = {maps: 1, rows: values.length, columns: values[0].length}, most = magnitude(values);
  new Picture(canvas, {...shape, ...grid(shape, {width: 168, height: 168})}).show([values], signed(most));
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', caption);
  return make('figure', {}, make('figcaption', {textContent: caption}), canvas, ramp(most));
}

drawFilters();
