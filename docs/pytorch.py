"""The same network in PyTorch, timed: microseconds per digit, median (range) of seven.

    OMP_NUM_THREADS=1 taskset -c 0 python3 docs/pytorch.py out/model.safetensors

It reads a model that examples/train has saved, and the embedded test digits.
"""
import gzip
import json
import statistics
import struct
import sys
import time

import numpy as np
import torch
from torch import nn

DIGITS = 2048


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5, bias=False)
        self.conv2 = nn.Conv2d(10, 20, 5, bias=False)
        self.fc1 = nn.Linear(320, 100)
        self.fc2 = nn.Linear(100, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2).flatten(1)
        x = nn.functional.dropout(x, 0.5, self.training)
        x = nn.functional.dropout(torch.relu(self.fc1(x)), 0.5, self.training)
        return self.fc2(x)


def load(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    header.pop("__metadata__", None)
    return {
        name: torch.from_numpy(np.frombuffer(data[slice(*t["data_offsets"])]).reshape(t["shape"]).copy())
        for name, t in header.items()
    }


def idx(name, header):
    with gzip.open("examples/mnist/" + name) as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


def measure(dtype, batch):
    net = Net()
    net.load_state_dict(load(sys.argv[1]))
    net.to(dtype)
    sgd = torch.optim.SGD(net.parameters(), lr=0.005)
    images = torch.tensor(idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)[:DIGITS] / 255, dtype=dtype)
    labels = torch.tensor(idx("t10k-labels-idx1-ubyte.gz", 8)[:DIGITS].astype(np.int64))

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
