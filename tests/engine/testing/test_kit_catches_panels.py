"""Plugins on panels that break one property each: the kit names it, and shows where."""

from __future__ import annotations

import logging
import os
import random
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from kit import broken

import engine
from engine.testing import check, check_factor, check_regime, verdicts

CELL = r"on 20\d\d-\d\d-\d\d S\d\d is (-?[\d.e-]+|nan),? .*(-?\d[\d.e-]*|nan)"
Compute = Callable[[engine.Panel], Any]
CASES: list[Any] = []


def case(property: str, message: str) -> Callable[[Compute], Compute]:
    """Add a function of a panel to the factors that break a property, and say so so."""

    def add(compute: Compute) -> Compute:
        CASES.append(pytest.param(compute, property, message, id=compute.__name__))
        return compute

    return add


def factor(compute: Compute) -> engine.Factor:
    """A factor that computes so."""

    @dataclass(frozen=True)
    class Made(engine.Factor):
        """A factor for a test."""

        name: ClassVar[str] = "made"

        def compute(self, panel: engine.Panel) -> engine.FloatArray:
            return compute(panel)

    return Made()


def good(panel: engine.Panel) -> engine.FloatArray:
    out = np.full(panel.shape, np.nan)
    out[5:] = panel["close"][5:] / panel["close"][:-5] - 1.0
    return out


@case("blindness", r"looks ahead: " + CELL)
def uses_tomorrow(panel: engine.Panel) -> engine.FloatArray:
    return np.vstack([panel["close"][1:], panel["close"][-1:]])


@case("blindness", r"looks ahead: " + CELL)
def knows_the_whole_sample(panel: engine.Panel) -> engine.FloatArray:
    return good(panel) - np.nanmean(good(panel))


@case("blindness", r"looks ahead: " + CELL)
def fills_gaps_from_behind(panel: engine.Panel) -> engine.FloatArray:
    return np.where(panel.present, panel.wide(panel["volume"]).bfill().to_numpy(), np.nan)


@case("blindness", r"looks ahead: " + CELL)
def asks_whether_a_symbol_survives(panel: engine.Panel) -> engine.FloatArray:
    return good(panel) + panel.present[-1]


@case("blindness", r"looks ahead: " + CELL)
def asks_which_date_is_the_last(panel: engine.Panel) -> engine.FloatArray:
    left = (panel.dates[-1] - panel.dates).days.to_numpy(np.float64)
    return good(panel) * left[:, None]


@case("blindness", r"looks ahead: .* with bars from 20\d\d-\d\d-\d\d on taken away")
def asks_whether_the_series_goes_on(panel: engine.Panel) -> engine.FloatArray:
    vix = panel.series.get("vix", np.ones(len(panel.dates)))
    return good(panel) + np.isnan(vix[-1])  # no cut tells


@case("blindness", r"looks ahead: .* with bars from 20\d\d-\d\d-\d\d on reversed")
def asks_for_the_last_membership(panel: engine.Panel) -> engine.FloatArray:
    return good(panel) + (not panel.member[-1, 0])  # S00 is always a member: no cut tells


@case("blindness", r"looks ahead: on 20\d\d-\d\d-\d\d S03 is [\d.]+ with later data and nan")
def fills_one_suspension_from_behind(panel: engine.Panel) -> engine.FloatArray:
    close = panel["close"].copy()
    if panel.shape[1] == 10:
        close[:, 3] = panel.wide(close).iloc[:, 3].bfill().to_numpy()
    return close


@case("purity", r"ValueError: assignment destination is read-only")
def spoils_the_cached_returns(panel: engine.Panel) -> engine.FloatArray:
    np.nan_to_num(panel.returns, copy=False)
    return good(panel)


@case("purity", r"ValueError: assignment destination is read-only")
def changes_the_membership(panel: engine.Panel) -> engine.FloatArray:
    panel.member[:] = True
    return good(panel)


@case("purity", r"ValueError: assignment destination is read-only")
def changes_a_series(panel: engine.Panel) -> engine.FloatArray:
    for name in panel.series:
        panel.series[name][:] = 20.0
    return good(panel)


@case("purity", r"ValueError: assignment destination is read-only")
def writes_into_a_field(panel: engine.Panel) -> engine.FloatArray:
    panel["close"][0] = 1.0
    return good(panel)


@case("purity", r"seeds a global random generator")
def seeds_numpy(panel: engine.Panel) -> engine.FloatArray:
    np.random.seed(3)
    random.seed(3)
    return good(panel) + np.random.random()


@case("determinism", r"differs from call to call: " + CELL.removeprefix("on "))
def draws_without_a_seed(panel: engine.Panel) -> engine.FloatArray:
    return good(panel) + 1e-12 * np.random.random()


@case("determinism", r"differs from call to call")
def looks_at_the_clock(panel: engine.Panel) -> engine.FloatArray:
    return good(panel) + time.perf_counter()


SEEN: list[int] = []


@case("determinism", r"remembers other data: .* after a call on other data")
def remembers_the_last_panel(panel: engine.Panel) -> engine.FloatArray:
    SEEN.append(len(panel.dates))
    return good(panel) + (SEEN[-2:] == [160, 320])


@case("symbol order", r"depends on the order of symbols: 20\d\d-\d\d-\d\d S\d\d is .*, and .* in")
def numbers_the_columns(panel: engine.Panel) -> engine.FloatArray:
    return good(panel) * np.arange(panel.shape[1])


@case("shape", r"has shape \(315, 10\), not \(320, 10\)")
def forgets_the_first_rows(panel: engine.Panel) -> engine.FloatArray:
    return good(panel)[5:]


@case("shape", r"returns a DataFrame, not a numpy array")
def returns_a_frame(panel: engine.Panel) -> Any:
    return panel.wide(good(panel))


@case("shape", r"returns a NoneType, not a numpy array")
def returns_nothing(panel: engine.Panel) -> Any:
    return None


@case("dtype", r"is float32, not float64")
def is_thrifty(panel: engine.Panel) -> Any:
    return good(panel).astype(np.float32)


@case("finite", r"on 20\d\d-\d\d-\d\d S\d\d is inf: write NaN where it is not known")
def divides_by_zero(panel: engine.Panel) -> engine.FloatArray:
    return 1.0 / np.where(panel["close"] > np.nanmedian(panel["close"]), 0.0, panel["close"])


@case("answers", r"knows nothing on the 320 dates of the test panel")
def has_nothing_to_say(panel: engine.Panel) -> engine.FloatArray:
    return np.full(panel.shape, np.nan)


@case("quiet", r"prints 'hello': use logging")
def prints(panel: engine.Panel) -> engine.FloatArray:
    print("hello")
    return good(panel)


@case("quiet", r"prints 'from C': use logging")
def prints_below_python(panel: engine.Panel) -> engine.FloatArray:
    os.write(2, b"from C\n")
    return good(panel)


@case("shape", r"calls sys\.exit\(3\): raise engine\.ConfigError")
def exits(panel: engine.Panel) -> engine.FloatArray:
    sys.exit(3)


@case("shape", r"KeyError: 'nonsense'")
def fails(panel: engine.Panel) -> engine.FloatArray:
    return panel.fields["nonsense"]


@case("missing data", r"with a date without bars: ValueError: All-NaN slice")
def cannot_bear_a_date_without_bars(panel: engine.Panel) -> engine.FloatArray:
    if np.isnan(panel["close"]).all(axis=1).any():
        raise ValueError("All-NaN slice")
    return good(panel)


@case("odd panels", r"with one symbol: IndexError: ")
def needs_two_symbols(panel: engine.Panel) -> engine.FloatArray:
    return good(panel) - good(panel)[:, 1:2][:, [0]]


@case("no bars, no value", r"knows a symbol without any bar: on 20\d\d-\d\d-\d\d ZZZZ is 0\.0")
def fills_with_zero(panel: engine.Panel) -> engine.FloatArray:
    return np.nan_to_num(good(panel))


@pytest.mark.parametrize(("compute", "property", "message"), CASES)
def test_a_bad_factor_is_caught(compute: Compute, property: str, message: str) -> None:
    found = broken(factor(compute))
    assert property in found, found
    assert re.search(message, found[property]), found[property]


def test_a_good_factor_passes() -> None:
    check_factor(factor(good))


def test_a_progress_bar_of_another_thread_is_no_print() -> None:
    def beside(panel: engine.Panel) -> engine.FloatArray:
        thread = threading.Thread(target=print, args=("50%",))
        thread.start()
        thread.join()
        return good(panel)

    check_factor(factor(beside))


def test_records_and_warnings_are_no_prints() -> None:
    def talks(panel: engine.Panel) -> engine.FloatArray:
        logging.getLogger("made").warning("hello")
        warnings.warn("hello", stacklevel=1)
        return good(panel)

    check_factor(factor(talks))


def test_the_message_shows_date_symbol_and_both_values() -> None:
    """Row 0 of a cut of one date: tomorrow's close there, today's without it."""

    def tomorrow(panel: engine.Panel) -> engine.FloatArray:
        numbers = np.where(panel.present, np.arange(len(panel.dates))[:, None] / 4.0, np.nan)
        return np.vstack([numbers[1:], numbers[-1:]])

    expected = "looks ahead: on 2019-01-02 S00 is 0.25 with later data and 0.0 without"
    assert broken(factor(tomorrow))["blindness"] == expected


def test_check_tells_all_properties_with_the_same_message_once() -> None:
    with pytest.raises(engine.PluginError) as error:
        check(factor(exits))
    lines = str(error.value).splitlines()
    assert lines[0] == "'made' does not keep its contract:"
    assert lines[1].startswith("  shape, dtype, finite, ")
    assert lines[1].endswith("calls sys.exit(3): raise engine.ConfigError")


def test_ctrl_c_passes() -> None:
    def interrupted(panel: engine.Panel) -> engine.FloatArray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdicts(factor(interrupted))


def test_the_state_of_the_caller_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    """Global generators, logging and standard output are as before."""
    np.random.seed(5)
    random.seed(5)
    expected, other = np.random.RandomState(5).random(3), random.Random(5).random()
    verdicts(factor(seeds_numpy))
    verdicts(factor(prints))
    np.testing.assert_array_equal(np.random.random(3), expected)
    assert random.random() == other
    assert logging.root.manager.disable == 0
    assert capfd.readouterr().out == ""
    print("still here")
    assert capfd.readouterr().out == "still here\n"


def test_a_check_of_another_kind_says_so() -> None:
    with pytest.raises(engine.PluginError, match=r"is no engine\.Regime"):
        check_regime(factor(good))  # type: ignore[arg-type]


def test_a_factor_that_needs_more_gets_its_own_panel() -> None:
    def tweets(panel: engine.Panel) -> engine.FloatArray:
        return np.where(panel.present, panel["tweets"], np.nan)

    from engine.testing import small_panel

    own = small_panel(days=60)
    own = own.with_fields({"tweets": np.round(own["close"])})
    assert "no field 'tweets'" in broken(factor(tweets))["shape"]
    check(factor(tweets), panel=own)


@dataclass(frozen=True)
class ShortSighted(engine.Factor):
    """Says that it reads two rows, and reads five."""

    name: ClassVar[str] = "short_sighted"

    @property
    def lookback(self) -> int | None:
        return 2

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return panel.wide(panel["close"]).rolling(6, min_periods=1).mean().to_numpy()


def test_a_lookback_that_is_too_short_is_caught() -> None:
    message = broken(ShortSighted())["lookback"]
    assert re.search(r"lookback=2 is too short: on 20.* S\d\d is .* the last 3", message)


@dataclass(frozen=True)
class NoHelp(engine.Factor):
    """A field without a help text."""

    name: ClassVar[str] = "no_help"
    rows: int = 5

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return good(panel)


@dataclass(frozen=True)
class OddField(engine.Factor):
    """A field that YAML does not give back."""

    name: ClassVar[str] = "odd_field"
    rows: int = engine.option(5, "rows")

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", self.rows + 1)

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return good(panel)


COMMON: list[int] = [5]


@dataclass(frozen=True)
class SharedDefault(engine.Factor):
    """A list that all instances share."""

    name: ClassVar[str] = "shared_default"
    rows: list[int] = field(default_factory=lambda: COMMON, metadata={"help": "rows"})

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return good(panel)


class NoDataclass(engine.Factor):
    """Not a dataclass of its own."""

    name: ClassVar[str] = "no_dataclass"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return good(panel)


@dataclass(frozen=True)
class Undocumented(engine.Factor):
    name: ClassVar[str] = "undocumented"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return good(panel)


@dataclass(frozen=True)
class Shouting(engine.Factor):
    """A name that cannot be typed as a key."""

    name: ClassVar[str] = "LOUD!"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return good(panel)


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (NoHelp(), "field 'rows' has no help text"),
        (OddField(), "comes back from YAML as OddField(rows=7), and was OddField(rows=6)"),
        (SharedDefault(), "field 'rows' gives all instances one and the same default"),
        (NoDataclass(), "NoDataclass is no dataclass: put @dataclass(frozen=True) above it"),
        (Undocumented(), "Undocumented has no docstring"),
        (Shouting(), "name='LOUD!': use lower case letters, digits and _ only"),
    ],
    ids=lambda p: type(p).__name__ if isinstance(p, engine.Factor) else "",
)
def test_a_class_that_is_no_configuration_is_caught(plugin: Any, message: str) -> None:
    assert message in broken(plugin)["config"]


@dataclass(frozen=True)
class Stateful(engine.Factor):
    """Writes on itself."""

    name: ClassVar[str] = "stateful"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        object.__setattr__(self, "last", len(panel.dates))
        return good(panel)


def test_a_plugin_that_writes_on_itself_is_caught() -> None:
    assert "changes its own 'last' while it works" in broken(Stateful())["purity"]


def inherited_help() -> engine.Factor:
    @dataclass(frozen=True)
    class Week(engine.Formula):
        """A formula as a plugin: the field's help is the base's."""

        name: ClassVar[str] = "week"
        formula: str = "close / delay(close, 5) - 1"

    return Week()


def test_a_help_text_may_be_inherited() -> None:
    check(inherited_help())


@dataclass(frozen=True)
class Made(engine.Regime):
    """A regime for a test, broken by `how`."""

    name: ClassVar[str] = "made"
    how: str = engine.option("", "what is wrong")

    @property
    def states(self) -> tuple[str, ...]:
        return {"names": ("calm", "Not Calm"), "one": ("calm",), "twins": ("a", "a")}.get(
            self.how, ("calm", "wild")
        )

    def probabilities(self, panel: engine.Panel) -> engine.FloatArray:
        size = pd.Series(panel.market).abs()
        known = size.expanding(min_periods=20)
        cut = size.quantile(0.8) if self.how == "smoothed" else known.quantile(0.8)
        wild = (size > cut).to_numpy(np.float64)
        wild[:40] = np.nan
        wild *= {"percent": 100.0, "negative": -0.5}.get(self.how, 1.0)
        p = np.column_stack([1.0 - wild, wild])
        if self.how == "sum":
            p[50:, 0] += 0.01
        if self.how == "partly":
            p[60, 1] = np.nan
        return p[:, :1] if self.how in ("one", "shape") else p


@pytest.mark.parametrize(
    ("how", "property", "message"),
    [
        (
            "smoothed",
            "blindness",
            r"looks ahead: on 20\d\d-\d\d-\d\d calm is [01]\.0 with .* [01]\.0",
        ),
        ("sum", "probabilities", r"on 20.* is no distribution: \[1\.01, 0\.0\]"),
        ("percent", "probabilities", r"is no distribution: \[-99\.0, 100\.0\]"),
        ("negative", "probabilities", r"is no distribution: \[1\.5, -0\.5\]"),
        ("partly", "probabilities", r"on 20.* is partly NaN: \["),
        ("shape", "shape", r"has shape \(640, 1\), not \(640, 2\)"),
        ("names", "states", r"state 'Not Calm': use lower case"),
        ("one", "states", r"return a tuple of two names or more"),
        ("twins", "states", r"two have one name"),
    ],
)
def test_a_bad_regime_is_caught(how: str, property: str, message: str) -> None:
    found = broken(Made(how))
    assert re.search(message, found.get(property, "")), found


def test_a_good_regime_passes() -> None:
    check_regime(Made())


@dataclass(frozen=True)
class Book(engine.Portfolio):
    """A portfolio for a test, broken by `how`: in proportion to the signal, each fifth day."""

    name: ClassVar[str] = "book"
    how: str = engine.option("", "what is wrong")

    def weights(
        self, signal: engine.FloatArray, panel: engine.Panel, exposure: engine.FloatArray
    ) -> engine.FloatArray:
        score = np.nan_to_num(signal)
        if self.how == "impure":
            signal[np.isnan(signal)] = 0.0
        if self.how == "sample":
            score = score - np.nanmean(signal)
        if self.how == "stranger":
            score = np.where(np.isnan(signal), 0.3, score)
        size = np.abs(score).sum(axis=1, keepdims=True)
        out = np.divide(score, size, out=np.zeros(score.shape), where=size > 0.0)
        if self.how != "regardless":
            out *= exposure[:, None]
        if self.how == "units":
            out *= 100.0
        if self.how == "keeps":
            out[np.isnan(signal)] = np.nan
        if self.how == "first":
            out[:, 0] += 0.1 * exposure
        out[np.arange(len(out)) % 5 != 0] = np.nan
        if self.how == "month end":
            out[:-1][panel.dates.month[:-1] == panel.dates.month[1:]] = np.nan
        return out


@pytest.mark.parametrize(
    ("how", "property", "message"),
    [
        ("impure", "shape", r"failed: ValueError: assignment destination is read-only"),
        ("sample", "blindness", r"looks ahead: " + CELL),
        ("month end", "blindness", r"looks ahead: " + CELL),
        ("stranger", "permission", r"on 20.* S01 has no signal and is ordered to 0\.\d+: order 0"),
        ("regardless", "exposure", r"on 20.* S\d\d is ordered to .* at an exposure of 0"),
        ("units", "gross", r"long and short sum to \d+ of equity: weights are fractions"),
        ("keeps", "whole rows", r"on 20.* S\d\d is in the universe no more and keeps its"),
        ("first", "symbol order", r"depends on the order of symbols"),
    ],
)
def test_a_bad_portfolio_is_caught(how: str, property: str, message: str) -> None:
    found = broken(Book(how))
    assert re.search(message, found.get(property, "")), found


def test_a_good_portfolio_passes() -> None:
    check(Book())


@dataclass(frozen=True)
class Decider(engine.Portfolio):
    """A portfolio for a test that decides close by close, broken by `how`."""

    name: ClassVar[str] = "decider"
    how: str = engine.option("", "what is wrong")

    def decide(self, score: engine.FloatArray, book: engine.Book) -> Any:
        book.memory["rows"] = book.memory.get("rows", -1.0) + 1.0
        if book.memory["rows"] % 5.0:
            return None
        known = np.nan_to_num(score)
        match self.how:
            case "peeks":  # nothing shows it later rows: it takes them
                later = book._data.returns[book.row + 1 :][:1]
                known = known + np.nan_to_num(later).sum(axis=0)
            case "last row":
                known = known + float(len(book._data.dates) - book.row < 50)
            case "first":
                known[0] += 0.5
            case "stranger":
                known = np.where(np.isnan(score), 0.3, score)
            case "impure":
                book.panel["close"].flags.writeable = True
                book.panel["close"][0] = 1.0
            case "print":
                print("deciding")
            case "exit":
                sys.exit(3)
        size = np.abs(known).sum()
        out = known / size * (1.0 if self.how == "regardless" else book.exposure)
        out = np.where(np.isnan(score) & ~book.present & book.member, np.nan, out)
        odd = {
            "row": out[None],
            "short": out[1:],
            "single": out.astype(np.float32),
            "list": out.tolist(),
            "infinite": np.where(out > 0.0, np.inf, out),
            "units": out * 100.0,
        }
        return odd.get(self.how, out)


@pytest.mark.parametrize(
    ("how", "property", "message"),
    [
        ("peeks", "blindness", r"looks ahead: " + CELL),
        ("last row", "blindness", r"looks ahead: " + CELL),
        ("first", "symbol order", r"depends on the order of symbols: 20.* S\d\d is"),
        (
            "stranger",
            "permission",
            r"on 20.* S\d\d has no signal and is ordered to 0\.\d+: order 0",
        ),
        ("regardless", "exposure", r"on 20.* S\d\d is ordered to .* at an exposure of 0"),
        ("units", "gross", r"long and short sum to \d+ of equity: weights are fractions"),
        ("impure", "shape", r"portfolio 'decider' failed: ValueError: cannot set WRITEABLE flag"),
        ("print", "quiet", r"prints 'deciding'"),
        ("exit", "shape", r"portfolio 'decider' failed: SystemExit: 3"),
        ("row", "shape", r"portfolio 'decider' returned shape \(1, 10\), not \(10,\)"),
        ("short", "shape", r"portfolio 'decider' returned shape \(9,\), not \(10,\)"),
        ("single", "shape", r"portfolio 'decider' returned float32, not a float64 array"),
        ("list", "shape", r"portfolio 'decider' returned list, not a float64 array"),
        ("infinite", "shape", r"portfolio 'decider' returned infinite values"),
    ],
)
def test_a_bad_decision_is_caught(how: str, property: str, message: str) -> None:
    found = broken(Decider(how))
    assert re.search(message, found.get(property, "")), found


def test_a_good_decision_passes() -> None:
    check(Decider())


@dataclass(frozen=True)
class Looker(Decider):
    """A portfolio that looks for later rows wherever a book offers data."""

    name: ClassVar[str] = "looker"

    def decide(self, score: engine.FloatArray, book: engine.Book) -> Any:
        assert len(book.panel.dates) == len(book.panel["close"]) == book.row + 1
        assert book.panel.dates[-1] == book.now
        assert max(len(book.recent(10**6)), len(book.market(10**6))) == book.row + 1
        return super().decide(score, book)


def test_a_book_offers_no_later_rows() -> None:
    check(Looker())


@dataclass(frozen=True)
class Refuser(Book):
    """A portfolio that refuses data on which it later decides."""

    name: ClassVar[str] = "refuser"

    def weights(
        self, signal: engine.FloatArray, panel: engine.Panel, exposure: engine.FloatArray
    ) -> engine.FloatArray:
        if len(panel.dates) < 100:
            raise engine.ConfigError("too short")
        return super().weights(signal, panel, exposure)


def test_a_refusal_of_a_cut_is_a_decision_that_knew_the_future() -> None:
    message = broken(Refuser())["blindness"]
    assert re.search(r"looks ahead: on 2019-01-02 S\d\d is .* with later data and nan", message)


@dataclass(frozen=True)
class Fees(engine.Cost):
    """A cost model for a test, broken by `how`: a spread that follows yesterday's move."""

    name: ClassVar[str] = "fees"
    how: str = engine.option("", "what is wrong")

    def trading(
        self, panel: engine.Panel, orders: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        move = np.abs(np.nan_to_num(panel.returns))
        before = np.zeros(panel.shape)
        before[1:] = move if self.how == "longer" else move[:-1]
        rate = 0.1 * (move if self.how == "same bar" else before)
        if self.how == "sample":
            rate = rate / orders.max()
        if self.how == "rebate":
            rate = rate - 1e-3
        if self.how == "unknown":
            rate[3, 2] = np.nan
        if self.how == "no orders":
            rate = np.divide(rate, float(orders.any()))
        names = {"spread": rate}
        return names if self.how != "moody" or orders.any() else {}

    def carry(
        self, weights: engine.FloatArray, days: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        paid = -1e-5 * np.abs(weights).sum(axis=1) * days
        if self.how == "keeps days":
            days[0] = 1.0
        if self.how == "wide":
            paid = -1e-5 * weights
        return {"spread" if self.how == "twice" else "borrow": paid}

    def max_order(self, panel: engine.Panel) -> engine.FloatArray | None:
        cap = np.full(panel.shape, np.inf)
        if self.how == "cap":
            cap[7, 1] = -1.0
        return cap


@pytest.mark.parametrize(
    ("how", "property", "message"),
    [
        ("same bar", "blindness", r"trading\(\)\['spread'\]: looks ahead: " + CELL),
        ("sample", "blindness", r"trading\(\)\['spread'\]: looks ahead: " + CELL),
        ("rebate", "rates", r"trading\(\)\['spread'\]: on 20.* S\d\d is -0\.\d+, not >= 0"),
        ("unknown", "rates", r"on 2019-01-07 S02 is nan, not >= 0"),
        ("no orders", "rates", r"is (nan|inf), not >= 0"),
        ("cap", "rates", r"max_order\(\): on 2019-01-11 S01 is -1\.0, not >= 0"),
        ("moody", "components", r"has the components .* with orders and .* without"),
        ("twice", "components", r"trading and carry both have a component 'spread'"),
        ("keeps days", "purity", r"changes days that it was given"),
        ("wide", "shape", r"carry\(\)\['borrow'\]: has shape \(320, 10\), not \(320,\)"),
        ("longer", "shape", r"could not broadcast"),
    ],
)
def test_a_bad_cost_model_is_caught(how: str, property: str, message: str) -> None:
    found = broken(Fees(how))
    assert re.search(message, found.get(property, "")), found


def test_a_good_cost_model_passes() -> None:
    check(Fees())


@dataclass(frozen=True)
class Priced(engine.Cost):
    """A cost model for a test that says terms and holding, broken by `how`."""

    name: ClassVar[str] = "priced"
    how: str = engine.option("", "what is wrong")

    def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
        move = np.abs(np.nan_to_num(panel.returns))
        before = np.zeros(panel.shape)
        before[1:] = move[:-1]
        slope = 1e-6 * before
        match self.how:
            case "same bar":
                slope = 1e-6 * move
            case "sample":
                slope = slope / max(move.max(), 1e-9)
            case "negative":
                slope = -slope
            case "single":
                slope = slope.astype(np.float32)
            case "row":
                slope = slope[0]
            case "column":
                slope = slope * np.arange(panel.shape[1])
        exponent = {"flat": 0.0, "unknown": float("nan")}.get(self.how, 0.5)
        return {
            "fee": engine.Terms(fixed=-1e-4 if self.how == "rebate" else 1e-4, coefficient=0),
            "impact": engine.Terms(coefficient=slope, exponent=exponent),
        }

    def holding(self, panel: engine.Panel) -> Mapping[str, engine.Holding]:
        cash: Any = 1e-4 * np.ones(len(panel.dates))
        match self.how:
            case "rates to come":
                cash = cash * np.arange(len(cash))[::-1]
            case "cash by name":
                cash = np.ones(panel.shape)
            case "nan":
                cash[5] = np.nan
        name = "fee" if self.how == "twice" else "borrow"
        return {name: engine.Holding(short=-1e-5), "cash": engine.Holding(cash=cash)}


SLOPE = r"terms\(\)\['impact'\]\.coefficient: "


@pytest.mark.parametrize(
    ("how", "property", "message"),
    [
        ("same bar", "blindness", SLOPE + r"looks ahead: " + CELL),
        ("sample", "blindness", SLOPE + r"looks ahead: " + CELL),
        ("rates to come", "blindness", r"holding\(\)\['cash'\]\.cash: looks ahead: on 20"),
        ("negative", "rates", SLOPE + r"on 20.* S\d\d is -[\d.e-]+, not >= 0"),
        ("rebate", "rates", r"terms\(\)\['fee'\]\.fixed: on 20.* is -0\.0001, not >= 0"),
        ("nan", "rates", r"holding\(\)\['cash'\]\.cash: on 2019-01-09 is nan, not finite"),
        ("flat", "rates", r"terms\(\)\['impact'\]\.exponent is 0\.0, not above 0"),
        ("unknown", "rates", r"terms\(\)\['impact'\]\.exponent is nan, not above 0"),
        ("single", "dtype", SLOPE + "is float32, not float64"),
        ("row", "shape", SLOPE + r"has shape \(10,\), not \(320, 10\)"),
        ("cash by name", "shape", r"\.cash: has shape \(320, 10\), not \(320,\)"),
        ("column", "symbol order", SLOPE + r"depends on the order of symbols: 20.* S\d\d is"),
        ("twice", "components", r"terms and holding both have a component 'fee': rename one"),
    ],
)
def test_bad_terms_are_caught(how: str, property: str, message: str) -> None:
    found = broken(Priced(how))
    assert re.search(message, found.get(property, "")), found


def test_good_terms_pass() -> None:
    check(Priced())


@dataclass(frozen=True)
class FromFile(engine.Factor):
    """A factor that reads a file, which an option names or does not."""

    name: ClassVar[str] = "from_file"
    path: str = engine.option("", "the file", file=True)
    hidden: str = engine.option("", "another")

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        with open(self.path or self.hidden) as file:
            return panel["close"] * float(file.read())


def test_a_factor_says_which_files_it_reads(tmp_path: Path) -> None:
    (tmp_path / "times.txt").write_text("2.5")
    file = str(tmp_path / "times.txt")
    assert broken(FromFile(path=file)) == {}
    assert broken(FromFile(hidden=file)) == {
        "files": f"reads {file}, which no option names: make it one, with "
        "engine.option(…, file=True)"
    }
