#!/usr/bin/python3
"""Compute the demonstration's baselines a second time, with NumPy.

    make demo
    python3 testdata/gen/demo_baselines.py demo-out

reads the feature files that the demonstration left in demo-out and prints a
table to hold against that of `oodflow eval`: AUROC in percent of id-test
against near-ood and far-ood. It shares no code with oodflow; the detectors are
written as in the papers, in float64:

    msp            arXiv:1610.02136    knn            arXiv:2204.06507, k = 50
    maxlogit       arXiv:1911.11132    mahalanobis    arXiv:1807.03888
    energy         arXiv:2010.03759    mahalanobis++  arXiv:2505.18032

and `gaussian++`, one Gaussian on normalised features, which oodflow has not.
"""

import json
import sys
from pathlib import Path

import numpy as np

DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}


def read(file):
    """Read the numeric tensors of a safetensors file, floats as float64."""
    data = Path(file).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    tensors = {}
    for name, t in header.items():
        if name == "__metadata__" or t["dtype"] not in DTYPES:
            continue
        begin, end = t["data_offsets"]
        values = np.frombuffer(body[begin:end], DTYPES[t["dtype"]]).reshape(t["shape"])
        tensors[name] = values if t["dtype"] == "I64" else values.astype(np.float64)
    return tensors


def auroc(known, strange):
    """The share of pairs in which the strange score is the higher; a tie is half."""
    known = np.sort(known)
    below = np.searchsorted(known, strange, "left") + np.searchsorted(known, strange, "right")
    return below.mean() / 2 / len(known)


def unit(z):
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def lse(logits):
    top = logits.max(1)
    return top + np.log(np.exp(logits - top[:, None]).sum(1))


def knn(train, z, k=50):
    """Squared distance to the k-th nearest training vector, both normalised."""
    squared = 2 - 2 * unit(z) @ unit(train).T
    return np.partition(squared, k - 1, axis=1)[:, k - 1]


def mahalanobis(train, labels, z):
    """Distance to the nearest class mean under the covariance all classes share."""
    means = np.stack([train[labels == c].mean(0) for c in np.unique(labels)])
    residual = train - means[np.searchsorted(np.unique(labels), labels)]
    precision = np.linalg.pinv(residual.T @ residual / len(train))
    distances = [np.einsum("ij,jk,ik->i", z - m, precision, z - m) for m in means]
    return np.min(distances, axis=0)


def detectors(train):
    """Every detector's name and score, higher for what is stranger."""
    z, y = train["features"], train["labels"]
    one = np.zeros_like(y)
    return {
        "msp": lambda s: -np.exp(s["logits"].max(1) - lse(s["logits"])),
        "maxlogit": lambda s: -s["logits"].max(1),
        "energy": lambda s: -lse(s["logits"]),
        "knn": lambda s: knn(z, s["features"]),
        "mahalanobis": lambda s: mahalanobis(z, y, s["features"]),
        "mahalanobis++": lambda s: mahalanobis(unit(z), y, unit(s["features"])),
        "gaussian++": lambda s: mahalanobis(unit(z), one, unit(s["features"])),
    }


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: demo_baselines.py FOLDER, the one that the demonstration wrote to")
    folder = Path(sys.argv[1])
    sets = {name: read(folder / f"{name}.safetensors") for name in ("id-train", "id-test", "near-ood", "far-ood")}
    test = sets["id-test"]
    print(f"accuracy on id-test: {100 * (test['logits'].argmax(1) == test['labels']).mean():.2f} %")
    print(f"{'AUROC, %':15s} {'near-ood':>8s} {'far-ood':>8s}")
    for name, score in detectors(sets["id-train"]).items():
        known = score(test)
        near, far = (auroc(known, score(sets[s])) for s in ("near-ood", "far-ood"))
        print(f"{name:15s} {100 * near:8.2f} {100 * far:8.2f}")


if __name__ == "__main__":
    main()
