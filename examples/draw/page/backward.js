// The backward pass: the gradients of the loss in every layer, and steps of gradient descent on
// the one example that's shown.
import {ask} from './ask.js';
import {latest} from './latest.js';
import {folded, magnitude, signed} from './maps.js';
import {failed} from './message.js';
import {pictures, shapes, showLegend, units} from './network.js';
import {smallNumber, smallShort} from './numbers.js';
import {rove} from './roving.js';
import {change, labelOf, listen, lossLabel, mostSteps, state} from './state.js';
import {make} from './tables.js';

const element = id => document.getElementById(id);
const subscript = digit => String.fromCharCode('₀'.charCodeAt(0) + digit);

const labels = Array.from({length: shapes.probabilities.columns}, (_, label) => {
  const button = make('button', {type: 'button', textContent: label});
  button.addEventListener('click', () => change({label, steps: 0}));
  return button;
});
element('labels').append(...labels);
rove(element('labels'));

element('take-step').addEventListener('click', () => {
  const label = lossLabel();
  if (label !== null) change({label, steps: state.steps + 1});
});
element('undo-steps').addEventListener('click', () => change({steps: 0}));
element('step-rate').addEventListener('change', () => change({rate: Number(element('step-rate').value)}));

// The gradients follow each new prediction, and are for the same input.
const compute = latest(async () => {
  const {shown} = state, gradients = await ask('gradients', {...shown.input, label: labelOf(shown)});
  if (state.backward && state.shown === shown) change({gradients});
}, failed);

listen(changed => {
  if (!state.backward) {
    if (changed.has('backward')) change({gradients: null});
    return;
  }
  if (state.shown && (changed.has('backward') || changed.has('shown'))) compute();
  if (changed.has('gradients') && state.gradients) {
    showGradients();
    showLoss();
  }
  showControls();
});

// showGradients shows the gradients in the pictures, in each layer as far from white as its
// largest one.
function showGradients() {
  const {gradients} = state;
  const values = {...gradients, image: [gradients.image], relu3: [folded(gradients.relu3, units)]};
  for (const [name, picture] of Object.entries(pictures)) {
    const most = magnitude(values[name]);
    picture.show(values[name], signed(most));
    showLegend(name, most, true);
  }
}

function showControls() {
  const label = lossLabel();
  if (label !== null) labels.forEach((button, k) => button.setAttribute('aria-pressed', k === label));
  element('take-step').disabled = state.steps >= mostSteps;
  element('undo-steps').disabled = state.steps === 0;
  element('undo-steps').textContent = state.steps > 1 ? `Undo ${state.steps} steps` : 'Undo the step';
  const rate = element('step-rate');
  if (!Array.from(rate.options).some(({value}) => Number(value) === state.rate)) rate.add(new Option(state.rate)); // from a link
  rate.value = state.rate;
}

// showLoss shows the loss now and after each step so far.
function showLoss() {
  const {loss, losses} = state.gradients;
  element('loss-now').textContent = `loss = −log p${subscript(labelOf(state.shown))} = ${smallNumber(loss)}`;
  const few = losses.length <= 2 ? losses : [losses[0], NaN, loss]; // more don't fit in the line
  if (losses[0] < 0.01) element('losses').textContent = 'Try another label.'; // you wouldn't see it fall
  else element('losses').textContent = losses.length > 1 ? few.map(v => Number.isNaN(v) ? '…' : smallShort(v)).join(' → ') : '';
  const most = Math.max(...losses, 1e-300);
  element('fall').querySelector('polyline').setAttribute('points', losses.map((v, k) => `${3 + 54 * k / Math.max(1, losses.length - 1)},${25 - 22 * v / most}`).join(' '));
}
