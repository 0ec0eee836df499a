// The panel: how a cell came by its number.
import {folded, signed} from './maps.js';

const names = {
  relu1: at => `First convolution, feature map ${at.map}, row ${at.row}, column ${at.column}`,
  pool1: at => `First pooled map ${at.map}, row ${at.row}, column ${at.column}`,
  relu2: at => `Second convolution, feature map ${at.map}, row ${at.row}, column ${at.column}`,
  pool2: at => `Second pooled map ${at.map}, row ${at.row}, column ${at.column}`,
  relu3: at => `Hidden unit ${at.column}`,
  probabilities: at => `Probability of ${at.column}`,
};

const minus = text => text.replace(/^-(?=.*[1-9])/, '−').replace(/^-/, ''); // and no −0
const number = v => minus(v.toFixed(6));
const short = v => minus(v.toFixed(3));

const make = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

// table makes a table of numbers, tinted by their size.
export function table(caption, values, {scale, largest = NaN, write = short} = {}) {
  const most = scale ?? Math.max(1e-9, ...values.flat().map(Math.abs)), color = signed();
  const body = make('tbody');
  for (const row of values) {
    const line = make('tr');
    for (const v of row) {
      const cell = make('td', {textContent: write(v), title: String(v)});
      cell.style.backgroundColor = `rgb(${color(0.55 * v / most).join(' ')})`;
      if (v === largest) {
        cell.className = 'largest';
        largest = NaN; // on a tie the first
      }
      line.append(cell);
    }
    body.append(line);
  }
  return make('table', {}, make('caption', {textContent: caption}), body);
}

const operator = text => make('span', {className: 'operator', textContent: text});

// upright returns rows as they are shown: the hundred units as in their picture.
const upright = rows => rows.length > 1 ? rows : folded(rows[0]);

export class Panel {
  constructor() {
    [this.title, this.sum, this.parts, this.tables, this.brief] =
      ['panel-title', 'panel-sum', 'parts', 'tables', 'brief'].map(id => document.getElementById(id));
    this.channel = 0;
  }

  // show returns what it says in words.
  show(at, account) {
    Object.assign(this, {at, account});
    if (this.channel >= account.parts.length) this.channel = 0;
    let text = `${account.function}: ${account.formula} = `;
    if (account.bias !== null) text += `${number(account.sum)} + ${number(account.bias)} = `;
    text += number(account.total);
    if (account.then) text += ` → ${account.then} → ${number(account.value)}`;
    this.title.textContent = names[at.layer](at);
    this.sum.textContent = text;
    this.brief.textContent = `${this.title.textContent}. ${text}. ↓ all numbers`;
    this.brief.hidden = false;
    this.showParts();
    this.showTables();
    return `${this.title.textContent}. ${text}`;
  }

  // The buttons stay when their numbers change, so that they can be pressed.
  showParts() {
    const parts = this.account.parts.length > 1 ? this.account.parts : [];
    while (this.parts.children.length > parts.length) this.parts.lastChild.remove();
    while (this.parts.children.length < parts.length) {
      const channel = this.parts.children.length;
      const button = make('button', {type: 'button'});
      button.addEventListener('click', () => {
        this.channel = channel;
        this.showParts();
        this.showTables();
      });
      this.parts.append(button);
    }
    parts.forEach((part, channel) => {
      const button = this.parts.children[channel];
      button.textContent = `${channel}: ${short(part.sum)}`;
      button.title = `channel ${channel}: ${part.sum}`;
      button.setAttribute('aria-pressed', channel === this.channel);
    });
  }

  showTables() {
    const {at, account} = this, part = account.parts[this.channel], inputs = upright(part.in);
    if (!part.weights) {
      this.tables.replaceChildren(table('in', inputs, {largest: part.sum, write: number}), operator('→'), table('largest', [[part.sum]], {write: number}));
      return;
    }
    const weights = upright(part.weights);
    const products = inputs.map((row, y) => row.map((v, x) => v * weights[y][x]));
    const many = account.parts.length > 1, of = many ? `, channel ${this.channel}` : '';
    this.tables.replaceChildren(
      table(`in${of}`, inputs), operator('·'), table((account.bias === null ? 'filter' : 'weights') + of, weights), operator('='),
      table('products', products), operator('Σ'), table('sum', [[part.sum]], {write: number}));
    if (account.logits) this.tables.append(table('all ten logits, for Softmax', account.logits.map(v => [v]), {write: number}));
  }
}
