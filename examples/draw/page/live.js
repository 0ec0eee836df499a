// A network that you can watch while it trains.
import {ask} from './ask.js';
import {Picture, curve, signed} from './maps.js';

const element = id => document.getElementById(id);

export class Live {
  // filters1 are the conv1 filters of any network, for their shape. changed is called
  // whenever the network has changed or is gone.
  constructor(filters1, changed, failed) {
    Object.assign(this, {changed, failed});
    const [[kernel]] = filters1, rows = kernel.length, columns = kernel[0].length;
    this.zeros = filters1.map(() => kernel.map(row => row.map(() => 0)));
    this.filters = new Picture(element('learning'), {maps: filters1.length, rows, columns, across: Math.min(filters1.length, 5), scale: Math.max(1, Math.floor(45 / columns))});
    this.commands = Promise.resolve(); // the commands given so far, in order
    element('run').addEventListener('click', () => this.do({run: !this.running}));
    element('step').addEventListener('click', () => this.do({run: false, step: true}));
    element('reset').addEventListener('click', () => this.reset());
    element('seed').addEventListener('change', () => this.reset());
    for (const id of ['rate', 'dropout']) element(id).addEventListener('input', () => {
      this.showSliders();
      if (this.session) this.send(this.sliders());
    });
    addEventListener('pagehide', () => this.end());
    this.clear();
    this.showSliders();
  }

  sliders() {
    return {rate: Number((10 ** element('rate').value).toPrecision(2)), dropout: Number(element('dropout').value)};
  }

  showSliders() {
    const {rate, dropout} = this.sliders();
    element('rate-value').textContent = rate;
    element('dropout-value').textContent = dropout.toFixed(2);
    element('rate').setAttribute('aria-valuetext', rate);
  }

  // send gives the session a command, after all earlier ones.
  send(fields) {
    const session = this.session;
    this.commands = this.commands.then(() => session === this.session ? ask('train', {session, ...fields}) : null).catch(error => {
      if (session === this.session) this.failed(error);
    });
  }

  clear() {
    this.session = '';
    this.running = false;
    this.losses = [];
    this.accuracies = [];
    this.values = this.zeros;
    this.draw();
    element('run').textContent = 'Start';
  }

  // inUse returns the name of the session whose network is used above, or '' for the
  // trained one.
  inUse() {
    return element('use').checked ? this.session : '';
  }

  end() {
    if (this.source) this.source.close();
    this.source = null;
    this.clear();
  }

  reset() {
    this.end();
    element('progress').textContent = 'Not started.';
    this.changed();
  }

  // do gives a command, and starts a session first if there is none.
  do(fields) {
    if (this.session) {
      this.send({...this.sliders(), ...fields});
      return;
    }
    if (this.source) return; // one is about to start
    const seed = element('seed').value;
    if (!/^[0-9]{1,9}$/.test(seed)) {
      element('progress').textContent = `The seed is ${seed || 'missing'}, want an integer from 0 to 999999999.`;
      return;
    }
    this.source = new EventSource(`train?seed=${seed}`);
    this.source.onmessage = event => this.update(JSON.parse(event.data), fields);
    this.source.onerror = () => {
      this.end();
      element('progress').textContent = 'Training has stopped. Either the program has ended, or it is already training as many networks as it can.';
      this.changed();
    };
  }

  // update shows a report. first is the command that a new session begins with.
  update(report, first) {
    const examples = `${report.examples.toLocaleString('en')} training example${report.examples === 1 ? '' : 's'}`;
    if (report.diverged) {
      this.end();
      element('progress').textContent = `Training diverged after ${examples}: the loss is no longer finite. Try a lower learning rate.`;
      this.changed();
      return;
    }
    if (!this.session) {
      this.session = report.session;
      this.send({...this.sliders(), ...first});
    }
    this.running = report.running;
    element('run').textContent = this.running ? 'Pause' : report.examples > 0 ? 'Resume' : 'Start';
    if (report.loss !== null) this.losses.push([report.examples, report.loss]);
    if (report.correct !== undefined) this.accuracies.push([report.examples, 100 * report.correct / report.evaluated]);
    this.values = report.filters1.map(([kernel]) => kernel);
    const last = list => list.length > 0 ? list[list.length - 1][1] : null;
    const [loss, accuracy] = [last(this.losses), last(this.accuracies)];
    element('progress').textContent = examples + (loss === null ? '' : `, loss ${loss.toFixed(3)}`) + (accuracy === null ? '' : `, test accuracy ${accuracy.toFixed(1)}%`);
    this.draw();
    this.changed();
  }

  draw() {
    const most = Math.max(1e-9, ...this.values.flat(2).map(Math.abs)), color = signed();
    this.filters.show(this.values, v => color(v / most));
    curve(element('loss'), this.losses, {name: 'Training loss', low: 0, high: 2.4, label: v => v.toFixed(1)});
    curve(element('accuracy'), this.accuracies, {name: 'Test accuracy', low: 0, high: 100, label: v => `${v}%`});
  }
}
