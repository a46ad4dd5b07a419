"""What the portfolios of this room share: when to decide, how to size, how little to trade.

At each close that is one to decide on:

1. A symbol is eligible with a bar at a price above 0, a signal, membership and the history
   that sizing needs.
2. The plugin picks names and sizes them, as if the regime allowed everything (exposure 1).
3. With tranches, the target is the mean of the last `tranches` picks; names that are not
   eligible any more are left out of it.
4. With a `vol_target`, the target is scaled to that volatility, by `max_leverage` at most. The
   volatility is √(w'Σw × rows a year), Σ the covariance of the last `vol_window` returns.
5. The target is multiplied by the exposure known at that close.
6. What is held of a name without a bar cannot be traded, of a member without a signal cannot be
   judged. Both stay, and count: the others share what they leave of each side, and of each
   sector where sectors have a limit.
7. The target is cut at `max_weight`.
8. A name whose weight lies within `no_trade_band` of its target is held (NaN).
9. All other trades are shrunk by one factor, so that they sum to `max_turnover` at most.

The weights held are the account's own, after partial fills, delistings and costs. A close at
which too few names are eligible, or whose exposure is not known, decides nothing: what is held
stays held. So only a delisting, leaving the universe or a signal that does not qualify sells.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

import engine
from engine.plugins.portfolios._risk import risk, volatility

Names = npt.NDArray[np.intp]
ROUNDING = 1e-9  # 0.2 × 15 names are 3, not 2.999…
WEIGHTINGS = ("equal", "score", "inverse_vol")
REBALANCES = ("daily", "weekly", "monthly", "every_n")


@dataclass(frozen=True)
class Paced(engine.Portfolio):
    """A portfolio that decides on some rows and holds between them."""

    gross: float = engine.option(
        1.0, "long plus short at exposure 1", unit="fraction of equity", ge=0.0
    )
    max_weight: float = engine.option(
        1.0, "cap on one name; 1 is none", unit="fraction of equity", gt=0.0, le=1.0
    )
    min_names: int = engine.option(
        1, "names a side needs; a date with fewer keeps what it holds", ge=1
    )
    rebalance: str = engine.option(
        "monthly", "when to decide; weekly and monthly on the first row of each", choices=REBALANCES
    )
    every: int = engine.option(21, "between decisions with every_n", unit="trading days", ge=1)
    no_trade_band: float = engine.option(
        0.0, "leave a held name that is this near its target", unit="fraction of equity", ge=0.0
    )
    max_turnover: float | None = engine.option(
        None, "two-way trades per decision; null is no limit", unit="fraction of equity", ge=0.0
    )
    vol_target: float | None = engine.option(
        None,
        "scale the weights to this volatility, such as 0.1; null is off",
        unit="per year",
        ge=0.0,
    )
    vol_window: int = engine.option(
        60,
        "of returns for vol_target and inverse_vol; half of them must exist",
        unit="trading days",
        ge=2,
    )
    max_leverage: float = engine.option(
        2.0, "the most that vol_target multiplies the weights by", unit="times", ge=0.0
    )

    @abstractmethod
    def pick(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray | None:
        """Return target weights at exposure 1, shape (N,), or None to hold what is held.

        `score` (N,) is NaN for symbols that are not eligible.
        """

    @abstractmethod
    def shortage(self, most: int) -> str:
        """Why no date had enough names, of which there were `most` at best."""

    def complaint(self, memory: Mapping[str, engine.FloatArray | float]) -> str:
        """Why nothing was ever decided."""
        most = memory.get("most", 0.0)
        return self.shortage(int(most) if isinstance(most, float) else 0)

    def decide(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray | None:
        """Return the targets of one close, or None where it is none to decide on; see the module.

        Raises
        ------
        engine.ConfigError
            If the decision cannot be made as it is asked for.
        """
        if not self._due(score, book):
            return None
        book.blind = not np.isfinite(score).any()
        can = np.isfinite(score) & book.tradable & book.member & self.able(book)
        book.memory["most"] = float(max(book.memory.get("most", 0.0), can.sum()))
        chosen = self.pick(np.where(can, score, np.nan), book)
        if chosen is None:
            return None
        target = np.where(can, self._average(chosen, book), 0.0)
        target = target * self.allow(book.exposure * self._leverage(target, book))
        target = leave_room(target, book.frozen, self.find_sectors(book))
        target = np.minimum(np.maximum(target, -self.max_weight), self.max_weight)
        return self._trade(target, book)

    def able(self, book: engine.Book) -> engine.BoolArray | bool:
        """Which symbols have the history that sizing needs, shape (N,); True for all."""
        return self.vol_target is None or np.isfinite(volatility(book, self.vol_window))

    def depth(self) -> int:
        """How many of the last picks make up a target."""
        return 1

    def allow(self, exposure: float) -> float:
        """The multiplier of the weights that an exposure stands for."""
        return exposure

    def find_sectors(self, book: engine.Book) -> npt.NDArray[np.str_] | None:
        """Sectors, shape (N,), if the portfolio limits what a sector weighs; else None."""
        return None

    def _due(self, score: engine.FloatArray, book: engine.Book) -> bool:
        """Whether to decide at this close; closes count from the first with a signal.

        Daily, weekly and monthly decisions are taken at the first close of a period at which one
        can be, `every_n` at each n-th: closes on which the portfolio is not asked do not count.
        """
        memory = book.memory
        if "rows" not in memory and not np.isfinite(score).any():
            return False
        rows = memory["rows"] = memory.get("rows", -1.0) + 1.0
        if not np.isfinite(book.exposure):
            return False
        if self.rebalance == "every_n":
            return rows % self.every == 0.0
        last = memory.get("period")
        memory["period"] = period = _period(book.now, self.rebalance)
        return last != period

    def _average(self, chosen: engine.FloatArray, book: engine.Book) -> engine.FloatArray:
        """The mean of the last picks, shape (N,)."""
        if self.depth() == 1:
            return chosen
        before = book.memory.get("picks", np.empty((0, len(chosen))))
        picks: engine.FloatArray = np.vstack([before, chosen])[-self.depth() :]
        book.memory["picks"] = picks
        # exact, for picks that cancel leave nothing, and nothing is no target to be near to
        return np.array([math.fsum(name) for name in picks.T.tolist()]) / len(picks)

    def _leverage(self, target: engine.FloatArray, book: engine.Book) -> float:
        if self.vol_target is None:
            return 1.0
        moves = risk(book, target, self.vol_window)
        return min(self.max_leverage, self.vol_target / moves) if moves > 0.0 else self.max_leverage

    def _trade(self, target: engine.FloatArray, book: engine.Book) -> engine.FloatArray:
        """The targets to send, NaN where a name is held as it is; see steps 6, 8 and 9."""
        trade = target - book.held
        keep = (book.frozen != 0.0) & book.member
        if self.no_trade_band > 0.0:
            both = (target != 0.0) & (book.held != 0.0)
            keep |= both & (np.abs(trade) <= self.no_trade_band)
        if self.max_turnover is not None:
            size = exact_sum(np.abs(np.where(keep, 0.0, trade)))
            if size > self.max_turnover:
                target = book.held + trade * (self.max_turnover / size)
        return np.where(keep, np.nan, target)


@dataclass(frozen=True)
class Selected(Paced):
    """A portfolio that picks names by rank of the signal and sizes them by a rule."""

    weighting: str = engine.option(
        "equal",
        "size within a side: equal, by distance of the score from its median, or by 1 / volatility",
        choices=WEIGHTINGS,
    )
    tranches: int = engine.option(
        1, "overlapping sub-portfolios for long horizons (Jegadeesh & Titman 1993); 1 is none", ge=1
    )

    def able(self, book: engine.Book) -> engine.BoolArray | bool:
        """Which symbols have a volatility, if that sizes them, shape (N,)."""
        if self.weighting == "inverse_vol":
            return np.isfinite(volatility(book, self.vol_window))
        return super().able(book)

    def depth(self) -> int:
        """How many of the last picks make up a target."""
        return self.tranches

    def weigh(
        self,
        places: engine.FloatArray,
        size: int,
        score: engine.FloatArray,
        book: engine.Book,
        total: float,
    ) -> engine.FloatArray:
        """Weights >= 0, shape (N,), none above `max_weight`, of the names that have places.

        Parameters
        ----------
        places : float array, shape (N,)
            From 0 to 1 of a place each (`engine.Book.places`).
        size : int
            How many places there are; those that nobody fills stay in cash.
        score : float array, shape (N,)
        book : engine.Book
        total : float
            What all places together weigh.
        """
        weights = np.zeros(len(places))
        chosen = book.sorted(places > 0.0)
        raw = filled = places[chosen]
        if self.weighting == "score":
            raw = filled * np.abs(score[chosen] - np.nanmedian(score))
        elif self.weighting == "inverse_vol":
            raw = filled * (1.0 / volatility(book, self.vol_window)[chosen])
        elif total <= self.max_weight * size:
            weights[chosen] = total / size * filled
            return weights
        if not raw.sum() > 0.0:  # all scores are the median
            raw = filled
        part = total * (exact_sum(filled) / size)
        weights[chosen] = apply_cap(raw, part, self.max_weight, book.date)
        return weights


def leave_room(
    target: engine.FloatArray,
    frozen: engine.FloatArray,
    sectors: npt.NDArray[np.str_] | None = None,
) -> engine.FloatArray:
    """Shrink targets, shape (N,), so that with what cannot be traded they weigh what they did.

    Each side keeps its total, within each sector if there are any. What a sector's side cannot
    give up, because less was to be held there than is, the others of that side give up.
    """
    if not frozen.any():
        return target
    labels = np.zeros(len(target), "U1") if sectors is None else sectors
    sides = []
    for sign in (1.0, -1.0):
        side, stuck = np.maximum(sign * target, 0.0), np.maximum(sign * frozen, 0.0)
        excess = []
        for label in np.unique(labels):
            here = labels == label
            wanted, taken = exact_sum(side[here]), exact_sum(stuck[here])
            side[here] *= max(wanted - taken, 0.0) / wanted if wanted > 0.0 else 1.0
            excess.append(max(taken - wanted, 0.0))
        left, total = math.fsum(excess), exact_sum(side)
        sides.append(
            side * (max(total - left, 0.0) / total) if left > 0.0 and total > 0.0 else side
        )
    room: engine.FloatArray = sides[0] - sides[1]
    return room


def _period(stamp: pd.Timestamp, rebalance: str) -> float:
    """The day, ISO week or calendar month that a date lies in, as a number like 202401."""
    if rebalance == "daily":
        return float(stamp.toordinal())
    if rebalance == "weekly":
        year, week, _ = stamp.isocalendar()
        return float(year * 100 + week)
    return float(stamp.year * 100 + stamp.month)


def apply_cap(
    raw: engine.FloatArray, total: float, cap: float, when: str = ""
) -> engine.FloatArray:
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
