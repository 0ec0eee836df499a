// The page asks what the network makes of its input, and shows the activations layer by layer.
import {ask, latest} from './ask.js';
import './backward.js';
import {explainAgain} from './cells.js';
import {pad} from './digits.js';
import {drawFilters} from './filters.js';
import './flow.js';
import {showTraining} from './live.js';
import {appear, failed, say} from './message.js';
import {network} from './network.js';
import {stop} from './occlusion.js';
import './output.js';
import './play.js';
import {change, input, inputFields, listen, state} from './state.js';
import {begin, follow} from './url.js';

const element = id => document.getElementById(id);
element('training-digits').textContent = network.trainingDigits.toLocaleString('en');
element('evaluated').textContent = network.evaluated.toLocaleString('en');

let broken = false; // whether the last request for a prediction failed
const predict = latest(async began => {
  const {digit} = state; // which may have changed by the time the response comes
  const shown = await ask('predict', input());
  if (digit !== null && digit === state.digit) pad.showDigit(shown.image);
  change({shown, lost: false});
  if (broken) say('');
  broken = false;
  const {dataset} = element('network');
  dataset.predictions = Number(dataset.predictions ?? 0) + 1;
  dataset.milliseconds = (performance.now() - began).toFixed(1);
  explainAgain();
}, error => {
  broken = error.status !== 404;
  failed(error);
});

const again = 2000; // milliseconds between attempts to reach a server that is gone

listen(changed => {
  if (inputFields.some(name => changed.has(name))) predict(performance.now());
  if (!changed.has('lost')) return;
  element('network').classList.toggle('stale', state.lost);
  if (state.lost) {
    change({session: ''}); // a server that starts again knows no network in training
    retry();
  }
});

function retry() {
  setTimeout(() => {
    if (!state.lost) return;
    predict(performance.now());
    retry();
  }, again);
}

// Redraw everything when the theme changes.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  pad.draw();
  drawFilters();
  showTraining();
  stop();
  predict(performance.now());
});

// A bar at the bottom of the window says what the panel says while that is out of sight.
const brief = element('brief');
new IntersectionObserver(([entry]) => {
  brief.classList.toggle('away', !entry.isIntersecting);
}, {rootMargin: '-50px 0px'}).observe(element('panel-sum'));
brief.addEventListener('click', () => {
  element('panel').scrollIntoView();
  element('panel').focus();
});

// openingCell returns the conv2 cell with the largest activation, or null if none is active.
function openingCell({relu2}) {
  let most = 0, at = null;
  relu2.forEach((rows, map) => rows.forEach((line, row) => line.forEach((v, column) => {
    if (v > most) [most, at] = [v, {layer: 'relu2', map, row, column}];
  })));
  return at;
}

appear();
const linked = begin();
let opened = false; // whether there has been a prediction
listen(changed => {
  if (opened || !changed.has('shown')) return;
  opened = true;
  const at = openingCell(state.shown);
  if (!linked && at) change({cell: at, pinned: true});
  follow();
});
