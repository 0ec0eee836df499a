// Tables of values, in the panel and in dialogs.
import {folded, magnitude, signed} from './maps.js';
import {number, short} from './numbers.js';

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
  const color = signed((scale ?? magnitude(values)) / 0.55); // pale, so that the text stays legible
  const head = make('tr', {}, corner('row'));
  for (let x = 0; x < values[0].length; x++) head.append(heading(columns ? columns[x] : x, 'col'));
  const body = make('tbody');
  values.forEach((row, y) => {
    const line = make('tr', {}, heading(rows ? rows[y] : y, 'row'));
    row.forEach((v, x) => {
      const cell = make('td', {textContent: write(v), title: String(v), className: kind(y, x)});
      cell.style.backgroundColor = `rgb(${color(v).join(' ')})`;
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
