"""A seeded market with a premium of known strength planted in it.

1. The market path comes from the seed alone: a Markov chain of volatility regimes, and a
   market return scaled by it. Each sector has a path of its own.
2. Each symbol draws from a stream that the seed and its name determine: neither the order
   nor the company of other symbols changes its path.
3. Log return = drift + beta × market + sector + idiosyncratic + premium, where the premium
   of day k is `strength` × idiosyncratic volatility of day k × planted score of day k-1; the
   score is the planted signal, or what another shape makes of signals (`_shapes.py`).
4. `strength` is solved for, so that the score's rank IC is `planted_ic` (`_planted.py`).
5. Days before a late listing, after a delisting and during a suspension are taken out.
6. Some symbols split their shares once (`_splits.py`), which moves no return.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from engine import BoolArray, ConfigError, FloatArray, Source, Universe, option, reading
from engine.plugins.sources._market import (
    Market,
    Stocks,
    draw_market,
    draw_stocks,
    log_returns,
    sector_paths,
)
from engine.plugins.sources._planted import strength
from engine.plugins.sources._shapes import SHAPES
from engine.plugins.sources._splits import Splits, as_traded, draw_splits, split_ratio


@dataclass(frozen=True)
class Simulated(Source):
    """An invented market: factor structure, regimes, fat tails, and a planted signal.

    The column ``planted`` holds the signal, known at the close; ``sector`` the label that
    moves the symbol (that of ``universe.tags.sector`` where it has one). ``series`` gives
    ``vix``.

    What earns the premium is the score of `planted_shape`, and it is the score whose rank IC is
    `planted_ic` at `planted_horizon`: ``linear``, the signal s itself; ``interaction``, s × s2,
    with s2 in the column ``planted_2``, independent of s; ``regime``, s while the market is in
    its calm state, else -s; ``drift``, cos(a) s + sin(a) s2, with a from 0 on the first day to pi
    on the last. Of the last three the score stands in the column ``planted_score``: nobody could
    know it, for it knows the market's state and where the premium drifts, but no day's score
    knows a later day. `planted_halflife` is that of s and of s2: their product fades twice as
    fast.

    Prices are adjusted for dividends, and for splits too, unless ``adjusted`` is false: then
    prices and volumes are those of the day, and on the day of a 4:1 split the price falls to
    a quarter. The engine takes returns from prices as they are, so a run on such prices earns
    losses that nobody had; they serve to test what mends them. The column ``split_ratio``
    says in both cases which shares were split that day, and is known at its open: 4.0 for
    4:1, 0.1 for a 1:10 reverse split, 1.0 on ordinary days. As-traded prices divided by the
    product of all later ratios, and volumes multiplied by it, are the adjusted ones.
    """

    name: ClassVar[str] = "simulated"
    repeatable: ClassVar[bool] = True
    simulated: ClassVar[bool] = True

    seed: int = option(7, "what makes this market and no other", ge=0)
    start: str = option("2014-01-02", "first day, or the next business day", unit="date")
    end: str | None = option(None, "last day; null counts n_days from start", unit="date")
    n_days: int = option(2520, "length, when end is null", unit="business days", ge=2)
    n_symbols: int = option(200, "symbols, when universe.symbols is null", ge=1)
    planted_ic: float = option(
        0.03,
        "rank IC of what earns the premium at planted_horizon; 0 plants nothing",
        ge=-0.5,
        le=0.5,
    )
    planted_shape: str = option(
        "linear",
        "it is earned by the signal `planted`; by its product with `planted_2`; by the signal "
        "while the market is calm, and by its opposite in other states; by the signal turning "
        "slowly into `planted_2`, and then into its own opposite",
        choices=(*SHAPES,),
    )
    planted_horizon: int = option(
        20, "from the close after the decision on", unit="trading days", ge=1, le=252
    )
    planted_halflife: float = option(
        20.0, "until half of a signal is gone", unit="trading days", ge=0.1
    )
    market_vol: float = option(
        0.16,
        "volatility of the market; regimes scale it by 0.74, 1.06 or 2.12",
        unit="per year",
        ge=0.01,
        le=1.0,
    )
    sector_vol: float = option(0.10, "volatility of a sector", unit="per year", ge=0.0, le=1.0)
    idio_vol: float = option(
        0.26, "median volatility of a symbol by itself", unit="per year", ge=0.01, le=1.0
    )
    dollar_volume: float = option(
        400e6,
        "traded by the median symbol on a quiet day, as US technology names are",
        unit="currency per day",
        ge=1.0,
    )
    splits: float = option(
        0.10, "share of symbols that split once: 2:1, 3:1, 4:1, or rarely 1:10", ge=0.0, le=1.0
    )
    adjusted: bool = option(
        True, "for splits; false: as traded, jumping where split_ratio is not 1"
    )
    late: float = option(0.10, "share of symbols listed after the start", ge=0.0, le=1.0)
    delisted: float = option(0.05, "share of symbols delisted before the end", ge=0.0, le=1.0)
    suspended: float = option(
        0.05, "share of symbols suspended once, for 5 to 40 days", ge=0.0, le=1.0
    )

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the bars, sorted by timestamp, then symbol.

        Returns
        -------
        pandas.DataFrame
            ``timestamp``, ``symbol``, ``open``, ``high``, ``low``, ``close`` (> 0),
            ``volume`` (shares, whole when adjusted), ``planted`` (standard normal), where
            the shape has them ``planted_2`` (the same) and ``planted_score`` (of variance 1),
            ``split_ratio`` (new shares for an old one, > 0), ``sector``.

        Raises
        ------
        ConfigError
            For dates that are none, a span shorter than the planted horizon, or a rank IC
            that no premium reaches.
        """
        days = self._days(universe)
        names = self._names(universe)
        market = self._market(len(days))
        b = self._strength(len(days))
        shape = SHAPES[self.planted_shape]
        stocks = draw_stocks(
            self.seed, names, len(days), self.idio_vol, self._persistence, shape.signals
        )
        score = shape.score(market, stocks.signals)
        tags = universe.tags.get("sector", {})
        labels = [tags.get(s, own) for s, own in zip(names, stocks.sector, strict=True)]
        sectors = sector_paths(self.seed, labels, market, self.sector_vol)
        returns = log_returns(market, sectors, stocks, score, b)
        listed = self._place_bars(stocks)
        ratio = split_ratio(self._splits(names), listed)
        bars = _bars(returns, market, stocks, self.dollar_volume)
        bars = bars if self.adjusted else as_traded(bars, ratio)
        fields = {**bars, **shape.publish(stocks.signals, score), "split_ratio": ratio}
        return _long(days, names, labels, fields, listed)

    def series(self, universe: Universe) -> pd.DataFrame:
        """Return ``vix``: the market's volatility in annualised percent, known at the close."""
        days = self._days(universe)
        return pd.DataFrame({"vix": self._market(len(days)).vix}, index=days)

    def facts(self, universe: Universe) -> Mapping[str, Any]:
        """What is planted, and how many splits there are.

        ``planted`` has the column of what earns the premium, its horizon and its rank IC there;
        ``splits`` the column of ratios, whether prices are adjusted for them, and their count.
        """
        planted = {
            "column": SHAPES[self.planted_shape].column,
            "horizon": self.planted_horizon,
            "rank_ic": self.planted_ic,
        }
        splits = {
            "column": "split_ratio",
            "adjusted": self.adjusted,
            "count": self._splits(self._names(universe)).count,
        }
        return {"planted": planted, "splits": splits}

    @property
    def _persistence(self) -> float:
        return float(0.5 ** (1.0 / self.planted_halflife))

    def _market(self, days: int) -> Market:
        return draw_market(self.seed, days, self.market_vol)

    def _splits(self, names: list[str]) -> Splits:
        return draw_splits(self.seed, names, self.splits)

    def _names(self, universe: Universe) -> list[str]:
        if universe.symbols is not None:
            return sorted(set(universe.symbols))
        return [f"S{i:04d}" for i in range(self.n_symbols)]

    def _strength(self, days: int) -> float:
        if self.planted_ic and days < self.planted_horizon + 2:
            raise ConfigError(
                f"source.planted_horizon={self.planted_horizon} needs more than the {days} days "
                "there are: raise source.n_days, or set source.planted_ic=0"
            )
        b = strength(
            self.planted_ic,
            self.planted_horizon,
            self.planted_shape,
            seed=self.seed,
            days=days,
            market_vol=self.market_vol,
            idio_vol=self.idio_vol,
            sector_vol=self.sector_vol,
            persistence=self._persistence,
        )
        if np.isnan(b):
            raise ConfigError(
                f"source.planted_ic={self.planted_ic} is out of reach at a half-life of "
                f"{self.planted_halflife} days: lower it, or raise source.planted_halflife"
            )
        return b

    def _place_bars(self, stocks: Stocks) -> BoolArray:
        """Where a symbol trades, shape (T, N)."""
        total = len(stocks.shock)
        late, late_at, gone, gone_at, halt, halt_at, halt_for = stocks.fate
        day = np.arange(total)[:, None]
        first = np.where(late < self.late, (0.1 + 0.4 * late_at) * total, 0).astype(int)
        stop = np.where(gone < self.delisted, (0.6 + 0.35 * gone_at) * total, total).astype(int)
        pause = (halt_at * total).astype(int)
        resume = pause + np.where(halt < self.suspended, 5 + 36 * halt_for, 0).astype(int)
        listed: BoolArray = (day >= first) & (day < stop) & ~((day >= pause) & (day < resume))
        return listed

    def _days(self, universe: Universe) -> pd.DatetimeIndex:
        """The business days: the calendar's sessions, or weekdays without one."""
        start = _date("start", self.start)
        if self.end is not None:
            stop = _date("end", self.end)
            days = _business(universe.calendar, start, stop)
        else:  # 1.6 calendar days per session and a month leave room for any holidays
            stop = start + pd.Timedelta(days=int(1.6 * self.n_days) + 30)
            days = _business(universe.calendar, start, stop)[: self.n_days]
        if len(days) < 2:
            raise ConfigError(
                f"source.end={self.end} leaves {len(days)} business days after source.start="
                f"{self.start}: set source.end later"
            )
        return days


def _date(key: str, text: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(text).normalize()
    except ValueError as error:
        raise ConfigError(f"source.{key}={text!r} is not a date: write 2020-01-31") from error


def _business(calendar: str | None, start: pd.Timestamp, stop: pd.Timestamp) -> pd.DatetimeIndex:
    if calendar is None or stop <= start:
        return pd.bdate_range(start, stop, tz="UTC")
    try:
        return reading.sessions(calendar, start, stop).tz_localize("UTC")
    except Exception as error:
        import exchange_calendars  # slow to import, needed only with a calendar

        if not isinstance(error, (ValueError, exchange_calendars.errors.CalendarError)):
            raise
        reason = str(error).split("\n")[0]
        raise ConfigError(f"universe.calendar={calendar} cannot be used: {reason}") from error


def _bars(
    returns: FloatArray, market: Market, stocks: Stocks, dollar_volume: float
) -> dict[str, FloatArray]:
    """Prices and volume around the close, each of shape (T, N); low <= open, close <= high."""
    vol = market.multiplier[:, None] * stocks.vol
    close = stocks.price * np.exp(np.cumsum(returns, axis=0))
    before = np.vstack([stocks.price[None, :], close[:-1]])
    gap, up, down, busy = stocks.wiggle
    open_ = before * np.exp(0.3 * returns + 0.3 * vol * gap)
    high = np.maximum(open_, close) * np.exp(0.4 * vol * np.abs(up))
    low = np.minimum(open_, close) * np.exp(-0.4 * vol * np.abs(down))
    move = np.abs(returns) / stocks.vol  # busy days are those that move, or turbulent ones
    dollars = dollar_volume * stocks.size * np.exp(0.35 * busy + 0.25 * np.minimum(move, 6.0))
    volume = np.floor(dollars / close) + 1.0
    return {"open": open_, "high": high, "low": low, "close": close, "volume": volume}


def _long(
    days: pd.DatetimeIndex,
    names: list[str],
    labels: list[str],
    fields: Mapping[str, FloatArray],
    listed: BoolArray,
) -> pd.DataFrame:
    flat = np.flatnonzero(listed)
    day, column = np.divmod(flat, len(names))
    sectors = sorted(set(labels))
    sector = np.array([sectors.index(label) for label in labels])
    return pd.DataFrame(
        {
            "timestamp": days[day],
            "symbol": pd.Categorical.from_codes(column, categories=pd.Index(names)),
            **{name: array.ravel()[flat] for name, array in fields.items()},
            "sector": pd.Categorical.from_codes(sector[column], categories=pd.Index(sectors)),
        }
    )
