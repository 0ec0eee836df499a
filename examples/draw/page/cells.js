// The cells of the layers: choosing one by pointer or keyboard, and marking it and what it is
// computed from.
import {ask, latest} from './ask.js';
import {failed} from './message.js';
import {cellAt, layers, pictures, placeOf, shapes, unitRows, units} from './network.js';
import {Panel} from './panel.js';
import {change, input, listen, state} from './state.js';

export const panel = new Panel(units);
let aloud = false; // whether to announce the next explanation
const explain = latest(async at => {
  const explanation = await ask('cell', {...input(), ...at});
  if (state.cell !== at) return;
  const words = panel.show(at, explanation);
  if (aloud) document.getElementById('announcement').textContent = words;
  mark(at, explanation.fields);
}, failed);

// explainAgain explains the chosen cell, if any, after the input or the network has changed.
export function explainAgain() {
  aloud = false;
  if (state.cell) explain(state.cell);
}

const same = (a, b) => a !== null && b !== null && ['layer', 'map', 'row', 'column'].every(key => a[key] === b[key]);

// choose explains a cell. point does too, unless another one is pinned. pin also pins it, or
// unpins it.
export function choose(at, announce = false) {
  if (same(state.cell, at)) return;
  aloud = announce;
  change({cell: at});
}

export function point(at) {
  if (!state.pinned) choose(at);
}

export function pin(at) {
  change({pinned: !(state.pinned && same(state.cell, at))});
  choose(at);
}

listen(changed => {
  if (!changed.has('cell') || !state.cell) return;
  mark(state.cell, []);
  explain(state.cell);
});

function mark(at, fields) {
  const boxes = Object.fromEntries(Object.keys(pictures).map(name => [name, []]));
  if (at.layer !== 'probabilities') boxes[at.layer].push({...placeOf(at), rows: 1, columns: 1});
  fields.forEach((f, k) => boxes[f.layer].push(f.layer === 'relu3' ? {map: 0, row: 0, column: 0, rows: unitRows, columns: units} : {...f, thin: k > 0}));
  for (const [name, picture] of Object.entries(pictures)) picture.mark(boxes[name]);
}

const labels = {
  relu1: `${shapes.relu1.maps} feature maps of the first convolution`,
  pool1: `${shapes.pool1.maps} pooled maps`,
  relu2: `${shapes.relu2.maps} feature maps of the second convolution`,
  pool2: `${shapes.pool2.maps} pooled maps`,
  relu3: `${shapes.relu3.columns} hidden units`,
};

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
  canvas.addEventListener('keydown', event => press(event, name));
}

const moves = {
  ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
  PageUp: [-1, 0, 0], PageDown: [1, 0, 0],
};

// press moves to the next cell of a layer.
function press(event, name) {
  const by = moves[event.key];
  if (!by) return;
  event.preventDefault();
  change({pinned: true}); // the mouse may be anywhere
  if (!state.cell || state.cell.layer !== name) { // the first cell, whatever the key
    choose(cellAt(name, {map: 0, row: 0, column: 0}), true);
    return;
  }
  const from = placeOf(state.cell), within = (v, count) => Math.min(Math.max(v, 0), count - 1), {maps, rows, columns} = layers[name];
  const at = cellAt(name, {map: within(from.map + by[0], maps), row: within(from.row + by[1], rows), column: within(from.column + by[2], columns)});
  if (at) choose(at, true);
}
