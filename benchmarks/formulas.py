"""Formulas against the field: the same bars, the same machine, one run; values are checked too.

    python benchmarks/formulas.py --symbols 500 --cases ts_mean,rank --peers kun64-TS,polars

Bars are simulated: (T, N) with late listings and 2% holes. Each peer runs in a process of its
own for each number of threads, is handed its input in its own layout (TS as ours; ST and STs:
symbols first, or in blocks) before the clock starts, and allocates its own output. Times are
medians after a warm-up, in milliseconds. ``copy`` is np.copyto of one field; one that fits the
processor's cache is faster than memory. Peers compute sets with the most threads only, and
what takes longer than 10 s runs three times. pandas computes the alphas on 100 × 504 bars
only, scaled by cells. Peers other than pandas come with
``pip install 'alpha-engine[bench]'``; KunQuant needs g++.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cases import CASES, DAYS, SETS, formulas_of
from peers import ONE_THREAD, PEERS, cases_of, needed
from timing import SMALL, SMALL_ALPHAS, measured
from verdicts import Results, agreement, table, verdicts

# A virtual machine's fresh pages may cost more than what is timed, and by chance: glibc keeps
# what was freed, so that the warm-up alone pays for them, in every peer.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "16000000000",
    "MALLOC_TOP_PAD_": "64000000",
}


def main() -> None:
    args = _arguments()
    if args.worker:
        measured(json.loads(args.worker))
        return
    peers, notes = _installed(args.peers.split(","))
    cases, absent = _present(args.cases.split(","))
    for line in (*notes, *absent):
        print(line)
    threads = [int(n) for n in args.threads.split(",")]
    for symbols in map(int, args.symbols.split(",")):
        print(
            f"\n{symbols} symbols × {DAYS} days, ms (median of >= {args.repeats}; of 3 beyond 10 s)"
        )
        with tempfile.TemporaryDirectory() as folder:
            results = _timed(peers, cases, threads, symbols, args.repeats, Path(folder))
            print(table(results, args.peers.split(","), [*cases], threads))
            print(agreement(Path(folder), results, cases))
        print(verdicts(results, cases, threads, symbols))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--symbols", default="500,3000", help="panels, such as 500")
    parser.add_argument("--cases", default=",".join([*CASES, *SETS]))
    parser.add_argument("--peers", default=",".join(PEERS), help="ours is always among them")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def _installed(names: list[str]) -> tuple[list[str], list[str]]:
    """The peers that can run, ours first, and a line for each that cannot."""
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        sys.exit(f"--peers {unknown[0]}: choose from {', '.join(PEERS)}")
    here, notes = ["ours", "copy"], []
    for name in names:
        package = needed(name)
        try:
            found = version(package) if package else ""
        except PackageNotFoundError:
            notes.append(f"{name}: {package} is not installed: pip install 'alpha-engine[bench]'")
            continue
        if name not in here:
            here.append(name)
        if package:
            notes.append(f"{name}: {package} {found}")
    return here, notes


def _present(names: list[str]) -> tuple[list[str], list[str]]:
    """The cases that can run, and a line for each set that ``conf/factors`` lacks."""
    from engine import ConfigError

    unknown = [name for name in names if name not in (*CASES, *SETS)]
    if unknown:
        sys.exit(f"--cases {unknown[0]}: choose from {', '.join((*CASES, *SETS))}")
    here, notes = [], []
    for name in names:
        try:
            count = len(formulas_of(name))
        except ConfigError as error:
            notes.append(f"{name}: skipped: {error}")
            continue
        here.append(name)
        if name in SETS:
            notes.append(f"{name}: {count} formulas")
    return here, notes


def _timed(
    peers: list[str], cases: list[str], threads: list[int], symbols: int, repeats: int, folder: Path
) -> Results:
    results: Results = {}
    (folder / "small").mkdir()
    for peer in peers:
        for count in threads if peer not in ONE_THREAD else [1]:
            mine = cases_of(peer, cases)
            singles = [case for case in mine if case not in SETS]
            sets = [[case] for case in mine if case in SETS]
            few = count < max(threads) and peer not in ("ours", *ONE_THREAD)
            for group in (singles, *([] if few else sets)):
                if not group:
                    continue
                task = {"peer": peer, "threads": count, "cases": group, "repeats": repeats}
                task |= {"symbols": symbols, "days": DAYS, "folder": str(folder)}
                small = task | SMALL | {"folder": str(folder / "small")}
                if peer == "pandas" and group[0] in SETS:
                    task = small
                for row in _worker(task):
                    results[row["case"], peer, count] = row
                if peer == "ours" and group == ["alpha101"] and "pandas" in peers:
                    for row in _worker(small):
                        results[SMALL_ALPHAS, peer, count] = row
    return results


def _worker(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a task in a process of its own; its threads are bounded before anything is imported."""
    count = str(task["threads"])
    limits = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
    environment = {f"{name}_NUM_THREADS": count for name in limits} | {"POLARS_MAX_THREADS": count}
    environment |= KEEP_MEMORY
    done = subprocess.run(
        [sys.executable, __file__, "--worker", json.dumps(task)],
        check=False,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    rows = [json.loads(line[1:]) for line in done.stdout.splitlines() if line.startswith("\t")]
    for row in rows:
        if "error" in row:
            print(f"{task['peer']} {row['case']}: {row['error']}")
    if done.returncode:
        print(f"{task['peer']}: the process ended with {done.returncode}, {task['cases']}")
    return [row for row in rows if "error" not in row]


if __name__ == "__main__":
    main()
