// Occlusion: what the prediction depends on.
import {ask} from './ask.js';
import {latest} from './latest.js';
import {Picture, grid, palette} from './maps.js';
import {failed} from './message.js';
import {shapes} from './network.js';
import {percent} from './numbers.js';
import {input, isEmpty, listen, state} from './state.js';

const element = id => document.getElementById(id);
const square = {...shapes.image, ...grid(shapes.image, {width: 168, height: 168})};
const covered = new Picture(element('covered'), square), heat = new Picture(element('heat'), square);
const {rows, columns} = square;
let sliding = 0;   // how many times the square was started or stopped
let found = null;  // the response, once the square has been everywhere
let center = null; // where the square is then, [row, column]

// stop clears the map.
export function stop() {
  sliding++;
  found = center = null;
  for (const picture of [covered, heat]) {
    picture.show(null);
    picture.mark([]);
  }
  element('heat').tabIndex = -1;
  element('occlude').disabled = isEmpty();
  element('occlude-why').textContent = isEmpty() ? 'Draw a digit first.' : '';
  for (const id of ['occlusion-text', 'occlusion-place']) element(id).textContent = '';
}
stop();

// The map belongs to the input and the network it was made for. A network in training changes all
// the time: of that one the map shows what it was when the square started.
listen(changed => {
  const fields = state.steps > 0 ? ['strokes', 'digit', 'session', 'steps', 'label', 'rate'] : ['strokes', 'digit', 'session', 'steps'];
  if (fields.some(name => changed.has(name))) stop();
});

// summary says in words what the square has changed.
function summary({prediction, probability, covered, predictions}) {
  const counts = new Map(); // of the positions where another label is predicted, by label
  for (const other of predictions.flat()) if (other !== prediction) counts.set(other, (counts.get(other) ?? 0) + 1);
  const text = `The probability of ${prediction} is ${percent(probability)}. With the square at the worst position, it's ${percent(Math.min(...covered.flat()))}.`;
  if (counts.size === 0) return `${text} Wherever the square is, the prediction stays ${prediction}.`;
  const most = Array.from(counts).sort((a, b) => b[1] - a[1]), total = most.reduce((sum, [, count]) => sum + count, 0);
  return `${text} At ${total} of the ${rows * columns} positions, the outlined ones, the predicted label changes: ${most.map(([label, count]) => `to ${label} at ${count}`).join(', ')}.`;
}

// outlines returns lines, boxes of no width or height, around the positions with another
// prediction, and between those with different ones.
function outlines(predictions) {
  const lines = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (row > 0 && predictions[row][column] !== predictions[row - 1][column]) lines.push({map: 0, row, column, rows: 0, columns: 1, thin: true});
      if (column > 0 && predictions[row][column] !== predictions[row][column - 1]) lines.push({map: 0, row, column, rows: 1, columns: 0, thin: true});
    }
  }
  return lines;
}

// show shows the image with the square centered on a pixel, and the map up to the last pixel
// that the square has visited.
function show({image, patch, covered: probabilities}, [row, column], last) {
  const side = (patch - 1) / 2, color = palette();
  covered.show([image.map((line, y) => line.map((v, x) => Math.abs(y - row) <= side && Math.abs(x - column) <= side ? 0.5 : v))], color);
  heat.show([probabilities.map((line, y) => line.map((p, x) => columns * y + x > last ? 1 : p))], p => color(1 - p));
}

// slide asks for the map and shows how the square slides, unless it was stopped meanwhile. mine is what
// sliding was at the beginning. However often the button is pressed, there is one request at a time.
const slide = latest(async mine => {
  if (mine !== sliding) return;
  try {
    const response = await ask('occlusion', input());
    if (mine !== sliding) return;
    element('occlusion-text').textContent = summary(response);
    const last = rows * columns - 1;
    let pixel = matchMedia('(prefers-reduced-motion: reduce)').matches ? last : 0;
    const next = () => {
      if (mine !== sliding) return;
      pixel = Math.min(pixel, last);
      show(response, [Math.floor(pixel / columns), pixel % columns], pixel);
      if (pixel === last) {
        end(response);
        return;
      }
      pixel += 6;
      requestAnimationFrame(next);
    };
    next();
  } catch (error) {
    if (mine === sliding) stop();
    throw error;
  }
}, failed);

// end lets you move the square yourself. It begins at the worst position.
function end(response) {
  found = response;
  const all = found.covered.flat(), worst = all.indexOf(Math.min(...all));
  move([Math.floor(worst / columns), worst % columns]);
  element('heat').tabIndex = 0;
  element('heat').dataset.done = sliding;
}

function move([row, column]) {
  center = [row, column];
  show(found, center, rows * columns);
  heat.mark([...outlines(found.predictions), {map: 0, row, column, rows: 1, columns: 1}]);
  const prediction = found.predictions[row][column];
  element('occlusion-place').textContent = `Square at row ${row}, column ${column}: the predicted label is ${prediction}, and the probability of ${found.prediction} is ${percent(found.covered[row][column])}.`;
}

const moves = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -columns], End: [0, columns], PageUp: [-rows, 0], PageDown: [rows, 0]};
const within = (v, count) => Math.min(Math.max(v, 0), count - 1);

element('heat').addEventListener('pointermove', event => {
  const place = found && heat.place(event);
  if (place) move([place.row, place.column]);
});
element('heat').addEventListener('keydown', event => {
  const by = moves[event.key];
  if (!by || !found) return;
  event.preventDefault();
  move([within(center[0] + by[0], rows), within(center[1] + by[1], columns)]);
});
element('occlude').addEventListener('click', () => {
  stop();
  element('occlusion-text').textContent = `Predicting with the square at ${rows * columns} positions…`;
  slide(sliding);
});
