// The address: after its # it says what the page shows, so that a link shows it again, and the
// browser's buttons go back and forward. A network in training isn't part of it, and neither are steps
// from there: behind a link they'd be steps of another network.
//
//	#digit=247&cell=conv2,9,3,3
//	#strokes=AgD6AcgB&pass=backward&label=4&steps=2&rate=0.003
import {failed} from './message.js';
import {network, shapes} from './network.js';
import {mostPoints} from './pad.js';
import {change, listen, mostSteps, state} from './state.js';

const layers = {input: 'image', conv1: 'relu1', pool1: 'pool1', conv2: 'relu2', pool2: 'pool2', fc1: 'relu3', output: 'probabilities'};
const fine = 1e4; // the pad's coordinates are multiples of 1/fine
const mostLength = 200; // of all strokes together, the server's limit

// pack writes strokes as base64url: for each stroke the number of its points, then for each
// point how far it is from the one before. All of them are integers, seven bits to a byte,
// the low ones first.
export function pack(strokes) {
  const bytes = [];
  const put = n => {
    for (; n >= 128; n >>= 7) bytes.push(n & 127 | 128);
    bytes.push(n);
  };
  let last = [0, 0];
  for (const stroke of strokes) {
    put(stroke.length);
    for (const point of stroke) {
      const here = point.map(v => Math.round(v * fine));
      here.forEach((v, k) => put(v < last[k] ? 2 * (last[k] - v) - 1 : 2 * (v - last[k]))); // the sign is the lowest bit
      last = here;
    }
  }
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
}

// unpack reads what pack has written.
export function unpack(text) {
  if (!/^[\w-]*$/.test(text)) throw new Error('its drawing is garbled');
  if (text.length % 4 === 1) throw new Error('its drawing is cut off');
  const bytes = Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
  let at = 0, points = 0, length = 0, last = [0, 0];
  const get = () => {
    let n = 0;
    for (let shift = 0; ; shift += 7) {
      if (at === bytes.length || shift > 14) throw new Error('its drawing is cut off');
      n |= (bytes[at] & 127) << shift;
      if (bytes[at++] < 128) return n;
    }
  };
  const strokes = [];
  while (at < bytes.length) {
    const count = get();
    points += count;
    if (count === 0) throw new Error('its drawing has a stroke without points');
    if (points > mostPoints) throw new Error('its drawing has too many points');
    strokes.push(Array.from({length: count}, (_, k) => {
      const before = last;
      last = last.map(v => {
        const n = get();
        return n % 2 ? v - (n + 1) / 2 : v + n / 2;
      });
      if (last.some(v => v < 0 || v > fine)) throw new Error('its drawing goes off the pad');
      if (k > 0) length += Math.hypot(last[0] - before[0], last[1] - before[1]) / fine;
      if (length > mostLength) throw new Error('its lines are too long');
      return last.map(v => v / fine);
    }));
  }
  return strokes;
}

// write returns what the address says about a state.
function write({digit, strokes, session, backward, label, steps, rate, cell, pinned}) {
  const parts = [digit === null ? `strokes=${pack(strokes)}` : `digit=${digit}`];
  if (cell && pinned) {
    const {maps, rows} = shapes[cell.layer], name = Object.keys(layers).find(key => layers[key] === cell.layer);
    parts.push(`cell=${[name, ...(maps * rows === 1 ? [] : [cell.map, cell.row]), cell.column].join(',')}`);
  }
  if (backward) parts.push('pass=backward');
  if (label !== null) parts.push(`label=${label}`);
  if (steps > 0 && session === '') parts.push(`steps=${steps}`, `rate=${rate}`);
  return `#${parts.join('&')}`;
}

// read returns the state that an address describes. Without a digit or strokes it's the
// digit that the page opens with.
function read(hash) {
  const fields = {digit: null, strokes: [], backward: false, label: null, steps: 0, cell: null, pinned: false};
  const given = new Set();
  for (const part of decoded(hash.slice(1)).split('&').filter(text => text !== '')) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(part) ?? [null, part, ''];
    if (given.has(name)) throw new Error(`it has ${name} twice`);
    given.add(name);
    const integer = count => {
      if (!/^\d{1,9}$/.test(value) || Number(value) >= count) throw new Error(`${name} must be a whole number from 0 to ${count - 1}`);
      return Number(value);
    };
    switch (name) {
      case 'digit': fields.digit = integer(network.testDigits); break;
      case 'strokes': fields.strokes = unpack(value); break;
      case 'cell': Object.assign(fields, {cell: readCell(value), pinned: true}); break;
      case 'pass':
        if (value !== 'backward' && value !== 'forward') throw new Error('pass must be forward or backward');
        fields.backward = value === 'backward';
        break;
      case 'label': fields.label = integer(shapes.probabilities.columns); break;
      case 'steps': fields.steps = integer(mostSteps + 1); break;
      case 'rate':
        fields.rate = Number(value);
        if (!(fields.rate > 0 && fields.rate <= 1)) throw new Error('the learning rate must be more than 0 and at most 1');
        break;
      default: throw new Error(`a link can't have ${name.slice(0, 40)}`);
    }
  }
  if (given.has('digit') && given.has('strokes')) throw new Error('it has both a test digit and a drawing');
  if (!given.has('digit') && !given.has('strokes')) fields.digit = 0;
  if (fields.cell?.layer === 'image' && !fields.backward) throw new Error('an input pixel can be pinned only in the backward pass');
  return fields;
}

// decoded undoes the escapes that mail programs and chats put into a link, such as %2C for a comma.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// readCell reads a layer's name and a position: a map, a row and a column, or in a layer that
// is a list, a column.
function readCell(value) {
  const [name, ...numbers] = value.split(','), shape = shapes[layers[name]];
  if (!shape) throw new Error(`the network has no layer ${name.slice(0, 40)}`);
  const place = shape.maps * shape.rows === 1 ? ['0', '0', ...numbers] : numbers, sizes = [shape.maps, shape.rows, shape.columns];
  if (place.length !== 3 || !place.every((n, k) => /^\d{1,4}$/.test(n) && Number(n) < sizes[k])) throw new Error(`the network has no cell ${value.slice(0, 40)}`);
  const [map, row, column] = place.map(Number);
  return {layer: shape.name, map, row, column};
}

let seen = {...state}; // the newest state
let restoring = false, timer = 0;

// save writes the newest state to the address.
function save() {
  clearTimeout(timer);
  timer = 0;
  put('replaceState');
}

// put changes the history, unless the address already says what is seen. Browsers refuse too many
// changes in a short time, some by an exception and some in silence. Then it's tried again later.
function put(method) {
  const address = write(seen);
  if (address === location.hash) return;
  try {
    history[method](null, '', address);
  } catch {
    // As below.
  }
  if (address !== location.hash) timer ||= setTimeout(save, 1000);
}

// beside reports whether two cells are neighbors. A walk with the arrow keys, or of the kernel
// that is played, isn't worth a page of the history for each step.
function beside(a, b) {
  const {rows, columns} = shapes[a.layer], index = ({map, row, column}) => (map * rows + row) * columns + column;
  return a.layer === b.layer && [1, columns, rows * columns].includes(Math.abs(index(a) - index(b)));
}

// isPage reports whether a change since a state is worth a page of the history.
function isPage(before) {
  const {digit, cell, pinned, backward} = state;
  if (digit !== before.digit || backward !== before.backward) return true;
  return pinned && cell !== null && !(before.pinned && (cell === before.cell || beside(cell, before.cell)));
}

// restore shows what the address describes, or if that's nothing, other. It reports whether
// the address describes something.
function restore(other) {
  let fields = other, wrong = null;
  try {
    if (location.hash.length > 1) fields = read(location.hash);
  } catch (error) {
    wrong = error;
  }
  restoring = true;
  change(fields);
  restoring = false;
  if (wrong) failed(new Error(`Something in this link is wrong: ${wrong.message}.`));
  return fields !== other;
}

// begin shows what the address describes when the page opens. If it describes nothing, the
// page opens with a test digit, and begin returns false.
export function begin() {
  return restore(read(''));
}

// follow keeps the address up to date from now on.
export function follow() {
  seen = {...state};
  save();
  addEventListener('popstate', () => {
    restore({});
    seen = {...state};
    save();
  });
  addEventListener('pagehide', () => {
    if (timer) save();
  });
  listen(changed => {
    if (restoring || !['digit', 'strokes', 'backward', 'label', 'steps', 'rate', 'cell', 'pinned'].some(name => changed.has(name))) return;
    if (isPage(seen)) {
      if (timer) save(); // the page that is left
      seen = {...state};
      put('pushState');
      return;
    }
    seen = {...state};
    timer ||= setTimeout(save, 200); // browsers don't allow many changes in a short time
  });
}
