// Tables of values, and how values are written.
import {folded, signed} from './maps.js';

const minus = text => text.replace(/^-(?=.*[1-9])/, '−').replace(/^-/, ''); // and no −0

// number writes a sum, short one of many values.
export const number = v => minus(v.toFixed(6));
export const short = v => minus(v.toFixed(3));

// plus and times write what is added or multiplied: 1 − 2, not 1 + −2, and 1·(−2).
export const plus = v => number(v).startsWith('−') ? `− ${number(-v)}` : `+ ${number(v)}`;
export const times = v => short(v).startsWith('−') ? `(${short(v)})` : short(v);

// portion writes a part of 1: neither 0 nor 1 unless it is.
export const portion = v => v > 0 && v < 5e-7 ? '<0.000001' : v < 1 && v >= 1 - 5e-7 ? '>0.999999' : number(v);

// power writes a small value with a power of ten. smallNumber and smallShort do if they have to:
// when the loss is almost 0, so are all gradients. shorts returns a function that writes all of
// these values alike.
const superscript = text => Array.from(text, c => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]).join('');
const power = (v, digits) => {
  const [factor, exponent] = v.toExponential(digits).split('e');
  return `${minus(factor)}·10${superscript(exponent)}`;
};
export const smallNumber = v => v === 0 || Math.abs(v) >= 5e-5 ? number(v) : power(v, 3);
export const smallShort = v => v === 0 || Math.abs(v) >= 0.01 ? short(v) : power(v, 1);
export const shorts = values => values.flat().some(v => Math.abs(v) >= 0.01) ? short : v => v === 0 ? '0' : power(v, 1);

export const make = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

export const heading = (text, scope) => make('th', {textContent: text, scope});
const corner = text => make('th', {scope: 'col'}, make('span', {className: 'unseen', textContent: text}));

// table returns a table of values, tinted by their size. rows and columns are the numbers of
// the rows and columns, from 0 if none are given. kind returns the class of a value at a row
// and column of the table, or ''.
export function table(caption, values, {scale, largest = NaN, write = short, rows, columns, kind = () => ''} = {}) {
  const most = scale ?? Math.max(1e-9, ...values.flat().map(Math.abs)), color = signed();
  const head = make('tr', {}, corner('row'));
  for (let x = 0; x < values[0].length; x++) head.append(heading(columns ? columns[x] : x, 'col'));
  const body = make('tbody');
  values.forEach((row, y) => {
    const line = make('tr', {}, heading(rows ? rows[y] : y, 'row'));
    row.forEach((v, x) => {
      const cell = make('td', {textContent: write(v), title: String(v), className: kind(y, x)});
      cell.style.backgroundColor = `rgb(${color(0.55 * v / most).join(' ')})`;
      if (v === largest) {
        cell.classList.add('largest');
        largest = NaN; // on a tie only the first
      }
      line.append(cell);
    });
    body.append(line);
  });
  return make('table', {}, make('caption', {textContent: caption}), make('thead', {}, head), body);
}

export const operator = text => make('span', {className: 'operator', textContent: text});

// single returns a value by itself, with its name above it.
export const single = (name, v, write = number) => make('p', {className: 'single', title: String(v)}, make('span', {textContent: name}), make('output', {textContent: write(v)}));

// numbers returns that many numbers, each a step larger than the one before.
export const numbers = (first, count, step = 1) => Array.from({length: count}, (_, k) => first + step * k);

// fold splits a list of units into rows: not many, and no longer than those of their picture,
// which has that many units in a row, or than a phone has room for.
export function fold(list, units) {
  const room = matchMedia('(max-width: 700px)').matches ? 4 : Math.max(5, Math.ceil(list.length / 20));
  return folded(list, Math.min(units, room));
}
