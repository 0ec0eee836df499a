// The page asks what the network makes of its input, and shows the activations layer by layer.
import {ask} from './ask.js';
import './backward.js';
import {explainAgain} from './cells.js';
import {pad} from './digits.js';
import {drawFilters} from './filters.js';
import './flow.js';
import {latest} from './latest.js';
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

const again = 2000; // milliseconds between attempts to get a prediction
const late = 500;   // milliseconds after which one is late
let broken = false; // whether the last request for one failed
let timer = 0;
const predict = latest(async began => {
  const {digit} = state, asked = input(); // which may have changed by the time the response comes
  const waiting = setTimeout(() => showStale(true), late);
  const shown = {...await ask('predict', asked).finally(() => clearTimeout(waiting)), input: asked};
  if (state.lost && JSON.stringify(await ask('network')) !== JSON.stringify(network)) {
    location.reload(); // the server has been started with another network
    return;
  }
  if (digit !== null && digit === state.digit) pad.showDigit(shown.image);
  const over = broken || state.lost; // what the message was about
  change({shown, lost: false});
  if (over) say('');
  broken = false;
  showStale();
  const {dataset} = element('network');
  dataset.predictions = Number(dataset.predictions ?? 0) + 1;
  dataset.milliseconds = (performance.now() - began).toFixed(1);
  explainAgain();
}, error => {
  broken = error.status !== 404;
  failed(error);
  showStale();
  if (broken && error.status !== 400) retry(); // the same request would be wrong again
});

function retry() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (broken || state.lost) predict(performance.now());
  }, again);
}

// showStale dims the layers while they belong to another input than the one that is chosen.
function showStale(waits = false) {
  element('network').classList.toggle('stale', waits || broken || state.lost);
}

listen(changed => {
  if (inputFields.some(name => changed.has(name))) predict(performance.now());
  if (!changed.has('lost')) return;
  showStale();
  if (state.lost) {
    change({session: ''}); // a server that starts again knows no network in training
    retry();
  }
});

// Redraw everything when the theme changes.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  pad.draw();
  drawFilters();
  showTraining();
  stop();
  predict(performance.now());
});

// A bar at the bottom of the window says what the panel says while that is out of sight, and what
// is predicted while that is still further down, or behind the bar.
const brief = element('brief');
new IntersectionObserver(([entry]) => {
  brief.classList.toggle('away', !entry.isIntersecting);
}, {rootMargin: '-50px 0px'}).observe(element('panel-sum'));
new IntersectionObserver(([entry]) => {
  brief.classList.toggle('below', !entry.isIntersecting);
}, {rootMargin: '1000000px 0px -82px', threshold: 1}).observe(element('verdict')); // above the window is fine
brief.addEventListener('click', () => {
  if (!state.cell) {
    element('result').scrollIntoView({block: 'center'});
    return;
  }
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
