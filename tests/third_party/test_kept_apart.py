"""Strangers' code cannot change what others see; who tries is named with its stage."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import engine
from engine.account import simulate
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.core.sealed import seal, sums
from engine.factors.sets import ready
from engine.pipeline.watch import Watch
from engine.plugin.guard import EACH, Guard, calling, guarding, lend, seconds
from engine.plugin.patches import STRAYS
from engine.plugins.costs import Standard

CLOSE = np.array([[1.0, 5.0], [2.0, 6.0], [4.0, 7.0], [8.0, 8.0]])


def bars(rows: int = 4) -> engine.Panel:
    """Two names; a Monday on the first row."""
    dates = pd.bdate_range("2024-01-01", periods=rows, tz="UTC")
    close = np.resize(CLOSE, (rows, 2))
    return engine.Panel(
        dates,
        ("A", "B"),
        {"close": close.copy(), "open": close + 0.5},
        groups={"sector": ("x", "y")},
        series={"vix": close[:, 0].copy()},
    )


def dig(array: Any) -> Any:
    """The array that owns the memory, through every door that Python leaves open."""
    while getattr(array, "base", None) is not None:
        array = array.base if isinstance(array.base, np.ndarray) else array.base.obj
    return array


def spoil(panel: engine.Panel, how: str) -> None:  # noqa: C901  # a list of misdeeds
    """Change a panel in one of many ways."""
    close = panel["close"]
    if how == "flags":
        close.flags.writeable = True
    elif how == "base":
        assert close.base is not None
        close.base.flags.writeable = True
    elif how == "root":
        root = close
        while isinstance(root.base, np.ndarray):
            root = root.base
        root.setflags(write=True)
    elif how == "item":
        panel.fields["close"] = close * 2  # type: ignore[index]  # what is tried here
    elif how == "series":
        panel.series["vix"] = close[:, 0] * 2  # type: ignore[index]
    elif how == "groups":
        panel.groups["sector"] = ("y", "x")  # type: ignore[index]
    elif how == "member":
        panel.member.flags.writeable = True
    elif how == "returns":
        panel.returns.flags.writeable = True
    elif how == "vix":
        panel.series["vix"].flags.writeable = True
    elif how == "attribute":
        object.__setattr__(panel, "fields", {"close": close * 2, "open": close})
    elif how == "cache":
        vars(panel)["returns"] = close * 0
        panel._finite["close"] = close * 0
    elif how == "wide":
        panel.wide(close).to_numpy()
        frame = panel.long({"close": close})
        for name in frame:
            with suppress(ValueError):
                values = np.asarray(frame[name])
                values.flags.writeable = True
                values[:] = values[::-1].copy()
    elif how == "dates":
        values = panel.dates.asi8
        values.flags.writeable = True
        values[:] = values + 1
    elif how == "dig":
        dig(close)[0] = 99.0
    elif how == "dig member":
        dig(panel.member)[0] = False


@dataclass(frozen=True)
class Spoiler(engine.Factor):
    """Tries to change the panel."""

    name: ClassVar[str] = "spoiler"
    how: str = ""

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        spoil(panel, self.how)
        return np.array(panel["close"])


@contextmanager
def stage(name: str, **held: Any) -> Iterator[Guard]:
    """A stage of a run, in which these are what others read."""
    guard = Guard()
    for key, value in held.items():
        guard.hold(key, value)
    with guarding(guard), guard.on_stage(name):
        yield guard


REFUSED = ["flags", "base", "root", "item", "series", "groups", "member", "returns", "vix"]
HARMLESS = ["attribute", "cache", "wide", "dates"]
FOUND = {"dig": "bars.fields.close", "dig member": "bars.member"}


@pytest.mark.parametrize("how", [*REFUSED, *HARMLESS, *FOUND])
def test_no_way_to_change_the_panel(how: str) -> None:
    """It is refused, or stays in the plugin's own twin, or ends the run; always by its name."""
    panel = bars()
    before, finite = sums({"panel": panel, "returns": panel.returns}), panel.finite("close").copy()
    if how in HARMLESS:
        with stage("factors", bars=panel):
            ready({"mine": Spoiler(how)}, panel)
    else:
        said = FOUND.get(how) and f"changed {FOUND[how]}, which others read"
        with pytest.raises(engine.PluginError) as caught, stage("factors", bars=panel):
            ready({"mine": Spoiler(how)}, panel)
        assert str(caught.value).startswith("stage factors: factors.mine ")
        assert (said or "failed: ") in str(caught.value)
    if how not in FOUND:
        now = sums({"panel": panel, "returns": panel.returns})
        assert {place: now[place] for place in before} == before
        np.testing.assert_array_equal(panel.finite("close"), finite)


def test_what_a_panel_is_cut_copied_and_pickled_to_is_sealed_too() -> None:
    import copy
    import pickle

    panel = bars()
    for other in (panel.cut(2), panel.between(1, 3), panel.take([1, 0]), panel.twin(),
                  panel.with_fields({"x": panel["close"] * 2}), copy.deepcopy(panel),
                  pickle.loads(pickle.dumps(panel))):  # fmt: skip
        for array in (*other.fields.values(), *other.series.values(), other.member, other.market):
            with pytest.raises(ValueError, match="cannot set WRITEABLE"):
                array.flags.writeable = True


def test_sealing_copies_nothing_and_once_is_enough() -> None:
    array = np.arange(6.0).reshape(2, 3)
    made = seal(array)
    assert np.shares_memory(made, array)
    assert seal(made) is made
    view = made[1:]
    assert seal(view) is view
    dates = np.array(["2020-01-01"], "M8[ns]")
    assert np.shares_memory(seal(dates), dates)
    own = array.copy()
    own.flags.writeable = False  # its owner can take that back
    assert seal(own) is not own


@dataclass(frozen=True)
class Scratch(engine.Factor):
    """Hands over one buffer again and again, with other values in it."""

    name: ClassVar[str] = "scratch"
    value: float = 1.0
    buffer: ClassVar[engine.FloatArray] = np.zeros((4, 2))

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        self.buffer[:] = self.value
        return self.buffer


def test_a_buffer_that_is_used_again_is_no_matter() -> None:
    made = ready({"one": Scratch(1.0), "two": Scratch(2.0)}, bars()).values
    assert (made["one"] == 1.0).all()
    assert (made["two"] == 2.0).all()


@dataclass(frozen=True)
class Deciding(engine.Portfolio):
    """Holds the first name, and tries to change what it sees on one row."""

    name: ClassVar[str] = "deciding"
    row: int = 1
    how: str = ""

    def decide(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray:
        if book.row == self.row:
            if self.how == "score":
                dig(book._score)[:] = 7.0
            elif self.how:
                spoil(book.panel, self.how)
        return np.array([1.0, 0.0])


@dataclass(frozen=True)
class AtOnce(engine.Portfolio):
    """The same, all at once."""

    name: ClassVar[str] = "at_once"
    how: str = ""

    def weights(
        self, signal: engine.FloatArray, panel: engine.Panel, exposure: engine.FloatArray
    ) -> engine.FloatArray:
        if self.how == "signal":
            signal.flags.writeable = True
        elif self.how == "exposure":
            exposure.flags.writeable = True
        else:
            spoil(panel, self.how)
        return np.zeros(signal.shape)


@dataclass(frozen=True)
class Dear(engine.Cost):
    """Costs nothing, but for what it does."""

    name: ClassVar[str] = "dear"
    how: str = ""

    def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
        spoil(panel, self.how)
        return {}

    def holding(self, panel: engine.Panel) -> Mapping[str, engine.Holding]:
        return {}


def account(portfolio: engine.Portfolio, cost: engine.Cost | None = None, rows: int = 4) -> None:
    """An account in a stage of that name."""
    panel, signal = bars(rows), np.resize([[1.0, 2.0]], (rows, 2))
    plan = Plan(portfolio, signal, np.ones(rows))
    with stage("account", bars=panel, signal=signal):
        simulate(plan, panel, cost or Standard(), Backtest(engine="fast"))


@pytest.mark.parametrize(
    ("portfolio", "said"),
    [
        (Deciding(how="flags"), "portfolio 'deciding' failed: ValueError: cannot set WRITEABLE"),
        (Deciding(how="item"), "portfolio 'deciding' failed: TypeError: 'mappingproxy'"),
        (Deciding(how="score"), "portfolio 'deciding' changed signal, which others read"),
        (Deciding(how="dig"), "portfolio 'deciding' changed bars.fields.close, which others"),
        (AtOnce(how="signal"), "portfolio 'at_once' failed: ValueError: cannot set WRITEABLE"),
        (AtOnce(how="exposure"), "portfolio 'at_once' failed: ValueError: cannot set WRITEABLE"),
        (AtOnce(how="dig"), "portfolio 'at_once' changed bars.fields.close, which others read"),
    ],
)
def test_no_portfolio_changes_what_others_see(portfolio: engine.Portfolio, said: str) -> None:
    with pytest.raises(engine.PluginError) as caught:
        account(portfolio)
    assert str(caught.value).startswith(f"stage account: {said}")


def test_no_cost_model_does() -> None:
    with pytest.raises(engine.PluginError, match="stage account: costs 'dear' failed: ValueError"):
        account(Deciding(), Dear("flags"))
    with pytest.raises(engine.PluginError, match=r"'dear' changed bars\.fields\.close"):
        account(AtOnce(), Dear("dig"))


@dataclass(frozen=True)
class Late(Deciding):
    """Tells how many rows it was asked on, once it has dug."""

    name: ClassVar[str] = "late"
    asked: ClassVar[list[int]] = []

    def decide(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray:
        self.asked.append(book.row)
        return super().decide(score, book)


def test_decisions_are_looked_at_every_so_often() -> None:
    """Who digs at the 11th of many closes is found at the 250th, not at the end."""
    Late.asked.clear()
    with pytest.raises(engine.PluginError, match=r"'late' changed bars\.fields\.close"):
        account(Late(10, "dig"), rows=3 * EACH)
    assert len(Late.asked) == EACH


@dataclass(frozen=True)
class Peeping(engine.Observer):
    """Writes through the values of a frame."""

    name: ClassVar[str] = "peeping"

    def on_stage(self, stage: engine.Stage) -> None:
        for column in stage.result["frame"]:
            values = stage.result["frame"][column].to_numpy(copy=False)
            values.flags.writeable = True
            values[:] = 0


def test_an_observers_frame_is_not_the_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    Watch((Peeping(),), False, tmp_path).tell("account", 0.1, lambda: {"frame": frame})
    assert frame.to_dict("list") == {"a": [1.0, 2.0], "b": [3, 4]}


def test_what_a_source_does_to_its_universe_stays_there() -> None:
    universe = engine.Universe(symbols=["A"], tags={"sector": {"A": "x"}})
    theirs = lend(universe, Peeping())
    assert theirs == universe
    theirs.tags["sector"]["A"] = "y"
    assert universe.tags == {"sector": {"A": "x"}}


@dataclass(frozen=True)
class Rude(engine.Factor):
    """Does what no factor should."""

    name: ClassVar[str] = "rude"
    how: str = ""

    def compute(self, panel: engine.Panel) -> engine.FloatArray:  # noqa: C901  # a list, too
        if self.how == "open":
            open("/nowhere/at/all")  # noqa: SIM115  # it never opens
        elif self.how == "full":
            raise OSError(28, "No space left on device")
        elif self.how == "field":
            panel["vix"]
        elif self.how == "numpy":
            np.nanmean = lambda *args, **options: 0.0  # type: ignore[assignment]
        elif self.how == "pandas":
            pd.DataFrame.mean = None  # type: ignore[assignment,method-assign]
        elif self.how == "engine":
            engine.Panel.market = None  # type: ignore[assignment]
        elif self.how == "print":
            print("hello\nthere")
        elif self.how == "thread":
            threading.Thread(target=time.sleep, args=(2,), name="pump", daemon=True).start()
        elif self.how == "environment":
            os.environ["RUDE"] = "yes"
            os.chdir("/")
        elif self.how == "seterr":
            np.seterr(all="raise")
        elif self.how == "sleep":
            time.sleep(60)
        return np.array(panel["close"])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("open", "failed: FileNotFoundError: [Errno 2] No such file or directory"),
        ("full", "failed: OSError: [Errno 28] No space left on device"),
        ("field", ": the bars have no field 'vix': "),
        ("numpy", "changed numpy.nanmean, which others use"),
        ("pandas", "changed pandas.DataFrame.mean, which others use"),
        ("engine", "changed engine.core.panel.Panel.market, which others use"),
    ],
)
def test_who_cannot_go_on_is_named_with_its_stage(how: str, said: str) -> None:
    before = np.nanmean, pd.DataFrame.mean, vars(engine.Panel)["market"]
    with pytest.raises(engine.EngineError) as caught, stage("factors", bars=bars()):
        ready({"mine": Rude(how)}, bars())
    assert str(caught.value).startswith("stage factors: factors.mine")
    assert said in str(caught.value)
    assert (np.nanmean, pd.DataFrame.mean, vars(engine.Panel)["market"]) == before


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("print", "printed 'hello': a plugin logs, and never prints"),
        ("thread", "left a thread running, pump; end it before you return"),
        ("environment", "changed the environment variable RUDE, the working directory: put back"),
        ("seterr", None),
    ],
)
def test_who_can_is_told_of(
    how: str,
    said: str | None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = dict(os.environ), os.getcwd(), np.geterr()
    with stage("factors", bars=bars()):
        made = ready({"mine": Rude(how)}, bars()).values
    np.testing.assert_array_equal(made["mine"], CLOSE)
    told = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert [t.startswith(f"stage factors: factors.mine {said}") for t in told] == [True] * bool(
        said
    )
    assert (dict(os.environ), os.getcwd(), np.geterr()) == before
    assert capfd.readouterr().out == ""
    STRAYS.clear()


def test_a_call_has_its_time() -> None:
    guard = Guard(timeout=0.2)
    said = r"stage factors: factors\.mine failed: TimeoutError: .* plugins\.timeout_s=0\.2"
    start = time.perf_counter()
    with pytest.raises(engine.PluginError, match=said), guarding(guard), guard.on_stage("factors"):
        ready({"mine": Rude("sleep")}, bars())
    assert time.perf_counter() - start < 30


@pytest.mark.parametrize("value", [0, -1, "soon", True, float("nan"), float("inf"), [1]])
def test_a_time_is_seconds_above_0(value: object) -> None:
    assert seconds(None) is None
    assert seconds(5) == 5.0
    with pytest.raises(engine.ConfigError, match=r"plugins\.timeout_s=.*: write seconds above 0"):
        seconds(value)


def test_our_own_pay_nothing_for_it() -> None:
    """A built-in is handed the panel itself, and nothing is looked at afterwards."""
    panel, cost = bars(), Standard()
    assert lend(panel, cost) is panel
    with stage("account", bars=panel) as guard:
        with calling(cost, "costs 'standard'"):
            pass
        assert (guard._callers, guard._before, guard._sums) == ({}, None, {})
