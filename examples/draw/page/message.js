// The line at the top of the page.
import {change} from './state.js';

const message = document.getElementById('message');

export function say(text) {
  message.textContent = text;
  message.className = '';
}

// failed shows why something couldn't be done.
export function failed(error) {
  message.textContent = error.unreachable ? 'The program has stopped. Start it again with go run ./examples/draw: this page will reconnect by itself.' : error.message;
  message.className = 'error';
  if (error.unreachable) change({lost: true});
}
