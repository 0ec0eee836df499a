// The page asks what the network makes of its input, and shows the activations layer by layer.
import {ask, latest} from './ask.js';
import {explainAgain} from './cells.js';
import {pad} from './digits.js';
import {drawFilters} from './filters.js';
import {Live} from './live.js';
import {failed, say} from './message.js';
import {network} from './network.js';
import {stop} from './occlusion.js';
import './output.js';
import './pass.js';
import './play.js';
import {change, input, inputFields, listen, state} from './state.js';

const element = id => document.getElementById(id);
element('training-digits').textContent = network.trainingDigits.toLocaleString('en');
element('evaluated').textContent = network.evaluated.toLocaleString('en');

let lost = false; // whether the last request for a prediction failed
const predict = latest(async began => {
  const {digit} = state; // which may have changed by the time the response comes
  const shown = await ask('predict', input());
  if (digit !== null && digit === state.digit) pad.showDigit(shown.image);
  change({shown});
  if (lost) say('');
  lost = false;
  const {dataset} = element('network');
  dataset.predictions = Number(dataset.predictions ?? 0) + 1;
  dataset.milliseconds = (performance.now() - began).toFixed(1);
  explainAgain();
}, error => {
  lost = true;
  failed(error);
});

listen(changed => {
  if (inputFields.some(name => changed.has(name))) predict(performance.now());
});

const live = new Live(network.filters1, () => {
  const session = live.inUse();
  if (session === state.session) {
    if (session) predict(performance.now()); // the network has changed
  } else {
    change({session});
  }
}, failed);
element('use').addEventListener('change', () => change({session: live.inUse()}));

// Redraw everything when the theme changes.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  pad.draw();
  drawFilters();
  live.draw();
  stop();
  predict(performance.now());
});

document.querySelector('main').hidden = false;
predict(performance.now());
