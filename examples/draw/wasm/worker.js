// The worker in which the program runs that responds to the page's messages.
importScripts('wasm_exec.js');

// Messages that come before the program runs wait for it.
let respond = null;
const early = [];
onmessage = event => respond ? respond(event.data) : early.push(event.data);
function serve(f) {
  respond = f;
  early.forEach(f);
}

// load returns the content of a file.
async function load(name) {
  const response = await fetch(name).catch(() => null);
  if (!response?.ok) throw new Error(`${name}: ${response ? `status ${response.status}` : 'no response'}`);
  return new Uint8Array(await response.arrayBuffer());
}

Promise.all(['draw.wasm', 'model.safetensors', 'start.json'].map(load)).then(async ([program, ...files]) => {
  [self.model, self.start] = files;
  const go = new Go();
  const {instance} = await WebAssembly.instantiate(program, go.importObject); // any MIME type will do
  await go.run(instance);
  throw new Error('the program has ended');
}).catch(error => postMessage({failed: error.message}));
