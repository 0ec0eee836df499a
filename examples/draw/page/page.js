// The page: what is drawn goes to the server, and what the network sees comes
// back and is shown, layer by layer.
import {ask, latest} from './ask.js';
import {Live} from './live.js';
import {Picture, largest, palette, signed} from './maps.js';
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
  hidden: {maps: 1, rows: 20, columns: 5, across: 1, scale: 12, name: 'A hundred units'},
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
const about = () => ({...subject, session: live.looking()});

const see = latest(async began => {
  const found = await ask('see', about());
  view = found;
  const color = palette();
  const shown = {...view, image: [view.image], hidden: [Array.from({length: 20}, (_, k) => view.hidden.slice(5 * k, 5 * k + 5))]};
  for (const [name, picture] of Object.entries(pictures)) {
    const most = name === 'image' ? 1 : Math.max(largest(shown[name]), 1e-9);
    picture.show(shown[name], v => color(v / most));
  }
  if (subject.digit !== undefined) pad.show(view.image);
  const empty = subject.digit === undefined && subject.strokes.length === 0;
  bars(view.probabilities, view.answer, empty);
  verdict(empty);
  element('network').dataset.seen = Number(element('network').dataset.seen ?? 0) + 1;
  element('network').dataset.milliseconds = (performance.now() - began).toFixed(1);
  if (chosen) explain(chosen);
}, failed);

function changed() {
  see(performance.now());
}

function verdict(empty) {
  const text = element('verdict');
  if (empty) text.textContent = 'of an empty pad';
  else if (view.label === null) text.textContent = `it reads a ${view.answer}`;
  else text.textContent = `it reads a ${view.answer}, meant is a ${view.label}`;
  text.classList.toggle('error', !empty && view.label !== null && view.label !== view.answer);
}

// The ten probabilities.
const list = element('probabilities');
const rows = Array.from({length: 10}, (_, digit) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.innerHTML = '<span class="digit"></span><span class="bar"><span></span></span><span class="percent"></span>';
  button.querySelector('.digit').textContent = digit;
  const choose = () => point({layer: 'probabilities', map: 0, row: 0, column: digit});
  for (const event of ['pointerenter', 'focus', 'click']) button.addEventListener(event, choose);
  const item = document.createElement('li');
  item.append(button);
  list.append(item);
  return button;
});

function bars(probabilities, answer, empty) {
  rows.forEach((button, digit) => {
    const percent = `${(100 * probabilities[digit]).toFixed(1)}%`;
    button.querySelector('.bar span').style.width = percent;
    button.querySelector('.percent').textContent = percent;
    button.querySelector('.digit').classList.toggle('best', digit === answer && !empty);
    button.setAttribute('aria-label', `${digit}: ${percent}`);
  });
}

// The cell that is pointed at, and its account.
let chosen = null;
const panel = new Panel();
const explain = latest(async at => {
  const account = await ask('cell', {...about(), ...at});
  if (chosen !== at) return;
  panel.show(at, account);
  mark(at, account.fields);
}, failed);

function point(at) {
  if (chosen && ['layer', 'map', 'row', 'column'].every(key => chosen[key] === at[key])) return;
  chosen = at;
  mark(at, []);
  explain(at);
}

// cellOf returns the box of a place in the picture of its layer.
function cellOf(at) {
  const {layer, map, row, column} = at;
  return layer === 'hidden' ? {map, row: Math.floor(column / 5), column: column % 5, rows: 1, columns: 1} : {map, row, column, rows: 1, columns: 1};
}

function mark(at, fields) {
  const boxes = Object.fromEntries(Object.keys(pictures).map(name => [name, []]));
  if (at.layer !== 'probabilities') boxes[at.layer].push(cellOf(at));
  fields.forEach((f, k) => boxes[f.layer].push(f.layer === 'hidden' ? {map: 0, row: 0, column: 0, rows: 20, columns: 5} : {...f, thin: k > 0}));
  for (const [name, picture] of Object.entries(pictures)) picture.mark(boxes[name]);
  rows.forEach((button, digit) => button.classList.toggle('chosen', at.layer === 'probabilities' && digit === at.column));
}

for (const [name, picture] of Object.entries(pictures)) {
  if (name === 'image') {
    picture.canvas.tabIndex = -1;
    picture.canvas.setAttribute('role', 'img');
    picture.canvas.setAttribute('aria-label', 'The digit as the network gets it');
    continue;
  }
  const layer = layers[name];
  const choose = (map, row, column) => point(name === 'hidden' ? {layer: name, map: 0, row: 0, column: 5 * row + column} : {layer: name, map, row, column});
  const follow = event => {
    const at = picture.place(event);
    if (at) choose(at.map, at.row, at.column);
  };
  picture.canvas.addEventListener('pointermove', follow);
  picture.canvas.addEventListener('pointerdown', follow);
  picture.canvas.addEventListener('keydown', event => {
    const moves = {
      ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
      PageUp: [-1, 0, 0], PageDown: [1, 0, 0],
    };
    const by = moves[event.key];
    if (!by) return;
    event.preventDefault();
    const at = chosen && chosen.layer === name ? cellOf(chosen) : {map: 0, row: by[1] < 0 ? 1 : 0, column: 0};
    const within = (v, count) => Math.min(Math.max(v, 0), count - 1);
    choose(within(at.map + by[0], layer.maps), within(at.row + by[1], layer.rows), within(at.column + by[2], layer.columns));
  });
}

// Drawing, and test digits.
const pad = new Pad(element('pad'), () => {
  subject = {strokes: pad.strokes};
  choice = -1;
  element('number').value = '';
  changed();
});
element('clear').addEventListener('click', () => pad.clear());
element('undo').addEventListener('click', () => pad.undo());

let tests = null; // how many there are, and which are read wrongly
let choice = -1;
async function test(choose) {
  try {
    tests ??= await ask('tests');
    const digit = choose();
    if (!Number.isInteger(digit) || digit < 0 || digit >= tests.count) throw new Error(`There is no test digit ${digit}; there are those from 0 to ${tests.count - 1}.`);
    choice = digit;
    subject = {digit};
    element('number').value = digit;
    say(`Test digit ${digit} of ${tests.count.toLocaleString('en')}; ${tests.wrong.length} of them are read wrongly.`);
    changed();
  } catch (error) {
    failed(error);
  }
}
element('next').addEventListener('click', () => test(() => (choice + 1) % tests.count));
element('random').addEventListener('click', () => test(() => Math.floor(Math.random() * tests.count)));
element('number').addEventListener('change', () => {
  if (element('number').value !== '') test(() => Number(element('number').value));
});
element('wrong').addEventListener('click', () => test(() => {
  if (tests.wrong.length === 0) throw new Error('All test digits are read rightly.');
  return tests.wrong.find(digit => digit > choice) ?? tests.wrong[0];
}));

// Occlusion.
const behind = new Picture(element('hidden-digit'), {maps: 1, rows: 28, columns: 28, across: 1, scale: 6});
const heat = new Picture(element('heat'), {maps: 1, rows: 28, columns: 28, across: 1, scale: 6});
let sliding = 0;
async function slide() {
  const mine = ++sliding;
  try {
    const found = await ask('occlusion', about());
    const image = view.image, side = (found.patch - 1) / 2, still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    // Of the odds the logarithm: from 99.9 to 99% is as far as from 99 to 90%.
    const odds = p => Math.log(p / Math.max(1 - p, 1e-12));
    const falls = found.probabilities.map(row => row.map(p => Math.max(0, odds(found.whole) - odds(p)))), most = Math.max(1e-9, largest([falls]));
    const percent = p => `${(100 * p).toFixed(2)}%`;
    element('occlusion-text').textContent = `The answer ${found.answer} has ${percent(found.whole)}, with the square ${percent(Math.min(...found.probabilities.flat()))} at the worst place.`;
    const color = palette();
    const show = pixel => {
      const y = Math.floor(pixel / 28), x = pixel % 28;
      behind.show([image.map((row, i) => row.map((v, j) => Math.abs(i - y) <= side && Math.abs(j - x) <= side ? 0.5 : v))], color);
      heat.show([falls.map((row, i) => row.map((fall, j) => 28 * i + j > pixel ? 0 : fall / most))], color);
    };
    let pixel = still ? 783 : 0;
    const next = () => {
      if (mine !== sliding) return;
      show(Math.min(pixel, 783));
      if (pixel < 783) requestAnimationFrame(next);
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
const squares = flat => Array.from({length: flat.length / 25}, (_, c) => [0, 1, 2, 3, 4].map(k => flat.slice(25 * c + 5 * k, 25 * c + 5 * k + 5)));

function large(title, kernels) {
  element('large-title').textContent = title;
  const most = Math.max(...kernels.flat(2).map(Math.abs));
  element('large-body').replaceChildren(...kernels.map((k, c) => table(kernels.length > 1 ? `channel ${c}` : 'one channel: the input', k, {scale: most})));
  element('large').showModal();
}

let drawn = [];
const kernels = [];
async function filters() {
  try {
    const found = await ask('filters');
    for (const [id, name] of [['filters1', 'first'], ['filters2', 'second']]) {
      found[id].forEach((flat, f) => {
        const button = document.createElement('button');
        button.type = 'button';
        const title = `Filter ${f} of the ${name} convolution`;
        button.setAttribute('aria-label', title);
        const canvas = document.createElement('canvas');
        button.append(canvas);
        element(id).append(button);
        const maps = squares(flat), one = maps.length === 1;
        kernels.push([new Picture(canvas, {maps: maps.length, rows: 5, columns: 5, across: one ? 1 : 5, scale: one ? 8 : 3}), maps]);
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
  for (const [picture, maps] of kernels) {
    const most = Math.max(...maps.flat(2).map(Math.abs));
    picture.show(maps, v => color(v / most));
  }
}

// Everything is drawn anew in the other theme.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  pad.draw();
  drawFilters();
  live.draw();
  changed();
});

const live = new Live(() => { if (element('look').checked) changed(); }, failed);
filters();
changed();
