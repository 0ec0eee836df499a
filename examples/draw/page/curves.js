// Curves of a quantity against the number of training examples.
import {ink} from './maps.js';

// A Series holds averages of a quantity, each over a stretch of training examples. When it has
// more of them than a picture can show, it halves its resolution. So it stays short, however
// long the network trains.
export class Series {
  // Averages of fewer than smooth values are drawn only near the beginning.
  constructor({smooth = 1, limit = 400} = {}) {
    Object.assign(this, {smooth, limit});
    this.points = []; // {x, value, weight}: value is an average of weight values, or null for a gap
    this.least = 1;   // the weight of a point
  }

  // add adds an average of weight values, up to x. One that isn't finite leaves a gap.
  add(x, value, weight = 1) {
    const {points} = this, added = {x, value: Number.isFinite(value) ? value : null, weight};
    const last = points[points.length - 1];
    if (last && last.value !== null && added.value !== null && last.weight < Math.max(this.least, Math.min(this.smooth, x / 20))) {
      points[points.length - 1] = merged(last, added);
      return;
    }
    points.push(added);
    if (points.length <= this.limit) return;
    this.points = [];
    for (let k = 0; k < points.length; k += 2) this.points.push(k + 1 < points.length ? merged(points[k], points[k + 1]) : points[k]);
    this.least = this.points.reduce((sum, point) => sum + point.weight, 0) / this.points.length;
  }

  // largest returns the largest value, or 0.
  largest() {
    return this.points.reduce((most, {value}) => Math.max(most, value ?? 0), 0);
  }
}

function merged(a, b) {
  const weight = a.weight + b.weight;
  return {x: b.x, value: a.value === null || b.value === null ? null : (a.value * a.weight + b.value * b.weight) / weight, weight};
}

// ceiling returns the first of 1, 2, 4, 8 and their multiples by powers of 10 that is at least v.
export function ceiling(v) {
  const power = 10 ** Math.floor(Math.log10(v));
  return [1, 2, 4, 8, 10].find(factor => factor * power >= v) * power;
}

// clear makes a canvas blank, width×height CSS pixels, and returns its context.
function clear(canvas, width, height) {
  const sharp = Math.max(1, Math.ceil(devicePixelRatio));
  if (canvas.width !== width * sharp || canvas.height !== height * sharp) {
    canvas.width = width * sharp;
    canvas.height = height * sharp;
  }
  const to = canvas.getContext('2d');
  to.setTransform(sharp, 0, 0, sharp, 0, 0);
  to.clearRect(0, 0, width, height);
  return to;
}

// trace draws points as a line, with gaps. A point without neighbors is a dot.
function trace(to, points, atX, atY) {
  const gap = k => !points[k] || points[k].value === null;
  to.strokeStyle = to.fillStyle = ink('--strong');
  to.lineWidth = 1.5;
  to.lineJoin = 'round';
  to.beginPath();
  points.forEach(({x, value}, k) => {
    if (value === null) return;
    if (gap(k - 1)) to.moveTo(atX(x), atY(value));
    else to.lineTo(atX(x), atY(value));
  });
  to.stroke();
  points.forEach(({x, value}, k) => {
    if (value === null || !gap(k - 1) || !gap(k + 1)) return;
    to.beginPath();
    to.arc(atX(x), atY(value), 2, 0, 2 * Math.PI);
    to.fill();
  });
}

// tiny draws a series without axes, over most training examples, its values from 0 to high.
// The style sheet sizes its canvas.
export function tiny(canvas, {points}, most, high) {
  const width = 56, height = 24, edge = 3, to = clear(canvas, width, height);
  to.strokeStyle = ink('--line');
  to.lineWidth = 1;
  to.strokeRect(0.5, 0.5, width - 1, height - 1);
  trace(to, points, x => edge + x / most * (width - 2 * edge), v => height - edge - Math.min(v / high, 1) * (height - 2 * edge));
}

// plots draws several series, one above the other, over the same training examples. Each is
// {title, points, high, label, guessing}: its values are from 0 to high, label writes one,
// and guessing is the value that a network without a clue would have.
export function plots(canvas, width, all) {
  const left = 48, right = 14, top = 30, high = 90, bottom = 24, each = top + high;
  const height = all.length * each + bottom, to = clear(canvas, width, height);
  canvas.style.width = width + 'px';
  canvas.style.height = height + 'px';
  const last = Math.max(...all.map(({points}) => points.length > 0 ? points[points.length - 1].x : 0));
  const most = ceiling(Math.max(last, 1000));
  const atX = x => left + x / most * (width - left - right);
  const line = (x1, y1, x2, y2) => {
    to.beginPath();
    to.moveTo(x1, y1);
    to.lineTo(x2, y2);
    to.stroke();
  };
  all.forEach((plot, k) => {
    const atY = v => each * (k + 1) - Math.min(v / plot.high, 1) * high;
    to.font = '600 12px system-ui, sans-serif';
    to.fillStyle = ink('--ink');
    to.textAlign = 'left';
    to.fillText(plot.title, left, atY(plot.high) - 8);
    to.font = '11px system-ui, sans-serif';
    to.fillStyle = ink('--soft');
    to.strokeStyle = ink('--line');
    to.lineWidth = 1;
    to.textAlign = 'right';
    for (let tick = 0; tick <= 4; tick++) {
      const v = plot.high * tick / 4, y = Math.round(atY(v)) + 0.5;
      line(left, y, width - right, y);
      if (tick % 2 === 0) to.fillText(plot.label(v), left - 6, y + 4);
    }
    to.strokeStyle = ink('--soft');
    to.setLineDash([2, 4]);
    line(left, atY(plot.guessing), width - right, atY(plot.guessing));
    to.setLineDash([]);
    trace(to, plot.points, atX, atY);
  });
  to.fillStyle = ink('--soft');
  const y = all.length * each;
  for (let tick = 0; tick <= 4; tick++) {
    const x = most * tick / 4;
    to.strokeStyle = ink('--edge');
    line(Math.round(atX(x)) + 0.5, y, Math.round(atX(x)) + 0.5, y + 4);
    to.textAlign = tick === 0 ? 'left' : tick === 4 ? 'right' : 'center';
    if (tick % 2 === 0) to.fillText(x.toLocaleString('en') + (tick === 4 ? ' examples' : ''), atX(x), y + 18);
  }
}
