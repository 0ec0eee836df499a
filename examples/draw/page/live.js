// A network that learns while one looks.
import {ask, latest} from './ask.js';
import {Picture, curve, signed} from './maps.js';

const element = id => document.getElementById(id);

export class Live {
  // changed is called whenever the network has learned, or is no more.
  constructor(changed, failed) {
    Object.assign(this, {changed, failed});
    this.filters = new Picture(element('learning'), {maps: 10, rows: 5, columns: 5, across: 5, scale: 9});
    this.order = latest(o => ask('train', {session: this.session, ...o}), failed);
    element('run').addEventListener('click', () => this.do({run: !this.running}));
    element('step').addEventListener('click', () => this.do({run: false, step: true}));
    element('reset').addEventListener('click', () => this.reset());
    element('seed').addEventListener('change', () => this.reset());
    for (const id of ['rate', 'dropout']) element(id).addEventListener('input', () => {
      this.settings();
      if (this.session) this.order(this.wanted());
    });
    element('look').addEventListener('change', changed);
    addEventListener('pagehide', () => this.end());
    this.forget();
    this.settings();
  }

  wanted() {
    return {rate: Number((10 ** element('rate').value).toPrecision(2)), dropout: Number(element('dropout').value)};
  }

  settings() {
    const {rate, dropout} = this.wanted();
    element('rate-value').textContent = rate;
    element('dropout-value').textContent = dropout.toFixed(2);
  }

  forget() {
    this.session = '';
    this.running = false;
    this.losses = [];
    this.accuracies = [];
    this.values = Array(10).fill(Array(5).fill(Array(5).fill(0)));
    this.draw();
    element('run').textContent = 'Start';
  }

  // the name of the network that shall look at the digit above
  looking() {
    return element('look').checked ? this.session : '';
  }

  end() {
    if (this.source) this.source.close();
    this.source = null;
    this.forget();
  }

  reset() {
    this.end();
    element('progress').textContent = 'Not begun.';
    this.changed();
  }

  // do gives an order, to a new training if there is none.
  do(order) {
    if (this.session) return this.order({...this.wanted(), ...order});
    if (this.source) return;
    const seed = element('seed').value;
    this.source = new EventSource(`train?seed=${encodeURIComponent(seed)}`);
    this.source.onmessage = event => this.hear(JSON.parse(event.data), order);
    this.source.onerror = () => {
      this.end();
      element('progress').textContent = /^[0-9]+$/.test(seed) ? 'The training has ended: the server is gone, or four pages train at once.' : `The seed is ${seed || 'empty'}, want a whole number from 0.`;
      this.changed();
    };
  }

  hear(report, first) {
    if (report.broken) {
      this.end();
      element('progress').textContent = `After ${report.digits.toLocaleString('en')} digits the loss is no number any more: the rate is too high. Reset.`;
      this.changed();
      return;
    }
    if (report.session) {
      this.session = report.session;
      this.order({...this.wanted(), ...first});
    }
    this.running = report.running;
    element('run').textContent = this.running ? 'Pause' : this.session && report.digits > 0 ? 'Go on' : 'Start';
    if (report.loss !== null) this.losses.push([report.digits, report.loss]);
    if (report.right !== undefined) this.accuracies.push([report.digits, 100 * report.right / report.examined]);
    this.values = report.filters1.map(f => [0, 1, 2, 3, 4].map(k => f.slice(5 * k, 5 * k + 5)));
    const last = list => list.length > 0 ? list[list.length - 1][1] : null;
    const [loss, accuracy] = [last(this.losses), last(this.accuracies)];
    element('progress').textContent = `${report.digits.toLocaleString('en')} digits learned` +
      (loss === null ? '' : `, loss ${loss.toFixed(3)}`) + (accuracy === null ? '' : `, accuracy ${accuracy.toFixed(1)}%`);
    this.draw();
    this.changed();
  }

  draw() {
    const most = Math.max(1e-9, ...this.values.flat(2).map(Math.abs)), color = signed();
    this.filters.show(this.values, v => color(v / most));
    curve(element('loss'), this.losses, {low: 0, high: 2.4, label: v => v.toFixed(1)});
    curve(element('accuracy'), this.accuracies, {low: 0, high: 100, label: v => `${v}%`});
  }
}
