"""The implementations that the formula benchmark compares, each behind one method: `job`.

A peer gets its input in the layout that its name says, made before the clock starts: ``ST`` is
(N, T), symbol by symbol. `job` returns None for what a library does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any, Protocol

import numpy as np
from cases import CASES, Bars, Job, Values, formulas_of
from kunquant import KunQuant


class Peer(Protocol):
    """An implementation, ready with its data and number of threads."""

    def job(self, case: str) -> Job | None: ...


class Ours:
    """engine.expr.evaluate on a panel; text in, (T, N) arrays out."""

    def __init__(self, bars: Bars, threads: int, dtype: str = "float64") -> None:
        import pandas as pd

        from engine.core.panel import Panel

        days, symbols = bars.shape
        dates = pd.date_range("2010-01-01", periods=days, freq="B", tz="UTC")
        self.panel = Panel(dates, tuple(f"S{i:05d}" for i in range(symbols)), bars.fields)
        self.how = {"threads": threads, "dtype": dtype}

    def job(self, case: str) -> Job:
        from engine.expr.executor import evaluate

        formulas = formulas_of(case)
        return Job(lambda: evaluate(formulas, self.panel, **self.how), dict)


class Copy:
    """np.copyto of one field: what the machine's memory allows."""

    def __init__(self, bars: Bars, threads: int) -> None:
        self.source = bars["close"]
        self.target = np.empty_like(self.source)

    def job(self, case: str) -> Job:
        return Job(lambda: np.copyto(self.target, self.source), lambda _: {})


class Pandas:
    """Formulas walked over frames, one formula after the other; nothing shared between two."""

    def __init__(self, bars: Bars, threads: int) -> None:
        import pandas as pd

        self.bars = {name: pd.DataFrame(array) for name, array in bars.fields.items()}

    def job(self, case: str) -> Job | None:
        import pandas_formulas as walker

        from engine.expr.parser import parse

        if case == "alpha158":
            return None
        nodes = {name: parse(text) for name, text in formulas_of(case).items()}
        return Job(
            lambda: {name: walker.computed(node, self.bars) for name, node in nodes.items()},
            lambda result: {name: frame.to_numpy(float) for name, frame in result.items()},
        )


class Polars:
    """Expressions over wide frames: a column a symbol, and a column a date for ranks."""

    def __init__(self, bars: Bars, threads: int) -> None:
        import polars as pl

        self.pl = pl
        self.symbols = [f"s{i}" for i in range(bars.shape[1])]
        self.dates = [f"d{i}" for i in range(bars.shape[0])]
        self.bars = bars

    def job(self, case: str) -> Job | None:
        pl, options = self.pl, {"min_samples": 1}
        every = pl.all()
        made: dict[str, Any] = {
            "ts_mean": every.rolling_mean(20, **options),
            "ts_std": every.rolling_std(20, **options),
            "ts_min": every.rolling_min(20, **options),
            "ts_max": every.rolling_max(20, **options),
            "ts_rank": every.rolling_rank(20, min_samples=20) / 20,
            "delta": every - every.shift(5),
            "rank": every.rank("average") / every.count(),
        }
        if case in {"ts_corr", "seed", "decay_linear"}:
            return self._of_many(case)
        if case not in made:
            return None
        close = self.bars["close"]
        frame = self._frame(close.T if case == "rank" else close, case == "rank")
        return Job(
            lambda: frame.select(made[case]),
            lambda result: {
                case: result.to_numpy().T if case == "rank" else result.to_numpy(),
            },
        )

    def _frame(self, array: Any, dates: bool = False) -> Any:
        names = self.dates if dates else self.symbols
        return self.pl.from_numpy(np.asarray(array), names).fill_nan(None)

    def _of_many(self, case: str) -> Job:
        pl = self.pl
        if case == "decay_linear":
            frame = self._frame(self.bars["close"])
            weighted = [pl.all().shift(k) * (10 - k) for k in range(10)]
            decay = reduce(add, weighted) / 55  # sum() would begin with a literal
            return Job(lambda: frame.select(decay), lambda r: {case: r.to_numpy()})
        x, d = ("close", 20) if case == "ts_corr" else ("vwap", 4)
        left, right = self._frame(self.bars[x]), self._frame(self.bars["volume"])
        both = left.with_columns(right.rename(lambda name: f"{name}v"))
        pairs = [
            pl.rolling_corr(pl.col(n), pl.col(f"{n}v"), window_size=d, min_samples=2).alias(n)
            for n in self.symbols
        ]
        if case == "ts_corr":
            return Job(lambda: both.select(pairs), lambda r: {case: r.to_numpy()})

        def run() -> Any:
            corr = both.select(pairs)
            decay = corr.select(pl.all().fill_nan(None)).select(
                (pl.all() * 2 + pl.all().shift(1)) / 3
            )
            turned = decay.transpose(column_names=self.dates)
            return turned.select(pl.all().rank("average") / pl.all().count() * -1)

        return Job(run, lambda result: {case: result.to_numpy().T})


class _Moving:
    """A library of moving windows over NumPy arrays, along the first axis or the last."""

    def __init__(self, bars: Bars, axis: int) -> None:
        self.axis = axis
        names = ("close", "volume", "vwap")
        self.bars = {n: bars[n] if axis == 0 else np.ascontiguousarray(bars[n].T) for n in names}

    def job(self, case: str) -> Job | None:
        made = self.table().get(case)
        return Job(made, lambda result: self._values(case, result)) if made else None

    def table(self) -> dict[str, Callable[[], Any]]:
        raise NotImplementedError

    def _values(self, case: str, result: Any) -> Values:
        result = result if self.axis == 0 else result.T
        if case == "ts_argmax":
            result = 20 - result  # it counts back from the newest row
        if case == "ts_rank":
            result = ((result + 1) / 2 * 19 + 1) / 20  # from -1 to 1 there
        return {case: result}


class Bottleneck(_Moving):
    """bottleneck; what it lacks is put together from what it has."""

    def table(self) -> dict[str, Callable[[], Any]]:
        import bottleneck as bn

        close, volume, axis = self.bars["close"], self.bars["volume"], self.axis

        def decay(x: Any, d: int) -> Any:
            sums = sum(bn.move_sum(x, k, min_count=k, axis=axis) for k in range(1, d + 1))
            return sums / (d * (d + 1) / 2)

        def corr(x: Any, y: Any, d: int) -> Any:
            gone = np.isnan(x) | np.isnan(y)
            x, y = np.where(gone, np.nan, x), np.where(gone, np.nan, y)
            mx, my, mxy = (bn.move_mean(a, d, min_count=2, axis=axis) for a in (x, y, x * y))
            sx, sy = (bn.move_std(a, d, min_count=2, axis=axis) for a in (x, y))
            with np.errstate(all="ignore"):
                return (mxy - mx * my) / (sx * sy)

        def rank(x: Any) -> Any:
            across = 1 - axis % 2
            count = np.isfinite(x).sum(axis=across, keepdims=True)
            return bn.nanrankdata(x, axis=across) / count

        moves = {
            "ts_mean": bn.move_mean,
            "ts_min": bn.move_min,
            "ts_max": bn.move_max,
            "ts_argmax": bn.move_argmax,
        }
        table: dict[str, Callable[[], Any]] = {
            name: (lambda move=move: move(close, 20, min_count=1, axis=axis))
            for name, move in moves.items()
        }
        return table | {
            "ts_std": lambda: bn.move_std(close, 20, min_count=2, axis=axis, ddof=1),
            "ts_rank": lambda: bn.move_rank(close, 20, min_count=20, axis=axis),
            "ts_corr": lambda: corr(close, volume, 20),
            "decay_linear": lambda: decay(close, 10),
            "rank": lambda: rank(close),
            "seed": lambda: rank(decay(corr(self.bars["vwap"], volume, 4), 2)) * -1,
        }


class Numbagg(_Moving):
    """numbagg; its threads are numba's."""

    def table(self) -> dict[str, Callable[[], Any]]:
        import numbagg as nb

        close, volume, axis = self.bars["close"], self.bars["volume"], self.axis
        return {
            "ts_mean": lambda: nb.move_mean(close, window=20, min_count=1, axis=axis),
            "ts_std": lambda: nb.move_std(close, window=20, min_count=2, axis=axis),
            "ts_corr": lambda: nb.move_corr(close, volume, window=20, min_count=2, axis=axis),
        }


PEERS: dict[str, Callable[[Bars, int], Peer]] = {
    "ours": Ours,
    "ours32": lambda bars, threads: Ours(bars, threads, "float32"),
    "copy": Copy,
    "pandas": Pandas,
    "polars": Polars,
    "bottleneck": lambda bars, threads: Bottleneck(bars, 0),
    "bottleneck-ST": lambda bars, threads: Bottleneck(bars, -1),
    "numbagg": lambda bars, threads: Numbagg(bars, 0),
    "numbagg-ST": lambda bars, threads: Numbagg(bars, -1),
    "kun64-TS": lambda bars, threads: KunQuant(bars, threads, "double", "TS"),
    "kun64-STs": lambda bars, threads: KunQuant(bars, threads, "double", "STs"),
    "kun32-TS": lambda bars, threads: KunQuant(bars, threads, "float", "TS"),
    "kun32-STs": lambda bars, threads: KunQuant(bars, threads, "float", "STs"),
}
NEEDS = {"pandas": "pandas", "polars": "polars", "bottleneck": "bottleneck", "numbagg": "numbagg",
         "kun64": "KunQuant", "kun32": "KunQuant"}  # fmt: skip
ONE_THREAD = {"copy", "pandas", "bottleneck", "bottleneck-ST"}


def needed(peer: str) -> str | None:
    """The distribution that a peer comes from; None when it is ours."""
    return NEEDS.get(peer.partition("-")[0])


def cases_of(peer: str, cases: list[str]) -> list[str]:
    """What is worth starting a peer for."""
    if peer == "copy":
        return ["copy"]
    whole = peer.startswith(("ours", "kun")) or peer == "pandas"
    return [case for case in cases if whole or case in CASES]
