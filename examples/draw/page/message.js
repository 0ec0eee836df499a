// The line at the top of the page.

const message = document.getElementById('message');

export function say(text) {
  message.textContent = text;
  message.className = '';
}

export function failed(error) {
  message.textContent = error.message;
  message.className = 'error';
}
