// Occlusion: what the prediction depends on.
import {ask} from './ask.js';
import {Picture, grid, largest, palette} from './maps.js';
import {failed} from './message.js';
import {shapes} from './network.js';
import {input, listen} from './state.js';

const element = id => document.getElementById(id);
const square = {...shapes.image, ...grid(shapes.image, {width: 168, height: 168})};
const covered = new Picture(element('covered'), square), heat = new Picture(element('heat'), square);
const pixels = square.rows * square.columns;
let sliding = 0; // how many times the square was started or stopped

// stop clears the map.
export function stop() {
  sliding++;
  for (const picture of [covered, heat]) picture.show(null);
  element('occlusion-text').textContent = '\u00a0';
}

// The map belongs to the input it was made for.
listen(changed => {
  if (changed.has('strokes') || changed.has('digit')) stop();
});

async function slide() {
  const mine = ++sliding;
  try {
    const found = await ask('occlusion', input());
    if (mine !== sliding) return;
    // Log odds: from 99.9% to 99% is as far as from 99% to 90%.
    const odds = p => Math.log(p / Math.max(1 - p, 1e-12));
    const falls = found.covered.map(row => row.map(p => Math.max(0, odds(found.probability) - odds(p)))), most = Math.max(1e-9, largest([falls]));
    const percent = p => `${(100 * p).toFixed(2)}%`;
    element('occlusion-text').textContent = `The probability of ${found.prediction} is ${percent(found.probability)}. With the square at the worst position, it's ${percent(Math.min(...found.covered.flat()))}.`;
    const side = (found.patch - 1) / 2, color = palette();
    const show = pixel => {
      const y = Math.floor(pixel / square.columns), x = pixel % square.columns;
      covered.show([found.image.map((row, i) => row.map((v, j) => Math.abs(i - y) <= side && Math.abs(j - x) <= side ? 0.5 : v))], color);
      heat.show([falls.map((row, i) => row.map((fall, j) => square.columns * i + j > pixel ? 0 : fall / most))], color);
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
