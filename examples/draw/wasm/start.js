// Browsers don't run the page's modules if it is opened as a file, so this isn't one.
if (location.protocol === 'file:') {
  document.getElementById('loading').textContent = 'This page has to come from a web server. In its folder, run python3 -m http.server, and open http://localhost:8000.';
}
