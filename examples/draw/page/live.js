// A network that learns while one looks.
import {ask} from './ask.js';
import {Picture, curve, folded, signed} from './maps.js';

const element = id => document.getElementById(id);

export class Live {
  // changed is called whenever the network has learned, or there is none any more.
  constructor(changed, failed) {
    Object.assign(this, {changed, failed});
    this.filters = new Picture(element('learning'), {maps: 10, rows: 5, columns: 5, across: 5, scale: 9});
    this.orders = Promise.resolve(); // that have been given, one after the other
    element('run').addEventListener('click', () => this.do({run: !this.running}));
    element('step').addEventListener('click', () => this.do({run: false, step: true}));
    element('reset').addEventListener('click', () => this.reset());
    element('seed').addEventListener('change', () => this.reset());
    for (const id of ['rate', 'dropout']) element(id).addEventListener('input', () => {
      this.settings();
      if (this.session) this.order(this.wanted());
    });
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
    element('rate').setAttribute('aria-valuetext', rate);
  }

  // order has the training obey, after the orders before.
  order(fields) {
    const session = this.session;
    this.orders = this.orders.then(() => session === this.session ? ask('train', {session, ...fields}) : null).catch(error => {
      if (session === this.session) this.failed(error);
    });
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
  do(fields) {
    if (this.session) {
      this.order({...this.wanted(), ...fields});
      return;
    }
    if (this.source) return; // it is about to begin
    const seed = element('seed').value;
    if (!/^[0-9]{1,9}$/.test(seed)) {
      element('progress').textContent = `The seed is ${seed || 'missing'}, want a whole number from 0 to 999999999.`;
      return;
    }
    this.source = new EventSource(`train?seed=${seed}`);
    this.source.onmessage = event => this.hear(JSON.parse(event.data), fields);
    this.source.onerror = () => {
      this.end();
      element('progress').textContent = 'The training has ended: either the program has, or four networks are being trained already.';
      this.changed();
    };
  }

  hear(report, first) {
    if (report.broken) {
      this.end();
      element('progress').textContent = `After ${report.digits.toLocaleString('en')} digits the loss is no longer a number: the rate is too high.`;
      this.changed();
      return;
    }
    if (!this.session) {
      this.session = report.session;
      this.order({...this.wanted(), ...first});
    }
    this.running = report.running;
    element('run').textContent = this.running ? 'Pause' : this.session && report.digits > 0 ? 'Go on' : 'Start';
    if (report.loss !== null) this.losses.push([report.digits, report.loss]);
    if (report.right !== undefined) this.accuracies.push([report.digits, 100 * report.right / report.examined]);
    this.values = report.filters1.map(folded);
    const last = list => list.length > 0 ? list[list.length - 1][1] : null;
    const [loss, accuracy] = [last(this.losses), last(this.accuracies)];
    element('progress').textContent = `${report.digits.toLocaleString('en')} digit${report.digits === 1 ? '' : 's'} learned` +
      (loss === null ? '' : `, loss ${loss.toFixed(3)}`) + (accuracy === null ? '' : `, accuracy ${accuracy.toFixed(1)}%`);
    this.draw();
    this.changed();
  }

  draw() {
    const most = Math.max(1e-9, ...this.values.flat(2).map(Math.abs)), color = signed();
    this.filters.show(this.values, v => color(v / most));
    curve(element('loss'), this.losses, {name: 'Loss', low: 0, high: 2.4, label: v => v.toFixed(1)});
    curve(element('accuracy'), this.accuracies, {name: 'Accuracy', low: 0, high: 100, label: v => `${v}%`});
  }
}
