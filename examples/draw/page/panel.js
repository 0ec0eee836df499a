// The panel: how the value of a cell is computed.
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

// table returns a table of values, tinted by their size.
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
        largest = NaN; // on a tie only the first
      }
      line.append(cell);
    }
    body.append(line);
  }
  return make('table', {}, make('caption', {textContent: caption}), body);
}

const operator = text => make('span', {className: 'operator', textContent: text});

export class Panel {
  // units is how many hidden units fit in a row of their picture.
  constructor(units) {
    [this.title, this.sum, this.channels, this.tables, this.brief] =
      ['panel-title', 'panel-sum', 'channels', 'tables', 'brief'].map(id => document.getElementById(id));
    this.units = units;
    this.channel = 0;
  }

  // show returns the explanation in words.
  show(at, explanation) {
    Object.assign(this, {at, explanation});
    if (this.channel >= explanation.channels.length) this.channel = 0;
    let text = `${explanation.function}: ${explanation.formula} = `;
    if (explanation.bias !== null) text += `${number(explanation.sum)} + ${number(explanation.bias)} = `;
    text += number(explanation.total);
    if (explanation.then) text += ` → ${explanation.then} → ${number(explanation.value)}`;
    this.title.textContent = names[at.layer](at);
    this.sum.textContent = text;
    this.brief.textContent = `${this.title.textContent}. ${text}. ↓ all values`;
    this.brief.hidden = false;
    this.showChannels();
    this.showTables();
    return `${this.title.textContent}. ${text}`;
  }

  // The buttons stay in place while their values change, so that you can press them.
  showChannels() {
    const channels = this.explanation.channels.length > 1 ? this.explanation.channels : [];
    while (this.channels.children.length > channels.length) this.channels.lastChild.remove();
    while (this.channels.children.length < channels.length) {
      const k = this.channels.children.length;
      const button = make('button', {type: 'button'});
      button.addEventListener('click', () => {
        this.channel = k;
        this.showChannels();
        this.showTables();
      });
      this.channels.append(button);
    }
    channels.forEach((channel, k) => {
      const button = this.channels.children[k];
      button.textContent = `${k}: ${short(channel.sum)}`;
      button.title = `channel ${k}: ${channel.sum}`;
      button.setAttribute('aria-pressed', k === this.channel);
    });
  }

  showTables() {
    const {at, explanation} = this, channel = explanation.channels[this.channel];
    const rows = values => at.layer === 'probabilities' ? folded(values[0], this.units) : values; // the units as in their picture
    const inputs = rows(channel.in);
    if (!channel.weights) {
      this.tables.replaceChildren(table('in', inputs, {largest: channel.sum, write: number}), operator('→'), table('max', [[channel.sum]], {write: number}));
      return;
    }
    const weights = rows(channel.weights);
    const products = inputs.map((row, y) => row.map((v, x) => v * weights[y][x]));
    const many = explanation.channels.length > 1, of = many ? `, channel ${this.channel}` : '';
    this.tables.replaceChildren(
      table(`in${of}`, inputs), operator('·'), table((explanation.bias === null ? 'kernel' : 'weights') + of, weights), operator('='),
      table('products', products), operator('Σ'), table('sum', [[channel.sum]], {write: number}));
    if (explanation.logits) this.tables.append(table(`all ${explanation.logits.length} logits, for Softmax`, explanation.logits.map(v => [v]), {write: number}));
  }
}
