"""What a store saves: the second run of a bundle, and a sweep of portfolios and costs.

    python benchmarks/reuse.py DATA [--jobs 100]

DATA is a folder with ``ai_tech_2014_2022.parquet`` and ``us_liquid200_2014_2020.parquet``.

1. ``model=random_forest`` is run twice, each time in a process of its own, and timed up to the
   account: from the start of the process to its end, less account and metrics.
2. Runs that differ in portfolio and costs follow one another in one process, with
   ``backtest.engine=fast report=none``; of each, what it takes beyond account and metrics is told.

Seconds depend on the machine: the ratios count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import engine

LAST = ("account", "metrics")


def read_stages(run: Path, how: str) -> dict[str, float]:
    """Return the seconds of the stages that a run computed, or reused."""
    rows = json.loads((run / "timings.json").read_text("utf-8"))["stages"]
    return {row["stage"]: row["seconds"] for row in rows if row["how"] == how}


def time_process(words: Sequence[str], run: Path) -> float:
    """Run a command in a process; return its seconds, less those of account and metrics."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "engine", "run", *words, f"hydra.run.dir={run}"]
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.perf_counter() - begin
    made = read_stages(run, "computed") | read_stages(run, "reused")
    return seconds - sum(made[name] for name in LAST)


def run_twice(data: Path, home: Path) -> None:
    """Time the first and the second run of a forest."""
    file = data / "ai_tech_2014_2022.parquet"
    words = ["+bundle=ai_tech_core_ml", "model=random_forest", "source=parquet", "report=none",
             f"source.path={file}", f"store.path={home}/forest"]  # fmt: skip
    first, second = (time_process(words, home / f"forest-{name}") for name in ("one", "two"))
    reused = ", ".join(read_stages(home / "forest-two", "reused"))
    print(f"random_forest up to the account: {first:.1f} s, then {second:.1f} s: "
          f"{first / second:.1f} times faster; reused: {reused}")  # fmt: skip


def sweep(name: str, words: Sequence[str], jobs: int, home: Path) -> None:
    """Time runs that differ in portfolio and costs."""
    words = [*words, "backtest.engine=fast", "report=none", f"store.path={home}/{name}"]
    whole, beyond, own = [], [], []
    for job in range(jobs):
        more = [f"portfolio.quantile={0.1 + 0.3 * job / jobs:.4f}", f"costs.fees_bps={job % 7}"]
        begin = time.perf_counter()
        run = engine.run([*words, *more], path=home / f"{name}-{job}").path
        seconds = time.perf_counter() - begin
        last = sum(seconds for stage, seconds in read_stages(run, "computed").items()
                   if stage in LAST)  # fmt: skip
        whole.append(seconds)
        own.append(last)
        beyond.append(seconds - last)
    print(
        f"{name}: the first {whole[0]:.2f} s; of {jobs - 1} more, account and metrics "
        f"{statistics.median(own[1:]):.2f} s, beyond them {statistics.median(beyond[1:]):.3f} s "
        f"(worst {max(beyond[1:]):.3f})"
    )


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--jobs", type=int, default=100)
    asked = parser.parse_args()
    data = asked.data.resolve()
    large = ["+bundle=us_large_core_ml", "universe=all", "source=parquet",
             f"source.path={data}/us_liquid200_2014_2020.parquet"]  # fmt: skip
    with TemporaryDirectory() as folder:
        home = Path(folder)
        sweep("ai_tech", ["+bundle=ai_tech_core"], asked.jobs, home)
        sweep("us_liquid200", large, max(asked.jobs // 5, 2), home)
        run_twice(data, home)


if __name__ == "__main__":
    main()
