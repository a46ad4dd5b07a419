"""Odd prices and volumes, symbol by symbol.

A return is odd when it is many robust deviations from its symbol's usual ones, both over the
whole sample and over the bars around it. In this order, it is then

1. a bad tick, when the next bar undoes it;
2. a missed split, when it is near a split's ratio and volume moved the other way to stay,
   without the burst on the day itself that news brings;
3. a level shift, when it is so large that news hardly explains it;
4. a jump, when it is large. Most jumps are news.

Where a day has many symbols, their median return is taken out first, so that a crash of the
whole market is no finding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from engine.bars import IntArray
from engine.bars.inspect.finding import DataFinding, Thresholds
from engine.bars.inspect.tape import Tape
from engine.core.medians import row_medians
from engine.core.panel import BoolArray, FloatArray
from engine.schemas.bars import PRICES

RATIOS = np.array([1.5, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100])
ENOUGH = 20  # bars of a symbol before its returns tell what is usual
MARKET = 20  # symbols on a day before their median return is taken for the market's
WINDOW = 20  # bars on each side of a return that tell how volatile its time was
VOLUME = 10  # bars on each side of a split over which volume is compared


def of_prices(tape: Tape, limits: Thresholds) -> list[DataFinding]:
    """Return the findings about prices and volumes."""
    return [
        *_moves(tape, limits),
        _stale(tape, limits),
        *_volume(tape),
    ]


@dataclass(frozen=True)
class Move:
    """The odd returns, arrays of shape (M,).

    `bar` is the position of each, `raw` its log return and `own` that less the market's,
    `next` the following `own`, and `sigmas` how many deviations `own` is off.
    """

    bar: IntArray
    raw: FloatArray
    own: FloatArray
    next: FloatArray
    sigmas: FloatArray


def _moves(tape: Tape, limits: Thresholds) -> list[DataFinding]:
    move = _find_odd(tape, limits)
    tick, echo = _ticks(move, limits)
    split = ~tick & ~echo & _is_split(tape, move, limits)
    jump = ~tick & ~echo & ~split & (np.abs(move.own) >= limits.jump)
    shift = jump & (np.abs(move.raw) >= np.log(limits.shift))
    where = dict(zip(move.bar.tolist(), range(len(move.bar)), strict=True))

    def note(bar: int) -> str:
        i = where[bar]
        close = tape.numbers["close"]
        text = f"close {close[bar - 1]:g} -> {close[bar]:g} ({np.expm1(move.raw[i]):+.1%})"
        return (
            f"{text}, {move.sigmas[i]:.0f} sigmas, nearest split {split_text(float(move.raw[i]))}"
        )

    def find(name: str, severity: str, what: str, mask: BoolArray) -> DataFinding:
        marked, size = np.zeros(len(tape), bool), np.zeros(len(tape))
        marked[move.bar[mask]] = True
        size[move.bar] = np.abs(move.raw)
        return tape.finding(name, severity, what, marked, size, note)

    return [
        find("bad_tick", "warning", "returns that the next bar undoes; mend the data", tick),
        find(
            "missed_split",
            "warning",
            "returns like a split or a spin-off that the prices do not know; mend the data",
            split,
        ),
        find(
            "level_shift",
            "warning",
            f"other returns by a factor of {limits.shift:g} or more: another company's prices? "
            "Mend the data",
            shift,
        ),
        find("jump", "info", "other returns that stand out; most are news", jump & ~shift),
    ]


def _find_odd(tape: Tape, limits: Thresholds) -> Move:
    raw, own = _returns(tape)
    size = np.abs(own)
    usual = _deviation(own, tape)
    enough = tape.stop - tape.begin >= ENOUGH
    large = (size >= limits.smallest) & (size >= limits.sigmas * usual)
    at = np.flatnonzero(enough & large)
    # Neither the return itself nor its neighbours, which a bad tick spoils, tell what is usual.
    sides = np.concatenate([np.arange(-WINDOW, -1), np.arange(2, WINDOW + 1)])
    near = 1.4826 * row_medians(np.abs(tape.around(own, at, sides)))
    sigmas = size[at] / np.fmax(np.fmax(usual[at], near), 1e-6)
    at, sigmas = at[sigmas >= limits.sigmas], sigmas[sigmas >= limits.sigmas]
    after = tape.around(own, at, np.array([1]))[:, 0]
    return Move(at, raw[at], own[at], after, sigmas)


def _ticks(move: Move, limits: Thresholds) -> tuple[BoolArray, BoolArray]:
    """Which returns lead to a bad tick, and which lead back from one."""
    undone = np.abs(move.own + move.next) <= limits.reversal * np.abs(move.own)
    ticks: list[int] = []
    for bar in move.bar[undone].tolist():  # few; the way back is no tick of its own
        if not ticks or bar != ticks[-1] + 1:
            ticks.append(bar)
    bars = np.array(ticks, np.intp)
    return np.isin(move.bar, bars), np.isin(move.bar, bars + 1)


def _returns(tape: Tape) -> tuple[FloatArray, FloatArray]:
    """Log returns from bar to bar, and those less the market's; NaN on first bars."""
    raw = np.full(len(tape), np.nan)
    raw[1:] = np.diff(np.log(tape.numbers["close"]))
    raw[tape.first] = np.nan
    by_day = pd.Series(raw).groupby(tape.day, sort=False)
    middle = by_day.median().reindex(range(len(tape.days))).to_numpy()
    count = np.bincount(tape.day[np.isfinite(raw)], minlength=len(tape.days))
    market = np.where((count >= MARKET) & np.isfinite(middle), middle, 0.0)
    return raw, raw - market[tape.day]


def _deviation(values: FloatArray, tape: Tape) -> FloatArray:
    """1.4826 × median absolute deviation of each bar's symbol, over the whole sample."""

    def middle(column: FloatArray) -> FloatArray:
        medians = pd.Series(column).groupby(tape.name, sort=False).median()
        return np.asarray(medians.reindex(range(len(tape.names))), np.float64)[tape.name]

    return 1.4826 * middle(np.abs(values - middle(values)))


def _is_split(tape: Tape, move: Move, limits: Thresholds) -> BoolArray:
    """Whether returns are near a split's ratio, and volume agrees where there is any."""
    nearest = _nearest(move.raw)
    off = np.maximum(
        np.abs(np.abs(move.raw) - np.log(nearest)), np.abs(np.abs(move.own) - np.log(nearest))
    )
    before, on, after = _volumes(tape, move.bar)
    turnover = move.raw + np.log(after / before)
    known = np.isfinite(turnover)
    spike = np.fmin(np.log(on / after), np.log(on / before) + move.raw)
    agrees = (np.abs(turnover) <= np.log(limits.turnover)) & ~(spike > np.log(limits.spike))
    whole = nearest >= 2
    with_volume = known & agrees & (off <= np.where(whole, limits.split, limits.exact))
    split: BoolArray = with_volume | (~known & whole & (off <= limits.exact))
    return split


def _volumes(tape: Tape, at: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Median volume before bars, their own, and the median after; NaN where unknown."""
    if "volume" not in tape.numbers:
        unknown = np.full(len(at), np.nan)
        return unknown, unknown, unknown
    volume = np.where(tape.numbers["volume"] > 0, tape.numbers["volume"], np.nan)
    before = row_medians(tape.around(volume, at, np.arange(-VOLUME, 0)))
    after = row_medians(tape.around(volume, at, np.arange(VOLUME)))
    return before, volume[at], after


def _nearest(raw: FloatArray) -> FloatArray:
    distance = np.abs(np.abs(raw)[:, None] - np.log(RATIOS)[None, :])
    nearest: FloatArray = RATIOS[distance.argmin(axis=1)]
    return nearest


def split_text(raw: float) -> str:
    """Return the split nearest to a log return, such as ``2:1``, or ``1:5`` for a reverse one."""
    ratio = float(_nearest(np.array([raw]))[0])
    new, old = (3, 2) if ratio == 1.5 else (int(ratio), 1)
    return f"{new}:{old}" if raw < 0 else f"{old}:{new}"


def _stale(tape: Tape, limits: Thresholds) -> DataFinding:
    close = tape.numbers["close"]
    fresh = tape.first.copy()
    fresh[1:] |= close[1:] != close[:-1]
    starts = np.flatnonzero(fresh)
    lengths = np.diff(np.append(starts, len(tape))) - 1  # bars that bring nothing new
    long_ = lengths >= limits.stale
    found = np.repeat(long_, lengths + 1) & ~fresh
    badness = np.zeros(len(tape))
    badness[starts + lengths] = np.where(long_, lengths, 0)  # an example stands at a run's end

    def note(bar: int) -> str:
        return f"close {close[bar]:g} for {int(badness[bar])} more bars"

    what = f"bars in runs of {limits.stale} or more without a new close; mend the data"
    whole = tape.finding("stale", "warning", what, found, badness, note)
    return _only_ends(whole)


def _only_ends(finding: DataFinding) -> DataFinding:
    """The finding with one example a run."""
    return replace(finding, examples=tuple(e for e in finding.examples if e.value > 0))


def _volume(tape: Tape) -> list[DataFinding]:
    if "volume" not in tape.numbers:
        return []
    volume = tape.numbers["volume"]
    usual = pd.Series(volume).groupby(tape.name, sort=False).median()
    traded = usual.reindex(range(len(tape.names))).to_numpy()[tape.name]
    gap = (traded > 0) & (np.isnan(volume) | (volume == 0))
    columns = [tape.numbers[name] for name in (*PRICES, "volume") if name in tape.numbers]
    again = ~tape.first & (volume > 0) & (len(columns) == 5)
    for column in columns:
        again[1:] &= column[1:] == column[:-1]
    what = "bars without volume, of symbols that have it on most days; mend the data"
    return [
        tape.finding(
            "volume_gap",
            "warning",
            what,
            gap,
            np.where(gap, traded, 0.0),
            lambda bar: (
                f"{'no volume' if np.isnan(volume[bar]) else 'volume 0'}, usually {traded[bar]:g}"
            ),
        ),
        tape.finding(
            "repeated_bar",
            "warning",
            "bars that repeat the bar before, volume and all; mend the data",
            again,
            np.where(again, volume, 0.0),
            lambda bar: f"close {tape.numbers['close'][bar]:g}, volume {volume[bar]:g}",
        ),
    ]
