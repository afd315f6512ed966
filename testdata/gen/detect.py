"""Writes internal/detect/testdata/scores.json: small feature sets and what NumPy, SciPy and scikit-learn score them.

    python3 testdata/gen/detect.py

Needs numpy, scipy and scikit-learn (Debian: python3-sklearn). The formulas are those of the papers, written with
other means than the Go code's: softmax and log-sum-exp of SciPy, distances from explicit differences, the precision
matrix of scikit-learn's EmpiricalCovariance. Higher scores are more out-of-distribution.
"""

import json
import os
import platform

import numpy as np
import scipy
import sklearn
from scipy.spatial.distance import cdist
from scipy.special import logsumexp, softmax
from sklearn.covariance import EmpiricalCovariance


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def knn(train, test, k):
    return np.sort(cdist(unit(test), unit(train), "sqeuclidean"), axis=1)[:, min(k, len(train)) - 1]


def mahalanobis(train, labels, test):
    known = labels >= 0
    train, labels = train[known], labels[known]
    values = np.unique(labels)
    means = np.stack([train[labels == v].mean(0) for v in values])
    centred = train - means[np.searchsorted(values, labels)]
    precision = EmpiricalCovariance(assume_centered=False).fit(centred).precision_
    diff = test[:, None, :] - means[None]
    return np.einsum("ncd,de,nce->nc", diff, precision, diff).min(1)


def shortest(x):
    """The shortest decimals that give the same float32 back."""
    return [float(str(v)) for v in x.ravel()]


def case(name, train, labels, test, logits, test_logits, ks):
    """All arrays are float32 or int; the scores are computed in float64 from these very numbers."""
    f, g, l = (a.astype(np.float64) for a in (train, test, test_logits))
    classes = labels if (labels >= 0).any() else logits.argmax(1)
    scores = {
        "msp": -softmax(l, axis=1).max(1),
        "maxlogit": -l.max(1),
        "energy": -logsumexp(l, axis=1),
        "mahalanobis": mahalanobis(f, classes, g),
        "mahalanobis++": mahalanobis(unit(f), classes, unit(g)),
    }
    return {
        "name": name, "d": train.shape[1], "c": logits.shape[1],
        "train": shortest(train), "labels": labels.tolist(), "train_logits": shortest(logits),
        "test": shortest(test), "test_logits": shortest(test_logits),
        "scores": {k: v.tolist() for k, v in scores.items()},
        "knn": {str(k): knn(f, g, k).tolist() for k in ks},
    }


def main():
    r = np.random.default_rng(20240206)

    def rounded(x):
        return np.round(x, 3).astype(np.float32)

    def draw(n, d, c, classes):
        labels = r.integers(0, classes, n)
        mean = r.normal(0, 2, (classes, d)) + 3
        spread = r.normal(0, 1, (d, d)) / np.sqrt(d)
        x = mean[labels] + r.normal(0, 1, (n, d)) @ spread
        return rounded(x), labels, rounded(r.normal(0, 4, (n, c)))

    cases = []
    x, y, l = draw(150, 7, 5, 4)
    test = np.concatenate([x[:6] + rounded(r.normal(0, 1, (6, 7))), rounded(r.normal(0, 6, (6, 7)))])
    cases.append(case("full rank", x[20:], y[20:], test, l[20:], rounded(r.normal(0, 4, (12, 5))), [1, 10, 50, 500]))

    # A dead channel, one that repeats another, labels with gaps and images without one.
    x, y, l = draw(90, 8, 3, 3)
    x[:, 2] = 0
    x[:, 5] = x[:, 1]
    y = y * 10 + 2
    y[::7] = -1
    test = rounded(r.normal(2, 4, (10, 8)))
    cases.append(case("rank deficient", x, y, test, l, rounded(r.normal(0, 40, (10, 3))), [3, 50]))

    # No labels at all: the predicted classes stand in. Queries that nearly repeat training images.
    x, y, l = draw(70, 6, 4, 4)
    test = x[:8] + (r.normal(0, 1, (8, 6)) * 1e-5).astype(np.float32)
    test[0] = x[0]
    cases.append(case("near duplicates", x, np.full(70, -1), test, l, rounded(r.normal(0, 1, (8, 4))), [1, 2, 50]))

    # More dimensions than images.
    x, y, l = draw(20, 30, 2, 2)
    cases.append(case("more dimensions than images", x, y, rounded(r.normal(3, 3, (5, 30))), l,
                      rounded(r.normal(0, 100, (5, 2))), [5]))

    out = {
        "command": "python3 testdata/gen/detect.py",
        "tool": f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__}, "
                f"Python {platform.python_version()}",
        "cases": cases,
    }
    path = os.path.join(os.path.dirname(__file__), "..", "..", "internal", "detect", "testdata", "scores.json")
    with open(path, "w") as f:
        json.dump(out, f, separators=(",", ":"))
        f.write("\n")


main()
