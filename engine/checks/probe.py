"""The checks that all plugins on panels share.

1. Call the plugin on its own copy of the inputs, watching what else it does.
2. Look at the result's form.
3. Call it again: later, after other data, and as a new instance.
4. Call it on data cut at a date, and on data that differ after it: earlier rows must not know.
5. Call it with the symbols in another order, with a symbol or a date without a bar, and on
   odd panels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engine.checks.inputs import Inputs
from engine.checks.plugin import check_config, fresh, state
from engine.checks.same import (
    SUMS,
    Result,
    Results,
    check_dtype,
    check_finite,
    check_same,
    check_shape,
)
from engine.checks.verdict import Broken, Check, Noise, watch
from engine.core.errors import ConfigError, DataError

Ask = Callable[[Any, Inputs], Results]


@dataclass(frozen=True, eq=False)
class Probe:
    """A plugin, and how to ask it.

    Parameters
    ----------
    plugin : Kind
        What is checked.
    inputs : Inputs
        The main inputs; long enough for the plugin to answer.
    ask : callable
        Calls the plugin and names the arrays that it returned.
    odd : mapping of str to Inputs
        Inputs that the plugin must survive, or refuse with an EngineError.
    lag : int
        1 when row t may use bars before t only; 0 when those of t too.
    symbolic : bool
        Whether the order of the symbols must not matter.
    may_refuse : bool
        Whether a ConfigError on changed inputs stands for a result of NaN, by symbol.
    """

    plugin: Any
    inputs: Inputs
    ask: Ask
    odd: dict[str, Inputs]
    lag: int = 0
    symbolic: bool = True
    may_refuse: bool = False

    @cached_property
    def first(self) -> tuple[Results, Noise, Inputs, dict[str, str]]:
        """The result on the main inputs; what else the call did, to the inputs, to itself."""
        used, before = self.inputs.copy(), state(self.plugin)
        for name in ("present", "returns", "market"):
            getattr(used.panel, name)  # cached from now on: a plugin may spoil what others read
        with watch(seed=0) as noise:
            results = _copy(self.ask(self.plugin, used))
        return results, noise, used, before

    @property
    def result(self) -> Results:
        """The result on the main inputs."""
        return self.first[0]

    def again(self, inputs: Inputs, plugin: Any = None) -> Results:
        """The result of another call."""
        try:
            with watch():
                return _copy(self.ask(plugin or self.plugin, inputs.copy()))
        except ConfigError:
            if not self.may_refuse:
                raise
            silent = {}
            for name, r in self.result.items():
                nothing = np.full(inputs.panel.shape, np.nan)
                silent[name] = Result(nothing, inputs.panel.symbols, r.inner)
            return silent

    def checks(self) -> list[Check]:
        """The properties, in the order in which they are told."""
        dates = self.inputs.panel.dates
        found: list[Check] = [
            ("config", lambda: check_config(self.plugin)),
            ("shape", lambda: check_shape(self.result, self.inputs.rows)),
            ("dtype", lambda: check_dtype(self.result)),
            ("finite", lambda: check_finite(self.result, dates)),
            ("answers", self.answers),
            ("purity", self.purity),
            ("quiet", self.quiet),
            ("determinism", self.determinism),
            ("blindness", self.blindness),
            ("missing data", self.survive_missing),
            ("odd panels", self.odds),
        ]
        return [*found, ("symbol order", self.order)] if self.symbolic else found

    def answers(self) -> None:
        """A result of nothing but NaN passes every other check and proves nothing."""
        arrays = [np.asarray(r.array, np.float64) for r in self.result.values()]
        if not any(np.isfinite(array).any() for array in arrays):
            raise Broken(
                f"knows nothing on the {self.inputs.rows} dates of the test panel: "
                "check(plugin, panel=…) with one that it can use"
            )

    def purity(self) -> None:
        """Neither the inputs, nor the plugin may change, nor a global generator be seeded."""
        _, noise, used, before = self.first
        self.inputs.check_untouched(used)
        check_unchanged(self.plugin, before)
        with watch(seed=1) as other:
            self.ask(self.plugin, self.inputs.copy())
        check_unseeded(noise, other)

    def quiet(self) -> None:
        """Nothing is printed."""
        check_quiet(self.first[1])

    def determinism(self) -> None:
        """The same inputs give the same bytes: again, after other data, and elsewhere."""
        dates, base = self.inputs.panel.dates, self.result
        again = self.again(self.inputs)
        check_same(base, again, dates, "differs from call to call: {at} is {one}, then {two}")
        self.again(self.inputs.cut(max(1, self.inputs.rows // 2)))
        later = self.again(self.inputs)
        text = "remembers other data: {at} is {one}, and {two} after a call on other data"
        check_same(base, later, dates, text)
        other = self.again(self.inputs, fresh(self.plugin))
        check_same(base, other, dates, "{at} is {one}, and {two} from a new instance")

    def blindness(self) -> None:
        """What is known by t does not depend on what comes after t, to the last bit."""
        stops = self.inputs.stops()
        for stop in stops:
            cut = self.inputs.cut(stop)
            text = "looks ahead: on {at} is {one} with later data and {two} without"
            check_same(self.result, self.again(cut), cut.panel.dates, text)
        for stop in stops[-2::-3] or stops:  # a third of them: each asks three times
            for change, other in self.inputs.change(stop, self.lag):
                known = self.inputs.panel.dates[: stop + self.lag]
                bar = f"{self.inputs.panel.dates[stop]:%Y-%m-%d}"
                text = f"looks ahead: on {{at}} is {{one}}, and {{two}} with bars from {bar} on "
                check_same(self.result, self.again(other), known, text + change)

    def order(self) -> None:
        """Symbols in another order: the same values, up to the order of sums over symbols."""
        panel = self.inputs.panel
        order = np.random.default_rng(1).permutation(len(panel.symbols)).tolist()
        if order == sorted(order):
            order = order[::-1]
        moved = self.again(self.inputs.take(order))
        back = {name: _columns_back(r, order) for name, r in moved.items()}
        text = "depends on the order of symbols: {at} is {one}, and {two} in another order"
        check_same(self.result, back, panel.dates, text, SUMS)

    def survive_missing(self) -> None:
        """A symbol, or a date, without any bar: no exception, and nothing infinite."""
        for name in ("a symbol without bars", "a date without bars"):
            self._survives(name, self.odd[name])

    def odds(self) -> None:
        """Few dates, few symbols, few fields: survived, or refused with an EngineError."""
        for name in self.odd:
            if name not in ("a symbol without bars", "a date without bars"):
                try:
                    self._survives(name, self.odd[name])
                except (ConfigError, DataError):
                    continue

    def _survives(self, name: str, inputs: Inputs) -> None:
        try:
            results = self.again(inputs)
            check_shape(results, inputs.rows)
            check_finite(results, inputs.panel.dates)
        except (ConfigError, DataError):
            raise
        except Broken as error:
            raise Broken(f"with {name}: {error}") from error
        except Exception as error:
            raise Broken(f"with {name}: {type(error).__name__}: {error}") from error


def check_quiet(noise: Noise) -> None:
    """Raise Broken when something was printed."""
    text = noise.printed.strip()
    if text:
        raise Broken(f"prints {text.splitlines()[0][:60]!r}: use logging")


def check_unseeded(one: Noise, two: Noise) -> None:
    """Raise Broken when two calls that began from different seeds ended in one state."""
    if one.random == two.random:
        raise Broken("seeds a global random generator: make one, np.random.default_rng(seed)")


def check_unchanged(plugin: Any, before: dict[str, str]) -> None:
    """Raise Broken when the plugin is not what it was."""
    after = state(plugin)
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            raise Broken(f"changes its own {name!r} while it works: a plugin has no state")


def _copy(results: Results) -> Results:
    """The results in memory of their own: a plugin may use its arrays again."""
    out = {}
    for name, r in results.items():
        array = r.array.copy() if isinstance(r.array, np.ndarray) else r.array
        out[name] = Result(array, r.columns, r.inner, r.unbounded)
    return out


def _columns_back(result: Result, order: list[int]) -> Result:
    if result.columns is None or np.asarray(result.array).ndim != 2:
        return result
    home = np.argsort(order)
    columns = tuple(result.columns[i] for i in home)
    return Result(result.array[:, home], columns, result.inner, result.unbounded)
