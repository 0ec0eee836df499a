// The operations between the layers: their names, and which pass they belong to.
import {network} from './network.js';
import {change, listen, state} from './state.js';

// names returns what an operation is called in the forward pass and in the backward pass, and
// which functions of layer.go compute it. Its size follows from the layers on both sides.
function names(before, layer) {
  const kernel = before.rows - layer.rows + 1, window = Math.floor(before.rows / layer.rows);
  const convolution = `${kernel}×${kernel} convolution`, pooling = `${window}×${window} max-pool`;
  switch (layer.name) {
    case 'relu1': case 'relu2': return [`${convolution}, ReLU`, `ReLU, ${convolution}`, 'Conv2D, ReLU', 'ReLUGrad, Conv2DInputGrad'];
    case 'pool1': case 'pool2': return [pooling, pooling, 'MaxPool', 'MaxPoolGrad'];
    case 'relu3': return ['flatten, fully connected, ReLU', 'ReLU, fully connected, flatten', 'Flatten, FullyConnected, ReLU', 'ReLUGrad, FullyConnectedInputGrad, Unflatten'];
    default: return ['fully connected, softmax', 'fully connected', 'FullyConnected, Softmax', 'FullyConnectedInputGrad'];
  }
}

const operations = network.layers.slice(1).map((layer, k) => [document.getElementById(`to-${layer.name}`), names(network.layers[k], layer)]);
const buttons = [document.getElementById('show-forward'), document.getElementById('show-backward')];
buttons.forEach((button, k) => button.addEventListener('click', () => change({backward: k === 1})));

function show() {
  const {backward} = state;
  buttons.forEach((button, k) => button.setAttribute('aria-pressed', backward === (k === 1)));
  document.getElementById('backward').hidden = !backward;
  document.getElementById('network').classList.toggle('backward', backward);
  // CrossEntropyGrad goes through the softmax too, so the first gradients are those at the logits.
  document.getElementById('output-name').textContent = backward ? 'Logits' : 'Output';
  for (const [operation, [forward, back, functions, gradients]] of operations) {
    operation.textContent = backward ? back : forward;
    operation.title = backward ? gradients : functions;
  }
}
show();

listen(changed => {
  if (changed.has('backward')) show();
});
