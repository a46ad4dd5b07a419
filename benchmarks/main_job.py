"""A whole run at 500 symbols × 2520 days: where the seconds and the memory go.

    python benchmarks/main_job.py

25 factors, ridge with 10 splits, daily rebalancing, every cost on. The target is 30 s and
3 GB in all, with contracts at most 5% of the time.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENGINE = str(Path(sys.executable).with_name("engine"))
WORDS = [
    "run",
    "+bundle=ai_tech_core_ml",
    "universe=all",
    "source.n_symbols=500",
    "source.n_days=2520",
    "model=ridge",
    "validation.n_splits=10",
    "portfolio.rebalance=daily",
    "hydra.run.dir=run",
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([ENGINE, *WORDS], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        total = time.perf_counter() - start
        manifest = json.loads((Path(folder) / "run" / "manifest.json").read_text())
        size = sum(f.stat().st_size for f in (Path(folder) / "run").rglob("*") if f.is_file())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    staged = sum(row["seconds"] for row in manifest["timings"])
    checks = sum(row["contract_seconds"] for row in manifest["timings"])
    print(f"{'stage':12s} {'seconds':>8s} {'share':>6s} {'contract s':>10s} {'peak MB':>8s}")
    for row in manifest["timings"]:
        share = row["seconds"] / total
        print(
            f"{row['stage']:12s} {row['seconds']:8.2f} {share:6.1%} "
            f"{row['contract_seconds']:10.2f} {row['peak_mb']:8.0f}"
        )
    print(f"{'start-up':12s} {total - staged:8.2f} {(total - staged) / total:6.1%}")
    print(f"in all {total:.1f} s (target 30), peak {peak:.2f} GB (target 3),")
    print(f"contracts {checks / total:.1%} (target 5%), run folder {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
