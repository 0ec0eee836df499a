// The input: what you draw on the pad, and the test digits.
import {ask} from './ask.js';
import {failed, say} from './message.js';
import {network} from './network.js';
import {Pad} from './pad.js';
import {rove} from './roving.js';
import {change, isEmpty, listen, state} from './state.js';

const element = id => document.getElementById(id);

const history = []; // the inputs before this one, which Undo brings back
const mostHistory = 50;

function remember() {
  const {strokes, digit} = state;
  history.push({strokes, digit});
  if (history.length > mostHistory) history.shift();
}

export const pad = new Pad(element('pad'), remember, () => {
  change({strokes: pad.strokes, digit: null});
  if (pad.full) say('The pad is full. Clear it to draw another digit.');
});

function clear() {
  if (isEmpty()) return;
  remember();
  change({strokes: [], digit: null});
}

function undo() {
  if (history.length === 0) return;
  const before = history.pop();
  change(before);
  if (before.digit !== null) say(nameOf(before.digit));
}

// The pad follows the input, wherever it comes from. The image of a test digit comes with the
// prediction: until then the pad looks as it did before.
listen(changed => {
  if (!changed.has('strokes') && !changed.has('digit')) return;
  if (state.digit !== null) pad.load([]);
  else if (state.strokes !== pad.strokes) pad.show(state.strokes);
  say(''); // it was about another input
  update();
});

// update shows what else depends on the input.
function update() {
  const empty = isEmpty(), hint = element('hint');
  element('number').value = state.digit ?? '';
  hint.hidden = state.strokes.length > 0;
  hint.className = empty ? 'empty' : '';
  hint.textContent = empty ? 'Draw a digit here' : 'Draw your own here';
  for (const [id, useless] of [['clear', empty], ['undo', history.length === 0]]) {
    if (useless && document.activeElement === element(id)) element('pad').focus(); // a disabled button would lose the focus
    element(id).disabled = useless;
  }
}
update();

element('clear').addEventListener('click', clear);
element('undo').addEventListener('click', undo);
element('pad').addEventListener('keydown', event => {
  if (event.key === 'Escape') clear(); // unless it unpins a cell
  else if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey) && !event.shiftKey) undo();
  else return;
  event.preventDefault();
});

const tests = network.testDigits; // how many there are
element('number').max = tests - 1;
rove(element('digits'));

const nameOf = digit => `Test digit ${digit}, one of ${tests.toLocaleString('en')}`;

function choose(digit) {
  if (!Number.isInteger(digit) || digit < 0 || digit >= tests) {
    failed(new Error(`There's no test digit ${digit}. The test digits are numbered from 0 to ${tests - 1}.`));
    return;
  }
  if (digit !== state.digit) remember();
  change({digit, strokes: []});
  say(nameOf(digit));
}
element('next').addEventListener('click', () => choose(((state.digit ?? -1) + 1) % tests));
element('random').addEventListener('click', () => choose(Math.floor(Math.random() * tests)));
element('number').addEventListener('change', () => {
  if (element('number').value !== '') choose(Number(element('number').value));
});

let misclassified = null; // the test digits that the trained network misclassifies
let looking = false;

function busy(now) {
  looking = now;
  element('misclassified').setAttribute('aria-busy', now);
}

element('misclassified').addEventListener('click', async () => {
  const {strokes, digit} = state;
  if (looking) return;
  try {
    if (!misclassified) {
      busy(true);
      say('Looking for misclassified digits…');
      misclassified = await ask('misclassified');
      if (strokes !== state.strokes || digit !== state.digit) return; // that took a while, and in the meantime you drew or chose another
    }
    if (misclassified.length === 0) throw new Error('The trained network classifies all test digits correctly.');
    choose(misclassified.find(other => other > (digit ?? -1)) ?? misclassified[0]);
    say(`Test digit ${state.digit}, one of the ${misclassified.length} in ${tests.toLocaleString('en')} that the trained network misclassifies`);
  } catch (error) {
    failed(error);
  } finally {
    busy(false);
  }
});
