// The cells of the layers: choosing one by pointer or keyboard, pinning it, and marking it and
// what it is computed from.
import {ask} from './ask.js';
import {latest} from './latest.js';
import {failed} from './message.js';
import {cellAt, layers, pictures, placeOf, shapes, unitRows, units} from './network.js';
import {Panel, strongestInputs} from './panel.js';
import {change, input, listen, lossLabel, state} from './state.js';

const element = id => document.getElementById(id);
export const panel = new Panel(units);
let aloud = false; // whether to announce the next explanation
let fields = [], strongest = []; // to mark for the chosen cell
const explain = latest(async at => {
  const {backward} = state;
  if (state.cell !== at) return; // another one has been chosen meanwhile
  if (backward && lossLabel() === null) return; // it's explained when there is a prediction
  const explanation = await ask('cell', {...input(), ...at, ...(backward ? gradientAt(at) : {})});
  if (state.cell !== at || state.backward !== backward) return;
  const words = panel.show(at, explanation, backward);
  if (aloud) element('announcement').textContent = words;
  fields = explanation.fields;
  strongest = backward ? [] : strongestOf(at, explanation);
  mark();
}, failed);

// gradientAt returns what a request for the gradient at a cell has besides.
const gradientAt = at => ({gradient: true, label: lossLabel(), layer: at.layer === 'probabilities' ? 'logits' : at.layer});

// explainAgain explains the chosen cell, if any, after the input or the network has changed.
export function explainAgain() {
  aloud = false;
  if (state.cell) explain(state.cell);
}

const same = (a, b) => a !== null && b !== null && ['layer', 'map', 'row', 'column'].every(key => a[key] === b[key]);

// choose explains a cell. point does too, unless another one is pinned. pin also pins it, or
// unpins it.
export function choose(at) {
  if (same(state.cell, at)) return;
  aloud = false;
  change({cell: at});
}

export function point(at) {
  hover(at);
  if (!state.pinned) choose(at);
}

export function pin(at) {
  aloud = false;
  if (state.pinned && same(state.cell, at)) unpin();
  else change({cell: at, pinned: true});
}

export function unpin() {
  change({pinned: false});
}

// go pins a cell that the arrow keys have led to: the mouse may be anywhere.
function go(at) {
  aloud = true;
  if (same(state.cell, at)) change({pinned: true});
  else change({cell: at, pinned: true});
}

// hover marks the cell under the pointer while another one is pinned, and says why it isn't
// explained. null is none.
let hovered = null;
export function hover(at) {
  const next = state.pinned && at && !same(at, state.cell) ? at : null;
  if (next === hovered || same(next, hovered)) return;
  hovered = next;
  document.body.classList.toggle('held', next !== null);
  mark();
}

listen(changed => {
  if (changed.has('pinned')) {
    element('pin').hidden = !state.pinned;
    for (const {canvas} of Object.values(pictures)) canvas.title = state.pinned ? 'Another cell is pinned. Click to pin this one instead, or press Escape to unpin.' : '';
    hover(null);
  }
  if (changed.has('backward')) {
    pixels();
    fields = strongest = [];
    if (!state.backward && state.cell?.layer === 'image') change({cell: null, pinned: false});
    else if (state.cell) explainAgain();
    else panel.clear(state.backward);
    mark();
  }
  if (!changed.has('cell')) return;
  fields = strongest = [];
  mark();
  if (state.cell) explain(state.cell);
  else panel.clear(state.backward);
});
element('unpin').addEventListener('click', unpin);

// Escape unpins, wherever the focus is. Only if no cell is pinned does it do anything else.
document.addEventListener('keydown', event => {
  if (event.key !== 'Escape' || !state.pinned || document.querySelector('dialog[open]')) return;
  event.preventDefault();
  event.stopPropagation();
  unpin();
}, {capture: true});

// strongestOf returns the cells that decide the value of a cell: the winner of a pooled cell,
// and the inputs of a unit with the largest products.
function strongestOf(at, explanation) {
  switch (at.layer) {
    case 'pool1': case 'pool2': {
      const [{in: values, sum}] = explanation.channels, row = values.findIndex(line => line.includes(sum));
      return [{layer: at.layer === 'pool1' ? 'relu1' : 'relu2', map: at.map, row: 2 * at.row + row, column: 2 * at.column + values[row].indexOf(sum), dot: true}];
    }
    case 'relu3': case 'probabilities': return strongestInputs(at, explanation);
    default: return [];
  }
}

function mark() {
  const boxes = Object.fromEntries(Object.keys(pictures).map(name => [name, []])), at = state.cell;
  const put = (cell, look) => boxes[cell.layer]?.push({...placeOf(cell), rows: 1, columns: 1, ...look});
  fields.forEach((f, k) => {
    const thin = k > 0 || f.layer === 'relu3';
    boxes[f.layer]?.push(f.layer === 'relu3' ? {map: 0, row: 0, column: 0, rows: unitRows, columns: units, thin} : {...f, thin: thin || strongest.length > 0});
  });
  for (const cell of strongest) put(cell, {dot: cell.dot});
  if (hovered) put(hovered, {thin: true, gray: true});
  if (at) put(at, {});
  for (const [name, picture] of Object.entries(pictures)) picture.mark(boxes[name]);
  element('probabilities').classList.toggle('field', fields.some(f => f.layer === 'logits'));
}

const labels = {
  image: 'The image as the network sees it',
  relu1: `conv1: ${shapes.relu1.maps} feature maps of the first convolution`,
  pool1: `pool1: ${shapes.pool1.maps} pooled maps`,
  relu2: `conv2: ${shapes.relu2.maps} feature maps of the second convolution`,
  pool2: `pool2: ${shapes.pool2.maps} pooled maps`,
  relu3: `Hidden layer: ${shapes.relu3.columns} units`,
};

function interactive(name) {
  const {canvas} = pictures[name];
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-label', `${labels[name]}. The arrow keys, Home and End pin a cell, and Page Up and Page Down one in another map. Space or Enter pins and unpins it, and Escape unpins it.`);
  canvas.tabIndex = 0;
}

// pixels makes the pixels of the image cells to choose from, or no longer: they have
// gradients, but they aren't computed from anything.
function pixels() {
  if (state.backward) {
    interactive('image');
    return;
  }
  const {canvas} = pictures.image;
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', labels.image);
  canvas.removeAttribute('tabindex');
}

for (const [name, picture] of Object.entries(pictures)) {
  const {canvas} = picture;
  if (name !== 'image') interactive(name);
  const choosable = () => name !== 'image' || state.backward;
  for (const [kind, act] of [['pointermove', point], ['click', pin]]) canvas.addEventListener(kind, event => {
    if (!choosable()) return;
    const place = picture.place(event), at = place && cellAt(name, place);
    if (at) act(at);
  });
  canvas.addEventListener('pointerleave', () => hover(null));
  canvas.addEventListener('keydown', event => {
    if (choosable()) press(event, name);
  });
}
pixels();

const moves = {
  ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
  PageUp: [-1, 0, 0], PageDown: [1, 0, 0], Home: [0, 0, -Infinity], End: [0, 0, Infinity],
};

// press moves to another cell of a layer, or pins and unpins its cell.
function press(event, name) {
  const by = moves[event.key], toggles = event.key === ' ' || event.key === 'Enter';
  if (!by && !toggles || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  if (state.cell?.layer !== name) { // the first cell, whatever the key
    go(cellAt(name, {map: 0, row: 0, column: 0}));
    return;
  }
  if (toggles) {
    pin(state.cell);
    return;
  }
  const from = placeOf(state.cell), within = (v, count) => Math.min(Math.max(v, 0), count - 1), {maps, rows, columns} = layers[name];
  const to = {map: within(from.map + by[0], maps), row: within(from.row + by[1], rows), column: within(from.column + by[2], columns)};
  let at = cellAt(name, to);
  if (!at && event.key === 'End') at = {layer: name, map: 0, row: 0, column: shapes[name].columns - 1}; // the last row of units may be shorter
  if (at) go(at);
}
