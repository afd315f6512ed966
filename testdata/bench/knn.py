"""Times scikit-learn's brute-force neighbour search on the task of BenchmarkKNN, to be compared with on the same machine:

    python3 testdata/bench/knn.py
    go test -run '^$' -bench KNN -count 3 ./cmd/oodflow

Needs numpy and scikit-learn (Debian: python3-sklearn). 10,000 queries, a bank of 50,000 vectors of 512 features in ten
clusters, all float32 and of norm 1, the 50 nearest of each.
"""

import time

import numpy as np
import sklearn
from sklearn.neighbors import NearestNeighbors


def main():
    r = np.random.default_rng(1)
    means = 0.5 + 2 * np.abs(r.normal(size=(10, 512)))
    spread = np.arange(1, 513) / 512

    def draw(n):
        x = means[np.arange(n) % 10] + r.normal(size=(n, 512)) * spread
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)

    bank, queries = draw(50_000), draw(10_000)
    search = NearestNeighbors(n_neighbors=50, algorithm="brute").fit(bank)
    search.kneighbors(queries[:256])
    for _ in range(3):
        start = time.perf_counter()
        search.kneighbors(queries)
        seconds = time.perf_counter() - start
        print(f"scikit-learn {sklearn.__version__}: {seconds:.2f} s, {2 * 50_000 * 512 * 10_000 / seconds / 1e9:.0f} GFLOP/s")


main()
