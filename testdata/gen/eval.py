"""Writes eval/testdata/metrics.json: scores, what scikit-learn makes of them, and what OpenOOD v1.5, pytorch-ood and ViM do.

    python3 testdata/gen/eval.py

Needs numpy, scipy, scikit-learn and torch (Debian: python3-sklearn, python3-torch). Higher scores are more out-of-distribution.
"""

import json
import os
import platform

import numpy as np
import scipy
import sklearn
import torch
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


def detection_error(i, o):
    """At every threshold between two scores and outside all."""
    s = np.unique(np.concatenate([i, o]))
    return min(((i >= t).mean() + (o < t).mean()) / 2 for t in np.r_[s, np.inf])


def autc(i, o):
    """Both rates integrated over the thresholds, interval by interval: between two scores they are constant."""
    s = np.unique(np.concatenate([i, o]))
    if len(s) == 1:
        return 0.5
    middle, width = (s[1:] + s[:-1]) / 2, np.diff(s) / (s[-1] - s[0])
    return sum(w * ((i >= t).mean() + (o < t).mean()) / 2 for t, w in zip(middle, width))


def delong_variances(i, o):
    """The definition, of both sides: the matrix of all pairs."""
    wins = (o[None, :] > i[:, None]) + 0.5 * (o[None, :] == i[:, None])
    return wins.mean(1).var(ddof=1) / len(i), wins.mean(0).var(ddof=1) / len(o)


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
    fewer = min(len(i), len(o))
    low, high = (newcombe_end(a, fewer, fewer, z, end) for end in (0.0, 1.0))
    if min(len(i), len(o)) < 2:
        return low, high
    sides = delong_variances(i, o)
    v = sum(sides)
    if v == 0:
        return low, high
    half = z * np.sqrt(v) / (a * (1 - a))
    d_low, d_high = logit(a) - half, logit(a) + half
    k = min(a, 1 - a) ** 2 / max(sides)
    few = 1 / (1 + (k / 8.5) ** 4)
    if a >= 0.5:
        d_low = (1 - few) * d_low + few * min(d_low, logit(low))
    if a <= 0.5:
        d_high = (1 - few) * d_high + few * max(d_high, logit(high))
    return expit(d_low), expit(d_high)


def openood(i, o):
    """Its conf is the negated score; roc_curve is called with its defaults, which leave out collinear points."""
    conf, is_ood = -np.concatenate([i, o]), np.concatenate([np.zeros(len(i), int), np.ones(len(o), int)])
    fpr, tpr, _ = roc_curve(is_ood, -conf)
    return {"auroc": auc(fpr, tpr), "aupr_in": area_pr(1 - is_ood, conf), "aupr_out": area_pr(is_ood, -conf),
            "fpr95": fpr[np.argmax(tpr >= 0.95)]}


def pytorch_ood(i, o):
    """torchmetrics takes scores outside [0,1] for logits. PyTorch's own sigmoid in float32, the rest from the
    definitions in float64."""

    def counts(preds, positive):
        preds = torch.tensor(preds, dtype=torch.float32)
        if not bool(torch.all((preds >= 0) & (preds <= 1))):
            preds = torch.sigmoid(preds)
        values, at = np.unique(-preds.numpy(), return_inverse=True)
        tp = np.cumsum(np.bincount(at, positive, len(values)))
        fp = np.cumsum(np.bincount(at, 1 - positive, len(values)))
        return tp, fp

    def area(x, y):
        return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))

    def pr(tp, fp):
        return area(np.r_[0, tp / tp[-1]], np.r_[1, tp / (tp + fp)])

    scores, is_ood = np.concatenate([i, o]), np.concatenate([np.zeros(len(i), int), np.ones(len(o), int)])
    tp, fp = counts(scores, is_ood)
    tpr, fpr = np.r_[0, tp / tp[-1]], np.r_[0, fp / fp[-1]]
    return {"auroc": area(fpr, tpr), "aupr_in": pr(*counts(-scores, 1 - is_ood)), "aupr_out": pr(tp, fp),
            "fpr95": fpr[np.searchsorted(tpr, 0.95)]}


def vim(i, o):
    """ind_conf and ood_conf are negated scores."""
    ind, ood = -i, -o
    conf, is_id = np.concatenate([ind, ood]), np.concatenate([np.ones(len(i)), np.zeros(len(o))])
    threshold = np.sort(ind)[-int(np.floor(0.95 * len(ind)))]
    return {"auroc": roc_auc_score(is_id, conf), "aupr_in": area_pr(is_id, conf),
            "aupr_out": area_pr(1 - is_id, 1 - conf), "fpr95": np.sum(ood >= threshold) / len(ood)}


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
        "detection_error": detection_error(i, o), "autc": autc(i, o),
        "openood": openood(i, o), "pytorch-ood": pytorch_ood(i, o), "vim": vim(i, o),
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
        case("equal steps", np.repeat(np.arange(40), 2), np.repeat(np.arange(30), 1) + 5),
        case("probabilities", np.round(r.beta(2, 5, 90), 4), np.round(r.beta(5, 2, 70), 4)),
        case("saturated", normal(12, 80, 2, 5), normal(18, 70, 2, 5)),
        case("tiny", r.normal(0, 2e-16, 60), r.normal(2e-16, 2e-16, 60)),
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
