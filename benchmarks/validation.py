"""What the statistics of many trials cost, beside a copy of the returns.

    python benchmarks/validation.py          # extra `oracles` for alphalens

The probability of backtest overfitting of 100 trials × 2520 days in 16 blocks (12,870 splits), and
the clusters of 1,000 trials × 2520 days, all of whose returns are known or a fifth of which are
missing. The best of 5 after a warm-up, in milliseconds.

Then the trial ledger: what it says of one of 100,000 trials, all of them on the same data, beside
SQLite's own reading of their keys; its list of the newest; and a run's entry.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from factor_report import factor_report

from engine.study import count_independent, find_overfitting
from engine.trials.database import Database
from engine.trials.listing import list_trials
from engine.trials.trial import Place, Result, Start
from engine.trials.verdict import judge

T, RUNS = 2520, 5
SPLITS, CLUSTERS = 5000.0, 300.0  # targets, ms
TRIALS, DAYS, ANSWER = 100_000, 1250, 300.0  # of a ledger; its target, ms


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
    with TemporaryDirectory() as folder, Database(Path(folder, "trials.sqlite")) as database:
        ask_ledger(database)
    factor_report()


def ask_ledger(database: Database) -> None:
    """A ledger of many trials on the same data."""
    fill(database)
    keys = "SELECT key, sharpe FROM trials"
    row = database.read(TRIALS)
    plain = time_best(lambda: database.list_rows(keys))
    print(f"{'ledger of 100,000 trials':44s} {'ms':>8s} {'readings':>8s}")
    for name, work, target in (
        ("  its verdict on one", lambda: judge(database, row), ANSWER),
        ("  the 20 newest", lambda: [*list_trials(database, 20)], ANSWER),
        ("  an entry", lambda: enter(database, 1), ANSWER),
    ):
        ms = time_best(work)
        print(f"{name:44s} {ms:8.1f} {ms / plain:8.1f}{'  MISSED' if ms > target else ''}")


def fill(database: Database) -> None:
    """Enter one trial as a run does, and the others as copies of its row with other returns."""
    enter(database, 0)
    copy = "data, finished, n, skew, kurtosis, error, rows_per_year"
    random = np.random.default_rng(1)
    (calendar,) = database.list_rows("SELECT hash FROM calendars")[0]
    with database._writing():
        for number in range(2, TRIALS + 1):
            excess = (0.01 * random.standard_normal(DAYS)).astype("<f4")
            ratio = float(excess.mean() / excess.std())
            database.connection.execute(
                f"INSERT INTO trials (id, key, sharpe, {copy}) "
                f"SELECT ?, lower(hex(randomblob(16))), ?, {copy} FROM trials WHERE id = 1",
                (number, ratio),
            )
            database.connection.execute(
                "INSERT INTO returns VALUES (?, ?, ?, ?)",
                (number, calendar, excess.tobytes(), excess.tobytes()),
            )
            database.connection.execute(
                "INSERT INTO runs (trial, folder, bundle, overrides, began, finished) "
                "VALUES (?, ?, 'mine', '[]', '2026-01-02 03:04:05', 1)",
                (number, f"/runs/{number}"),
            )


def enter(database: Database, number: int) -> None:
    """A run that begins and finishes."""
    symbols = tuple(f"S{at:03}" for at in range(500))
    place = Place("real", "a file", symbols, 0, DAYS - 1)
    key = f"{number:032x}"
    database.begin(Start(key, place, f"/runs/of/{number}", "mine", (), "2026-01-02 03:04:05"))
    excess = 0.01 * np.random.default_rng(number).standard_normal(DAYS)
    days = np.arange(DAYS, dtype=np.int32)
    database.finish(f"/runs/of/{number}", Result(days, excess, excess, DAYS / 252))


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
