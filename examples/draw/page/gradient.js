// How the panel explains the gradient at a cell: it's computed from the gradients in the layers
// behind it.
import {shorts, smallNumber} from './numbers.js';
import {fold, numbers, operator, single, table} from './tables.js';

// places says where a cell is whose gradient is explained.
export const places = {
  image: at => `the pixel in row ${at.row}, column ${at.column}`,
  relu1: at => `conv1, feature map ${at.map}, row ${at.row}, column ${at.column}`,
  pool1: at => `pool1, map ${at.map}, row ${at.row}, column ${at.column}`,
  relu2: at => `conv2, feature map ${at.map}, row ${at.row}, column ${at.column}`,
  pool2: at => `pool2, map ${at.map}, row ${at.row}, column ${at.column}`,
  relu3: at => `hidden unit ${at.column}`,
  probabilities: at => `the logit of ${at.column}`,
};

export const title = at => `Gradient at ${places[at.layer](at)}`;

// sum says what was computed.
export function sum({function: name, formula, sum, target, total}) {
  if (target !== null) return `${name}: ${formula} = ${smallNumber(sum)} − ${target} = ${smallNumber(total)}`;
  return `${name}: ${formula} = ${smallNumber(total)}`;
}

// note says what that means.
export function note(at, explanation) {
  const {channels, target, window, blocked, sum, total} = explanation;
  let text;
  if (target !== null) {
    text = target === 1 ? 'This is the label, so the target is 1.' : "This isn't the label, so the target is 0.";
    text += ' The gradient is the probability minus the target.';
  } else if (channels.length === 0) {
    text = 'No pooling window covers this cell, so it makes no difference to the loss.';
  } else if (window) {
    const [y, x] = window.winner, won = channels[0].weights[0][0] === 1;
    const where = `row ${at.row - window.cell[0] + y}, column ${at.column - window.cell[1] + x}`;
    const tie = window.values[window.cell[0]][window.cell[1]] === window.values[y][x];
    if (won) text = 'It won the max-pool: it has the largest value in its window, so it gets the gradient.';
    else text = `It lost the max-pool to ${where}${tie ? ', which is equally large and comes first' : ''}, so it gets nothing.`;
  } else if (channels.length > 1) {
    text = `The sums of the ${channels.length} filters add up to ${smallNumber(sum)}.`;
  } else {
    text = `The ${channels[0].in.flat().length} products add up to ${smallNumber(sum)}.`;
  }
  if (channels.some(channel => channel.blocked)) text += ' Hatched: the ReLU there is off, so no gradient comes through.';
  if (blocked) text += total === 0 ? ' Its ReLU is off, so a gradient would stop here anyway.' : ' Its ReLU is off, so the gradient stops here.';
  return text;
}

const sources = {relu3: 'at the logits', pool2: 'at the hidden units', pool1: 'at feature map', image: 'at feature map'};

// tables returns the tables of a channel: the gradients that come in, what they are multiplied
// by, and the products.
export function tables(at, {channels, fields, window: pooled, target, total}, k, units) {
  if (channels.length === 0) return [];
  const channel = channels[k];
  if (target !== null) {
    return [single('probability', channel.sum, smallNumber), operator('−'), single('target', target, String), operator('='), single('gradient', total, smallNumber)];
  }
  if (pooled) {
    const [y, x] = pooled.winner, [i, j] = pooled.cell;
    return [
      table('pooling window', pooled.values, {
        rows: numbers(at.row - i, 2), columns: numbers(at.column - j, 2),
        kind: (row, column) => [row === y && column === x ? 'largest' : '', row === i && column === j ? 'here' : ''].join(' ').trim(),
      }),
      single('gradient at the pooled cell', channel.in[0][0], smallNumber), operator('·'),
      single('1 if it won, else 0', channel.weights[0][0], String), operator('='), single('gradient', channel.sum, smallNumber),
    ];
  }
  const vector = at.layer === 'relu3' || at.layer === 'pool2';
  const rows = values => vector ? fold(values[0], units) : values;
  const gradients = rows(channel.in), weights = rows(channel.weights), off = channel.blocked ? rows(channel.blocked) : null;
  const products = gradients.map((row, y) => row.map((v, x) => v * weights[y][x]));
  const [field] = fields, place = vector
    ? {rows: numbers(0, gradients.length, gradients[0].length), columns: numbers(0, gradients[0].length).map(x => `+${x}`)}
    : {rows: numbers(field.row, gradients.length), columns: numbers(field.column, gradients[0].length)};
  const kernel = vector ? place : {rows: numbers(at.row - field.row, gradients.length, -1), columns: numbers(at.column - field.column, gradients[0].length, -1)};
  return [
    table(`gradients ${sources[at.layer]}${vector ? '' : ` ${k}`}`, gradients, {...place, write: shorts(gradients), kind: (y, x) => off?.[y][x] ? 'blocked' : ''}), operator('·'),
    table(vector ? 'weights' : `kernel of filter ${k}, rotated by 180°`, weights, kernel), operator('='),
    table('products', products, {...place, write: shorts(products)}), operator('Σ'), single('sum', channel.sum, smallNumber),
  ];
}
