"""The same network in PyTorch, on a file that convnet saved: are its logits the same?

    go run ./examples/internal/figures/logits -model out/model.safetensors | python3 docs/logits.py out/model.safetensors

It prints the largest difference between the logits of the first ten test digits, as a fraction of the largest logit.
"""
import gzip
import json
import struct
import sys

import torch
from torch import nn


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
    """The tensors of a safetensors file by their names: 8 bytes of length, a header in JSON, the values."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = bytearray(f.read())
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(data[slice(*t["data_offsets"])], dtype=torch.float64).reshape(t["shape"])
        for name, t in header.items()
    }


def idx(name, header):
    """The bytes of an embedded MNIST file behind its header."""
    with gzip.open("examples/mnist/" + name) as f:
        return torch.frombuffer(bytearray(f.read()[header:]), dtype=torch.uint8)


if __name__ == "__main__":
    net = Net().double()
    net.load_state_dict(load(sys.argv[1]))
    net.eval()
    ours = torch.tensor(json.load(sys.stdin), dtype=torch.float64)
    with torch.no_grad():
        theirs = net(idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)[:10].double() / 255)
    difference = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    print(f"PyTorch {torch.__version__}: {ours.numel()} logits, they differ by at most {difference:.1e} of the largest")
    sys.exit(not difference <= 1e-12)
