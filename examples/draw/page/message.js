// The line that says what happens: at first the one under the title, and once the network is
// there the one above it.
import {change, state} from './state.js';

let message = document.getElementById('loading');

// appear shows the page, when everything has its size.
export function appear() {
  document.querySelector('main').hidden = false;
  message.remove();
  message = document.getElementById('message');
}

export function say(text) {
  message.textContent = text;
  message.className = '';
}

// sentence writes an error as a sentence: those of the program begin with a small letter and have
// no period.
export const sentence = ({message: text}) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.?!…)]$/.test(text) ? '' : '.');

// failed shows why something couldn't be done.
export function failed(error) {
  if (error.status === 404 && state.session !== '') { // the network in training is gone, as live.js will say
    change({session: ''});
    return;
  }
  message.textContent = error.unreachable ? 'The program has stopped. Start it again with go run ./examples/draw, and this page will reconnect by itself.' : sentence(error);
  message.className = 'error';
  if (error.unreachable) change({lost: true});
}
