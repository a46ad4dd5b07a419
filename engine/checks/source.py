"""The properties of a source."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from engine.checks.plugin import check_config, fresh, state
from engine.checks.probe import check_quiet, check_unchanged, check_unseeded
from engine.checks.verdict import Broken, Check, Noise, watch
from engine.core.kinds import Source
from engine.core.universe import Universe

KEYS = ["timestamp", "symbol"]
BARS = ("open", "high", "low", "close", "volume")
FEW = 5  # symbols to ask for by name


def source_checks(plugin: Source, universe: Universe | None = None) -> list[Check]:
    """Return the checks of a source; `universe` is what it is asked for."""
    trial = _Trial(plugin, universe or Universe())
    return [
        ("config", lambda: check_config(plugin)),
        ("columns", trial.columns),
        ("timestamps", trial.timestamps),
        ("dtype", trial.dtype),
        ("finite", trial.finite),
        ("duplicates", trial.duplicates),
        ("purity", trial.purity),
        ("quiet", lambda: check_quiet(trial.first[1])),
        ("determinism", trial.determinism),
        ("symbol order", trial.order),
        ("series", trial.series),
        ("facts", trial.facts),
    ]


@dataclass(frozen=True, eq=False)
class _Trial:
    plugin: Source
    universe: Universe

    @cached_property
    def first(self) -> tuple[pd.DataFrame, Noise, Universe, dict[str, str]]:
        """The bars, what was printed, the universe afterwards, and the plugin before."""
        used, before = copy.deepcopy(self.universe), state(self.plugin)
        with watch(seed=0) as noise:
            frame = self.plugin.load(used)
        if not isinstance(frame, pd.DataFrame):
            raise Broken(f"load returns a {type(frame).__name__}, not a pandas.DataFrame")
        return frame, noise, used, before

    @cached_property
    def frame(self) -> pd.DataFrame:
        return self.first[0]

    def columns(self) -> None:
        """The columns without which there are no bars are there, and there are rows."""
        missing = [name for name in (*KEYS, "close") if name not in self.frame]
        if missing:
            raise Broken(f"the frame has no column {missing[0]!r}: it has {list(self.frame)}")
        if self.frame.columns.has_duplicates:
            twice = self.frame.columns[self.frame.columns.duplicated()][0]
            raise Broken(f"the frame has two columns {twice!r}")
        if self.frame.empty:
            raise Broken("the frame has no rows")

    def timestamps(self) -> None:
        """Dates are UTC, and no row lacks its date or symbol."""
        dtype = self.frame["timestamp"].dtype
        if not isinstance(dtype, pd.DatetimeTZDtype) or str(dtype.tz) != "UTC":
            raise Broken(f"timestamps are {dtype}, not UTC: pd.to_datetime(…, utc=True)")
        for name in KEYS:
            lacking = np.flatnonzero(self.frame[name].isna())
            if len(lacking):
                raise Broken(f"row {int(lacking[0])} has no {name}")

    def dtype(self) -> None:
        """Symbols are text, and prices and volumes are numbers."""
        symbols = self.frame["symbol"].drop_duplicates().tolist()
        strange = [name for name in symbols if not isinstance(name, str)]
        if strange:
            raise Broken(f"the symbol {strange[0]!r} is a {type(strange[0]).__name__}, not a str")
        for name in BARS:
            if name in self.frame and not pd.api.types.is_numeric_dtype(self.frame[name]):
                raise Broken(f"column {name!r} holds {self.frame[name].dtype}, not numbers")

    def finite(self) -> None:
        """No number is infinite."""
        for name in self.frame.select_dtypes("number"):
            values = self.frame[name].to_numpy(np.float64, na_value=np.nan)
            wrong = np.flatnonzero(np.isinf(values))
            if len(wrong):
                row = int(wrong[0])
                raise Broken(f"{name} on {_at(self.frame, row)} is {values[row]}")

    def duplicates(self) -> None:
        """There is one row per date and symbol."""
        twice = np.flatnonzero(self.frame.duplicated(KEYS))
        if len(twice):
            raise Broken(f"has two rows for {_at(self.frame, int(twice[0]))}")

    def purity(self) -> None:
        """Neither the universe, nor the plugin may change, nor a global generator be seeded."""
        _, noise, used, before = self.first
        if used != self.universe:
            raise Broken("changes the universe that it was given: work on a copy")
        check_unchanged(self.plugin, before)
        with watch(seed=1) as other:
            self.plugin.load(copy.deepcopy(self.universe))
        check_unseeded(noise, other)

    def determinism(self) -> None:
        """The same bars on every call, and from a new instance."""
        for plugin, when in ((self.plugin, "then"), (fresh(self.plugin), "from a new instance")):
            with watch():
                again = plugin.load(copy.deepcopy(self.universe))
            _check_equal(self.frame, again, when)

    def order(self) -> None:
        """The order in which symbols are asked for does not matter."""
        names = sorted(self.frame["symbol"].unique())[:FEW]
        frames = []
        for symbols in (names, names[::-1]):
            with watch():
                frame = self.plugin.load(replace(self.universe, symbols=list(symbols)))
            frames.append(frame.sort_values(KEYS, kind="stable", ignore_index=True))
        one, two = (f.astype({"symbol": "str"}) for f in frames)
        _check_equal(one, two, "with universe.symbols in another order")

    def series(self) -> None:
        """Market-wide series are None, or numbers by dates in UTC, one per date."""
        with watch() as noise:
            frame = self.plugin.series(copy.deepcopy(self.universe))
        check_quiet(noise)
        if frame is None:
            return
        if not isinstance(frame, pd.DataFrame):
            raise Broken(f"series returns a {type(frame).__name__}, not a frame or None")
        index = frame.index
        if not isinstance(index, pd.DatetimeIndex) or str(index.tz) != "UTC":
            raise Broken(f"series has an index of {index.dtype}, not of dates in UTC")
        if index.has_duplicates:
            raise Broken(f"series has two rows for {index[index.duplicated()][0]:%Y-%m-%d}")
        for name in frame:
            if not pd.api.types.is_numeric_dtype(frame[name]):
                raise Broken(f"series {name!r} holds {frame[name].dtype}, not numbers")

    def facts(self) -> None:
        """Facts can be written as JSON: they go into the manifest."""
        with watch() as noise:
            facts = self.plugin.facts(copy.deepcopy(self.universe))
        check_quiet(noise)
        if not isinstance(facts, Mapping) or not all(isinstance(key, str) for key in facts):
            raise Broken(f"facts returns {facts!r}, not a mapping of names to values")
        json.dumps(dict(facts))


def _at(frame: pd.DataFrame, row: int) -> str:
    """``2020-03-11 S03``, the key of a row."""
    return f"{frame['timestamp'].iloc[row]:%Y-%m-%d} {frame['symbol'].iloc[row]}"


def _check_equal(one: pd.DataFrame, two: pd.DataFrame, when: str) -> None:
    if list(one.columns) != list(two.columns):
        raise Broken(f"has the columns {list(one)}, and {when} {list(two)}")
    if len(one) != len(two):
        raise Broken(f"has {len(one)} rows, and {when} {len(two)}")
    for name in one.columns:
        a, b = one[name].to_numpy(), two[name].to_numpy()
        parted = np.flatnonzero(~_equal(a, b))
        if len(parted):
            row = int(parted[0])
            raise Broken(f"{name} on {_at(one, row)} is {a[row]}, and {when} {b[row]}")


def _equal(a: Any, b: Any) -> Any:
    return (a == b) | (pd.isna(a) & pd.isna(b))
