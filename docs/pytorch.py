"""The same network in PyTorch, timed: microseconds per image, median (lowest to highest) of seven rounds.

    OMP_NUM_THREADS=1 taskset -c 0 python3 docs/pytorch.py out/model.safetensors
    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=2 taskset -c 0,1 python3 docs/pytorch.py out/model.safetensors

It reads a model that examples/train has saved, and the embedded test images. All batch sizes take turns, so that a busy
minute spoils one round of each and not all rounds of one. With two threads, OpenBLAS has to leave them to PyTorch.
"""
import statistics
import sys
import time

import torch
from torch import nn

from logits import Net, idx, load

IMAGES, ROUNDS = 1024, 7
BATCHES = 1, 8, 32, 128, 256, 512, 1024


class Case:
    def __init__(self, dtype, batch):
        self.name, self.batch = f"{str(dtype)[6:]} batch {batch:4d}", batch
        self.net = Net()
        self.net.load_state_dict(load(sys.argv[1]))
        self.net.to(dtype)
        self.sgd = torch.optim.SGD(self.net.parameters(), lr=0.0062)
        self.images = idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)[:IMAGES].to(dtype) / 255
        self.labels = idx("t10k-labels-idx1-ubyte.gz", 8)[:IMAGES].long()
        self.times = {self.train: [], self.predict: []}

    def train(self, images, labels):
        self.sgd.zero_grad()
        nn.functional.cross_entropy(self.net(images), labels).backward()
        self.sgd.step()

    def predict(self, images, labels):
        with torch.no_grad():
            self.net(images)

    def round(self):
        for step, times in self.times.items():
            self.net.train(step == self.train)
            start = time.perf_counter()
            for k in range(0, IMAGES, self.batch):
                step(self.images[k : k + self.batch], self.labels[k : k + self.batch])
            times.append((time.perf_counter() - start) / IMAGES * 1e6)

    def __str__(self):
        line = self.name + ":"
        for step, times in self.times.items():
            times = times[1:]  # the first warms up
            line += f"  {step.__name__} {statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"
        return line


print("PyTorch", torch.__version__, "with threads:", torch.get_num_threads())
cases = [Case(dtype, batch) for dtype in (torch.float64, torch.float32) for batch in BATCHES]
for _ in range(1 + ROUNDS):
    for case in cases:
        case.round()
print(*cases, sep="\n")
