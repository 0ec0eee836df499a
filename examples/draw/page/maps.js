// Maps of values, drawn as shades on canvases.

// theme returns a function from names to the colors of the current theme.
const theme = () => {
  const style = getComputedStyle(document.documentElement);
  return name => style.getPropertyValue(name).trim();
};

const channels = hex => [1, 3, 5].map(k => parseInt(hex.slice(k, k + 2), 16));

const least = 1e-300; // more than 0, so that it can be divided by

// palette returns a function from 0…most to [red, green, blue].
export function palette(most = 1) {
  const color = theme();
  const low = channels(color('--low')), high = channels(color('--high'));
  return v => {
    const part = Math.min(Math.max(v / Math.max(most, least), 0), 1);
    return low.map((from, k) => from + (high[k] - from) * part);
  };
}

// signed returns a function from −most…most to [red, green, blue]: the color of negative
// values, of 0, of positive values.
export function signed(most) {
  const color = theme();
  const zero = channels(color('--card'));
  const [minus, plus] = ['--minus', '--plus'].map(name => color(name).split(',').map(Number));
  return v => {
    const full = v < 0 ? minus : plus, part = Math.min(Math.abs(v) / Math.max(most, least), 1);
    return zero.map((from, k) => from + (full[k] - from) * part);
  };
}

export const ink = name => theme()(name);

const gap = 4; // between maps, in CSS pixels

// grid returns how to arrange maps in a space of width×height CSS pixels: how many to put
// side by side, and how many pixels wide to draw each value, as wide as possible. If they
// don't fit even at one pixel, they extend beyond its height.
export function grid({maps, rows, columns}, {width, height}) {
  let best = {across: 1, scale: 0};
  for (let across = 1; across <= maps && across * (columns + gap) - gap <= width; across++) {
    const down = Math.ceil(maps / across);
    const scale = Math.floor(Math.min(((width + gap) / across - gap) / columns, ((height + gap) / down - gap) / rows));
    if (scale > best.scale || best.scale === 0) best = {across, scale: Math.max(scale, 0)};
  }
  return {...best, scale: Math.max(best.scale, 1)};
}

// strip returns how to fold a list of values into rows in a space of width×height CSS
// pixels: how many values to put in a row, and how many pixels wide to draw each.
export function strip(length, {width, height}) {
  let scale = width;
  while (scale > 1 && Math.floor(width / scale) * Math.floor(height / scale) < length) scale--;
  return {columns: Math.min(length, Math.floor(width / scale)), scale};
}

// A Picture draws maps, all of one size, in columns, each value a square.
export class Picture {
  constructor(canvas, {maps, rows, columns, across, scale}) {
    Object.assign(this, {canvas, maps, rows, columns, across, scale});
    const down = Math.ceil(maps / across);
    this.width = across * (columns * scale + gap) - gap;
    this.height = down * (rows * scale + gap) - gap;
    canvas.style.width = this.width + 'px';
    canvas.style.aspectRatio = `${this.width} / ${this.height}`;
    canvas.style.borderRadius = Math.min(scale, 4) + 'px'; // any rounder, and you couldn't point at the cells in the corners
    this.sharp = Math.max(1, Math.ceil(devicePixelRatio));
    canvas.width = this.width * this.sharp;
    canvas.height = this.height * this.sharp;
    Object.assign(canvas.dataset, {across, scale});
    this.small = document.createElement('canvas'); // a pixel for each value
    this.small.width = columns;
    this.small.height = rows;
    this.values = null;
    this.marks = [];
    this.veil = this.spot = null;
    this.draw();
  }

  corner(map) {
    return [map % this.across * (this.columns * this.scale + gap), Math.floor(map / this.across) * (this.rows * this.scale + gap)];
  }

  // show takes values[map][row][column] and a function from them to colors.
  show(values, color) {
    this.values = values;
    this.color = color;
    this.draw();
  }

  // mark takes boxes {map, row, column, rows, columns}; map −1 is all maps. A thin box has a
  // thin line, a gray one isn't chosen, and a dot is filled.
  mark(boxes) {
    if (boxes.length === 0 && this.marks.length === 0) return;
    this.marks = boxes;
    this.draw();
  }

  // play hides the cells of a map from one on, in reading order, {map, from}, and highlights a
  // box of cells, while a convolution is played. Either may be null.
  play(veil, spot) {
    if (!veil && !spot && !this.veil && !this.spot) return;
    Object.assign(this, {veil, spot});
    this.draw();
  }

  draw() {
    const to = this.canvas.getContext('2d'), from = this.small.getContext('2d');
    to.setTransform(this.sharp, 0, 0, this.sharp, 0, 0);
    to.clearRect(0, 0, this.width, this.height);
    to.imageSmoothingEnabled = false;
    const pixels = from.createImageData(this.columns, this.rows); // transparent where there is no value
    for (let map = 0; map < this.maps; map++) {
      const [x, y] = this.corner(map), width = this.columns * this.scale, height = this.rows * this.scale;
      if (this.values) {
        let at = 0;
        for (const row of this.values[map]) {
          for (const v of row) {
            pixels.data.set(this.color(v), at);
            pixels.data[at + 3] = 255;
            at += 4;
          }
        }
        from.putImageData(pixels, 0, 0);
        to.drawImage(this.small, x, y, width, height);
      }
      to.strokeStyle = ink('--line');
      to.lineWidth = 1;
      to.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    }
    if (this.veil && this.veil.from < this.rows * this.columns) {
      const {map, from} = this.veil, [x, y] = this.corner(map), row = Math.floor(from / this.columns), column = from % this.columns;
      to.globalAlpha = 0.9;
      to.fillStyle = ink('--line');
      to.fillRect(x + column * this.scale, y + row * this.scale, (this.columns - column) * this.scale, this.scale);
      to.fillRect(x, y + (row + 1) * this.scale, this.columns * this.scale, (this.rows - row - 1) * this.scale);
      to.globalAlpha = 1;
    }
    // Each mark has an edge that is light on dark, and dark on light. No edge hides another mark.
    for (const [color, edge] of [['--card', 3], ['--accent', 0]]) {
      for (const {map, row, column, rows, columns, thin, gray, dot} of this.marks) {
        to.strokeStyle = to.fillStyle = ink(gray && edge === 0 ? '--ink' : color);
        for (let k = 0; k < this.maps; k++) {
          if (map >= 0 && map !== k) continue;
          const [x, y] = this.corner(k);
          // A line of one pixel is sharp in the middle of pixels, and one of two between them.
          const inset = dot ? Math.floor(this.scale / 4) : thin ? 0.5 : 0;
          const box = [x + column * this.scale + inset, y + row * this.scale + inset, columns * this.scale - 2 * inset, rows * this.scale - 2 * inset];
          to.lineWidth = thin ? 1 + edge * 2 / 3 : 2 + edge;
          if (!dot) to.strokeRect(...box);
          else if (edge === 0) to.fillRect(...box);
        }
      }
    }
    if (this.spot) {
      const {map, row, column, rows, columns} = this.spot, [x, y] = this.corner(map);
      to.fillStyle = ink('--accent');
      to.fillRect(x + column * this.scale, y + row * this.scale, columns * this.scale, rows * this.scale);
    }
  }

  // place returns the cell under a pointer, or null between maps.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) * this.width / box.width, y = (event.clientY - box.top) * this.height / box.height;
    const wide = this.columns * this.scale + gap, high = this.rows * this.scale + gap;
    const across = Math.floor(x / wide), down = Math.floor(y / high);
    const column = Math.floor((x - across * wide) / this.scale), row = Math.floor((y - down * high) / this.scale);
    const map = down * this.across + across;
    if (x < 0 || y < 0 || across >= this.across || map >= this.maps || column >= this.columns || row >= this.rows) return null;
    return {map, row, column};
  }
}

// folded splits a list into rows with this many values each. The last row may be shorter.
export const folded = (list, columns) => Array.from({length: Math.ceil(list.length / columns)}, (_, k) => list.slice(columns * k, columns * (k + 1)));

// magnitude returns the largest absolute value in nested lists.
export const magnitude = values => Math.max(...values.flat(Infinity).map(Math.abs));

// largest returns the largest value of maps, or 0 if all are negative.
export function largest(values) {
  let most = 0;
  for (const map of values) for (const row of map) for (const v of row) most = Math.max(most, v);
  return most;
}
