// What the page shows. Every part of the page reads state, changes it with change, and hears
// of changes through listen.

export const state = {
  // The input: the strokes of a pen or the index of a test digit.
  strokes: [],
  digit: null,

  session: '', // the training session whose network is used, or '' for the trained network
  examples: 0, // how many training examples that session's network has learned from

  // The backward pass. The loss is for label, or if that's null, for the true label of a test
  // digit, or else for the predicted label. The network has taken that many steps of gradient
  // descent at this rate.
  backward: false, // whether the backward pass is shown instead of the forward pass
  label: null,
  steps: 0,
  rate: 0.003,

  // The chosen cell, {layer, map, row, column}, or null. While it's pinned, pointing at another
  // doesn't choose that one.
  cell: null,
  pinned: false,

  // What the server has found.
  lost: false,     // whether the server no longer responds
  shown: null,     // the newest prediction, and the input it is for
  gradients: null, // the newest gradients, while the backward pass is shown
  filters1: null,  // the conv1 filters of the network in training, while it's used
};

export const mostSteps = 20; // the server's limit

const listeners = [];

// listen calls f after each change with the names of the fields that have changed, a Set.
export function listen(f) {
  listeners.push(f);
}

// change sets some of the fields. A label and steps belong to an input: another one begins
// without them, unless it comes with its own.
export function change(fields) {
  if (['strokes', 'digit', 'session'].some(name => name in fields && fields[name] !== state[name])) fields = {label: null, steps: 0, ...fields};
  const changed = new Set(Object.keys(fields).filter(name => state[name] !== fields[name]));
  Object.assign(state, fields);
  if (changed.size > 0) for (const f of listeners) f(changed);
}

// isEmpty reports whether nothing is drawn and no test digit is shown.
export const isEmpty = () => state.digit === null && state.strokes.length === 0;

// labelOf returns the label that the loss is for where a prediction is shown.
export const labelOf = shown => shown.input.label ?? shown.label ?? shown.prediction;

// isCurrent reports whether the newest prediction is for this input, and by this network. Right after
// another input has been chosen it isn't.
export function isCurrent() {
  const {shown, strokes, digit, session} = state;
  return shown !== null && shown.input.session === session && (digit === null ? shown.input.strokes === strokes : shown.input.digit === digit);
}

// lossLabel returns the label that the loss of this input is for, or null before its prediction.
export const lossLabel = () => state.label ?? (isCurrent() ? state.shown.label ?? state.shown.prediction : null);

// inputFields are the fields that input depends on: when one of them changes, every response
// is out of date.
export const inputFields = ['strokes', 'digit', 'session', 'examples', 'label', 'steps', 'rate'];

// input returns what every request about the input begins with.
export function input() {
  const {strokes, digit, session, label, steps, rate} = state;
  return {
    ...(digit === null ? {strokes} : {digit}), session,
    ...(label === null ? {} : {label}),
    ...(steps === 0 ? {} : {steps, rate}),
  };
}
