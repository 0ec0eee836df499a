// The page sends what you draw to the server, gets the activations back, and shows them
// layer by layer.
import {ask, latest} from './ask.js';
import {Live} from './live.js';
import {Picture, folded, grid, largest, palette, signed, strip} from './maps.js';
import {Pad} from './pad.js';
import {Panel, table} from './panel.js';

const element = id => document.getElementById(id);

function failed(error) {
  element('message').textContent = error.message;
  element('message').className = 'error';
}

function say(text) {
  element('message').textContent = text;
  element('message').className = '';
}

// The network: the shapes of its layers, and its filters. All sizes on the page follow from them.
const network = await ask('network').catch(error => {
  failed(error);
  throw error;
});
const shapes = Object.fromEntries(network.layers.map(layer => [layer.name, layer]));
for (const {name, maps, rows, columns} of network.layers) {
  const sizes = [maps, rows, columns];
  while (sizes.length > 1 && sizes[0] === 1) sizes.shift();
  element(name).closest('figure').querySelector('.shape').textContent = sizes.join('×');
}
element('training-digits').textContent = network.trainingDigits.toLocaleString('en');
element('evaluated').textContent = network.evaluated.toLocaleString('en');

// The pictures of the layers, from left to right, each with the space it has on the page,
// in CSS pixels. units is how many hidden units fit in a row of their picture.
const {scale: unitScale, columns: units} = strip(shapes.relu3.columns, {width: 60, height: 240});
const unitRows = Math.ceil(shapes.relu3.columns / units);
const rooms = {
  image: {width: 112, height: 112}, relu1: {width: 160, height: 452}, pool1: {width: 124, height: 380},
  relu2: {width: 188, height: 260}, pool2: {width: 124, height: 188},
};
const layers = Object.fromEntries(Object.entries(rooms).map(([name, room]) => [name, {...shapes[name], ...grid(shapes[name], room)}]));
layers.relu3 = {maps: 1, rows: unitRows, columns: units, across: 1, scale: unitScale};
const labels = {
  relu1: `${shapes.relu1.maps} feature maps of the first convolution`,
  pool1: `${shapes.pool1.maps} pooled maps`,
  relu2: `${shapes.relu2.maps} feature maps of the second convolution`,
  pool2: `${shapes.pool2.maps} pooled maps`,
  relu3: `${shapes.relu3.columns} hidden units`,
};
const pictures = {};
for (const [name, layer] of Object.entries(layers)) pictures[name] = new Picture(element(name), layer);

// What the network is shown.
let input = {strokes: []};
let shown = null; // the newest prediction
let lost = false; // whether the last request for one failed
const current = () => ({...input, session: live.inUse()});

const predict = latest(async began => {
  const of = input; // which may have changed by the time the response comes
  shown = await ask('predict', current());
  const color = palette();
  const values = {...shown, image: [shown.image], relu3: [folded(shown.relu3, units)]};
  for (const [name, picture] of Object.entries(pictures)) {
    const most = name === 'image' ? 1 : Math.max(largest(values[name]), 1e-9);
    picture.show(values[name], v => color(v / most));
  }
  if (of === input && of.digit !== undefined) pad.show(shown.image);
  const empty = of.digit === undefined && of.strokes.length === 0;
  showProbabilities(empty);
  showVerdict(empty);
  if (lost) say('');
  lost = false;
  const {dataset} = element('network');
  dataset.predictions = Number(dataset.predictions ?? 0) + 1;
  dataset.milliseconds = (performance.now() - began).toFixed(1);
  if (chosen) explain(chosen, false);
}, error => {
  lost = true;
  failed(error);
});

function changed() {
  predict(performance.now());
}

function showVerdict(empty) {
  let text = empty ? 'Nothing drawn yet' : `Predicted label ${shown.prediction}`;
  if (shown.label !== null) text += `, true label ${shown.label}`;
  if (live.inUse()) text += ' (network in training)';
  const verdict = element('verdict');
  if (verdict.textContent !== text) verdict.textContent = text;
  verdict.classList.toggle('error', shown.label !== null && shown.label !== shown.prediction);
}

// The probabilities, one for each class.
const list = element('probabilities');
const probabilities = Array.from({length: shapes.probabilities.columns}, (_, digit) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.innerHTML = '<span class="digit"></span><span class="bar"><span></span></span><span class="percent"></span>';
  button.querySelector('.digit').textContent = digit;
  const at = {layer: 'probabilities', map: 0, row: 0, column: digit};
  button.addEventListener('pointerenter', () => point(at));
  button.addEventListener('focus', () => choose(at));
  button.addEventListener('click', () => pin(at));
  const item = document.createElement('li');
  item.append(button);
  list.append(item);
  return button;
});

function showProbabilities(empty) {
  probabilities.forEach((button, digit) => {
    const percent = `${(100 * shown.probabilities[digit]).toFixed(1)}%`;
    button.querySelector('.bar span').style.width = percent;
    button.querySelector('.percent').textContent = percent;
    button.querySelector('.digit').classList.toggle('best', digit === shown.prediction && !empty);
    button.setAttribute('aria-label', `${digit}: ${percent}`);
  });
}

// The cell being explained. While it's pinned, pointing at another doesn't choose that one.
let chosen = null, pinned = false;
const panel = new Panel(units);
const explain = latest(async (at, aloud) => {
  const explanation = await ask('cell', {...current(), ...at});
  if (chosen !== at) return;
  const words = panel.show(at, explanation);
  if (aloud) element('announcement').textContent = words;
  mark(at, explanation.fields);
}, failed);

const same = (a, b) => a !== null && b !== null && ['layer', 'map', 'row', 'column'].every(key => a[key] === b[key]);

function choose(at, aloud = false) {
  if (same(chosen, at)) return;
  chosen = at;
  mark(at, []);
  explain(at, aloud);
}

function point(at) {
  if (!pinned) choose(at);
}

function pin(at) {
  pinned = !(pinned && same(chosen, at));
  choose(at);
}

// placeOf returns the position of a cell in the picture of its layer. cellAt returns the
// cell at a position, or null past the last unit.
const placeOf = ({layer, map, row, column}) => layer === 'relu3' ? {map, row: Math.floor(column / units), column: column % units} : {map, row, column};

function cellAt(layer, {map, row, column}) {
  if (layer !== 'relu3') return {layer, map, row, column};
  const unit = units * row + column;
  return unit < shapes.relu3.columns ? {layer, map: 0, row: 0, column: unit} : null;
}

function mark(at, fields) {
  const boxes = Object.fromEntries(Object.keys(pictures).map(name => [name, []]));
  if (at.layer !== 'probabilities') boxes[at.layer].push({...placeOf(at), rows: 1, columns: 1});
  fields.forEach((f, k) => boxes[f.layer].push(f.layer === 'relu3' ? {map: 0, row: 0, column: 0, rows: unitRows, columns: units} : {...f, thin: k > 0}));
  for (const [name, picture] of Object.entries(pictures)) picture.mark(boxes[name]);
  probabilities.forEach((button, digit) => button.classList.toggle('chosen', at.layer === 'probabilities' && digit === at.column));
}

for (const [name, picture] of Object.entries(pictures)) {
  const {canvas} = picture;
  if (name === 'image') {
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', 'The image as the network sees it');
    continue;
  }
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-label', `${labels[name]}; the arrow keys choose a cell, Page Up and Page Down choose a map`);
  canvas.tabIndex = 0;
  for (const [kind, act] of [['pointermove', point], ['click', pin]]) canvas.addEventListener(kind, event => {
    const place = picture.place(event), at = place && cellAt(name, place);
    if (at) act(at);
  });
  canvas.addEventListener('keydown', event => {
    const moves = {
      ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
      PageUp: [-1, 0, 0], PageDown: [1, 0, 0],
    };
    const by = moves[event.key];
    if (!by) return;
    event.preventDefault();
    pinned = true; // the mouse may be anywhere
    if (!chosen || chosen.layer !== name) { // the first cell, whatever the key
      choose(cellAt(name, {map: 0, row: 0, column: 0}), true);
      return;
    }
    const from = placeOf(chosen), within = (v, count) => Math.min(Math.max(v, 0), count - 1), {maps, rows, columns} = layers[name];
    const at = cellAt(name, {map: within(from.map + by[0], maps), row: within(from.row + by[1], rows), column: within(from.column + by[2], columns)});
    if (at) choose(at, true);
  });
}

// Drawing, and test digits.
const pad = new Pad(element('pad'), () => {
  input = {strokes: pad.strokes};
  choice = -1;
  element('number').value = '';
  say(pad.full ? 'The pad is full. Clear it to draw another digit.' : '');
  stop();
  changed();
});
element('clear').addEventListener('click', () => pad.clear());
element('undo').addEventListener('click', () => pad.undo());

const tests = network.testDigits; // how many there are
element('number').max = tests - 1;
let misclassified = null; // the test digits that the trained network misclassifies
let choice = -1;
function test(digit) {
  if (!Number.isInteger(digit) || digit < 0 || digit >= tests) {
    failed(new Error(`There's no test digit ${digit}. The test digits are numbered from 0 to ${tests - 1}.`));
    return;
  }
  choice = digit;
  input = {digit};
  element('number').value = digit;
  say(`Test digit ${digit} of ${tests.toLocaleString('en')}`);
  stop();
  changed();
}
element('next').addEventListener('click', () => test((choice + 1) % tests));
element('random').addEventListener('click', () => test(Math.floor(Math.random() * tests)));
element('number').addEventListener('change', () => {
  if (element('number').value !== '') test(Number(element('number').value));
});
element('misclassified').addEventListener('click', async () => {
  const before = input;
  try {
    misclassified ??= await ask('misclassified');
    if (input !== before) return; // that took a while, and in the meantime you drew or chose another
    if (misclassified.length === 0) throw new Error('The trained network classifies all test digits correctly.');
    test(misclassified.find(digit => digit > choice) ?? misclassified[0]);
    say(`Test digit ${choice}, one of the ${misclassified.length} in ${tests.toLocaleString('en')} that the trained network misclassifies`);
  } catch (error) {
    failed(error);
  }
});

// Occlusion.
const square = {...shapes.image, ...grid(shapes.image, {width: 168, height: 168})};
const covered = new Picture(element('covered'), square), heat = new Picture(element('heat'), square);
const pixels = square.rows * square.columns;
let sliding = 0; // how many times the square was started or stopped

// stop clears the map, which belongs to the previous input.
function stop() {
  sliding++;
  for (const picture of [covered, heat]) picture.show(null);
  element('occlusion-text').textContent = '\u00a0';
}

async function slide() {
  const mine = ++sliding;
  try {
    const found = await ask('occlusion', current());
    if (mine !== sliding) return;
    // Log odds: from 99.9% to 99% is as far as from 99% to 90%.
    const odds = p => Math.log(p / Math.max(1 - p, 1e-12));
    const falls = found.covered.map(row => row.map(p => Math.max(0, odds(found.probability) - odds(p)))), most = Math.max(1e-9, largest([falls]));
    const percent = p => `${(100 * p).toFixed(2)}%`;
    element('occlusion-text').textContent = `The probability of ${found.prediction} is ${percent(found.probability)}. With the square at the worst position, it's ${percent(Math.min(...found.covered.flat()))}.`;
    const side = (found.patch - 1) / 2, color = palette();
    const show = pixel => {
      const y = Math.floor(pixel / square.columns), x = pixel % square.columns;
      covered.show([found.image.map((row, i) => row.map((v, j) => Math.abs(i - y) <= side && Math.abs(j - x) <= side ? 0.5 : v))], color);
      heat.show([falls.map((row, i) => row.map((fall, j) => square.columns * i + j > pixel ? 0 : fall / most))], color);
    };
    let pixel = matchMedia('(prefers-reduced-motion: reduce)').matches ? pixels - 1 : 0;
    const next = () => {
      if (mine !== sliding) return;
      show(Math.min(pixel, pixels - 1));
      if (pixel < pixels - 1) requestAnimationFrame(next);
      else element('heat').dataset.done = mine;
      pixel += 6;
    };
    next();
  } catch (error) {
    failed(error);
  }
}
element('occlude').addEventListener('click', slide);

// The filters, and an enlarged view of one.
function large(title, kernels) {
  element('large-title').textContent = title;
  const most = Math.max(...kernels.flat(2).map(Math.abs));
  element('large-body').replaceChildren(...kernels.map((k, c) => table(kernels.length > 1 ? `channel ${c}` : 'a single channel, the input', k, {scale: most})));
  element('large').showModal();
}

const filters = []; // pictures and kernels
for (const [id, name] of [['filters1', 'first'], ['filters2', 'second']]) {
  const all = network[id], maps = all[0].length, rows = all[0][0].length, columns = all[0][0][0].length;
  element(`${id}-shape`).textContent = `${all.length} filters of ${maps}×${rows}×${columns}`;
  const scale = Math.max(1, Math.floor((maps === 1 ? 40 : 15) / columns)); // a kernel is about 40 or 15 CSS pixels wide
  all.forEach((kernels, f) => {
    const button = document.createElement('button');
    button.type = 'button';
    const title = `Filter ${f} of the ${name} convolution`;
    button.setAttribute('aria-label', title);
    const canvas = document.createElement('canvas');
    button.append(canvas);
    element(id).append(button);
    filters.push([new Picture(canvas, {maps, rows, columns, across: Math.min(maps, 5), scale}), kernels]);
    button.addEventListener('click', () => large(title, kernels));
  });
}

function drawFilters() {
  const color = signed();
  for (const [picture, kernels] of filters) {
    const most = Math.max(...kernels.flat(2).map(Math.abs));
    picture.show(kernels, v => color(v / most));
  }
}

// Redraw everything when the theme changes.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  pad.draw();
  drawFilters();
  live.draw();
  stop();
  changed();
});

const live = new Live(network.filters1, () => { if (element('use').checked) changed(); }, failed);
element('use').addEventListener('change', changed);
drawFilters();
document.querySelector('main').hidden = false;
changed();
