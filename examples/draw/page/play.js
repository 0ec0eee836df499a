// Plays a convolution: product after product is added up, and when a cell is complete, the
// kernel slides to the next one.
import {choose, panel} from './cells.js';
import {pictures, shapes} from './network.js';
import {change, inputFields, listen, state} from './state.js';

const element = id => document.getElementById(id);
const inputs = {relu1: 'image', relu2: 'pool1'}; // what the convolutions are computed from

// How many products of a kernel with that many columns a step adds up, and how many
// milliseconds it takes. Infinity is all products of a cell.
const speeds = {
  slow: {products: () => 1, milliseconds: 400},
  medium: {products: columns => columns, milliseconds: 160},
  fast: {products: () => Infinity, milliseconds: 120},
};

let at = null;     // the cell that is played, or null
let played = null; // how far: Panel.play has the format. null until its explanation comes
let total = 0;     // of the cell
let runs = false;  // whether it goes on by itself
let timer = 0;

const playable = () => state.cell !== null && state.cell.layer in inputs && !state.backward;
const speed = () => speeds[element('play-speed').value];
const count = channel => channel.in.length * channel.in[0].length;

// The cells of a map have indices in reading order.
const indexOf = ({layer, row, column}) => row * shapes[layer].columns + column;
const lastIndex = ({layer}) => shapes[layer].rows * shapes[layer].columns - 1;
const cellAt = ({layer, map}, index) => ({layer, map, row: Math.floor(index / shapes[layer].columns), column: index % shapes[layer].columns});

// complete returns how far a complete cell is.
function complete() {
  const {channels} = panel.explanation, channel = channels.length - 1;
  return {channel, from: count(channels[channel]), to: count(channels[channel])};
}

// next returns how far the cell is after another step, or null if it's complete already.
function next() {
  const {channels} = panel.explanation, products = speed().products(channels[0].in[0].length);
  let {channel, to: from} = played;
  if (from === count(channels[channel])) [channel, from] = [channel + 1, 0];
  if (channel === channels.length) return null;
  return products === Infinity ? complete() : {channel, from, to: Math.min(from + products, count(channels[channel]))};
}

// show shows how far the cell is, hides the cells of its map that come later, and marks the
// inputs of the newest products.
function show() {
  panel.play(played);
  const [field] = panel.explanation.fields, {columns} = field, {channel, from, to} = played, ready = panel.complete();
  pictures[at.layer].play({map: at.map, from: indexOf(at) + (ready ? 1 : 0)}, null);
  const spot = {map: channel, row: field.row + Math.floor(from / columns), column: field.column + from % columns, rows: 1, columns: to - from};
  pictures[inputs[at.layer]].play(null, to > from ? spot : null);
}

// begin plays the chosen cell. It pins it, or the mouse would choose another.
function begin() {
  at = state.cell;
  played = null;
  if (panel.at === at && !panel.backward) { // otherwise the explanation is yet to come
    played = {channel: 0, from: 0, to: 0};
    ({total} = panel.explanation);
  }
  change({pinned: true});
}

// slide moves the kernel to another cell.
function slide(index) {
  const to = cellAt(at, index);
  if (index === indexOf(at)) { // the map has only one cell
    begin();
    if (played !== null) show();
    return;
  }
  at = to;
  played = null;
  choose(to);
}

// When the explanation of the next cell has come, it's played.
panel.shown = (cell, explanation) => {
  if (cell !== at) return;
  if (played !== null) { // the cell is explained again: perhaps the network has changed
    if (explanation.total !== total) stop();
    return;
  }
  ({total} = explanation);
  const ends = runs && still();
  if (ends && indexOf(at) !== lastIndex(at)) {
    slide(lastIndex(at));
    return;
  }
  played = ends || speed().products(1) === Infinity ? complete() : {channel: 0, from: 0, to: 0};
  show();
  if (ends) pause();
  if (runs) timer = setTimeout(tick, speed().milliseconds);
};

// step adds up the next products, or slides to the next cell: after the last one of the map
// to the first.
function step() {
  if (at !== null && played === null) return; // the explanation hasn't come yet
  if (at === null) {
    begin();
    if (played === null) return;
  }
  const further = next();
  if (further === null) {
    slide(indexOf(at) === lastIndex(at) ? 0 : indexOf(at) + 1);
  } else {
    played = further;
    show();
  }
}

function tick() {
  if (still()) { // since a moment ago
    play();
    return;
  }
  if (next() === null && indexOf(at) === lastIndex(at)) {
    pause();
    return;
  }
  step();
  if (played !== null) timer = setTimeout(tick, speed().milliseconds);
}

// still reports whether the reader prefers that nothing moves.
const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

function play() {
  if (at === null) begin();
  runs = true;
  if (played !== null && still()) { // the end: the last cell of the map
    if (indexOf(at) === lastIndex(at)) {
      played = complete();
      show();
      runs = false;
    } else {
      slide(lastIndex(at));
    }
  } else if (played !== null) {
    if (next() === null && indexOf(at) === lastIndex(at)) slide(0); // once more
    else tick();
  }
  showControls();
}

function pause() {
  runs = false;
  clearTimeout(timer);
  showControls();
}

// stop shows everything again.
function stop() {
  pause();
  at = played = null;
  for (const picture of Object.values(pictures)) picture.play(null, null);
  if (panel.played) panel.play(null);
}

function showControls() {
  element('player').hidden = !playable();
  element('play').textContent = runs ? 'Pause' : 'Play';
}

// byHand takes a step that the reader asked for, and says what it has computed.
function byHand() {
  pause();
  step();
  if (played !== null) element('announcement').textContent = `${element('panel-sum').textContent}. ${element('panel-note').textContent}`;
}

const toggle = () => runs ? pause() : play();
element('play').addEventListener('click', toggle);
element('play-step').addEventListener('click', byHand);
document.addEventListener('keydown', event => {
  const act = {p: toggle, '.': byHand}[event.key];
  if (!act || !playable() || event.ctrlKey || event.altKey || event.metaKey) return;
  if (!event.target.closest('#network, #panel') || event.target.closest('input, select')) return;
  event.preventDefault();
  act();
});

listen(changed => {
  if (at !== null && (state.cell !== at || !state.pinned || ['backward', ...inputFields].some(name => changed.has(name)))) stop();
  if (changed.has('cell') || changed.has('backward')) showControls();
});
