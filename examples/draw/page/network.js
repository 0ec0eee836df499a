// The network: its shapes, and a picture for each layer. All sizes on the page follow from them.
import {ask} from './ask.js';
import {Picture, folded, grid, largest, palette, strip} from './maps.js';
import {failed} from './message.js';
import {rough} from './numbers.js';
import {listen, state} from './state.js';

export const network = await ask('network').catch(error => {
  failed(error);
  throw error;
});
export const shapes = Object.fromEntries(network.layers.map(layer => [layer.name, layer]));

const element = id => document.getElementById(id);
for (const {name, maps, rows, columns} of network.layers) {
  const sizes = [maps, rows, columns];
  while (sizes.length > 1 && sizes[0] === 1) sizes.shift();
  element(name).closest('figure').querySelector('.shape').textContent = sizes.join('×');
}

// The pictures of the layers, from left to right, each with the space it has on the page,
// in CSS pixels. units is how many hidden units fit in a row of their picture.
const {scale: unitScale, columns} = strip(shapes.relu3.columns, {width: 72, height: 240});
export const units = columns;
export const unitRows = Math.ceil(shapes.relu3.columns / units);
const rooms = {
  image: {width: 112, height: 112}, relu1: {width: 224, height: 300}, pool1: {width: 124, height: 300},
  relu2: {width: 188, height: 260}, pool2: {width: 110, height: 188},
};
export const layers = Object.fromEntries(Object.entries(rooms).map(([name, room]) => [name, {...shapes[name], ...grid(shapes[name], room)}]));
layers.relu3 = {maps: 1, rows: unitRows, columns: units, across: 1, scale: unitScale};
export const pictures = {};
const legends = {};
for (const [name, layer] of Object.entries(layers)) {
  pictures[name] = new Picture(element(name), layer);
  legends[name] = document.createElement('div');
  legends[name].className = 'legend';
  legends[name].style.width = `${pictures[name].width}px`;
  legends[name].innerHTML = '<i></i><span></span><span></span><span></span>';
  element(name).after(legends[name]);
}

// showLegend says what the colors of a layer mean: white is 0, and full color is most. If
// they are signed, full color is also −most.
export function showLegend(name, most, signed) {
  const legend = legends[name], text = rough(most);
  const words = most === 0 ? ['', '0', ''] : signed ? [`−${text}`, '0', text] : ['0', '', text];
  legend.classList.toggle('signed', signed);
  legend.querySelectorAll('span').forEach((span, k) => {
    if (span.textContent !== words[k]) span.textContent = words[k];
  });
}

// While the backward pass is shown, backward.js shows gradients in the pictures instead.
listen(changed => {
  if ((changed.has('shown') || changed.has('backward')) && state.shown && !state.backward) showActivations(state.shown);
});

// showActivations shows a prediction's activations in the pictures.
function showActivations(shown) {
  const values = {...shown, image: [shown.image], relu3: [folded(shown.relu3, units)]};
  for (const [name, picture] of Object.entries(pictures)) {
    const most = name === 'image' ? 1 : largest(values[name]);
    picture.show(values[name], palette(most));
    showLegend(name, most, false);
  }
}

// placeOf returns the position of a cell in the picture of its layer. cellAt returns the
// cell at a position, or null past the last unit.
export const placeOf = ({layer, map, row, column}) => layer === 'relu3' ? {map, row: Math.floor(column / units), column: column % units} : {map, row, column};

export function cellAt(layer, {map, row, column}) {
  if (layer !== 'relu3') return {layer, map, row, column};
  const unit = units * row + column;
  return unit < shapes.relu3.columns ? {layer, map: 0, row: 0, column: unit} : null;
}
