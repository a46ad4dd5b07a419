"""Stock splits of the simulated market: which symbols split, when, and by how much.

Returns do not know of them: a split changes the unit in which a share is counted. So splits
have a stream of their own per symbol, and no other number of the market depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine import BoolArray, FloatArray
from engine.plugins.sources._market import stream

RATIOS = np.array([2.0, 3.0, 4.0, 0.1])  # new shares for an old one; 0.1 is a 1:10 reverse split
CHANCES = np.array([0.55, 0.20, 0.20, 0.05])
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Splits:
    """What is drawn for each symbol; arrays of shape (N,)."""

    ratio: FloatArray  # new shares for an old one; 1 without a split
    when: FloatArray  # in [0, 1), along the symbol's bars

    @property
    def count(self) -> int:
        """How many symbols split."""
        return int((self.ratio != 1.0).sum())


def draw_splits(seed: int, names: Sequence[str], share: float) -> Splits:
    """Draw at most one split per symbol; a symbol that splits still does at a higher `share`."""
    draws = np.array([stream(seed, "split", name).random(3) for name in names])
    kind = np.searchsorted(np.cumsum(CHANCES)[:-1], draws[:, 1], side="right")
    return Splits(np.where(draws[:, 0] < share, RATIOS[kind], 1.0), draws[:, 2])


def split_ratio(splits: Splits, listed: BoolArray) -> FloatArray:
    """Return new shares for an old one by day, shape (T, N): 1 on ordinary days.

    A split falls on a bar, and never on a symbol's first: there is no price before it to
    jump from. A symbol with a single bar has none.
    """
    ratio = np.ones(listed.shape)
    for i in np.flatnonzero(splits.ratio != 1.0):
        bars = np.flatnonzero(listed[:, i])[1:]
        if len(bars):
            ratio[bars[int(splits.when[i] * len(bars))], i] = splits.ratio[i]
    return ratio


def as_traded(fields: dict[str, FloatArray], ratio: FloatArray) -> dict[str, FloatArray]:
    """Take the adjustment out of the fields, given the ratio by day, all of shape (T, N).

    A price is multiplied by the ratios of all later days, and volume divided by them, so
    that price × volume stays what was traded in money.
    """
    later = np.ones_like(ratio)
    later[:-1] = np.cumprod(ratio[:0:-1], axis=0)[::-1]
    prices = {name: fields[name] * later for name in PRICES}
    return {**fields, **prices, "volume": fields["volume"] / later}
