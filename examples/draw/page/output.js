// The output layer: the probability of each class, and the verdict.
import {hover, pin, point} from './cells.js';
import {shapes} from './network.js';
import {percent, shorts} from './numbers.js';
import {rove} from './roving.js';
import {isEmpty, listen, state} from './state.js';

const element = id => document.getElementById(id);

// The bars, one for each class. Each is a button that pins its probability.
export const bars = Array.from({length: shapes.probabilities.columns}, (_, digit) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.innerHTML = '<span class="digit"></span><span class="bar"><span></span></span><span class="percent"></span>';
  button.querySelector('.digit').textContent = digit;
  const at = {layer: 'probabilities', map: 0, row: 0, column: digit};
  button.addEventListener('pointerenter', () => point(at));
  button.addEventListener('pointerleave', () => hover(null));
  button.addEventListener('click', () => pin(at));
  const item = document.createElement('li');
  item.append(button);
  element('probabilities').append(item);
  return button;
});
rove(element('probabilities'));

listen(changed => {
  if (changed.has('shown')) showVerdict(state.shown);
  if ((changed.has('shown') || changed.has('backward')) && state.shown && !state.backward) showProbabilities(state.shown);
  if (changed.has('gradients') && state.gradients) showLogitGradients(state.gradients.logits);
  if (changed.has('cell') || changed.has('pinned')) bars.forEach((button, digit) => {
    const chosen = state.cell?.layer === 'probabilities' && digit === state.cell.column;
    button.classList.toggle('chosen', chosen);
    button.setAttribute('aria-pressed', chosen && state.pinned);
  });
});

// certain writes a probability, which is rounded but never 0 or 1.
const certain = p => percent(Math.min(Math.max(p, 1e-12), 1 - 1e-12));

function showProbabilities({probabilities}) {
  bars.forEach((button, digit) => {
    const text = certain(probabilities[digit]);
    const bar = button.querySelector('.bar span');
    bar.className = bar.style.marginLeft = '';
    bar.style.width = `${(100 * probabilities[digit]).toFixed(2)}%`;
    button.querySelector('.percent').textContent = text;
    button.setAttribute('aria-label', `${digit}: ${text}`);
  });
}

function showVerdict({probabilities, prediction, label}) {
  const empty = isEmpty();
  element('probabilities').classList.toggle('empty', empty);
  bars.forEach((button, digit) => button.querySelector('.digit').classList.toggle('best', digit === prediction && !empty));
  let text = empty ? 'Nothing drawn yet' : `Predicted label ${prediction}`;
  if (label !== null) text += `, true label ${label}`;
  const which = [state.session && 'network in training', state.steps > 0 && `after ${state.steps === 1 ? 'a step' : `${state.steps} steps`}`].filter(Boolean);
  if (which.length > 0) text += ` (${which.join(', ')})`;
  const verdict = element('verdict');
  if (verdict.textContent !== text) verdict.textContent = text;
  verdict.classList.toggle('error', label !== null && label !== prediction);
  const second = probabilities.reduce((best, p, digit) => digit !== prediction && (best < 0 || p > probabilities[best]) ? digit : best, -1);
  element('brief-verdict').textContent = empty ? text : `${text}, probability ${certain(probabilities[prediction])}`;
  element('runner-up').textContent = empty ? '\u00a0' : `Probability ${certain(probabilities[prediction])}, runner-up ${second} (${certain(probabilities[second])})`;
}

// showLogitGradients shows the gradients at the logits, which are between −1 and 1: bars to the
// left and to the right.
function showLogitGradients(gradients) {
  const write = shorts(gradients);
  bars.forEach((button, digit) => {
    const v = gradients[digit], bar = button.querySelector('.bar span');
    bar.className = v < 0 ? 'minus' : 'plus';
    bar.style.marginLeft = `${50 + 50 * Math.min(v, 0)}%`;
    bar.style.width = `${50 * Math.abs(v)}%`;
    button.querySelector('.percent').textContent = write(v);
    button.setAttribute('aria-label', `Gradient at the logit of ${digit}: ${write(v)}`);
  });
}
