"""Inside a worker of the formula benchmark: time each case, keep a sample of its values."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from cases import SETS, Array, Bars, Job
from peers import PEERS

SMALL = {"symbols": 100, "days": 504}  # where pandas computes the alphas
SMALL_ALPHAS = "alpha101 small"  # ours there
LONG = 10.0  # seconds of a run, above which three do
SAMPLE = 40  # symbols whose values are kept for comparison


def measured(task: dict[str, Any]) -> None:
    """Print a line of JSON for each case, after a tab: seconds of each run, memory, size."""
    bars = Bars.simulated(task["symbols"], task["days"])
    peer = PEERS[task["peer"]](bars, task["threads"])
    for case in task["cases"]:
        try:
            job = peer.job(case)
            row = _row(job, case, task) if job else None
        except Exception as error:  # a peer that fails is a dash in the table, with this line
            row = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        if row is not None:
            print("\t" + json.dumps({"case": case, **row}), flush=True)
    sys.stdout.flush()


def _row(job: Job, case: str, task: dict[str, Any]) -> dict[str, Any]:
    start = time.perf_counter()
    result = job.run()
    first = time.perf_counter() - start
    seconds: list[float] = []
    repeats = min(task["repeats"], 3) if first > LONG else task["repeats"]
    while len(seconds) < repeats or (sum(seconds) < 0.3 and case not in SETS):
        result = None  # before the clock: its memory is the next run's
        start = time.perf_counter()
        result = job.run()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    values = job.values(result)
    if values:
        _keep(values, case, task)
    size = sum(array.nbytes for array in values.values())
    return {"seconds": seconds, "first": first, "peak": peak, "output": size}


def _keep(values: dict[str, Array], case: str, task: dict[str, Any]) -> None:
    step = max(task["symbols"] // SAMPLE, 1)
    sample = {name: np.asarray(array)[:, ::step] for name, array in values.items()}
    name = f"{case} {task['peer']} {task['threads']}.npz"
    np.savez(Path(task["folder"]) / name, **sample)
