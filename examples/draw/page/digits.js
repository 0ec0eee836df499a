// The input: what you draw on the pad, and the test digits.
import {ask} from './ask.js';
import {failed, say} from './message.js';
import {network} from './network.js';
import {Pad} from './pad.js';
import {change, state} from './state.js';

const element = id => document.getElementById(id);

export const pad = new Pad(element('pad'), () => {
  element('number').value = '';
  say(pad.full ? 'The pad is full. Clear it to draw another digit.' : '');
  change({strokes: pad.strokes.slice(), digit: null});
});
element('clear').addEventListener('click', () => pad.clear());
element('undo').addEventListener('click', () => pad.undo());

const tests = network.testDigits; // how many there are
element('number').max = tests - 1;
let misclassified = null; // the test digits that the trained network misclassifies

function test(digit) {
  if (!Number.isInteger(digit) || digit < 0 || digit >= tests) {
    failed(new Error(`There's no test digit ${digit}. The test digits are numbered from 0 to ${tests - 1}.`));
    return;
  }
  element('number').value = digit;
  say(`Test digit ${digit} of ${tests.toLocaleString('en')}`);
  change({digit, strokes: []});
}
element('next').addEventListener('click', () => test(((state.digit ?? -1) + 1) % tests));
element('random').addEventListener('click', () => test(Math.floor(Math.random() * tests)));
element('number').addEventListener('change', () => {
  if (element('number').value !== '') test(Number(element('number').value));
});
element('misclassified').addEventListener('click', async () => {
  const {strokes, digit} = state;
  try {
    misclassified ??= await ask('misclassified');
    if (strokes !== state.strokes || digit !== state.digit) return; // that took a while, and in the meantime you drew or chose another
    if (misclassified.length === 0) throw new Error('The trained network classifies all test digits correctly.');
    test(misclassified.find(other => other > (digit ?? -1)) ?? misclassified[0]);
    say(`Test digit ${state.digit}, one of the ${misclassified.length} in ${tests.toLocaleString('en')} that the trained network misclassifies`);
  } catch (error) {
    failed(error);
  }
});
