// The panel: how a cell came by its number.
import {signed} from './maps.js';

const names = {
  relu1: at => `First convolution, feature map ${at.map}, row ${at.row}, column ${at.column}`,
  pool1: at => `First pooled map ${at.map}, row ${at.row}, column ${at.column}`,
  relu2: at => `Second convolution, feature map ${at.map}, row ${at.row}, column ${at.column}`,
  pool2: at => `Second pooled map ${at.map}, row ${at.row}, column ${at.column}`,
  hidden: at => `Hidden unit ${at.column}`,
  probabilities: at => `Probability of ${at.column}`,
};

const minus = text => text.replace(/^-(?=.*[1-9])/, '−').replace(/^-/, ''); // and no −0
export const number = v => minus(v.toFixed(6));
const short = v => minus(v.toFixed(3));

const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

// table makes a table of numbers, tinted by their size.
export function table(caption, values, {scale, largest = NaN} = {}) {
  const most = scale ?? Math.max(1e-9, ...values.flat().map(Math.abs)), color = signed();
  const body = element('tbody');
  for (const row of values) {
    const line = element('tr');
    for (const v of row) {
      const cell = element('td', {textContent: short(v), title: String(v)});
      cell.style.backgroundColor = `rgb(${color(0.55 * v / most).join(' ')})`;
      if (v === largest) {
        cell.className = 'largest';
        largest = NaN; // on a tie the first
      }
      line.append(cell);
    }
    body.append(line);
  }
  return element('table', {}, element('caption', {textContent: caption}), body);
}

const operator = text => element('span', {className: 'operator', textContent: text});

// folded lays what is long and flat in rows of five, as the picture of the units.
const folded = rows => rows.length > 1 || rows[0].length <= 10 ? rows : Array.from({length: rows[0].length / 5}, (_, k) => rows[0].slice(5 * k, 5 * k + 5));

export class Panel {
  constructor() {
    [this.title, this.sum, this.parts, this.tables] = ['panel-title', 'panel-sum', 'parts', 'tables'].map(id => document.getElementById(id));
    this.channel = 0;
  }

  show(at, account) {
    Object.assign(this, {at, account});
    const many = account.parts.length > 1;
    if (this.channel >= account.parts.length) this.channel = 0;
    this.title.textContent = names[at.layer](at);
    let text = `${account.function}: ${account.formula}`;
    if (account.bias !== null) text += ` = ${number(account.bias)} + ${number(account.total - account.bias)}`;
    text += ` = ${number(account.total)}`;
    if (account.then) text += ` → ${account.then} → ${number(account.value)}`;
    this.sum.textContent = text;
    this.parts.replaceChildren(...(many ? account.parts.map((part, k) => {
      const button = element('button', {type: 'button', textContent: `${k}: ${short(part.sum)}`, title: `channel ${k}: ${part.sum}`});
      button.setAttribute('aria-pressed', k === this.channel);
      button.addEventListener('click', () => {
        this.channel = k;
        this.show(this.at, this.account);
        this.parts.children[k].focus();
      });
      return button;
    }) : []));
    const part = account.parts[this.channel], inputs = folded(part.in);
    if (!part.weights) {
      this.tables.replaceChildren(table('in', inputs, {largest: part.sum}), operator('→'), table('largest', [[part.sum]]));
      return;
    }
    const weights = folded(part.weights);
    const products = inputs.map((row, y) => row.map((v, x) => v * weights[y][x]));
    const what = at.layer === 'hidden' || at.layer === 'probabilities' ? 'weights' : 'filter';
    const of = many ? `, channel ${this.channel}` : '';
    this.tables.replaceChildren(
      table(`in${of}`, inputs), operator('·'), table(what + of, weights), operator('='), table('products', products),
      operator('Σ'), table('sum', [[part.sum]]));
  }
}
