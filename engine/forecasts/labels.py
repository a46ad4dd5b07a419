"""Labels: what the forecasts are about. The one place of the engine that looks ahead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.bars import USUAL, Delisting, judge_so_far, outcomes
from engine.core.options import Options, option
from engine.core.panel import BoolArray, FloatArray, Panel, forward_fill
from engine.kernels.ranks import average_ranks

TARGETS = ("return", "rank", "zscore", "beta_neutral")
BETA_WINDOW, BETA_MIN = 252, 60  # one year of returns; below 60 a beta is mostly noise


@dataclass(frozen=True, eq=False)
class Labels:
    """Forward returns, and when they are known.

    Parameters
    ----------
    name : str
        ``fwd_return_{horizon}d``.
    horizon : int
        Trading days held.
    symbols : tuple of str, length N
        The columns of `values`.
    values : float array, shape (T, N)
        Forward return as a fraction, judged with the whole sample: the truth that forecasts
        are measured by.
    target : float array, shape (T, N)
        What a model learns: row t uses rows up to ``end[t]`` and none after.
    end : int array, shape (T,)
        Row at whose close label t is known; T or more when the sample ends before.
    dates : pandas.DatetimeIndex, shape (T,)
        UTC.
    """

    name: str
    horizon: int
    symbols: tuple[str, ...]
    values: FloatArray
    target: FloatArray
    end: npt.NDArray[np.int64]
    dates: pd.DatetimeIndex


@dataclass(frozen=True)
class Label(Options):
    """Forward returns of the bar after the decision: ``close[t+1+h] / close[t+1] - 1``.

    Parameters
    ----------
    horizon : int
        h, trading days from entry to exit.
    target : {"return", "rank", "zscore", "beta_neutral"}
        What a model learns: the return itself; its centred rank per date, within (-0.5, 0.5);
        its z-score per date; or the return less beta times the market's over the same days,
        with beta from the 252 rows up to t.
    shuffle : bool
        Permute the labels among the symbols of each date: the null control, on which
        nothing may be found.
    """

    config_key: ClassVar[str] = "label"

    horizon: int = option(
        20, "from entry to exit; entry is the close after the decision", unit="trading days", ge=1
    )
    target: str = option(
        "return",
        "what the model learns; rank and zscore are per date, beta_neutral takes beta × the "
        "market's return away",
        choices=TARGETS,
    )
    shuffle: bool = option(
        False,
        "true: null control, labels permuted among symbols date by date; nothing may be found",
    )

    def compute(self, panel: Panel, seed: int = 0, delisting: Delisting = USUAL) -> Labels:
        """Return the labels of every date and symbol.

        A name without a bar on its exit row has no exit price. If it is delisted
        (`engine.bars.delisting`), it is worth its last close × (1 + what a long gets); else the
        label is NaN. `values` ask this of the whole sample, `target` of the data cut at the
        exit row, so that no model learns that a suspended name will come back.

        Parameters
        ----------
        panel : Panel
            Closes and membership.
        seed : int
            Of the permutations, when `shuffle`.
        delisting : Delisting
            When a name counts as delisted, and what its holders get.

        Returns
        -------
        Labels
            NaN where the entry or exit price is missing, where the exit lies after the
            sample, and for symbols that are not members at t.
        """
        ended = outcomes(panel, delisting)
        values = self._forward(panel, ended.gone, ended.long)
        target = self._target(panel, self._forward(panel, *judge_so_far(panel, delisting)))
        if self.shuffle:
            values, target = (_shuffle(panel, array, seed) for array in (values, target))
        end = np.arange(len(panel.dates), dtype=np.int64) + 1 + self.horizon
        name = f"fwd_return_{self.horizon}d"
        return Labels(name, self.horizon, panel.symbols, values, target, end, panel.dates)

    def forward(self, panel: Panel, rows: int, seed: int, delisting: Delisting) -> FloatArray:
        """Return the returns over `rows` rows from the entry, shape (T, N), as labels do."""
        ended = outcomes(panel, delisting)
        values = replace(self, horizon=rows)._forward(panel, ended.gone, ended.long)
        return _shuffle(panel, values, seed) if self.shuffle else values

    def _forward(self, panel: Panel, gone: BoolArray, long: FloatArray) -> FloatArray:
        """Forward returns, shape (T, N); where an exit finds a name `gone`, a long gets `long`."""
        close, h = panel["close"], self.horizon
        out = np.full(panel.shape, np.nan)
        if len(close) <= h + 1:
            return out
        salvage = np.where(gone, forward_fill(close) * (1.0 + long), np.nan)
        exits = np.where(np.isfinite(close), close, salvage)
        out[: -h - 1] = exits[h + 1 :] / close[1:-h] - 1.0
        out[~panel.member] = np.nan
        return out

    def _target(self, panel: Panel, known: FloatArray) -> FloatArray:
        if self.target == "rank":
            ranks = average_ranks(known)
            count = np.isfinite(known).sum(axis=1, keepdims=True)
            return (ranks - 0.5) / np.where(count > 0, count, 1) - 0.5
        if self.target == "zscore":
            return _zscore(known)
        if self.target == "beta_neutral":
            return known - _beta(panel) * self._market(panel)[:, None]
        return known

    def _market(self, panel: Panel) -> FloatArray:
        """The market's compounded return over the same days, shape (T,)."""
        market, h = panel.market, self.horizon
        out = np.full(len(market), np.nan)
        if len(market) > h + 1:
            growth = np.cumsum(np.log1p(np.where(np.isfinite(market), market, 0.0)))
            out[: -h - 1] = np.expm1(growth[h + 1 :] - growth[1:-h])
        return out


def _zscore(values: FloatArray) -> FloatArray:
    """Per date: less the mean, over the standard deviation (ddof 0); NaN when it is 0."""
    finite = np.isfinite(values)
    count = np.maximum(finite.sum(axis=1, keepdims=True), 1)
    centred = values - np.where(finite, values, 0.0).sum(axis=1, keepdims=True) / count
    spread = np.sqrt(np.where(finite, centred**2, 0.0).sum(axis=1, keepdims=True) / count)
    out = np.full(values.shape, np.nan)
    np.divide(centred, spread, out=out, where=spread > 1e-12)
    return out


def _beta(panel: Panel) -> FloatArray:
    """Slope of a symbol's returns on the market's over the trailing year, shape (T, N)."""
    y, x = panel.returns, np.broadcast_to(panel.market[:, None], panel.shape)
    valid = np.isfinite(y) & np.isfinite(x)
    x, y = np.where(valid, x, 0.0), np.where(valid, y, 0.0)
    n = _trailing_sum(valid.astype(np.float64))
    sum_x, sum_y = _trailing_sum(x), _trailing_sum(y)
    enough = n >= BETA_MIN
    n = np.where(enough, n, 1.0)
    covariance = _trailing_sum(x * y) - sum_x * sum_y / n
    variance = _trailing_sum(x * x) - sum_x * sum_x / n
    where = enough & (variance > 1e-12)
    out = np.full(panel.shape, np.nan)
    np.divide(covariance, variance, out=out, where=where)
    return out


def _trailing_sum(array: FloatArray) -> FloatArray:
    total = np.cumsum(array, axis=0)
    total[BETA_WINDOW:] -= total[:-BETA_WINDOW].copy()
    return total


def _shuffle(panel: Panel, array: FloatArray, seed: int) -> FloatArray:
    """Labels permuted within each date, shape (T, N).

    The order drawn for a date depends on the seed, the date and the symbols' names only: value
    and target move together where both are known, and what is known later moves nothing.
    """
    out = np.full_like(array, np.nan)
    by_name = np.argsort(np.array(panel.symbols))
    for t, stamp in enumerate(panel.dates.as_unit("s").asi8):
        drawn = by_name[np.random.default_rng((seed, abs(int(stamp)))).permutation(len(by_name))]
        cells, drawn = by_name[np.isfinite(array[t, by_name])], drawn[np.isfinite(array[t, drawn])]
        out[t, cells] = array[t, drawn]
    return out
