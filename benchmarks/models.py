"""Walk-forward trainings beside loops that one would write oneself: time, memory, forecasts.

    python benchmarks/models.py                   # 500 symbols × 2520 dates × 25 features
    python benchmarks/models.py --alpha158        # the memory of a run on 158 factors, alone

Features are simulated, with 2 to 5% holes; the label spans 20 days, and 10 expanding trainings are
purged by its ends. ``views`` is a loop of scikit-learn over slices of one array, ``frames`` one
that merges long frames for each training (`walks.py`). Of a model all ways run in turn in one
process, after a round that warms up: the best of the rounds counts, and the ratios, not the
seconds. Memory is what a first run in a process of its own takes beyond its input. Forecasts have
to be equal to 1e-8 of their deviation.

XGBoost has the same options, threads and tail on both sides; the walk-forward's own work is what it
takes beyond XGBoost's `train` and `predict`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from formulas import KEEP_MEMORY
from walks import FEATURES, SPLITS, WAYS, measure_memory, measure_times

CLOSE = 1e-8  # of the forecasts' deviation
WANTED = {"views": 5.0, "frames": 15.0}  # times faster than these
BOOSTED, OWN, OWN_OF_RIDGE, EXTRA = 1.0, 0.10, 1.0, 1.0
GIGABYTES = 6.0  # of a run on alpha158


def main() -> None:
    args = read_arguments()
    if args.worker:
        task = json.loads(args.worker)
        measure = measure_memory if "way" in task else measure_times
        print("\t" + json.dumps(measure(task)))
        return
    if args.alpha158:
        measure_alpha158(args.symbols, args.days)
        return
    packages = ", ".join(f"{name} {version(name)}" for name in ("scikit-learn", "pandas"))
    print(
        f"{args.symbols} symbols × {args.days} dates × {FEATURES} features, {SPLITS} trainings, "
        f"{len(os.sched_getaffinity(0))} cores; {packages}, xgboost {version('xgboost-cpu')}"
    )
    print(
        f"{'':20s}{'seconds':>10s}{'engine is':>12s}{'wanted':>10s}{'memory':>10s}  of the matrix"
    )
    loops: dict[str, dict[str, float]] = {}
    for model in args.models.split(","):
        loops[model] = compare(model, args)
    say_own_work(loops)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--days", type=int, default=2520)
    parser.add_argument("--models", default=",".join(WAYS))
    parser.add_argument("--rounds", type=int, default=5, help="2 of what takes over 10 s")
    parser.add_argument("--alpha158", action="store_true", help="a run on 158 factors")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    unknown = [name for name in args.models.split(",") if name not in WAYS]
    if unknown:
        sys.exit(f"--models {unknown[0]}: choose from {', '.join(WAYS)}")
    return args


def compare(model: str, args: argparse.Namespace) -> dict[str, float]:
    """Print a model's lines; return the best seconds of each way, and of the engine's own work."""
    ways = WAYS[model]
    task: dict[str, Any] = {"model": model, "symbols": args.symbols, "days": args.days}
    with tempfile.TemporaryDirectory() as folder:
        timing = {"ways": ways, "rounds": args.rounds, "folder": folder}
        found = work_apart(task | timing, KEEP_MEMORY)
        apart = {way: find_distance(Path(folder), model, way) for way in ways[1:]}
    best = {way: min(found["seconds"][way]) for way in ways}
    for way in ways:
        taken = work_apart(task | {"way": way}, {})
        share = taken["extra"] / taken["matrix"]
        print(f"{model:10s}{way:10s}{best[way]:10.2f}{say_ratio(model, way, best)}{share:10.2f}"
              f"{'  MISSED' if way == 'engine' and share > EXTRA else ''}", flush=True)  # fmt: skip
    told = ", ".join(f"{way} {distance:.0e}" for way, distance in apart.items())
    print(f"{'':10s}forecasts apart, in deviations: {told}", flush=True)
    if "scoring" in found:
        print(f"{'':10s}the engine's time has daily rank ICs in it; by groupby they are "
              f"{found['scoring']:.1f} s more, and {found['scores_apart']:.0e} apart")  # fmt: skip
    if max(apart.values()) > CLOSE:
        sys.exit(f"{model}: forecasts differ by more than {CLOSE:g} of their deviation")
    pairs = zip(found["seconds"]["engine"], found["inside"], strict=True)
    return best | {"own": min(whole - inside for whole, inside in pairs)}


def say_ratio(model: str, way: str, best: dict[str, float]) -> str:
    """How many times faster the engine is, and how much is wanted."""
    if way == "engine":
        return f"{'':12s}{'':10s}"
    ratio, wanted = best[way] / best["engine"], BOOSTED if model == "xgboost" else WANTED[way]
    missed = "!" if ratio < wanted else " "
    return f"{ratio:10.2f} x{wanted:8.0f}{missed:2s}"


def work_apart(task: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    """Run a task in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--worker", json.dumps(task)],
        check=True,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("\t"))
    found: dict[str, Any] = json.loads(line)
    return found


def find_distance(folder: Path, model: str, way: str) -> float:
    """The largest difference from the engine's forecasts, in their deviations."""
    ours, theirs = (np.load(folder / f"{model} {name}.npy") for name in ("engine", way))
    if (np.isfinite(ours) != np.isfinite(theirs)).any():
        return float("inf")
    return float(np.nanmax(np.abs(ours - theirs)) / np.nanstd(ours))


def say_own_work(loops: dict[str, dict[str, float]]) -> None:
    """What the walk-forward adds to XGBoost."""
    if "xgboost" not in loops:
        return
    own, loop = loops["xgboost"]["own"], loops["xgboost"]["views"]
    share = own / loop
    print(f"own work around XGBoost: {own:.2f} s, {share:.1%} of its loop (wanted: {OWN:.0%} at "
          f"most){'  MISSED' if share > OWN else ''}")  # fmt: skip
    if "ridge" in loops:
        share = own / loops["ridge"]["views"]
        print(f"{'':25s}{share:.2f} of ridge's loop on views (wanted: {OWN_OF_RIDGE:.0f} at most)"
              f"{'  MISSED' if share > OWN_OF_RIDGE else ''}")  # fmt: skip


def measure_alpha158(symbols: int, days: int) -> None:
    """Print the memory of a run of ridge on the 158 factors."""
    words = ["run", "+bundle=ai_tech_ml_alpha", "universe=all", "factors=alpha158", "model=ridge"]
    words += [f"source.n_symbols={symbols}", f"source.n_days={days}", "backtest.engine=fast"]
    words += ["report=none", "store=none", "trials.path=null", "hydra.run.dir=run"]
    words += [f"validation.n_splits={SPLITS}", f"validation.min_train={days // 5}"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "engine", *words], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        rows = json.loads((Path(folder) / "run" / "timings.json").read_text())["stages"]
    for row in rows:
        print(f"{row['stage']:12s}{row['seconds']:8.1f} s{row['peak_mb']:8.0f} MB")
    walk = next(row["peak_mb"] for row in rows if row["stage"] == "forecasts") / 1e3
    matrix, peak = 158 * symbols * days * 8 / 1e9, max(row["peak_mb"] for row in rows) / 1e3
    print(f"158 factors of {days} × {symbols} are {matrix:.2f} GB; the walk-forward's peak is "
          f"{walk:.2f} GB, the run's {peak:.2f} (target {GIGABYTES:.0f})"
          f"{'  MISSED' if peak > GIGABYTES else ''}")  # fmt: skip


if __name__ == "__main__":
    main()
