// Which pass is shown: forward or backward.
import {change, listen, state} from './state.js';

const buttons = {false: document.getElementById('show-forward'), true: document.getElementById('show-backward')};
for (const backward of [false, true]) buttons[backward].addEventListener('click', () => change({backward}));

listen(changed => {
  if (!changed.has('backward')) return;
  for (const backward of [false, true]) buttons[backward].setAttribute('aria-pressed', backward === state.backward);
  document.getElementById('backward').hidden = !state.backward;
});
