"""The same network in PyTorch, timed: microseconds per digit, median (range) of seven.

    OMP_NUM_THREADS=1 taskset -c 0 python3 docs/pytorch.py out/model.safetensors

It reads a model that examples/train has saved, and the embedded test digits.
"""
import statistics
import sys
import time

import torch
from torch import nn

from logits import Net, idx, load

DIGITS = 2048


def measure(dtype, batch):
    net = Net()
    net.load_state_dict(load(sys.argv[1]))
    net.to(dtype)
    sgd = torch.optim.SGD(net.parameters(), lr=0.005)
    images = idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)[:DIGITS].to(dtype) / 255
    labels = idx("t10k-labels-idx1-ubyte.gz", 8)[:DIGITS].long()

    def train(images, labels):
        sgd.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        sgd.step()

    def predict(images, labels):
        with torch.no_grad():
            net(images)

    line = f"{str(dtype)[6:]} batch {batch:2d}:"
    for step in train, predict:
        net.train(step is train)
        times = []
        for _ in range(8):
            start = time.perf_counter()
            for k in range(0, DIGITS, batch):
                step(images[k : k + batch], labels[k : k + batch])
            times.append((time.perf_counter() - start) / DIGITS * 1e6)
        times = times[1:]  # the first warms up
        line += f"  {step.__name__} {statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"
    print(line, flush=True)


torch.set_num_threads(1)
print("PyTorch", torch.__version__)
for dtype, batch in (torch.float64, 1), (torch.float64, 32), (torch.float32, 32):
    measure(dtype, batch)
