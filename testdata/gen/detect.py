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
import scipy.linalg
import sklearn
from scipy.spatial.distance import cdist
from scipy.special import log_softmax, logsumexp, softmax
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


def pruned(z, p, fill):
    """Keeps the k largest of each row, lower index first, as what fill makes of row and mask."""
    d = z.shape[1]
    k = max(1, d - int(np.round(d * p / 100)))
    out = np.zeros_like(z)
    for i, row in enumerate(z):
        top = np.argsort(-row, kind="stable")[:k]
        out[i] = fill(row, top)
    return out


def ash_b(row, top):
    out = np.zeros_like(row)
    out[top] = row.sum() / len(top)
    return out


def scaled(row, top):
    ratio = row.sum() / row[top].sum() if row[top].sum() != 0 else 1
    return row * np.exp(np.clip(ratio, 1, len(row) / len(top)))


def energy(z, w, b):
    return -logsumexp(z @ w.T + b, axis=1)


def gen(l, gamma=0.1, m=100):
    """Powers of logarithms: 1 - p of the largest is the sum of the others."""
    out = []
    for row in l:
        row = np.sort(row)[::-1]
        log_p = row - logsumexp(row)
        log_rest = np.array([logsumexp(np.delete(row, c)) for c in range(min(m, len(row)))]) - logsumexp(row)
        out.append(np.exp(gamma * (log_p[:m] + log_rest)).sum())
    return np.array(out)


def kl_matching(train, test):
    p, q = log_softmax(train, axis=1), log_softmax(test, axis=1)
    predicted = train.argmax(1)
    divergences = []
    for c in np.unique(predicted):
        mean = logsumexp(p[predicted == c], axis=0) - np.log((predicted == c).sum())
        divergences.append((np.exp(q) * (q - mean)).sum(1))
    return np.min(divergences, axis=0)


def gradnorm(z, l):
    """The gradient itself, by torch-like outer products, of the sum over c of -log softmax."""
    out = []
    for row, logits in zip(z, l):
        by_logit = len(logits) * softmax(logits) - 1
        out.append(-np.abs(np.outer(by_logit, row)).sum())
    return np.array(out)


def relative(train, labels, test):
    known = labels >= 0
    return mahalanobis(train, labels, test) - mahalanobis(train[known], np.zeros(known.sum(), int), test)


def residual_space(train, w, b):
    d = train.shape[1]
    u = -np.linalg.pinv(w, rcond=max(w.shape) * np.finfo(float).eps) @ b
    covariance = EmpiricalCovariance(assume_centered=True).fit(train - u).covariance_
    values, vectors = scipy.linalg.eigh(covariance)
    top = d // 2
    reached = (values > d * np.finfo(float).eps * values[-1]).sum()
    if reached <= top:
        top = reached // 2
    return u, vectors[:, : d - top]


def residual(train, w, b, test):
    u, n = residual_space(train, w, b)
    return np.linalg.norm((test - u) @ n, axis=1)


def vim(train, w, b, test):
    alpha = abs((train @ w.T + b).max(1).mean()) / residual(train, w, b, train).mean()
    return alpha * residual(train, w, b, test) + energy(test, w, b)


def fdbd(train, w, b, test):
    l = test @ w.T + b
    out = []
    for z, row in zip(test, l):
        p = row.argmax()
        others = [c for c in range(len(row)) if c != p]
        distances = [(row[p] - row[c]) / np.linalg.norm(w[p] - w[c]) for c in others]
        out.append(-sum(distances) / np.linalg.norm(z - train.mean(0)))
    return np.array(out)


def nnguide(train, logits, test, test_logits):
    guide = unit(train) * logsumexp(logits, axis=1)[:, None]
    nearest = -np.sort(-(unit(test) @ guide.T), axis=1)[:, :100]
    return -nearest.mean(1) * logsumexp(test_logits, axis=1)


def she(train, labels, logits, test, test_logits):
    predicted = logits.argmax(1)
    keep = labels == predicted
    if not (labels >= 0).any() or 2 * keep.sum() < (labels >= 0).sum():
        keep = np.ones(len(labels), bool)
    patterns = np.zeros((logits.shape[1], train.shape[1]))
    for c in np.unique(predicted[keep]):
        patterns[c] = train[keep & (predicted == c)].mean(0)
    return -(test * patterns[test_logits.argmax(1)]).sum(1)


def shortest(x):
    """The shortest decimals that give the same float32 back."""
    return [float(str(v)) for v in x.ravel()]


def case(name, train, labels, test, logits, test_logits, ks, w, b):
    """All arrays are float32 or int; the scores are computed in float64 from these very numbers."""
    f, g, k, l, w64, b64 = (a.astype(np.float64) for a in (train, test, logits, test_logits, w, b))
    classes = labels if (labels >= 0).any() else logits.argmax(1)
    contribution = f.mean(0) * w64
    scores = {
        "msp": -softmax(l, axis=1).max(1),
        "maxlogit": -l.max(1),
        "energy": -logsumexp(l, axis=1),
        "gen": gen(l),
        "klm": kl_matching(k, l),
        "gradnorm": gradnorm(g, l),
        "react": energy(np.minimum(g, np.percentile(f, 90)), w64, b64),
        "ash": energy(pruned(g, 90, ash_b), w64, b64),
        "scale": energy(pruned(g, 85, scaled), w64, b64),
        "dice": energy(g, np.where(contribution > np.percentile(contribution, 90), w64, 0), b64),
        "rmd": relative(f, classes, g),
        "rmd++": relative(unit(f), classes, unit(g)),
        "residual": residual(f, w64, b64, g),
        "vim": vim(f, w64, b64, g),
        "fdbd": fdbd(f, w64, b64, g),
        "nnguide": nnguide(f, k, g, l),
        "she": she(f, labels, k, g, l),
        "mahalanobis": mahalanobis(f, classes, g),
        "mahalanobis++": mahalanobis(unit(f), classes, unit(g)),
    }
    return {
        "name": name, "d": train.shape[1], "c": logits.shape[1],
        "train": shortest(train), "labels": labels.tolist(), "train_logits": shortest(logits),
        "w": shortest(w), "b": shortest(b),
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

    def head(c, d):
        return rounded(r.normal(0, 1, (c, d))), rounded(r.normal(0, 1, c))

    def confident(logits, labels, wrong):
        """Logits that are right about all but some images."""
        out = logits.copy()
        for i, label in enumerate(labels):
            if i % wrong and 0 <= label < out.shape[1]:
                out[i, label] = out[i].max() + 1
        return out

    cases = []
    x, y, l = draw(150, 7, 5, 4)
    test = np.concatenate([x[:6] + rounded(r.normal(0, 1, (6, 7))), rounded(r.normal(0, 6, (6, 7)))])
    l = confident(l, y, 5)
    cases.append(case("full rank", x[20:], y[20:], test, l[20:], rounded(r.normal(0, 4, (12, 5))), [1, 10, 50, 500],
                      *head(5, 7)))

    # A dead channel, one that repeats another, labels with gaps and images without one.
    x, y, l = draw(90, 8, 3, 3)
    x[:, 2] = 0
    x[:, 5] = x[:, 1]
    y = y * 10 + 2
    y[::7] = -1
    test = rounded(r.normal(2, 4, (10, 8)))
    cases.append(case("rank deficient", x, y, test, l, rounded(r.normal(0, 40, (10, 3))), [3, 50], *head(3, 8)))

    # No labels at all: the predicted classes stand in. Queries that nearly repeat training images.
    x, y, l = draw(70, 6, 4, 4)
    test = x[:8] + (r.normal(0, 1, (8, 6)) * 1e-5).astype(np.float32)
    test[0] = x[0]
    cases.append(case("near duplicates", x, np.full(70, -1), test, l, rounded(r.normal(0, 1, (8, 4))), [1, 2, 50],
                      *head(4, 6)))

    # More dimensions than images.
    x, y, l = draw(20, 30, 2, 2)
    cases.append(case("more dimensions than images", x, y, rounded(r.normal(3, 3, (5, 30))), l,
                      rounded(r.normal(0, 100, (5, 2))), [5], *head(2, 30)))

    # Features as after a ReLU, more classes than GEN looks at and than dimensions, classes without images.
    x, y, l = draw(60, 14, 104, 104)
    cases.append(case("many classes", np.maximum(x, 0), y, np.maximum(rounded(r.normal(1, 3, (6, 14))), 0),
                      confident(l, y, 6), rounded(r.normal(0, 2, (6, 104))), [10], *head(104, 14)))

    # Most features span less than the principal space should.
    x, y, l = draw(40, 9, 3, 3)
    x[:, 3:] = 0
    cases.append(case("nearly all dead", x, y, np.maximum(rounded(r.normal(1, 3, (6, 9))), 0),
                      confident(l, y, 6), rounded(r.normal(0, 2, (6, 3))), [10], *head(3, 9)))

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
