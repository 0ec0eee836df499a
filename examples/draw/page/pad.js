// The pad: strokes drawn with a mouse, a pen, a finger or the arrow keys.
import {ink} from './maps.js';

const size = 400;          // the canvas is size×size of its own pixels
const pen = 0.08;          // the width of a stroke; the pad is 1 wide
const least = 0.006;       // the smallest distance between two points
export const mostPoints = 2000; // the server's limit
const mostLength = 199;    // of all strokes; the server's limit is 200, but here points are rounded

const still = ['Home', 'End', 'PageUp', 'PageDown']; // keys that would scroll the page

const distance = (p, q) => Math.hypot(q[0] - p[0], q[1] - p[1]);

export class Pad {
  // begins is called before each stroke, and changed after each change that the pen makes.
  constructor(canvas, begins, changed) {
    Object.assign(this, {canvas, begins, changed});
    this.key = {x: 0.5, y: 0.5, down: false, seen: false};
    this.load([]);
    canvas.addEventListener('pointerdown', e => this.down(e));
    canvas.addEventListener('pointermove', e => this.move(e));
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) canvas.addEventListener(end, e => { if (e.pointerId === this.pointer) this.pointer = null; });
    canvas.addEventListener('keydown', e => this.press(e));
    canvas.addEventListener('blur', () => { this.key.seen = this.key.down = false; this.draw(); });
    this.draw();
  }

  // load replaces the strokes. It doesn't draw them.
  load(strokes) {
    this.strokes = strokes;
    this.digit = null;   // the image of a test digit, if that is shown instead
    this.pointer = null; // the pointer that is drawing a stroke
    this.key.down = false;
    this.points = this.length = 0;
    for (const stroke of strokes) {
      this.points += stroke.length;
      for (let k = 1; k < stroke.length; k++) this.length += distance(stroke[k - 1], stroke[k]);
    }
    this.full = false;   // whether a point didn't fit
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const part = (v, from, length) => Math.min(Math.max((v - from) / length, 0), 1);
    return [part(event.clientX, box.left, box.width), part(event.clientY, box.top, box.height)];
  }

  down(event) {
    if (event.button !== 0 || this.pointer !== null) return;
    this.pointer = event.pointerId;
    this.key.down = false; // one pen at a time: its next point would continue this stroke
    this.canvas.setPointerCapture(event.pointerId);
    this.begin(this.at(event));
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const e of events.length > 0 ? events : [event]) this.add(this.at(e));
    this.update();
  }

  begin(point) {
    if (this.points >= mostPoints) {
      this.full = true;
      this.changed();
      return;
    }
    this.begins();
    this.digit = null;
    this.strokes = [...this.strokes, []];
    this.add(point);
    this.update();
  }

  add(point) {
    const stroke = this.strokes[this.strokes.length - 1], last = stroke[stroke.length - 1];
    const length = last ? distance(last, point) : 0;
    if (last && length < least) return;
    if (this.points >= mostPoints || this.length + length > mostLength) {
      this.full = true;
      return;
    }
    stroke.push(point.map(v => Math.round(v * 1e4) / 1e4));
    this.points++;
    this.length += length;
  }

  press(event) {
    const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    const key = this.key, to = moves[event.key];
    if (to) {
      key.x = Math.min(Math.max(key.x + to[0] * 0.025, 0), 1);
      key.y = Math.min(Math.max(key.y + to[1] * 0.025, 0), 1);
      if (key.down) {
        this.add([key.x, key.y]);
        this.update();
      }
    } else if (event.key === ' ') {
      key.down = !key.down;
      this.pointer = null;
      if (key.down) this.begin([key.x, key.y]);
    } else if (still.includes(event.key)) {
      event.preventDefault();
      return;
    } else {
      return;
    }
    key.seen = true;
    event.preventDefault();
    this.draw();
  }

  // show shows strokes, and showDigit a test digit.
  show(strokes) {
    this.load(strokes);
    this.draw();
  }

  showDigit(image) {
    this.load([]);
    this.digit = image;
    this.draw();
  }

  update() {
    this.strokes = this.strokes.slice(); // a new list, so that everybody sees that it has changed
    this.draw();
    this.changed();
  }

  draw() {
    const to = this.canvas.getContext('2d');
    to.clearRect(0, 0, size, size);
    to.strokeStyle = to.fillStyle = ink('--high');
    if (this.digit) {
      const cell = size / this.digit.length;
      this.digit.forEach((row, y) => row.forEach((v, x) => {
        to.globalAlpha = v;
        to.fillRect(x * cell, y * cell, cell + 0.5, cell + 0.5);
      }));
      to.globalAlpha = 1;
    }
    to.lineWidth = pen * size;
    to.lineCap = to.lineJoin = 'round';
    for (const stroke of this.strokes) {
      to.beginPath();
      for (const [x, y] of stroke) to.lineTo(x * size, y * size);
      if (stroke.length === 1) to.lineTo(stroke[0][0] * size + 0.01, stroke[0][1] * size);
      to.stroke();
    }
    if (this.key.seen) {
      to.strokeStyle = ink('--accent');
      to.lineWidth = 3;
      to.beginPath();
      to.arc(this.key.x * size, this.key.y * size, pen * size / 2, 0, 2 * Math.PI);
      to.stroke();
    }
  }
}
