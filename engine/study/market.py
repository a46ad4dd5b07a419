"""The benchmark: the equal-weighted market, bought when the account first buys.

1. A date's return is the mean over the members of the universe that have one. A row that is
   not `Panel.full` earns nothing: what moved on it is in the next full row's return.
2. A member that was delisted earns what a long gets, on the full row on or after that on which
   it is paid out.
3. A price of 0 or less cannot be traded (CL=F closed at -37.63 on 2020-04-20): who holds the name
   keeps the shares that the last price above 0 bought, and earns on them until there is another.
4. Nothing is earned before the first full row on or after the account's first fill. On that row
   a fill at the close leaves nothing to earn, and a fill at the open leaves the move from the
   open to the close.

It books what happened: it reads delistings, which no decision does, so it is not
`Panel.market`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from engine.bars import Outcomes
from engine.core.panel import FloatArray, Panel, forward_fill, mean_of_members

Rows = npt.NDArray[np.intp]


def benchmark(panel: Panel, ended: Outcomes, first_fill_row: int | None, fill: str) -> FloatArray:
    """Return the equal-weighted market's simple returns from the account's first fill on.

    Parameters
    ----------
    panel : Panel
        The bars, and who is a member; `fill` "open" needs the field ``open``.
    ended : Outcomes
        Which names were delisted, and what their holders got.
    first_fill_row : int, optional
        Row of the account's first fill; None when there is none.
    fill : {"close", "open"}
        The price that orders are filled at.

    Returns
    -------
    float array, shape (T,)
        Fractions per row, finite: 0 before the first fill and where no member has a return.
    """
    made = np.zeros(len(panel.dates))
    full = np.flatnonzero(panel.full)
    if first_fill_row is None or not (full >= first_fill_row).any():
        return made
    row = int(full[np.searchsorted(full, first_fill_row)])
    after = row + 1
    earned = _find_earnings(panel, ended, full)
    made[after:] = _mean(earned)[after:]
    for t, names, bought, moves in _find_stuck(panel, full, after):
        grown = np.array([np.prod(1.0 + made[then + 1 : t]) for then in bought])
        earned[t, names] = np.divide(
            moves, grown, where=grown > 0.0, out=np.full(len(names), np.nan)
        )
        made[t] = _mean(earned[t : t + 1])[0]
    if fill == "open":
        made[row] = _mean(_since_open(panel.between(row, after)))[0]
    return made


def _find_earnings(panel: Panel, ended: Outcomes, full: Rows) -> FloatArray:
    """Each member's return, shape (T, N); NaN where there is none, and off the rows `full`."""
    returns = np.where(panel.member, panel.spanning, np.nan)
    rows, columns = np.nonzero(ended.paid)
    last = ended.gone[:, columns].argmax(axis=0) - 1
    place = np.searchsorted(full, rows)
    # a list of members may end with the name itself
    held = panel.member[last, columns] & (place < len(full))
    returns[full[place[held]], columns[held]] = ended.long[columns[held]]
    return returns


def _find_stuck(
    panel: Panel, full: Rows, after: int
) -> Iterator[tuple[int, Rows, Rows, FloatArray]]:
    """Rows on which members move that could not be traded on the full row before.

    Each row with those members, the rows at whose closes they were bought, and what they moved
    as a fraction of those closes; NaN for what was never bought.
    """
    closes = np.where(panel.full[:, None], panel["close"], np.nan)
    if not (closes <= 0.0).any():
        return
    rows = np.where(closes > 0.0, np.arange(len(closes), dtype=np.float64)[:, None], np.nan)
    last, when = forward_fill(closes), np.nan_to_num(forward_fill(rows), nan=-1.0).astype(np.intp)
    for before, t in zip(full[:-1].tolist(), full[1:].tolist(), strict=True):
        stuck = (last[before] <= 0.0) & np.isfinite(closes[t]) & panel.member[t]
        if t >= after and stuck.any():
            names = np.flatnonzero(stuck)
            bought = when[before, names]
            paid = np.where(bought >= after - 1, closes[bought, names], np.nan)
            yield t, names, bought, (closes[t, names] - last[before, names]) / paid


def _since_open(panel: Panel) -> FloatArray:
    """Each member's move from the open to the close, shape (T, N); NaN without both prices."""
    moves = np.full(panel.shape, np.nan)
    np.divide(panel["close"], panel["open"], out=moves, where=panel.member & (panel["open"] > 0.0))
    return moves - 1.0


def _mean(returns: FloatArray) -> FloatArray:
    """Each date's mean, shape (T,); what is not finite is skipped, and 0 where nothing is left."""
    return np.nan_to_num(mean_of_members(returns, np.isfinite(returns)))
