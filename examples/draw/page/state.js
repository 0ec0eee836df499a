// What the page shows. Every part of the page reads state, changes it with change, and hears
// of changes through listen.

export const state = {
  // The input: the strokes of a pen or the index of a test digit.
  strokes: [],
  digit: null,

  session: '', // the training session whose network is used, or '' for the trained network

  // The chosen cell, {layer, map, row, column}, or null. While it's pinned, pointing at another
  // doesn't choose that one.
  cell: null,
  pinned: false,
};

const listeners = [];

// listen calls f after each change with the names of the fields that have changed, a Set.
export function listen(f) {
  listeners.push(f);
}

// change sets some of the fields.
export function change(fields) {
  const changed = new Set(Object.keys(fields).filter(name => state[name] !== fields[name]));
  Object.assign(state, fields);
  if (changed.size > 0) for (const f of listeners) f(changed);
}

// isEmpty reports whether nothing is drawn and no test digit is shown.
export const isEmpty = () => state.digit === null && state.strokes.length === 0;

// input returns what every request about the input begins with.
export const input = () => ({...(state.digit === null ? {strokes: state.strokes} : {digit: state.digit}), session: state.session});
