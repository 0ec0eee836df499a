// Requests to the program. It runs in a worker: there is no server.
import {say} from './message.js';

const loading = 'Loading the network ({size})…';
const waiting = new Map(); // the requests without a response: what settles their promises, by id
let last = 0; // id of the last request
let lost = null; // why there will be no more responses

function lose(why) {
  lost ??= new Error(`The page can't run its program. Reload it to try again. (${why})`);
  for (const {reject} of waiting.values()) reject(lost);
  waiting.clear();
}

let worker = null;
if (typeof WebAssembly === 'undefined') {
  lost = new Error('This page needs WebAssembly, which this browser doesn\'t have or has turned off.');
} else {
  say(loading);
  worker = new Worker('worker.js');
  worker.onerror = event => lose(event.message ?? 'worker.js can\'t be loaded');
  worker.onmessage = ({data: {id, response, error, status, failed}}) => {
    if (failed !== undefined) return lose(failed);
    const {resolve, reject} = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(JSON.parse(response));
    else reject(Object.assign(new Error(error), {status}));
  };
}

// ask returns the response to a request. If it's refused, the error has the status that a server
// would give.
export function ask(path, body = {}) {
  return new Promise((resolve, reject) => {
    if (lost) return reject(lost);
    waiting.set(++last, {resolve, reject});
    worker.postMessage({id: last, path, body: JSON.stringify(body)});
  });
}
