"""Rank ICs of factors against one label, beside what else computes them, on the same arrays.

    python benchmarks/rank_ic.py

500 symbols × 2520 days: with late listings alone, where a factor's missing cells lie within the
label's, and with 5% of the factor's cells missing at random. ``ranks, then correlation`` ranks
factor and label anew over the cells that both have, in whole arrays, on one thread. ``copy`` is one
array's. The best of 15 after a warm-up, in milliseconds; values are compared with pandas'.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from engine.kernels.correlation import pearson_rows
from engine.kernels.ranks import average_ranks
from engine.study.ic import RankedOutcome, correlate, rank_ic

T, N, RUNS = 2520, 500, 15
TARGET = 4.0  # times faster than ranks, then correlation


def main() -> None:
    for name, missing in (("late listings", 0.0), ("5% of the factor missing", 0.05)):
        factor, label = arrays(missing)
        outcome = RankedOutcome.of(label)
        oracle = pd.DataFrame(factor).corrwith(pd.DataFrame(label), axis=1, method="spearman")
        made = correlate(factor, outcome).rank_ic
        known = np.isfinite(made)
        worst = np.abs(made - oracle.to_numpy())[known].max()
        copy = timed(factor.copy)
        rank = timed(lambda x=factor, y=label: textbook(x, y))
        both = timed(lambda x=factor, y=label: (textbook(x, y), pearson(x, y)))
        print(f"\n{N} x {T}, {name}; largest difference from pandas {worst:.0e}")
        print(f"{'':44s} {'ms':>8s} {'copies':>7s} {'faster':>7s}")
        say("copy of one array", copy, copy)
        say("ranks, then correlation", rank, copy)
        say("the same, and Pearson", both, copy)
        kept = timed(lambda x=factor, o=outcome: correlate(x, o, pearson=False))
        say("correlate, label ranked before", kept, copy, rank)
        more = timed(lambda x=factor, o=outcome: correlate(x, o))
        say("  and Pearson", more, copy, both)
        quantiles = timed(lambda x=factor, o=outcome: correlate(x, o, q=5))
        say("  and means of 5 quantiles", quantiles, copy)
        say(
            "rank_ic, which ranks the label too",
            timed(lambda x=factor, y=label: rank_ic(x, y)),
            copy,
        )
    frames = pd.DataFrame(factor), pd.DataFrame(label)
    peers = {
        "pandas: rank(axis=1), then corrwith": lambda: (
            frames[0]
            .where(frames[1].notna())
            .rank(axis=1)
            .corrwith(frames[1].where(frames[0].notna()).rank(axis=1), axis=1)
        ),
        "pandas: corrwith(method='spearman')": lambda: frames[0].corrwith(
            frames[1], axis=1, method="spearman"
        ),
    }
    for name, work in peers.items():
        say(name, timed(work, 2), copy)


def arrays(missing: float) -> tuple[np.ndarray, np.ndarray]:
    """A factor and a label that it knows a little of; a third of the symbols is listed late."""
    random = np.random.default_rng(0)
    factor = random.normal(size=(T, N))
    label = 0.05 * factor + random.normal(size=(T, N))
    late = np.arange(T)[:, None] < np.where(random.random(N) < 1 / 3, random.integers(0, T, N), 0)
    factor[late] = label[late] = np.nan
    label[random.random((T, N)) < 0.02] = np.nan
    factor[random.random((T, N)) < missing] = np.nan
    factor[np.isnan(label)] = np.nan if missing == 0.0 else factor[np.isnan(label)]
    return factor, label


def textbook(factor: np.ndarray, label: np.ndarray) -> np.ndarray:
    both = np.isfinite(factor) & np.isfinite(label)
    ranks = [average_ranks(np.where(both, array, np.nan)) for array in (factor, label)]
    return pearson(*ranks)


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.empty(len(a))
    pearson_rows(a, b, out)
    return out


def timed(work: Callable[[], Any], runs: int = RUNS) -> float:
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds) * 1e3


def say(name: str, ms: float, copy: float, before: float | None = None) -> None:
    faster = "" if before is None else f"{before / ms:7.1f}"
    missed = "  MISSED" if before is not None and before / ms < TARGET else ""
    print(f"{name:44s} {ms:8.1f} {ms / copy:7.1f} {faster}{missed}")


if __name__ == "__main__":
    main()
