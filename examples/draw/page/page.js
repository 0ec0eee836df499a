// The page: what is drawn goes to the server, and what the network sees comes
// back and is shown, layer by layer.
import {ask, latest} from './ask.js';
import {Live} from './live.js';
import {Picture, folded, largest, palette, signed} from './maps.js';
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

// The layers, left to right.
const layers = {
  image: {maps: 1, rows: 28, columns: 28, across: 1, scale: 4, name: 'Input'},
  relu1: {maps: 10, rows: 24, columns: 24, across: 2, scale: 3, name: 'Ten feature maps of the first convolution'},
  pool1: {maps: 10, rows: 12, columns: 12, across: 2, scale: 5, name: 'Ten pooled maps'},
  relu2: {maps: 20, rows: 8, columns: 8, across: 4, scale: 5, name: 'Twenty feature maps of the second convolution'},
  pool2: {maps: 20, rows: 4, columns: 4, across: 4, scale: 7, name: 'Twenty pooled maps'},
  relu3: {maps: 1, rows: 20, columns: 5, across: 1, scale: 12, name: 'A hundred hidden units'},
};
const pictures = {};
for (const [name, layer] of Object.entries(layers)) {
  const canvas = element(name);
  pictures[name] = new Picture(canvas, layer);
  canvas.setAttribute('aria-label', `${layer.name}; the arrow keys choose a cell, Page Up and Page Down a map`);
  canvas.setAttribute('role', 'application');
  canvas.tabIndex = 0;
}

// What the network looks at.
let subject = {strokes: []};
let view = null;
let lost = false; // whether the last look at it failed
const about = () => ({...subject, session: live.looking()});

const see = latest(async began => {
  const of = subject; // another may be there when the answer comes
  view = await ask('see', about());
  const color = palette();
  const shown = {...view, image: [view.image], relu3: [folded(view.relu3)]};
  for (const [name, picture] of Object.entries(pictures)) {
    const most = name === 'image' ? 1 : Math.max(largest(shown[name]), 1e-9);
    picture.show(shown[name], v => color(v / most));
  }
  if (of === subject && of.digit !== undefined) pad.show(view.image);
  const empty = of.digit === undefined && of.strokes.length === 0;
  showProbabilities(empty);
  showVerdict(empty);
  if (lost) say('');
  lost = false;
  const network = element('network');
  network.dataset.seen = Number(network.dataset.seen ?? 0) + 1;
  network.dataset.milliseconds = (performance.now() - began).toFixed(1);
  if (chosen) explain(chosen, false);
}, error => {
  lost = true;
  failed(error);
});

function changed() {
  see(performance.now());
}

function showVerdict(empty) {
  let text = empty ? 'nothing drawn yet' : `answer ${view.answer}`;
  if (view.label !== null) text += `, label ${view.label}`;
  if (live.looking()) text += ' (the network in training)';
  const verdict = element('verdict');
  if (verdict.textContent !== text) verdict.textContent = text;
  verdict.classList.toggle('error', view.label !== null && view.label !== view.answer);
}

// The ten probabilities.
const list = element('probabilities');
const probabilities = Array.from({length: 10}, (_, digit) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.innerHTML = '<span class="digit"></span><span class="bar"><span></span></span><span class="percent"></span>';
  button.querySelector('.digit').textContent = digit;
  const at = {layer: 'probabilities', map: 0, row: 0, column: digit};
  button.addEventListener('pointerenter', () => point(at));
  button.addEventListener('focus', () => choose(at));
  button.addEventListener('click', () => hold(at));
  const item = document.createElement('li');
  item.append(button);
  list.append(item);
  return button;
});

function showProbabilities(empty) {
  probabilities.forEach((button, digit) => {
    const percent = `${(100 * view.probabilities[digit]).toFixed(1)}%`;
    button.querySelector('.bar span').style.width = percent;
    button.querySelector('.percent').textContent = percent;
    button.querySelector('.digit').classList.toggle('best', digit === view.answer && !empty);
    button.setAttribute('aria-label', `${digit}: ${percent}`);
  });
}

// The cell that is explained. While it is held, pointing at others is no choice.
let chosen = null, held = false;
const panel = new Panel();
const explain = latest(async (at, aloud) => {
  const account = await ask('cell', {...about(), ...at});
  if (chosen !== at) return;
  const words = panel.show(at, account);
  if (aloud) element('announcement').textContent = words;
  mark(at, account.fields);
}, failed);

const same = (a, b) => a !== null && b !== null && ['layer', 'map', 'row', 'column'].every(key => a[key] === b[key]);

function choose(at, aloud = false) {
  if (same(chosen, at)) return;
  chosen = at;
  mark(at, []);
  explain(at, aloud);
}

function point(at) {
  if (!held) choose(at);
}

function hold(at) {
  held = !(held && same(chosen, at));
  choose(at);
}

// cellOf returns the box of a place in the picture of its layer.
function cellOf(at) {
  const {layer, map, row, column} = at;
  return layer === 'relu3' ? {map, row: Math.floor(column / 5), column: column % 5, rows: 1, columns: 1} : {map, row, column, rows: 1, columns: 1};
}

function mark(at, fields) {
  const boxes = Object.fromEntries(Object.keys(pictures).map(name => [name, []]));
  if (at.layer !== 'probabilities') boxes[at.layer].push(cellOf(at));
  fields.forEach((f, k) => boxes[f.layer].push(f.layer === 'relu3' ? {map: 0, row: 0, column: 0, rows: 20, columns: 5} : {...f, thin: k > 0}));
  for (const [name, picture] of Object.entries(pictures)) picture.mark(boxes[name]);
  probabilities.forEach((button, digit) => button.classList.toggle('chosen', at.layer === 'probabilities' && digit === at.column));
}

for (const [name, picture] of Object.entries(pictures)) {
  if (name === 'image') {
    picture.canvas.tabIndex = -1;
    picture.canvas.setAttribute('role', 'img');
    picture.canvas.setAttribute('aria-label', 'The digit as the network gets it');
    continue;
  }
  const layer = layers[name];
  const place = (map, row, column) => name === 'relu3' ? {layer: name, map: 0, row: 0, column: 5 * row + column} : {layer: name, map, row, column};
  for (const [kind, act] of [['pointermove', point], ['click', hold]]) picture.canvas.addEventListener(kind, event => {
    const at = picture.place(event);
    if (at) act(place(at.map, at.row, at.column));
  });
  picture.canvas.addEventListener('keydown', event => {
    const moves = {
      ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
      PageUp: [-1, 0, 0], PageDown: [1, 0, 0],
    };
    const by = moves[event.key];
    if (!by) return;
    event.preventDefault();
    held = true; // the mouse may lie anywhere
    if (!chosen || chosen.layer !== name) { // the first cell, whatever the key
      choose(place(0, 0, 0), true);
      return;
    }
    const at = cellOf(chosen), within = (v, count) => Math.min(Math.max(v, 0), count - 1);
    choose(place(within(at.map + by[0], layer.maps), within(at.row + by[1], layer.rows), within(at.column + by[2], layer.columns)), true);
  });
}

// Drawing, and test digits.
const pad = new Pad(element('pad'), () => {
  subject = {strokes: pad.strokes};
  choice = -1;
  element('number').value = '';
  say(pad.full ? 'The pad is full. Clear it to draw another digit.' : '');
  stop();
  changed();
});
element('clear').addEventListener('click', () => pad.clear());
element('undo').addEventListener('click', () => pad.undo());

let tests = 0; // how many there are
let wrong = null; // those that the trained network reads wrongly
let choice = -1;
function test(digit) {
  if (!Number.isInteger(digit) || digit < 0 || digit >= tests) {
    failed(new Error(`There is no test digit ${digit}; they go from 0 to ${tests - 1}.`));
    return;
  }
  choice = digit;
  subject = {digit};
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
element('wrong').addEventListener('click', async () => {
  const before = subject;
  try {
    wrong ??= await ask('wrong');
    if (subject !== before) return; // that took a while, and something was drawn or chosen
    if (wrong.length === 0) throw new Error('All test digits are read rightly.');
    test(wrong.find(digit => digit > choice) ?? wrong[0]);
    say(`Test digit ${choice}, one of ${wrong.length} of ${tests.toLocaleString('en')} that the trained network reads wrongly`);
  } catch (error) {
    failed(error);
  }
});

// Occlusion.
const square = {maps: 1, rows: 28, columns: 28, across: 1, scale: 6};
const covered = new Picture(element('covered'), square), heat = new Picture(element('heat'), square);
const pixels = square.rows * square.columns;
let sliding = 0; // how often it was begun or stopped

// stop takes what is shown of another digit away.
function stop() {
  sliding++;
  for (const picture of [covered, heat]) picture.show(null);
  element('occlusion-text').textContent = '\u00a0';
}

async function slide() {
  const mine = ++sliding;
  try {
    const found = await ask('occlusion', about());
    if (mine !== sliding) return;
    // Of the odds the logarithm: from 99.9 to 99% is as far as from 99 to 90%.
    const odds = p => Math.log(p / Math.max(1 - p, 1e-12));
    const falls = found.covered.map(row => row.map(p => Math.max(0, odds(found.whole) - odds(p)))), most = Math.max(1e-9, largest([falls]));
    const percent = p => `${(100 * p).toFixed(2)}%`;
    element('occlusion-text').textContent = `The answer ${found.answer} has ${percent(found.whole)}, with the square ${percent(Math.min(...found.covered.flat()))} at the worst place.`;
    const side = (found.patch - 1) / 2, color = palette();
    const show = pixel => {
      const y = Math.floor(pixel / 28), x = pixel % 28;
      covered.show([found.image.map((row, i) => row.map((v, j) => Math.abs(i - y) <= side && Math.abs(j - x) <= side ? 0.5 : v))], color);
      heat.show([falls.map((row, i) => row.map((fall, j) => 28 * i + j > pixel ? 0 : fall / most))], color);
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

// Filters, and one of them large.
const kernelsOf = flat => Array.from({length: flat.length / 25}, (_, c) => folded(flat.slice(25 * c, 25 * c + 25)));

function large(title, kernels) {
  element('large-title').textContent = title;
  const most = Math.max(...kernels.flat(2).map(Math.abs));
  element('large-body').replaceChildren(...kernels.map((k, c) => table(kernels.length > 1 ? `channel ${c}` : 'one channel: the input', k, {scale: most})));
  element('large').showModal();
}

const filters = []; // pictures and kernels
async function describe() {
  try {
    const found = await ask('network');
    tests = found.tests;
    element('number').max = tests - 1;
    for (const [id, name] of [['filters1', 'first'], ['filters2', 'second']]) {
      found[id].forEach((flat, f) => {
        const button = document.createElement('button');
        button.type = 'button';
        const title = `Filter ${f} of the ${name} convolution`;
        button.setAttribute('aria-label', title);
        const canvas = document.createElement('canvas');
        button.append(canvas);
        element(id).append(button);
        const maps = kernelsOf(flat), one = maps.length === 1;
        filters.push([new Picture(canvas, {maps: maps.length, rows: 5, columns: 5, across: one ? 1 : 5, scale: one ? 8 : 3}), maps]);
        button.addEventListener('click', () => large(title, maps));
      });
    }
    drawFilters();
  } catch (error) {
    failed(error);
  }
}

function drawFilters() {
  const color = signed();
  for (const [picture, maps] of filters) {
    const most = Math.max(...maps.flat(2).map(Math.abs));
    picture.show(maps, v => color(v / most));
  }
}

// Everything is drawn anew in the other theme.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  pad.draw();
  drawFilters();
  live.draw();
  stop();
  changed();
});

const live = new Live(() => { if (element('look').checked) changed(); }, failed);
element('look').addEventListener('change', changed);
describe();
changed();
