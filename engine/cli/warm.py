"""``engine warm``: compile what formulas and the account run on, before their first use."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from engine.cli.bar import bar
from engine.cli.words import Plain

if TYPE_CHECKING:
    from engine.core.panel import Panel
    from engine.expr import Op

HELP = """\
compile formulas' operators, the account and statistics, once for each version

The first use of an operator compiles it, which takes about a second; the result is kept in
the user's cache folder, for this version and processor, or in the folder that the environment
variable NUMBA_CACHE_DIR names.
"""
ACCOUNT, STATISTICS = "the account", "statistics"
ARRAYS = ("close", "open", "high", "low")
NOTABLE = 0.1  # seconds: what was compiled takes more, what was found compiled less


@click.command(cls=Plain, help=HELP)
def warm() -> None:
    """Compile what is not compiled yet."""
    start = time.perf_counter()
    count = compile_all(_tell_each)
    from engine.expr import finite

    seconds, place = time.perf_counter() - start, finite.stats.cache_path
    kept = f"kept in {place}" if place else "kept nowhere: set NUMBA_CACHE_DIR"
    print(f"{count} operators are ready after {seconds:.1f} s; {kept}")


def compile_all(tell: Callable[[list[str]], Iterator[str]]) -> int:
    """Run each operator on a few rows, which compiles it, the account's loop and statistics.

    Returns how many operators there are.
    """
    from engine.expr import TABLE, evaluate

    panel = _panel()
    for name in tell([*TABLE, ACCOUNT, STATISTICS]):
        if name == ACCOUNT:
            from engine.account import load_loop  # its types are known: it compiles now

            load_loop()
        elif name == STATISTICS:
            _work_out(panel)
        else:
            evaluate({name: _formula(TABLE[name])}, panel, threads=1)
    return len(TABLE)


def _work_out(panel: Panel) -> None:
    import numpy as np

    from engine.study import OF_SIGNAL, Evidence, work_out

    close, later = np.array(panel["close"]), np.array(panel["open"])
    states = np.ones((len(close), 1))
    evidence = Evidence(
        panel, close, {"": close}, {}, later, later, 1, lambda days: later, states, ("",)
    )
    for _ in work_out(evidence, OF_SIGNAL):
        pass


def _formula(op: Op) -> str:
    fields = iter(ARRAYS)
    constants = {"d": "5", "n": "1", "g": "sector"}
    args = [constants.get(kind) or next(fields) for kind in op.args]
    return f"{op.name}({', '.join(args)})"


def _panel() -> Panel:
    import numpy as np
    import pandas as pd

    from engine.core.panel import Panel

    random = np.random.default_rng(0)
    return Panel(
        dates=pd.date_range("2024-01-01", periods=20, tz="UTC"),
        symbols=("A", "B", "C", "D", "E", "F"),
        fields={name: random.normal(size=(20, 6)) for name in ARRAYS},
        groups={"sector": ("x", "y") * 3},
    )


def _tell_each(names: list[str]) -> Iterator[str]:
    """The names, one by one, with a line for what took time where there is no terminal."""
    with bar() as show:
        for done, name in enumerate(names):
            show(name, done, len(names))
            start = time.perf_counter()
            yield name
            seconds = time.perf_counter() - start
            if seconds >= NOTABLE and not sys.stderr.isatty():
                print(f"{name:<14} {seconds:.1f} s")
