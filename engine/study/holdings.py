"""What the account held, by name, date and sector."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.bars import Outcomes
from engine.core.groups import Grouping, find_labels, labels_at, runs
from engine.core.panel import BoolArray, FloatArray, Panel, forward_fill
from engine.expr import evaluate

BETA_WINDOW = 252  # rows that a name's beta looks back on
BETA_ROWS = 60  # of them with a return, or the name has no beta yet


def positions(
    panel: Panel, realised: FloatArray, targets: FloatArray, ended: Outcomes
) -> dict[str, pd.DataFrame]:
    """What the account held, by name, date and sector.

    Parameters
    ----------
    panel : Panel
    realised : float array, shape (T, N)
        Weights at each close, as fractions of equity.
    targets : float array, shape (T, N)
        Weights decided at each close; NaN holds.
    ended : Outcomes
        Which names were delisted, and what their holders got.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``names``: ``symbol``, ``sector`` (the last one; "" unknown), ``weight`` at the last close,
        ``contribution`` (see `contributions`), ``days`` held. ``positions``: ``timestamp``,
        ``gross``, ``target_gross``, ``target_distance`` (Σ |realised - target in force|),
        ``effective_names``, ``long_names`` and ``short_names`` (counts), ``beta`` (see
        `book_beta`). ``sectors``: ``timestamp``, ``sector``, ``net``, ``gross``, where a
        sector is known; else no row.
    """
    sectors = panel.groups.get("sector", ("",) * len(panel.symbols))
    asked = in_force(targets, panel.present)
    names = pd.DataFrame(
        {
            "symbol": list(panel.symbols),
            "sector": pd.Series(labels_at(sectors, -1), dtype="str"),
            "weight": realised[-1],
            "contribution": contributions(realised, panel, ended),
            "days": (realised != 0.0).sum(axis=0),
        }
    )
    dates = pd.DataFrame(
        {
            "timestamp": panel.dates,
            "gross": np.abs(realised).sum(axis=1),
            "target_gross": np.abs(asked).sum(axis=1),
            "target_distance": np.abs(realised - asked).sum(axis=1),
            "effective_names": effective_names(realised),
            "long_names": (realised > 0.0).sum(axis=1),
            "short_names": (realised < 0.0).sum(axis=1),
            "beta": book_beta(panel, realised),
        }
    )
    weights = sector_weights(panel.dates, realised, sectors)
    return {"names": names, "positions": dates, "sectors": weights}


def contributions(realised: FloatArray, panel: Panel, ended: Outcomes) -> FloatArray:
    """Weight at the close before × return, summed over the dates, shape (N,); before costs.

    On the row on which a delisted name is paid out the return is what `ended` says of its side.
    With fills at the close the sum over the names is that of ``gross``, less the interest on
    cash and what was lost on delistings.
    """
    held = realised[:-1]
    payout = np.where(held > 0.0, ended.long, ended.short)
    returns = np.where(ended.paid[1:], payout, panel.returns[1:])
    earned: FloatArray = np.nansum(held * returns, axis=0)
    return earned


def effective_names(realised: FloatArray) -> FloatArray:
    """(Σ|w|)² / Σw², shape (T,): how many equal positions would be as concentrated; or NaN."""
    size, squares = np.abs(realised).sum(axis=1), (realised**2).sum(axis=1)
    names: FloatArray = np.full(len(size), np.nan)
    np.divide(size**2, squares, out=names, where=squares > 0.0)
    return names


def in_force(target: FloatArray, present: BoolArray) -> FloatArray:
    """The target that each close should show, shape (T, N): decided before, and not since.

    A name's last target holds until the next, or until its last bar; 0 without one.
    """
    alive = np.logical_or.accumulate(present[::-1], axis=0)[::-1]
    out = np.zeros(target.shape)
    out[1:] = np.nan_to_num(np.where(alive, forward_fill(target), 0.0))[:-1]
    return out


def book_beta(panel: Panel, realised: FloatArray) -> FloatArray:
    """Σ weight × beta at each close, shape (T,): known then, without the account's own returns.

    A name's beta is the slope of its returns on the equal-weighted market over the
    `BETA_WINDOW` rows so far; a name with fewer than `BETA_ROWS` returns is skipped. NaN while
    none of the names held has a beta; 0 for an empty account.
    """
    formulas = {
        "beta": f"beta(returns, market, {BETA_WINDOW})",
        "count": f"ts_sum(returns == returns, {BETA_WINDOW})",
    }
    made = evaluate(formulas, panel)
    known = np.isfinite(made["beta"]) & (made["count"] >= BETA_ROWS)
    held = realised != 0.0
    # a sum over symbols, not a product of matrices: BLAS rounds by place and thread
    total = np.where(known & held, realised * made["beta"], 0.0).sum(axis=1)
    unknown = held.any(axis=1) & ~(held & known).any(axis=1)
    beta: FloatArray = np.where(unknown, np.nan, total)
    return beta


def sector_weights(
    dates: pd.DatetimeIndex, realised: FloatArray, sectors: Grouping
) -> pd.DataFrame:
    """Net and gross weight per date and sector, both ascending; a label "" is ``unknown``."""
    labels = find_labels(sectors)
    names = sorted({label or "unknown" for label in labels}) if any(labels) else []
    net = np.zeros((len(dates), len(names)))
    gross = np.zeros(net.shape)
    for rows, _ in runs(sectors, 0, len(dates)):
        today = labels_at(sectors, rows.start)
        named = np.where(today == "", "unknown", today)
        for column, name in enumerate(names):
            weights = realised[rows, named == name]
            net[rows, column] = weights.sum(axis=1)
            gross[rows, column] = np.abs(weights).sum(axis=1)
    return pd.DataFrame(
        {
            "timestamp": dates.repeat(len(names)),
            "sector": pd.Series(np.tile(names, len(dates)), dtype="str"),
            "net": net.ravel(),
            "gross": gross.ravel(),
        }
    )
