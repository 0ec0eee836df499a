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
    this.steps = 0; // still to take, one by one
    element('run').addEventListener('click', () => this.run(!this.running));
    element('step').addEventListener('click', () => {
      this.steps++;
      this.run(false);
    });
    element('reset').addEventListener('click', () => this.reset());
    element('seed').addEventListener('change', () => this.reset());
    for (const id of ['rate', 'dropout']) element(id).addEventListener('input', () => {
      this.showSliders();
    });
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

  clear() {
    this.session = '';
    this.running = false;
    this.steps = 0;
    this.losses = [];
    this.accuracies = [];
    this.values = this.zeros;
    this.draw();
    this.showButton();
  }

  // inUse returns the name of the session whose network is used above, or '' for the
  // trained one.
  inUse() {
    return element('use').checked ? this.session : '';
  }

  reset() {
    this.clear();
    element('progress').textContent = 'Not started.';
    this.changed();
  }

  // run starts or pauses training, and trains as long as there is something to do: a slice
  // at a time, so that the server soon responds to other requests.
  async run(running) {
    this.running = running;
    if (this.busy) return;
    this.busy = true;
    while (this.running || this.steps > 0) {
      const seed = element('seed').value, {session, losses} = this;
      if (!/^[0-9]{1,9}$/.test(seed)) {
        element('progress').textContent = `The seed is ${seed || 'missing'}, want an integer from 0 to 999999999.`;
        this.running = false;
        this.steps = 0;
        break;
      }
      let milliseconds = 40;
      if (this.steps > 0) {
        milliseconds = 0;
        this.steps--;
      }
      try {
        const report = await ask('train', {session, seed: Number(seed), ...this.sliders(), milliseconds});
        if (this.losses === losses) this.update(report); // otherwise it has been reset meanwhile
      } catch (error) {
        this.clear();
        element('progress').textContent = error.message;
        this.changed();
      }
    }
    this.busy = false;
    this.showButton();
  }

  showButton() {
    element('run').textContent = this.running ? 'Pause' : this.session ? 'Resume' : 'Start';
  }

  // update shows a report.
  update(report) {
    const examples = `${report.examples.toLocaleString('en')} training example${report.examples === 1 ? '' : 's'}`;
    if (report.diverged) {
      this.clear();
      element('progress').textContent = `Training diverged after ${examples}: the loss is no longer finite. Try a lower learning rate.`;
      this.changed();
      return;
    }
    this.session = report.session;
    this.showButton();
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
