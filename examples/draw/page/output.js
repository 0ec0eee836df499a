// The output layer: the probability of each class, and the verdict.
import {choose, pin, point} from './cells.js';
import {shapes} from './network.js';
import {isEmpty, listen, state} from './state.js';

const bars = Array.from({length: shapes.probabilities.columns}, (_, digit) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.innerHTML = '<span class="digit"></span><span class="bar"><span></span></span><span class="percent"></span>';
  button.querySelector('.digit').textContent = digit;
  const at = {layer: 'probabilities', map: 0, row: 0, column: digit};
  button.addEventListener('pointerenter', () => point(at));
  button.addEventListener('focus', () => choose(at));
  button.addEventListener('click', () => pin(at));
  const item = document.createElement('li');
  item.append(button);
  document.getElementById('probabilities').append(item);
  return button;
});

listen(changed => {
  if (changed.has('shown')) showOutput(state.shown);
  if (changed.has('cell')) bars.forEach((button, digit) => button.classList.toggle('chosen', state.cell?.layer === 'probabilities' && digit === state.cell.column));
});

// showOutput shows a prediction's probabilities and its verdict.
function showOutput({probabilities, prediction, label}) {
  const empty = isEmpty();
  bars.forEach((button, digit) => {
    const percent = `${(100 * probabilities[digit]).toFixed(1)}%`;
    button.querySelector('.bar span').style.width = percent;
    button.querySelector('.percent').textContent = percent;
    button.querySelector('.digit').classList.toggle('best', digit === prediction && !empty);
    button.setAttribute('aria-label', `${digit}: ${percent}`);
  });
  let text = empty ? 'Nothing drawn yet' : `Predicted label ${prediction}`;
  if (label !== null) text += `, true label ${label}`;
  if (state.session) text += ' (network in training)';
  const verdict = document.getElementById('verdict');
  if (verdict.textContent !== text) verdict.textContent = text;
  verdict.classList.toggle('error', label !== null && label !== prediction);
}
