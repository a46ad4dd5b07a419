"""Models, sources and operators that break one property each: the kit names it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from kit import broken

import engine
from engine.testing import check, check_model, check_operator, check_source, small_panel, verdicts


def is_caught(plugin: Any, property: str, message: str) -> None:
    found = broken(plugin)
    assert re.search(message, found.get(property, "")), found


COMMON: dict[str, Any] = {}


class Slopes:
    """An estimator for a test, broken by `how`: least squares."""

    def __init__(self, how: str, seed: int) -> None:
        self.how, self.random = how, np.random.default_rng(seed)
        self.kept: dict[str, Any] = COMMON if how == "shared" else {}

    def fit(self, X: engine.FloatArray, y: engine.FloatArray) -> Slopes:
        if self.how == "exit":
            sys.exit("no luck")
        if self.how == "print":
            print("epoch 1")
        if self.how == "small" and len(y) < 100:
            raise ValueError("n_samples=12 is too few")
        w = np.linalg.lstsq(X, y, rcond=None)[0]
        if self.how == "warm" and "w" in self.kept:
            w = 0.5 * (w + self.kept["w"])
        if self.how == "random":
            w = w + np.random.standard_normal(X.shape[1])
        if self.how == "divides":
            w = w / y.std()
        self.kept["w"] = w
        if self.how == "centres y":
            y -= 1.0
        X[:] = 0.0  # is allowed: the engine hands over a copy
        return self

    def predict(self, X: engine.FloatArray) -> Any:
        out = X @ self.kept["w"]
        if self.how == "ranks":
            out = pd.Series(out).rank().to_numpy()
        if self.how == "scales X":
            X *= 2.0
        if self.how == "unknown":
            out[4] = np.nan
        odd = {
            "column": out[:, None],
            "list": out.tolist(),
            "whole": np.round(out).astype(np.int64),
            "single": out.astype(np.float32),
        }
        return odd.get(self.how, out)


@dataclass(frozen=True)
class Student(engine.Model):
    """A model for a test, broken by `how`."""

    name: ClassVar[str] = "student"
    how: str = engine.option("", "what is wrong")

    def estimator(self, seed: int) -> engine.Estimator:
        if self.how == "same":
            return COMMON.setdefault("same", Slopes("", seed))
        return Slopes(self.how, seed)

    def train(
        self,
        estimator: Any,
        X: engine.FloatArray,
        y: engine.FloatArray,
        tail: tuple[engine.FloatArray, engine.FloatArray] | None = None,
    ) -> engine.Estimator:
        assert tail is None
        fitted: engine.Estimator = estimator.fit(X, y)
        return None if self.how == "nothing" else fitted  # type: ignore[return-value]

    def solve(self, gram: engine.FloatArray, moment: engine.FloatArray) -> engine.FloatArray | None:
        return 1.01 * np.linalg.pinv(gram) @ moment if self.how == "solves" else None


@pytest.mark.parametrize(
    ("how", "property", "message"),
    [
        ("exit", "shape", r"calls sys\.exit\('no luck'\)"),
        ("print", "quiet", r"prints 'epoch 1': use logging"),
        ("small", "small data", r"ValueError: n_samples=12 is too few"),
        ("shared", "independence", r"from an estimator and .* from it when another has been"),
        ("same", "independence", r"returns the same object twice: make a fresh one"),
        ("warm", "refit", r"from a fresh estimator and .* from one that had learnt other data"),
        ("random", "determinism", r"forecast of row 0 is \S+ from one training and \S+ from the"),
        ("divides", "constant target", r"predict after a constant target returns (nan|inf) for"),
        ("centres y", "purity", r"changes y that it was given: work on a copy"),
        ("scales X", "purity", r"changes the X of predict that it was given"),
        (
            "ranks",
            "blindness",
            r"looks ahead: the forecast of row \d+ is \S+ and \S+ when",
        ),
        ("unknown", "finite", r"predict returns nan for row 4"),
        ("column", "shape", r"predict returns shape \(400, 1\) for 400 rows, not \(400,\)"),
        ("list", "shape", r"predict returns a list, not a numpy array"),
        ("whole", "dtype", r"predict returns int64, not float64"),
        ("nothing", "shape", r"train returns NoneType, which cannot predict"),
        ("solves", "moments", r"the forecast of row \d+ is \S+ from rows and \S+ from solve"),
    ],
)
def test_a_bad_model_is_caught(how: str, property: str, message: str) -> None:
    COMMON.clear()
    is_caught(Student(how), property, message)


@pytest.mark.parametrize("how", ["", "single"])
def test_a_good_model_passes(how: str) -> None:
    check_model(Student(how))


@dataclass(frozen=True)
class Stopper(Student):
    """A model that wants a tail, and spoils it by `how`."""

    name: ClassVar[str] = "stopper"
    wants_tail: ClassVar[bool] = True

    def train(
        self,
        estimator: Any,
        X: engine.FloatArray,
        y: engine.FloatArray,
        tail: tuple[engine.FloatArray, engine.FloatArray] | None = None,
    ) -> engine.Estimator:
        assert tail is not None
        assert len(tail[0]) == len(tail[1]) == len(y) // 4
        if self.how == "tail":
            tail[1][:] = 0.0
        return super().train(estimator, X, y)


def test_a_model_that_wants_a_tail_gets_one() -> None:
    check_model(Stopper())
    is_caught(Stopper("tail"), "purity", r"changes tail that it was given")


@dataclass(frozen=True)
class Bars(engine.Source):
    """A source for a test, broken by `how`."""

    name: ClassVar[str] = "bars"
    how: str = engine.option("", "what is wrong")

    def load(self, universe: engine.Universe) -> Any:  # noqa: C901  # one case per fault
        panel = small_panel(days=30)
        frame = panel.long(dict(panel.fields)).astype({"symbol": "str"})
        if universe.symbols is not None:
            frame = frame[frame["symbol"].isin(universe.symbols)].reset_index(drop=True)
            if self.how == "order":
                frame["close"] += [universe.symbols.index(s) for s in frame["symbol"]]
        match self.how:
            case "frame":
                return frame.to_dict()
            case "column":
                return frame.drop(columns="close")
            case "empty":
                return frame[:0]
            case "zone":
                return frame.assign(timestamp=frame["timestamp"].dt.tz_localize(None))
            case "nameless":
                return frame.assign(symbol=frame["symbol"].where(frame.index != 3))
            case "numbered":
                return frame.assign(symbol=7)
            case "text":
                return frame.assign(volume="many")
            case "infinite":
                return frame.assign(open=frame["open"].where(frame.index != 12, np.inf))
            case "twice":
                return pd.concat([frame, frame[5:6]])
            case "random":
                return frame.assign(close=frame["close"] + np.random.random())
            case "print":
                print("downloading")
            case "exit":
                sys.exit()
            case "universe":
                universe.tags["sector"] = {}
        return frame

    def series(self, universe: engine.Universe) -> Any:
        index = pd.date_range("2020-01-01", periods=3, tz="UTC")
        frame = pd.DataFrame({"vix": [1.0, 2.0, 3.0]}, index=index)
        odd = {
            "series zone": frame.tz_localize(None),
            "series twice": pd.concat([frame, frame[:1]]),
            "series text": frame.assign(vix="high"),
            "series kind": frame["vix"],
        }
        return odd.get(self.how, frame)

    def facts(self, universe: engine.Universe) -> Mapping[str, Any]:
        return {"facts": {"file": object()}, "facts kind": [1]}.get(self.how, {"rows": 3})  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("how", "property", "message"),
    [
        ("frame", "columns", r"load returns a dict, not a pandas\.DataFrame"),
        ("column", "columns", r"the frame has no column 'close'"),
        ("empty", "columns", r"the frame has no rows"),
        ("zone", "timestamps", r"timestamps are datetime64\[\w+\], not UTC"),
        ("nameless", "timestamps", r"row 3 has no symbol"),
        ("numbered", "dtype", r"the symbol 7 is a int, not a str"),
        ("text", "dtype", r"column 'volume' holds str, not numbers"),
        ("infinite", "finite", r"open on 2019-01-03 S0\d is inf"),
        ("twice", "duplicates", r"has two rows for 2019-01-02 S0\d"),
        ("random", "determinism", r"close on 2019-01-02 S00 is [\d.]+, and then [\d.]+"),
        ("print", "quiet", r"prints 'downloading'"),
        ("exit", "columns", r"calls sys\.exit\(None\)"),
        ("universe", "purity", r"changes the universe that it was given"),
        (
            "order",
            "symbol order",
            r"close on 20.* S0\d is .*, and with universe\.symbols in",
        ),
        ("series zone", "series", r"not of dates in UTC"),
        ("series twice", "series", r"series has two rows for 2020-01-01"),
        ("series text", "series", r"series 'vix' holds str, not numbers"),
        ("series kind", "series", r"series returns a Series, not a frame or None"),
        ("facts", "facts", r"TypeError: Object of type object is not JSON serializable"),
        ("facts kind", "facts", r"facts returns \[1\], not a mapping"),
    ],
)
def test_a_bad_source_is_caught(how: str, property: str, message: str) -> None:
    is_caught(Bars(how), property, message)


def test_a_good_source_passes() -> None:
    check_source(Bars())


@dataclass(frozen=True)
class Picky(Bars):
    """A source that must be told its symbols."""

    name: ClassVar[str] = "picky"

    def load(self, universe: engine.Universe) -> Any:
        if universe.symbols is None:
            raise engine.ConfigError("universe.symbols is null: name some")
        return super().load(universe)


def test_a_source_may_be_asked_for_a_universe_of_ones_own() -> None:
    is_caught(Picky(), "columns", r"ConfigError: universe\.symbols is null: name some")
    check_source(Picky(), universe=engine.Universe(symbols=["S02", "S00"]))


@dataclass(frozen=True)
class Spread(engine.Operator):
    """The value less the mean of the last d, broken by `how`."""

    name: ClassVar[str] = "spread"
    args: ClassVar[str] = "xd"
    reach: ClassVar[str] = "window"
    how: str = engine.option("", "what is wrong")

    def kernel(self, x: engine.FloatArray, d: int) -> Any:  # noqa: C901  # one case per fault
        shown = x if self.how != "centred" else np.vstack([x[1:], x[:1]])
        mean = pd.DataFrame(shown).rolling(d, min_periods=1).mean().to_numpy()
        out = x - mean
        match self.how:
            case "twin":
                out = np.where(np.isnan(x), 0.0, out)
            case "window":
                out[: d - 1] = x[d - 1]
            case "writes":
                x[0] = 0.0
            case "sample":
                out = out - np.nanmean(out, axis=0)
            case "reach":
                out = x - pd.DataFrame(x).expanding().mean().to_numpy()
            case "cross":
                out = out - np.nanmean(out, axis=1, keepdims=True)
            case "infinite":
                out = 1.0 / np.where(np.isnan(out), np.nan, 0.0)
            case "single":
                out = out.astype(np.float32)
            case "rows":
                out = out[1:]
            case "random":
                out = out + np.random.random()
            case "column":
                out = out * np.arange(x.shape[1])
            case "print":
                print("working")
            case "exit":
                sys.exit(1)
        return out

    def slow(self, x: engine.FloatArray, d: int) -> engine.FloatArray:
        out = np.full(x.shape, np.nan)
        for t, i in np.ndindex(*x.shape):
            window = x[max(0, t - d + 1) : t + 1, i]
            if np.isfinite(window).any():
                out[t, i] = x[t, i] - np.nanmean(window)
        return out


@pytest.mark.parametrize(
    ("how", "property", "message"),
    [
        (
            "twin",
            "slow twin",
            r"kernel gives 0\.0 and slow nan in row \d, column \d of 'holes'",
        ),
        (
            "window",
            "slow twin",
            r"kernel gives \S+ and slow 0\.0 in row 0, .* 'prices' \(d=2",
        ),
        ("writes", "shape", r"ValueError: assignment destination is read-only"),
        ("centred", "blindness", r"d=1: looks ahead: on 20\d\d-\d\d-\d\d S\d\d is .* with later"),
        ("sample", "blindness", r"looks ahead: on 20\d\d-\d\d-\d\d S\d\d is .* with later"),
        ("reach", "reach", r"reach='window' is too short: on 20.* from the last 1 \(d=1\)"),
        ("cross", "cross", r"d=2: depends on other symbols, with cross=False: on 20.* S0\d is"),
        ("infinite", "finite", r"d=1: on 20.* S0\d is inf: write NaN"),
        ("single", "dtype", r"d=1: is float32, not float64"),
        ("rows", "shape", r"d=1: has shape \(59, 8\), not \(60, 8\)"),
        ("random", "determinism", r"d=1: differs from call to call: 20.* S0\d is"),
        ("column", "symbol order", r"d=\d: depends on the order of symbols"),
        ("print", "quiet", r"prints 'working'"),
        ("exit", "shape", r"calls sys\.exit\(1\)"),
    ],
)
def test_a_bad_operator_is_caught(how: str, property: str, message: str) -> None:
    is_caught(Spread(how), property, message)


def test_a_good_operator_passes() -> None:
    check_operator(Spread())


def signed(letters: str, span: str) -> engine.Operator:
    """A good operator with another signature."""

    @dataclass(frozen=True)
    class Signed(Spread):
        """The same, declared otherwise."""

        args: ClassVar[str] = letters
        reach: ClassVar[str] = span

    return Signed()


@pytest.mark.parametrize(
    ("letters", "span", "message"),
    [
        ("xz", "none", "args='xz': write one letter per argument"),
        ("d", "window", "args='d': write one letter per argument, x, d, n or g, and an x"),
        ("xdd", "window", "args='xdd': at most one d and one g"),
        ("xd", "far", "reach='far': choose from none, window, shift, all"),
        ("x", "window", "reach='window' needs a window, and args='x' has no d"),
    ],
)
def test_a_signature_that_says_nothing_is_caught(letters: str, span: str, message: str) -> None:
    assert message in broken(signed(letters, span))["signature"]


@dataclass(frozen=True)
class Watcher(engine.Observer):
    """An observer: only its configuration can be checked."""

    name: ClassVar[str] = "watcher"

    def on_stage(self, stage: engine.Stage) -> None:
        pass


def test_an_observer_is_checked_for_its_configuration() -> None:
    assert [v.property for v in verdicts(Watcher())] == ["config"]
    check(Watcher())
