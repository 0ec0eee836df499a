// What keeps the page's modules from running, this script says, which isn't one: browsers don't run
// them if the page is opened as a file, or if a host sends one of them as anything but JavaScript.
const loading = document.getElementById('loading');
if (location.protocol === 'file:') {
  loading.textContent = 'This page has to come from a web server. In its folder, run python3 -m http.server, and open http://localhost:8000.';
} else {
  document.querySelector('script[type="module"]').addEventListener('error', () => {
    loading.textContent = 'The page\'s scripts can\'t be loaded. Reload it to try again.';
  });
}
