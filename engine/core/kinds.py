"""The kinds of plugin: a frozen dataclass, whose fields are its configuration, and a method.

A plugin is a frozen dataclass that derives from one of these classes, sets `name`, and
implements the method that its kind asks for::

    @dataclass(frozen=True)
    class Gap(engine.Factor):
        '''Overnight gap: open over the previous close, minus one.'''

        name: ClassVar[str] = "gap"

        def compute(self, panel: engine.Panel) -> engine.FloatArray:
            ...

Arrays are (T, N) float64, dates down, symbols across. Row t may use rows up to t and none
after; the engine checks it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from engine.core.book import Book
from engine.core.keeping import Store as Store  # noqa: PLC0414  # from here, too
from engine.core.kind import Kind as Kind  # noqa: PLC0414
from engine.core.model import Model as Model  # noqa: PLC0414
from engine.core.panel import FloatArray, Panel
from engine.core.terms import Holding, Terms
from engine.core.universe import Universe


@dataclass(frozen=True)
class Source(Kind):
    """Where bars come from.

    `simulated` marks invented data; every report on it says so. `repeatable` marks a source whose
    options, and the files that they name (``option(…, file=True)``), say all about its bars: what
    was made of them is found again without loading them.
    """

    kind_name: ClassVar[str] = "source"
    config_key: ClassVar[str] = "source"

    simulated: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False

    @abstractmethod
    def load(self, universe: Universe) -> pd.DataFrame:
        """Return bars as a long frame, as they are: the engine cleans them afterwards.

        Returns
        -------
        pandas.DataFrame
            ``timestamp`` (UTC), ``symbol`` (str), ``close`` (> 0); and, where the source
            has them, ``open``, ``high``, ``low``, ``volume`` (shares) and any other number
            per date and symbol. Text columns (``sector``) become groups.
        """

    def series(self, universe: Universe) -> pd.DataFrame | None:
        """Market-wide series (columns) by date (UTC index), as known at each close; or None."""
        return None

    def facts(self, universe: Universe) -> Mapping[str, Any]:
        """What the source itself knows of its data; written into the manifest."""
        return {}


@dataclass(frozen=True)
class Operator(Kind):
    """An operator of the formula language; `name` is what formulas write.

    `args` has one letter per argument: ``x`` an array, ``d`` a window of rows, ``n`` a number,
    ``g`` a grouping of the symbols (an int array, shape (N,)). `reach` tells what row t reads
    of its arrays: ``none`` (row t alone), ``window`` (d rows, t the last), ``shift`` (back to
    d rows ago) or ``all``. `cross` marks an operator over the symbols of one date: its arrays
    have NaN where a symbol is no member of the universe.
    """

    kind_name: ClassVar[str] = "operator"
    args: ClassVar[str] = "x"
    reach: ClassVar[str] = "none"
    cross: ClassVar[bool] = False

    @abstractmethod
    def kernel(self, *args: Any) -> FloatArray:
        """Return the result, shape (T, N): finite, or NaN where it is not known."""

    @abstractmethod
    def slow(self, *args: Any) -> FloatArray:
        """Return the same in the most obvious way: what the kernel is tested against."""


@dataclass(frozen=True)
class Factor(Kind):
    """One number per date and symbol, known at that date's close."""

    kind_name: ClassVar[str] = "factor"

    @abstractmethod
    def compute(self, panel: Panel) -> FloatArray:
        """Return the factor, shape (T, N); NaN where it is not known."""

    @property
    def lookback(self) -> int | None:
        """Rows before t that row t reads, or None when it reads all of them."""
        return None

    def complaint(self, panel: Panel) -> str:
        """Why it has no value on any date, where it knows; "" leaves that to the engine."""
        return ""


@dataclass(frozen=True)
class Regime(Kind):
    """Filtered probabilities of market states, ordered by rising volatility."""

    kind_name: ClassVar[str] = "regime"
    config_key: ClassVar[str] = "regime"

    @property
    @abstractmethod
    def states(self) -> tuple[str, ...]:
        """Names of the S states, from calm to turbulent."""

    @property
    def observes(self) -> tuple[str, ...] | None:
        """Market-wide series that it reads; None where it does not say."""
        return None

    @abstractmethod
    def probabilities(self, panel: Panel) -> FloatArray:
        """Return P(state at t | data up to t), shape (T, S); rows sum to 1, or are all NaN."""


@dataclass(frozen=True)
class Portfolio(Kind):
    """Turns the signal into target weights: a `decide` at each close, or all `weights` at once."""

    kind_name: ClassVar[str] = "portfolio"
    config_key: ClassVar[str] = "portfolio"

    def decide(self, score: FloatArray, book: Book) -> FloatArray | None:
        """Return the target weights decided at one close, or None to hold what is held.

        Parameters
        ----------
        score : float array, shape (N,)
            The bundle's score; NaN for symbols that may not be held.
        book : Book
            What is really held at this close, and the data up to it.

        Returns
        -------
        float array, shape (N,), or None
            Fractions of equity. A finite weight is an order for the next bar (0 closes); NaN
            holds.
        """
        raise NotImplementedError

    def weights(self, signal: FloatArray, panel: Panel, exposure: FloatArray) -> FloatArray:
        """Return all target weights at once: for a portfolio that need not know what is held.

        Parameters
        ----------
        signal : float array, shape (T, N)
            The bundle's score; NaN for symbols that may not be held.
        panel : Panel
            Prices, groups and membership up to each date.
        exposure : float array, shape (T,)
            What the regime allows: a multiplier of gross exposure, known at each close.

        Returns
        -------
        float array, shape (T, N)
            As `decide` returns them, decided at each date's close.
        """
        raise NotImplementedError

    def complaint(self, memory: Mapping[str, FloatArray | float]) -> str:
        """Why there were no weights on any date; the run stops with these words."""
        return (
            f"portfolio.name={self.name}: decided nothing on any date: look at its options "
            f"(engine plugins show {self.name}), and at the signal"
        )


@dataclass(frozen=True)
class Cost(Kind):
    """What trading and holding cost, each component by itself.

    Write `terms` and `holding`: the account prices each order by them at the size that it
    really trades. Where a rate is no such sum, write `trading`, which is asked again and again
    until sizes and rates agree; where a carry is not proportional, `carry`.
    """

    kind_name: ClassVar[str] = "cost"
    config_key: ClassVar[str] = "costs"

    def terms(self, panel: Panel) -> Mapping[str, Terms]:
        """Return what trading costs, by component."""
        raise NotImplementedError

    def holding(self, panel: Panel) -> Mapping[str, Holding]:
        """Return what holding earns or pays, by component."""
        raise NotImplementedError

    def trading(self, panel: Panel, orders: FloatArray) -> Mapping[str, FloatArray]:
        """Return cost rates of trading, by component, where `terms` cannot say them.

        Parameters
        ----------
        panel : Panel
            Bars; row t is the bar that is traded on, so use rows before t to predict it.
        orders : float array, shape (T, N)
            Absolute value of each order, in currency.

        Returns
        -------
        mapping of str to float array, shape (T, N)
            Cost as a fraction of the traded value, from 0 to below 1.
        """
        raise NotImplementedError

    def carry(self, weights: FloatArray, days: FloatArray) -> Mapping[str, FloatArray]:
        """Return what holding pays (+) or costs (-), by component, where `holding` cannot say it.

        Parameters
        ----------
        weights : float array, shape (T, N)
            Weights held overnight into t, as fractions of equity at the close of t-1. The
            account asks row by row, with T = 1.
        days : float array, shape (T,)
            Calendar days from t-1 to t.

        Returns
        -------
        mapping of str to float array, shape (T,)
            Fraction of equity, added to the return of t. What an account without positions
            would earn counts as interest.
        """
        raise NotImplementedError

    def max_order(self, panel: Panel) -> FloatArray | None:
        """Largest order in shares per bar, shape (T, N), from rows before t; None: no limit."""
        return None


def overrides(plugin: Kind | type[Kind], method: str, before: str = "") -> bool:
    """Whether a plugin, or its class, has a method of its own in place of its kind's.

    Of two that stand for one another the one that the class itself, or its nearest base,
    defines is meant: `method` is not, where `before` is defined nearer.
    """
    cls = plugin if isinstance(plugin, type) else type(plugin)
    kind = next(base for base in cls.__mro__ if Kind in base.__bases__)

    def is_own(base: type, name: str) -> bool:
        return name in vars(base) and vars(base)[name] is not vars(kind)[name]

    for base in cls.__mro__[: cls.__mro__.index(kind)]:
        if is_own(base, method):
            return True
        if before and is_own(base, before):
            return False
    return False


@dataclass(frozen=True)
class Stage:
    """What an observer is told when a stage has ended.

    Parameters
    ----------
    name : str
        Such as ``factors``.
    key : str
        The same for the same data, configuration and stage.
    seconds : float
        How long it took.
    result : object
        What the stage made; its arrays are read-only. None where `reads_results` is false.
    folder : pathlib.Path
        The run folder, where the stage's artifact is.
    """

    name: str
    key: str
    seconds: float
    result: Any
    folder: Path


@dataclass(frozen=True)
class Observer(Kind):
    """Is told of each stage as it ends; it cannot change anything.

    One that does not look at results says so in `reads_results`: a stage that is found in the store
    need not be read back for it.
    """

    kind_name: ClassVar[str] = "observer"
    reads_results: ClassVar[bool] = True

    @abstractmethod
    def on_stage(self, stage: Stage) -> None:
        """Called after each stage, in the order of the run."""


KINDS: Mapping[str, type[Kind]] = {
    cls.kind_name: cls
    for cls in (Source, Operator, Factor, Regime, Model, Portfolio, Cost, Observer, Store)
}


def groups(kinds: Mapping[str, type[Kind]] = KINDS) -> dict[str, str]:
    """Return the conf groups that choose one plugin of a kind: group to kind."""
    return {cls.config_key: kind for kind, cls in kinds.items() if cls.config_key}
