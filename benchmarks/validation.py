"""What the statistics of many trials cost, beside a copy of the returns.

    python benchmarks/validation.py

The probability of backtest overfitting of 100 trials × 2520 days in 16 blocks (12,870 splits), and
the clusters of 1,000 trials × 2520 days, all of whose returns are known or a fifth of which are
missing. The best of 5 after a warm-up, in milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.study import count_independent, find_overfitting

T, RUNS = 2520, 5
SPLITS, CLUSTERS = 5000.0, 300.0  # targets, ms


def main() -> None:
    random = np.random.default_rng(0)
    few = 0.01 * random.standard_normal((T, 100))
    many = (0.01 * random.standard_normal((T, 1000))).astype(np.float32)
    holes = many.copy()
    holes[: T // 5 * 2, ::2] = np.nan
    print(f"{'':44s} {'ms':>8s} {'copies':>8s}")
    say("overfitting, 100 trials, S = 16", lambda: find_overfitting(few), few, SPLITS)
    say("clusters, 1,000 trials", lambda: count_independent(many), many, CLUSTERS)
    say("  a fifth of the returns missing", lambda: count_independent(holes), holes, CLUSTERS)
    clusters = count_independent(many)
    say("  effective trials", clusters.count_effective, many, CLUSTERS)


def say(name: str, work: Callable[[], Any], returns: np.ndarray, target: float) -> None:
    ms, copy = time_best(work), time_best(returns.copy)
    print(f"{name:44s} {ms:8.1f} {ms / copy:8.0f}{'  MISSED' if ms > target else ''}")


def time_best(work: Callable[[], Any]) -> float:
    work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds) * 1e3


if __name__ == "__main__":
    main()
