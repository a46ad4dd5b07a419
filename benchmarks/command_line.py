"""How long the command line takes to answer; medians of five, after one warm-up.

python benchmarks/command_line.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENGINE = str(Path(sys.executable).with_name("engine"))
CASES = [
    ("engine --help", ["--help"], 0.1),
    ("engine run --cfg job", ["run", "+bundle=ai_tech_core_ml", "--cfg", "job"], 0.8),
    ("engine run +bundle=ai_tech_core_ml", ["run", "+bundle=ai_tech_core_ml"], 15.0),
]


def seconds(words: list[str], folder: str) -> float:
    start = time.perf_counter()
    subprocess.run([ENGINE, *words], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    print(f"{'command':38s} {'first':>7s} {'median':>7s} {'target':>7s}  (seconds)")
    with tempfile.TemporaryDirectory() as folder:
        for name, words, target in CASES:
            first = seconds(words, folder)
            median = statistics.median(seconds(words, folder) for _ in range(5))
            verdict = "" if median <= target else "  MISSED"
            print(f"{name:38s} {first:7.2f} {median:7.2f} {target:7.2f}{verdict}")


if __name__ == "__main__":
    main()
