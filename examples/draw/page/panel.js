// The panel: how the value of a cell is computed.
import {folded, signed} from './maps.js';
import {rove} from './roving.js';

const names = {
  relu1: at => `First convolution, feature map ${at.map}, row ${at.row}, column ${at.column}`,
  pool1: at => `First pooled map ${at.map}, row ${at.row}, column ${at.column}`,
  relu2: at => `Second convolution, feature map ${at.map}, row ${at.row}, column ${at.column}`,
  pool2: at => `Second pooled map ${at.map}, row ${at.row}, column ${at.column}`,
  relu3: at => `Hidden unit ${at.column}`,
  probabilities: at => `Probability of ${at.column}`,
};

const minus = text => text.replace(/^-(?=.*[1-9])/, '−').replace(/^-/, ''); // and no −0

// number writes a sum, short one of many values.
export const number = v => minus(v.toFixed(6));
export const short = v => minus(v.toFixed(3));

// portion writes a part of 1: neither 0 nor 1 unless it is.
const portion = v => v > 0 && v < 5e-7 ? '<0.000001' : v < 1 && v >= 1 - 5e-7 ? '>0.999999' : number(v);

export const make = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

const heading = (text, scope) => make('th', {textContent: text, scope});
const corner = text => make('th', {scope: 'col'}, make('span', {className: 'unseen', textContent: text}));

// table returns a table of values, tinted by their size. rows and columns are the numbers of
// the rows and columns, from 0 if none are given. kind returns the class of a value at a row
// and column of the table, or ''.
export function table(caption, values, {scale, largest = NaN, write = short, rows, columns, kind = () => ''} = {}) {
  const most = scale ?? Math.max(1e-9, ...values.flat().map(Math.abs)), color = signed();
  const head = make('tr', {}, corner('row'));
  for (let x = 0; x < values[0].length; x++) head.append(heading(columns ? columns[x] : x, 'col'));
  const body = make('tbody');
  values.forEach((row, y) => {
    const line = make('tr', {}, heading(rows ? rows[y] : y, 'row'));
    row.forEach((v, x) => {
      const cell = make('td', {textContent: write(v), title: String(v), className: kind(y, x)});
      cell.style.backgroundColor = `rgb(${color(0.55 * v / most).join(' ')})`;
      if (v === largest) {
        cell.classList.add('largest');
        largest = NaN; // on a tie only the first
      }
      line.append(cell);
    });
    body.append(line);
  });
  return make('table', {}, make('caption', {textContent: caption}), make('thead', {}, head), body);
}

const operator = text => make('span', {className: 'operator', textContent: text});

// single returns a value by itself, with its name above it.
const single = (name, v) => make('p', {className: 'single', title: String(v)}, make('span', {textContent: name}), make('output', {textContent: number(v)}));

const numbers = (first, count, step = 1) => Array.from({length: count}, (_, k) => first + step * k);

// softmax returns a table of how Softmax turns all logits into probabilities.
function softmax({logits, exponentials, exponentialSum}, chosen) {
  const most = Math.max(...logits);
  const exps = exponentials ?? logits.map(logit => Math.exp(logit - most)), sum = exponentialSum ?? exps.reduce((all, v) => all + v, 0);
  const value = v => make('td', {textContent: portion(v), title: String(v)});
  const body = make('tbody');
  logits.forEach((logit, digit) => {
    const line = make('tr', {className: digit === chosen ? 'chosen' : ''}, heading(digit, 'row'), make('td', {textContent: number(logit), title: String(logit)}), value(exps[digit]), value(exps[digit] / sum));
    if (digit === chosen) line.setAttribute('aria-current', 'true');
    body.append(line);
  });
  const quotients = exps.reduce((all, v) => all + v / sum, 0);
  return make('table', {className: 'softmax'},
    make('caption', {textContent: `Softmax, where max is ${number(most)}`}),
    make('thead', {}, make('tr', {}, ...['class', 'logit', 'exp(logit − max)', '÷ sum'].map(text => heading(text, 'col')))), body,
    make('tfoot', {}, make('tr', {}, heading('sum', 'row'), make('td'), value(sum), make('td', {textContent: number(quotients), title: String(quotients)}))));
}

const strongest = 5; // how many inputs to name

export class Panel {
  // units is how many hidden units fit in a row of their picture.
  constructor(units) {
    [this.title, this.sum, this.note, this.channels, this.tables, this.brief] =
      ['panel-title', 'panel-sum', 'panel-note', 'channels', 'tables', 'brief'].map(id => document.getElementById(id));
    this.units = units;
    this.channel = 0;
    this.played = null; // while a convolution is played: how far it is, {channel, from, to}
    this.shown = () => {}; // called with the cell and its explanation after they are shown
  }

  // clear explains nothing.
  clear() {
    this.title.textContent = 'Point at any cell';
    this.sum.textContent = 'Its receptive field lights up, and you\'ll see how its value is computed. Click a cell to pin it, and again to unpin it. Keyboard: Tab to a layer, then arrow keys.';
    this.note.textContent = '';
    this.channels.replaceChildren();
    this.tables.replaceChildren();
    this.brief.hidden = true;
  }

  // show returns the explanation in words.
  show(at, explanation) {
    Object.assign(this, {at, explanation});
    if (this.channel >= explanation.channels.length) this.channel = 0;
    this.title.textContent = names[at.layer](at);
    this.draw();
    this.shown(at, explanation);
    return `${this.title.textContent}. ${this.sum.textContent}`;
  }

  // play shows a convolution up to a product: of that channel the products before to are
  // computed, and those from from on just now. null shows all of it.
  play(played) {
    this.played = played;
    if (played) this.channel = played.channel;
    this.draw();
  }

  draw() {
    this.sum.textContent = this.sumText();
    this.note.textContent = this.noteText();
    this.brief.textContent = `${this.title.textContent}. ${this.sum.textContent}. ↓ all values`;
    this.brief.hidden = false;
    this.showChannels();
    this.showTables();
  }

  sumText() {
    const {explanation: {function: name, formula, sum, bias, total, then, value}, played} = this;
    if (played && !this.complete()) return `${name}: ${formula} = ${number(this.soFar())} so far`;
    let text = `${name}: ${formula} = `;
    if (bias !== null) text += `${number(sum)} + ${number(bias)} = `;
    text += number(total);
    if (then) text += ` → ${then} → ${then === 'Softmax' ? portion(value) : number(value)}`;
    return text;
  }

  noteText() {
    const {at, explanation: {channels, sum, bias, total, then, value}, played} = this;
    if (played && !this.complete()) return this.productText();
    let text = '';
    if (channels.length > 1) {
      text = `${channels.length} channels, one sum each; they add up to ${number(sum)}`;
      text += bias === null ? '.' : `, and the bias makes that ${number(total)}.`;
    } else if (channels[0].weights) {
      text = `${channels[0].in.flat().length} products; they add up to ${number(sum)}`;
      text += bias === null ? '.' : `, and the bias makes that ${number(total)}.`;
    } else {
      text = 'Only the largest value goes on. The others are dropped.';
    }
    if (then === 'ReLU' && total < 0) text += ' ReLU sets negative sums to 0.';
    if (bias !== null) text += ` Strongest inputs: ${this.strongestInputs()}.`;
    return text;
  }

  // strongestInputs names the inputs with the largest products.
  strongestInputs() {
    const products = [];
    this.explanation.channels.forEach((channel, c) => channel.in.forEach((row, y) => row.forEach((v, x) => {
      products.push([v * channel.weights[y][x], this.at.layer === 'relu3' ? `map ${c}, row ${y}, column ${x}` : `unit ${x}`]);
    })));
    products.sort(([a], [b]) => Math.abs(b) - Math.abs(a));
    return products.filter(([product]) => product !== 0).slice(0, strongest).map(([product, name]) => `${name} (${short(product)})`).join('; ') || 'none, all products are 0';
  }

  // complete reports whether all products are computed that are played.
  complete() {
    const {explanation: {channels}, played} = this;
    return played.channel === channels.length - 1 && played.to === channels[played.channel].in.flat().length;
  }

  // soFar returns the sum of the products that are computed, in a channel or in all of them.
  soFar(only = -1) {
    const {explanation: {channels}, played} = this;
    let sum = 0;
    channels.forEach((channel, c) => {
      if (c > played.channel || only >= 0 && c !== only) return;
      if (c < played.channel) {
        sum += channel.sum;
      } else if (played.to === channel.in.flat().length) {
        sum += channel.sum;
      } else {
        const weights = channel.weights.flat();
        channel.in.flat().slice(0, played.to).forEach((v, k) => { sum += v * weights[k]; });
      }
    });
    return sum;
  }

  // productText says which products have just been computed.
  productText() {
    const {explanation: {channels}, played: {channel, from, to}} = this;
    const all = channels[channel].in.flat(), weights = channels[channel].weights.flat(), many = channels.length > 1;
    const where = many ? ` in channel ${channel} of ${channels.length}` : '';
    if (to === 0) return `Product by product${where}: input times weight.`;
    if (to - from > 1) return `Products ${from + 1} to ${to} of ${all.length}${where}.`;
    return `Product ${to} of ${all.length}${where}: ${short(all[from])} · ${short(weights[from])} = ${short(all[from] * weights[from])}`;
  }

  // The buttons stay in place while their values change, so that you can press them.
  showChannels() {
    const channels = this.explanation.channels.length > 1 ? this.explanation.channels : [], {played} = this;
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
      const button = this.channels.children[k], coming = played !== null && k > played.channel;
      const sum = played === null ? channel.sum : this.soFar(k);
      button.textContent = coming ? `${k}: …` : `${k}: ${short(sum)}`;
      button.title = `channel ${k}: ${coming ? 'not computed yet' : sum}`;
      button.classList.toggle('coming', coming);
      button.setAttribute('aria-pressed', k === this.channel);
    });
    rove(this.channels);
  }

  showTables() {
    const {at, explanation} = this, channel = explanation.channels[this.channel], [field] = explanation.fields;
    const vector = at.layer === 'probabilities'; // the units are in rows as in their picture
    const rows = values => vector ? folded(values[0], this.units) : values;
    const inputs = rows(channel.in);
    const place = vector
      ? {rows: numbers(0, inputs.length, this.units), columns: numbers(0, this.units).map(k => `+${k}`)}
      : {rows: numbers(field.row, inputs.length), columns: numbers(field.column, inputs[0].length)};
    if (!channel.weights) {
      this.tables.replaceChildren(table('in', inputs, {largest: channel.sum, write: number, ...place}), operator('→'), single('max', channel.sum));
      return;
    }
    const weights = rows(channel.weights), products = inputs.map((row, y) => row.map((v, x) => v * weights[y][x]));
    const many = explanation.channels.length > 1, of = many ? `, channel ${this.channel}` : '';
    const convolution = explanation.bias === null;
    this.tables.replaceChildren(
      table(`in${of}`, inputs, {...place, kind: this.kind()}), operator('·'),
      table((convolution ? 'kernel' : 'weights') + of, weights, {...convolution ? {} : place, kind: this.kind()}), operator('='),
      table('products', products, {...place, kind: this.kind(true)}));
    if (explanation.logits) this.tables.append(operator('→'), softmax(explanation, at.column));
    else this.tables.append(operator('Σ'), this.played ? single('sum so far', this.soFar(this.channel)) : single('sum', channel.sum));
  }

  // kind returns a function from places in a table to whether the product there has just been
  // computed or, in the table of products, is yet to come.
  kind(products = false) {
    const {played, channel, explanation} = this;
    if (!played) return () => '';
    const columns = explanation.channels[channel].in[0].length;
    return (y, x) => {
      const k = y * columns + x;
      if (channel === played.channel && k >= played.from && k < played.to) return 'now';
      const coming = channel > played.channel || channel === played.channel && k >= played.to;
      return products && coming ? 'coming' : '';
    };
  }
}
