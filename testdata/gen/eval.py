"""Writes eval/testdata/metrics.json: scores and what scikit-learn, as OpenOOD v1.5 calls it, makes of them.

    python3 testdata/gen/eval.py

Needs numpy, scipy and scikit-learn (Debian: python3-sklearn). Higher scores are more out-of-distribution.
"""

import json
import os
import platform

import numpy as np
import scipy
import sklearn
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.metrics import auc, precision_recall_curve, roc_auc_score, roc_curve


def area_pr(positive, score):
    precision, recall, _ = precision_recall_curve(positive, score)
    return auc(recall, precision)


def fpr_at_95(positive, score):
    # drop_intermediate would leave out collinear points and so move the threshold when there are ties.
    fpr, tpr, _ = roc_curve(positive, score, drop_intermediate=False)
    return fpr[np.argmax(tpr >= 0.95)]


def delong_variance(i, o):
    """The definition: the matrix of all pairs."""
    wins = (o[None, :] > i[:, None]) + 0.5 * (o[None, :] == i[:, None])
    return wins.mean(1).var(ddof=1) / len(i) + wins.mean(0).var(ddof=1) / len(o)


def newcombe_end(a, m, n, z, outside):
    """Method 5 of Newcombe 2006, by a root finder."""
    big_n = (m + n) / 2 - 1

    def f(t):
        v = t * (1 - t) * (1 + big_n * ((1 - t) / (2 - t) + t / (1 + t))) / (m * n)
        return (a - t) ** 2 - z * z * v

    if a == outside:
        return a
    inside, tiny = a, 1e-15
    # f is negative within the interval and positive at its outside, but zero at 0 and 1 themselves when a is there.
    if f(inside) == 0:
        inside = a - tiny if outside == 0 else a + tiny
    return brentq(f, inside, outside, xtol=1e-15, rtol=1e-14)


def interval(a, i, o):
    z = norm.ppf(0.975)
    low, high = (newcombe_end(a, len(i), len(o), z, end) for end in (0.0, 1.0))
    if min(len(i), len(o)) < 2:
        return low, high
    v = delong_variance(i, o)
    if v == 0:
        return low, high
    half = z * np.sqrt(v) / (a * (1 - a))
    d_low, d_high = logit(a) - half, logit(a) + half
    k = min(a, 1 - a) ** 2 / v
    few = 1 / (1 + (k / 4.75) ** 4)
    if a >= 0.5:
        d_low = (1 - few) * d_low + few * min(d_low, logit(low))
    if a <= 0.5:
        d_high = (1 - few) * d_high + few * max(d_high, logit(high))
    return expit(d_low), expit(d_high)


def case(name, i, o):
    i, o = np.asarray(i, float), np.asarray(o, float)
    score = np.concatenate([i, o])
    is_ood = np.concatenate([np.zeros(len(i), int), np.ones(len(o), int)])
    a = roc_auc_score(is_ood, score)
    low, high = interval(a, i, o)
    return {
        "name": name, "id": i.tolist(), "ood": o.tolist(),
        "auroc": a, "auroc_low": low, "auroc_high": high,
        "aupr_in": area_pr(1 - is_ood, -score), "aupr_out": area_pr(is_ood, score),
        "fpr95": fpr_at_95(1 - is_ood, -score), "fpr95_ood_positive": fpr_at_95(is_ood, score),
    }


def main():
    r = np.random.default_rng(20240206)

    def normal(mean, n, digits=3, scale=1.0):
        return np.round(r.normal(mean, scale, n), digits)

    cases = [
        case("separate", normal(0, 60), normal(2.5, 40)),
        case("overlapping", normal(0, 100), normal(0.5, 35)),
        case("wrong way round", normal(0, 40), normal(-2, 40)),
        case("many ties", normal(0, 90, 0), normal(1, 70, 0)),
        case("two values", [0] * 19 + [1], [0, 1, 1, 1, 1]),
        case("all equal", [3.5] * 7, [3.5] * 4),
        case("perfect", normal(0, 25), normal(100, 30)),
        case("nothing right", normal(100, 25), normal(0, 30)),
        case("one against one", [1.0], [2.0]),
        case("one against many", [0.25], normal(0, 30)),
        case("nll", -2500 + normal(0, 50, 2) * 1e-3, -2500 + normal(1, 50, 2) * 1e-3),
        case("twenty each", np.arange(20), np.arange(20) + 14.5),
        case("twenty-one each", np.arange(21), np.arange(21) + 14),
        case("heavy tail", normal(0, 80), normal(4, 60, scale=3)),
    ]
    out = {
        "command": "python3 testdata/gen/eval.py",
        "tool": f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__}, "
                f"Python {platform.python_version()}",
        "cases": cases,
    }
    path = os.path.join(os.path.dirname(__file__), "..", "..", "eval", "testdata", "metrics.json")
    with open(path, "w") as f:
        json.dump(out, f, separators=(",", ":"))
        f.write("\n")


main()
