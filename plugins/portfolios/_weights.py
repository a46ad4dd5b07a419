"""What the portfolios of this room share: when to decide, how to size, how little to trade.

On each row to decide on:

1. A symbol is eligible with a bar, a signal, membership and the history that sizing needs.
2. The plugin picks names and sizes them, as if the regime allowed everything (exposure 1).
3. With tranches, the target is the mean of the last `tranches` picks; names that are not
   eligible any more are left out of it.
4. With a `vol_target`, the target is scaled to that volatility, by `max_leverage` at most. The
   volatility is √(252 w'Σw), Σ the covariance of the last `vol_window` returns.
5. The target is multiplied by the exposure known at that close, and cut at `max_weight`.
6. A name whose drifted weight lies within `no_trade_band` of its target is held (NaN).
7. All other trades are shrunk by one factor, so that they sum to `max_turnover` at most.

A row on which too few names are eligible, or whose exposure is not known, decides nothing:
what is held stays held. Drift is estimated from close-to-close returns, with targets filled
at the close of the next row.
"""

from __future__ import annotations

import logging
import math
from abc import abstractmethod
from collections import deque
from dataclasses import dataclass

import numpy as np

import engine
from plugins.portfolios._book import Book, Names
from plugins.portfolios._calendar import rebalance_rows

log = logging.getLogger(__name__)

ROUNDING = 1e-9  # 0.2 × 15 names are 3, not 2.999…
WEIGHTINGS = ("equal", "score", "inverse_vol")
REBALANCES = ("daily", "weekly", "monthly", "every_n")


@dataclass(frozen=True)
class Paced(engine.Portfolio):
    """A portfolio that decides on some rows and holds between them."""

    gross: float = engine.option(
        1.0, "long plus short at exposure 1", unit="fraction of equity", ge=0.0
    )
    max_weight: float = engine.option(1.0, "cap on one name", unit="fraction of equity")
    min_names: int = engine.option(1, "names a side needs for a date to count", ge=1)
    rebalance: str = engine.option("monthly", "when to decide", choices=REBALANCES)
    every: int = engine.option(
        21, "rows between decisions with rebalance=every_n", unit="trading days", ge=1
    )
    no_trade_band: float = engine.option(
        0.0, "do not trade a held name this near its target", unit="fraction of equity", ge=0.0
    )
    max_turnover: float | None = engine.option(
        None, "two-way trades per decision; null is no limit", unit="fraction of equity", ge=0.0
    )
    vol_target: float | None = engine.option(
        None, "scale the weights to this volatility; null is off", unit="per year", ge=0.0
    )
    vol_window: int = engine.option(
        60,
        "rows of returns for vol_target and inverse_vol; half of them must exist",
        unit="trading days",
        ge=2,
    )
    max_leverage: float = engine.option(
        2.0, "the most that vol_target multiplies the weights by", unit="times", ge=0.0
    )

    def __post_init__(self) -> None:
        one_of("rebalance", self.rebalance, REBALANCES)
        if not 0.0 < self.max_weight <= 1.0:
            raise engine.ConfigError(
                f"portfolio.max_weight: {self.max_weight} is not in (0, 1]: write 1.0 for no cap"
            )

    @abstractmethod
    def pick(self, score: engine.FloatArray, book: Book) -> engine.FloatArray | None:
        """Return target weights at exposure 1, shape (N,), or None to hold what is held.

        `score` (N,) is NaN for symbols that are not eligible.
        """

    @abstractmethod
    def complaint(self, most: int) -> str:
        """Why no date had enough names, of which there were `most` at best."""

    def weights(
        self, signal: engine.FloatArray, panel: engine.Panel, exposure: engine.FloatArray
    ) -> engine.FloatArray:
        """Return targets on the rows to decide on, NaN on all others; see the module.

        Raises
        ------
        engine.ConfigError
            If no date has enough names, or a decision cannot be made as it is asked for.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="blas"):  # the same bytes on any machine
            return self._decided(signal, panel, exposure)

    def _decided(
        self, signal: engine.FloatArray, panel: engine.Panel, exposure: engine.FloatArray
    ) -> engine.FloatArray:
        out = np.full(panel.shape, np.nan)
        decides = rebalance_rows(panel.dates, signal, self.rebalance, self.every)
        decides &= np.isfinite(exposure)
        eligible = np.isfinite(signal) & panel.present & panel.member
        names = np.argsort(np.argsort(np.array(panel.symbols)))
        recent: deque[engine.FloatArray] = deque(maxlen=self.depth())
        held = _Held(panel.shape[1])
        notes: list[str] = []
        most = 0
        for t in range(len(decides)):
            held.drift(panel.returns[t])
            if not decides[t]:
                continue
            book = Book(panel, t, names, self.vol_window, held.weights, exposure[t], notes)
            can = eligible[t] & self.able(book)
            most = max(most, int(can.sum()))
            chosen = self.pick(np.where(can, signal[t], np.nan), book)
            if chosen is None:
                continue
            recent.append(chosen)
            target = np.where(can, np.mean(recent, axis=0), 0.0)
            target = target * self.allowed(exposure[t] * self._leverage(target, book))
            out[t] = held.trade(
                np.clip(target, -self.max_weight, self.max_weight),
                self.no_trade_band,
                self.max_turnover,
            )
        self._tell(notes, int(decides.sum()))
        if not recent:
            raise engine.ConfigError(notes[0] if notes else self.complaint(most))
        return out

    def able(self, book: Book) -> engine.BoolArray:
        """Which symbols have the history that sizing needs, shape (N,)."""
        if self.vol_target is None:
            return np.ones(len(book.names), bool)
        return np.isfinite(book.volatility)

    def depth(self) -> int:
        """How many of the last picks make up a target."""
        return 1

    def allowed(self, exposure: float) -> float:
        """The multiplier of the weights that an exposure stands for."""
        return exposure

    def _leverage(self, target: engine.FloatArray, book: Book) -> float:
        if self.vol_target is None:
            return 1.0
        risk = book.risk(target)
        return min(self.max_leverage, self.vol_target / risk) if risk > 0.0 else self.max_leverage

    def _tell(self, notes: list[str], decisions: int) -> None:
        if notes:
            log.warning(
                "portfolio %s: %d of %d decisions took the fallback; the first: %s",
                self.name,
                len(notes),
                decisions,
                notes[0],
            )


@dataclass(frozen=True)
class Selected(Paced):
    """A portfolio that picks names by rank of the signal and sizes them by a rule."""

    weighting: str = engine.option(
        "equal",
        "size within a side: the same, by distance of the signal from its median, or by 1/vol",
        choices=WEIGHTINGS,
    )
    tranches: int = engine.option(
        1, "overlapping sub-portfolios (Jegadeesh & Titman 1993); 1 is none", ge=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("weighting", self.weighting, WEIGHTINGS)

    def able(self, book: Book) -> engine.BoolArray:
        """Which symbols have a volatility, if that sizes them, shape (N,)."""
        if self.weighting == "inverse_vol":
            return np.isfinite(book.volatility)
        return super().able(book)

    def depth(self) -> int:
        """How many of the last picks make up a target."""
        return self.tranches

    def sized(
        self, chosen: Names, score: engine.FloatArray, book: Book, total: float
    ) -> engine.FloatArray:
        """Weights >= 0 of the chosen names, summing to `total`, none above `max_weight`."""
        if self.weighting == "score":
            raw = np.abs(score[chosen] - np.nanmedian(score))
        elif self.weighting == "inverse_vol":
            raw = 1.0 / book.volatility[chosen]
        else:
            raw = np.ones(len(chosen))
        if not raw.sum() > 0.0:  # all scores are the median
            raw = np.ones(len(chosen))
        return capped(raw, total, self.max_weight, book.date)


class _Held:
    """The weights that past targets have drifted to."""

    def __init__(self, size: int) -> None:
        self.weights = np.zeros(size)
        self._ordered: engine.FloatArray | None = None

    def drift(self, returns: engine.FloatArray) -> None:
        """Let a row pass: weights drift, then the orders of the row before are filled."""
        grown = self.weights * (1.0 + np.nan_to_num(returns))
        equity = 1.0 + exact_sum(grown - self.weights)
        self.weights = grown / equity if equity > 0.0 else np.zeros(len(grown))
        if self._ordered is not None:
            self.weights = np.where(np.isfinite(self._ordered), self._ordered, self.weights)
            self._ordered = None

    def trade(
        self, target: engine.FloatArray, band: float, turnover: float | None
    ) -> engine.FloatArray:
        """The targets to send, NaN where a name is held as it is; see steps 6 and 7."""
        trade = target - self.weights
        keep = (target != 0.0) & (self.weights != 0.0) & (np.abs(trade) <= band) & (band > 0.0)
        trade[keep] = 0.0
        size = exact_sum(np.abs(trade))
        if turnover is not None and size > turnover:
            target = self.weights + trade * (turnover / size)
        ordered: engine.FloatArray = np.where(keep, np.nan, target)
        self._ordered = ordered
        return ordered


def capped(raw: engine.FloatArray, total: float, cap: float, when: str = "") -> engine.FloatArray:
    """Scale `raw` (> 0 somewhere) to `total`; what exceeds `cap` goes to the others, pro rata.

    Raises
    ------
    engine.ConfigError
        If `cap` times the number of names is less than `total`.
    """
    count = len(raw)
    if total > cap * count * (1.0 + ROUNDING):
        raise engine.ConfigError(
            f"portfolio.max_weight: {cap:g} × {count} names = {cap * count:g} is less than the "
            f"{total:g} to be invested on {when}: write {np.ceil(total / count * 1e4) / 1e4:g}, "
            "or lower portfolio.gross"
        )
    weights: engine.FloatArray = raw * (total / raw.sum())
    full = np.zeros(count, bool)
    while (weights > cap * (1.0 + ROUNDING)).any():
        full |= weights >= cap
        weights[full] = cap
        if full.all():  # the cap is just feasible
            break
        rest = total - cap * full.sum()
        free = raw[~full].sum()
        # names of raw size 0 share equally once all others are full
        weights[~full] = raw[~full] * (rest / free) if free > 0.0 else rest / (~full).sum()
    return weights


def exact_sum(values: engine.FloatArray) -> float:
    """The exact sum, rounded once: the same in any order of the symbols."""
    return math.fsum(values[values != 0.0].tolist())


def one_of(key: str, value: str, options: tuple[str, ...]) -> None:
    """Raise engine.ConfigError unless the value of `portfolio.key` is one of the options."""
    if value not in options:
        raise engine.ConfigError(
            f"portfolio.{key}: {value!r} is unknown: choose from {', '.join(options)}"
        )
