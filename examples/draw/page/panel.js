// The panel: how the value of a cell is computed.
import * as gradient from './gradient.js';
import {number, plus, portion, short, shorts, times} from './numbers.js';
import {rove} from './roving.js';
import {fold, heading, make, numbers, operator, single, table} from './tables.js';

// names are the titles of the cells, which in the convolutions and max-pools say where they are.
const names = {
  ...gradient.places,
  relu3: at => `Hidden unit ${at.column}`,
  probabilities: at => `Probability of ${at.column}`,
};

// softmax returns a table of how Softmax turns all logits into probabilities.
function softmax({logits, exponentials: exps, exponentialSum: sum}, chosen) {
  const plain = v => make('td', {textContent: number(v), title: String(v)});
  const value = v => make('td', {textContent: portion(v), title: String(v)});
  const body = make('tbody');
  logits.forEach((logit, digit) => {
    const line = make('tr', {className: digit === chosen ? 'chosen' : ''}, heading(digit, 'row'), plain(logit), value(exps[digit]), value(exps[digit] / sum));
    if (digit === chosen) line.setAttribute('aria-current', 'true');
    body.append(line);
  });
  const quotients = exps.reduce((all, v) => all + v / sum, 0);
  return make('table', {className: 'softmax'},
    make('caption', {textContent: `Softmax, where max is ${number(Math.max(...logits))}`}),
    make('thead', {}, make('tr', {}, ...['class', 'logit', 'exp(logit − max)', '÷ sum'].map(text => heading(text, 'col')))), body,
    make('tfoot', {}, make('tr', {}, heading('sum', 'row'), make('td'), value(sum), plain(quotients))));
}

// strongestInputs returns the inputs of a fully connected unit with the largest products, the
// largest first: {layer, map, row, column, product}.
export function strongestInputs({layer}, {channels}) {
  const from = layer === 'relu3' ? 'pool2' : 'relu3', inputs = [];
  channels.forEach(({in: values, weights}, map) => values.forEach((line, row) => line.forEach((v, column) => {
    inputs.push({layer: from, map, row, column, product: v * weights[row][column]});
  })));
  inputs.sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  return inputs.slice(0, 5).filter(({product}) => product !== 0);
}

export class Panel {
  // units is how many hidden units fit in a row of their picture.
  constructor(units) {
    [this.title, this.sum, this.note, this.channels, this.tables, this.brief] =
      ['panel-title', 'panel-sum', 'panel-note', 'channels', 'tables', 'brief-cell'].map(id => document.getElementById(id));
    this.units = units;
    this.channel = 0;
    this.played = null; // while a convolution is played: how far it is, {channel, from, to}
    this.shown = () => {}; // called with the cell and its explanation after they are shown
  }

  // clear explains nothing but what you can point at.
  clear(backward) {
    this.title.textContent = 'Point at any cell';
    const shows = backward ? 'The cells that its gradient comes from light up, and you\'ll see how the gradient is computed.' : 'Its receptive field lights up, and you\'ll see how its value is computed.';
    this.sum.textContent = `${shows} Click a cell to pin it, and again to unpin it. Keyboard: Tab to a layer, then arrow keys.`;
    this.note.textContent = '';
    this.channels.replaceChildren();
    this.tables.replaceChildren();
    this.brief.textContent = '';
  }

  // show shows the explanation of a cell's value, or of the gradient at it, and returns it in
  // words.
  show(at, explanation, backward = false) {
    Object.assign(this, {at, explanation, backward});
    if (this.channel >= explanation.channels.length) this.channel = 0;
    this.title.textContent = backward ? gradient.title(at) : names[at.layer](at);
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
    this.sum.textContent = this.backward ? gradient.sum(this.explanation) : this.sumText();
    this.note.textContent = this.backward ? gradient.note(this.at, this.explanation) : this.noteText();
    this.brief.textContent = `${this.title.textContent}. ${this.sum.textContent}. ↓ All values`;
    this.showChannels();
    this.showTables();
  }

  sumText() {
    const {explanation: {function: name, formula, sum, bias, total, then, value}, played} = this;
    if (played && !this.complete()) return `${name}: ${formula} = ${number(this.soFar())} so far`;
    let text = `${name}: ${formula} = `;
    if (bias !== null) text += `${number(sum)} ${plus(bias)} = `;
    text += number(total);
    if (then) text += ` → ${then} → ${then === 'Softmax' ? portion(value) : number(value)}`;
    return text;
  }

  noteText() {
    const {explanation: {channels, sum, bias, total, then}, played} = this;
    if (played && !this.complete()) return this.productText();
    if (!channels[0].weights) return 'Only the largest value is passed on. The others are dropped.';
    let text = channels.length > 1 ? `The sums of the ${channels.length} channels` : `The ${channels[0].in.flat().length} products`;
    text += ` add up to ${number(sum)}.`;
    if (bias !== null) text += ` With the bias, that's ${number(total)}.`;
    if (then === 'ReLU' && total < 0) text += ' ReLU sets negative sums to 0.';
    return text;
  }

  // listStrongest returns a list of the strongest inputs.
  listStrongest() {
    const items = strongestInputs(this.at, this.explanation).map(({layer, map, row, column, product}) => {
      const name = layer === 'relu3' ? `unit ${column}` : `map ${map}, row ${row}, column ${column}`;
      return make('li', {textContent: `${name}: ${short(product)}`, title: String(product)});
    });
    return make('div', {className: 'strongest'}, make('span', {textContent: items.length > 0 ? 'Strongest inputs' : 'All products are 0'}), make('ol', {}, ...items));
  }

  // complete reports whether all products are computed that are played.
  complete() {
    const {explanation: {channels}, played} = this;
    return played.channel === channels.length - 1 && played.to === channels[played.channel].in.flat().length;
  }

  // isAdded reports whether all products of the channel that's shown are computed.
  isAdded() {
    const {played, channel, explanation} = this;
    return !played || channel < played.channel || channel === played.channel && played.to === explanation.channels[channel].in.flat().length;
  }

  // soFar returns the sum of the products that are computed, in a channel or in all of them.
  soFar(only = -1) {
    const {explanation: {channels}, played} = this;
    let sum = 0;
    channels.forEach((channel, c) => {
      if (c > played.channel || only >= 0 && c !== only) return;
      const values = channel.in.flat(), weights = channel.weights.flat();
      if (c < played.channel || played.to === values.length) sum += channel.sum;
      else values.slice(0, played.to).forEach((v, k) => { sum += v * weights[k]; });
    });
    return sum;
  }

  // productText says which products have just been computed.
  productText() {
    const {explanation: {channels}, played: {channel, from, to}} = this;
    const all = channels[channel].in.flat(), weights = channels[channel].weights.flat(), many = channels.length > 1;
    const where = many ? ` in channel ${channel}` : '';
    if (to === 0) return `Product by product${where}: input times weight.`;
    if (to - from > 1) return `Products ${from + 1} to ${to} of ${all.length}${where}.`;
    return `Product ${to} of ${all.length}${where}: ${short(all[from])} · ${times(weights[from])} = ${short(all[from] * weights[from])}`;
  }

  // The buttons stay in place while their values change, so that you can press them.
  showChannels() {
    const channels = this.explanation.channels.length > 1 ? this.explanation.channels : [], {played} = this;
    const write = this.backward ? shorts(channels.map(channel => channel.sum)) : short, name = this.backward ? 'filter' : 'channel';
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
      button.textContent = coming ? `${k}: …` : `${k}: ${write(sum)}`;
      button.title = `${name} ${k}: ${coming ? 'not computed yet' : sum}`;
      button.classList.toggle('coming', coming);
      button.setAttribute('aria-pressed', k === this.channel);
    });
    rove(this.channels);
  }

  showTables() {
    if (this.backward) {
      this.tables.replaceChildren(...gradient.tables(this.at, this.explanation, this.channel, this.units));
      return;
    }
    const {at, explanation} = this, channel = explanation.channels[this.channel], [field] = explanation.fields;
    const vector = at.layer === 'probabilities';
    const rows = values => vector ? fold(values[0], this.units) : values;
    const inputs = rows(channel.in);
    const place = vector
      ? {rows: numbers(0, inputs.length, inputs[0].length), columns: numbers(0, inputs[0].length).map(k => `+${k}`)}
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
    if (explanation.logits) {
      this.tables.append(operator('→'), make('div', {}, softmax(explanation, at.column), this.listStrongest()));
      return;
    }
    this.tables.append(operator('Σ'), this.isAdded() ? single('sum', channel.sum) : single('sum so far', this.soFar(this.channel)));
    if (!convolution) this.tables.append(this.listStrongest());
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
