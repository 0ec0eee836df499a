// The training bar: a network that you can watch while it learns. The page pulls the training,
// a slice of time per request. So it ends by itself when you leave the page.
import {ask} from './ask.js';
import {Series, ceiling, plots, tiny} from './curves.js';
import {Picture, magnitude, signed} from './maps.js';
import {failed, sentence} from './message.js';
import {network, shapes} from './network.js';
import {power} from './numbers.js';
import {change, listen, state} from './state.js';

const element = id => document.getElementById(id);

const slice = 40;         // milliseconds of training per request
const refreshEvery = 100; // milliseconds, while training runs
const late = 400;         // milliseconds without a first report, after which the page says why
const averaged = 200;     // at least so many training examples, if there are, are in the loss of the bar
const deadAfter = 300;    // training examples without an active unit, after which a layer is called dead: a rare digit may revive it
const usualLoss = 2.4;    // the top of the loss axis, a little more than the loss of guessing
const highestLoss = 20;   // what it may rise to: any higher, and you'd see nothing below
const classes = shapes.probabilities.columns;

let training = untrained();

// untrained returns a training that hasn't begun.
function untrained() {
  return {
    session: '',    // the server's name for it, or '' before the first report
    seed: 0,
    running: false,
    steps: 0,       // single steps still to take
    over: false,    // whether it can't go on
    examples: 0,    // that the network has learned from so far
    rate: 0,        // the learning rate of the newest report
    dead: '',       // the layer in which no unit is active any more, or ''
    died: null,     // what the first report of that said, at the end of a slice, {examples, rate}
    told: false,    // whether the page has said so
    filters1: null, // the newest conv1 filters
    recent: [],     // the newest losses, [average, examples]
    losses: new Series({smooth: 50}),
    accuracies: new Series(),
    accuracy: null,
  };
}

const counted = examples => `${examples.toLocaleString('en')} training example${examples === 1 ? '' : 's'}`;
const written = loss => loss < 100 ? loss.toFixed(3) : loss < 1e5 ? loss.toFixed(0) : power(loss, 1);
const percent = share => `${share.toFixed(1)}%`;

// total returns how many examples there are losses of.
const total = losses => losses.reduce((sum, [, n]) => sum + n, 0);

// lossOf returns the loss averaged over the newest examples, or null before the first.
function lossOf({recent}) {
  return recent.length > 0 ? recent.reduce((sum, [loss, n]) => sum + loss * n, 0) / total(recent) : null;
}

// sliders returns what the next slice trains with.
function sliders() {
  return {rate: Number((10 ** element('rate').value).toPrecision(2)), dropout: Number(element('dropout').value)};
}

function showSliders() {
  const {rate, dropout} = sliders();
  element('rate-value').textContent = rate;
  element('dropout-value').textContent = dropout.toFixed(2);
  element('rate').setAttribute('aria-valuetext', rate);
}

// begin makes sure that there is a training that can go on, and returns false if the seed
// isn't an integer.
function begin() {
  notice('');
  if (training.over) training = untrained();
  return training.session !== '' || takeSeed();
}

function takeSeed() {
  const text = element('seed').value, valid = /^[0-9]{1,9}$/.test(text);
  if (valid) training.seed = Number(text);
  else notice('The seed must be a whole number from 0 to 999,999,999.'); // what was typed isn't known: a number field hides it
  return valid;
}

element('run').addEventListener('click', () => {
  if (training.running) training.running = false;
  else if (begin()) {
    training.running = true;
    announce(training.examples > 0 ? 'Training resumes.' : 'Training starts.');
  }
  showRun();
  pull();
});

element('step').addEventListener('click', () => {
  if (!begin()) return;
  training.running = false;
  training.steps++;
  showRun();
  pull();
});

element('reset').addEventListener('click', reset);
element('seed').addEventListener('change', () => {
  if (takeSeed()) reset(); // a mistyped seed costs nothing
});
for (const id of ['rate', 'dropout']) element(id).addEventListener('input', showSliders);
document.addEventListener('visibilitychange', pull);

function reset() {
  training = untrained();
  notice('');
  announce('Reset to a freshly initialized network.');
  showTraining();
  use(training);
}

// pull trains as long as there is something to do and the page is in sight. It makes one
// request at a time, so that no other request waits for more than a slice.
let pulling = false;
async function pull() {
  if (pulling) return;
  pulling = true;
  let pulled = false;
  while (training.steps > 0 || training.running && !document.hidden) {
    pulled = true;
    const mine = training, milliseconds = mine.steps > 0 ? 0 : slice;
    if (mine.steps > 0) mine.steps--;
    const waiting = setTimeout(() => {
      if (mine === training && mine.session === '') notice('Waiting for the training digits…');
    }, late);
    try {
      const report = await ask('train', {session: mine.session, seed: mine.seed, ...sliders(), milliseconds});
      if (mine === training) note(report); // otherwise it has been reset meanwhile
    } catch (error) {
      if (mine === training) stop(error);
    } finally {
      clearTimeout(waiting);
    }
  }
  pulling = false;
  if (!pulled) return;
  refresh();
  if (training.examples > 0 && !training.running && element('notice').hidden) announce(`Training is paused. ${summary()}`);
}

// note takes in a report.
let refreshed = -Infinity; // when the page last showed one, in milliseconds
function note(report) {
  const t = training, first = t.session === '', n = report.examples - t.examples;
  Object.assign(t, {session: report.session, examples: report.examples, rate: report.rate, filters1: report.filters1.map(([kernel]) => kernel)});
  if (n > 0 && report.loss !== null) {
    t.recent.push([report.loss, n]);
    while (total(t.recent.slice(1)) >= averaged) t.recent.shift();
  }
  if (n > 0) t.losses.add(t.examples, report.loss ?? NaN, n);
  if (report.correct !== undefined) {
    t.accuracy = 100 * report.correct / report.evaluated;
    t.accuracies.add(t.examples, t.accuracy);
  }
  if (first) notice(''); // it no longer waits
  if (report.diverged) diverged();
  else watchDead(report);
  if (first) use(t); // watching your digit while the network learns is the point
  if (first || !t.running && t.steps === 0 || performance.now() - refreshed >= refreshEvery) refresh();
}

// refresh shows the network in training as it is now.
function refresh() {
  refreshed = performance.now();
  showTraining();
  if (training.session !== '' && state.session === training.session) use(training);
}

// use makes the page show the network in training, or none: then it shows the trained one.
function use({session, examples, filters1}) {
  change({session, examples, filters1});
}

// gentler returns a much lower learning rate, a power of 10.
const gentler = rate => Number(Math.max(1e-4, Math.min(0.01, 10 ** Math.floor(Math.log10(rate / 5)))).toPrecision(1));

function diverged() {
  const t = training;
  Object.assign(t, {running: false, steps: 0, over: true, recent: []});
  notice(`Training diverged after ${counted(t.examples)}: at learning rate ${t.rate} the steps overshot further and further, until the loss was no longer a finite number.`, gentler(t.rate));
}

const layerNames = {relu1: 'first convolution', relu2: 'second convolution', relu3: 'hidden layer'};

// watchDead says so when a layer has died, and pauses training.
function watchDead({dead, examples, rate}) {
  const t = training;
  if (dead !== t.dead) Object.assign(t, {dead, died: {examples, rate}, told: false});
  if (dead === '' || t.told || examples - t.died.examples < deadAfter) return;
  Object.assign(t, {running: false, steps: 0, told: true});
  notice(`Every ReLU of the ${layerNames[dead]} had died by training example ${t.died.examples.toLocaleString('en')}, at learning rate ${t.died.rate}. Since then, they've all output 0 for every digit we tried. So the network predicts the same for every digit, and no gradient gets through to revive them.`, gentler(t.died.rate));
}

// stop ends or pauses the training after a request has failed.
function stop(error) {
  Object.assign(training, {running: false, steps: 0});
  notice('');
  if (error.status === 404) gone();
  else if (error.unreachable) failed(error);
  else notice(`Training is paused. ${sentence(error)}`);
}

// gone says that the server no longer has the network. What it has learned is lost.
function gone() {
  if (training.session === '') return;
  Object.assign(training, {session: '', running: false, steps: 0, over: true});
  notice('The network in training is gone. Either the program has stopped, or it dropped this network to make room for newer ones. You can start a new one.');
  use(untrained());
  showTraining();
}

// The switch between the two networks.
for (const id of ['use-trained', 'use-training']) element(id).addEventListener('change', () => {
  use(element('use-training').checked ? training : untrained());
});

listen(changed => {
  if (changed.has('lost') && state.lost) gone();
  if (!changed.has('session')) return;
  if (state.session === '' && element('use-training').checked) gone(); // another part of the page has found that out
  showSwitch();
});

function showSwitch() {
  element('use-training').disabled = training.session === '';
  element(state.session === '' ? 'use-trained' : 'use-training').checked = true;
}

function showRun() {
  const {running, examples, over} = training;
  element('run').textContent = running ? 'Pause' : examples > 0 && !over ? 'Resume' : 'Start';
}

// announce says something to those who can't see it.
function announce(text) {
  element('training-status').textContent = text;
}

function summary() {
  const loss = lossOf(training), {accuracy} = training;
  return `After ${counted(training.examples)}` + (loss === null ? '' : `, loss ${written(loss)}`) + (accuracy === null ? '.' : `, accuracy ${percent(accuracy)} on ${network.evaluated.toLocaleString('en')} test digits.`);
}

// notice says something that can't wait, or nothing, and offers another learning rate.
function notice(text, rate = null) {
  element('notice').hidden = text === '';
  element('notice-text').textContent = text;
  element('retry').hidden = rate === null;
  element('retry').textContent = `Reset and try ${rate}`;
  element('retry').value = rate;
  if (text) announce(text);
}

element('dismiss').addEventListener('click', () => {
  notice('');
  element('run').focus();
});
element('retry').addEventListener('click', () => {
  element('rate').value = Math.log10(element('retry').value);
  showSliders();
  reset();
  element('run').click();
  element('run').focus();
});

element('toggle').addEventListener('click', () => {
  const closed = !element('settings').hidden;
  element('settings').hidden = closed;
  element('toggle').setAttribute('aria-expanded', !closed);
  showTraining();
  const under = element('settings').getBoundingClientRect().top < element('bar').getBoundingClientRect().bottom;
  if (!closed && under) element('settings').scrollIntoView();
});
addEventListener('resize', showTraining);

const [[kernel]] = network.filters1, blank = kernel.map(row => row.map(() => 0));
const filters = new Picture(element('learning'), {
  maps: network.filters1.length, rows: kernel.length, columns: kernel[0].length,
  across: Math.min(network.filters1.length, 5), scale: Math.max(1, Math.floor(45 / kernel[0].length)),
});

// showTraining draws everything that the bar says about the training.
export function showTraining() {
  const {examples, losses, accuracies, accuracy} = training, loss = lossOf(training);
  element('examples').textContent = examples.toLocaleString('en');
  element('examples-noun').textContent = examples === 1 ? 'example' : 'examples';
  element('loss').textContent = loss === null ? '–' : written(loss);
  element('accuracy').textContent = accuracy === null ? '–' : percent(accuracy);
  showRun();
  showSwitch();
  const most = losses.largest(), high = most > usualLoss ? Math.min(ceiling(most), highestLoss) : usualLoss;
  tiny(element('tiny-loss'), losses, Math.max(examples, 1), high);
  tiny(element('tiny-accuracy'), accuracies, Math.max(examples, 1), 100);
  if (element('settings').hidden) return;
  const kernels = training.filters1 ?? network.filters1.map(() => blank);
  filters.show(kernels, signed(magnitude(kernels)));
  plots(element('curves'), Math.min(element('curves').parentElement.clientWidth, 460), [
    {title: 'Training loss', points: losses.points, high, label: v => v.toFixed(1), guessing: Math.log(classes)},
    {title: `Accuracy on ${network.evaluated.toLocaleString('en')} test digits`, points: accuracies.points, high: 100, label: v => `${v}%`, guessing: 100 / classes},
  ]);
  element('curves').setAttribute('aria-label', `Training loss above test accuracy, against training examples: ${summary()}`);
  element('scale').textContent = high > usualLoss ? `The loss has been as high as ${written(most)}, so its axis now ends at ${high}.` : '';
}

showSliders();
showTraining();
