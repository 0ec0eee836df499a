// The filters, and an enlarged view of one.
import {Picture, signed} from './maps.js';
import {network} from './network.js';
import {table} from './panel.js';

const element = id => document.getElementById(id);

function enlarge(title, kernels) {
  element('large-title').textContent = title;
  const most = Math.max(...kernels.flat(2).map(Math.abs));
  element('large-body').replaceChildren(...kernels.map((k, c) => table(kernels.length > 1 ? `channel ${c}` : 'a single channel, the input', k, {scale: most})));
  element('large').showModal();
}

const filters = []; // pictures and kernels
for (const [id, name] of [['filters1', 'first'], ['filters2', 'second']]) {
  const all = network[id], maps = all[0].length, rows = all[0][0].length, columns = all[0][0][0].length;
  element(`${id}-shape`).textContent = `${all.length} filters of ${maps}×${rows}×${columns}`;
  const scale = Math.max(1, Math.floor((maps === 1 ? 40 : 15) / columns)); // a kernel is about 40 or 15 CSS pixels wide
  all.forEach((kernels, f) => {
    const button = document.createElement('button');
    button.type = 'button';
    const title = `Filter ${f} of the ${name} convolution`;
    button.setAttribute('aria-label', title);
    const canvas = document.createElement('canvas');
    button.append(canvas);
    element(id).append(button);
    filters.push([new Picture(canvas, {maps, rows, columns, across: Math.min(maps, 5), scale}), kernels]);
    button.addEventListener('click', () => enlarge(title, kernels));
  });
}

export function drawFilters() {
  const color = signed();
  for (const [picture, kernels] of filters) {
    const most = Math.max(...kernels.flat(2).map(Math.abs));
    picture.show(kernels, v => color(v / most));
  }
}
drawFilters();
