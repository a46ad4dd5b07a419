"""What the account held, by name, date and sector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.panel import BoolArray, FloatArray, Panel, forward_fill


def positions(
    panel: Panel, realised: FloatArray, target: FloatArray, delisting_return: float
) -> dict[str, pd.DataFrame]:
    """What the account held, by name, date and sector.

    Parameters
    ----------
    panel : Panel
    realised : float array, shape (T, N)
        Weights at each close, as fractions of equity.
    target : float array, shape (T, N)
        Weights decided at each close; NaN holds.
    delisting_return : float
        From a delisted name's last close to what its holders got, -1 to 0.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``names``: ``symbol``, ``weight`` at the last close, ``contribution`` (see
        `contributions`), ``days`` held. ``positions``: ``timestamp``, ``gross``,
        ``target_gross``, ``effective_names``. ``sectors``: ``timestamp``, ``sector``, ``net``,
        ``gross``, where a sector is known; else no row.
    """
    names = pd.DataFrame(
        {
            "symbol": list(panel.symbols),
            "weight": realised[-1],
            "contribution": contributions(realised, panel, delisting_return),
            "days": (realised != 0.0).sum(axis=0),
        }
    )
    dates = pd.DataFrame(
        {
            "timestamp": panel.dates,
            "gross": np.abs(realised).sum(axis=1),
            "target_gross": target_gross(target, panel.present),
            "effective_names": effective_names(realised),
        }
    )
    sectors = sector_weights(panel.dates, realised, panel.groups.get("sector", ()))
    return {"names": names, "positions": dates, "sectors": sectors}


def contributions(realised: FloatArray, panel: Panel, delisting_return: float) -> FloatArray:
    """Weight at the close before × return, summed over the dates, shape (N,); before costs.

    A holding that went without a bar was paid out on delisting: that return is
    `delisting_return`. With fills at the close the sum over the names is that of ``gross``.
    """
    paid_out = ~panel.present & (realised == 0.0)
    returns = np.where(paid_out, delisting_return, panel.returns)
    earned: FloatArray = np.nansum(realised[:-1] * returns[1:], axis=0)
    return earned


def effective_names(realised: FloatArray) -> FloatArray:
    """(Σ|w|)² / Σw², shape (T,): how many equal positions would be as concentrated; or NaN."""
    size, squares = np.abs(realised).sum(axis=1), (realised**2).sum(axis=1)
    names: FloatArray = np.full(len(size), np.nan)
    np.divide(size**2, squares, out=names, where=squares > 0.0)
    return names


def target_gross(target: FloatArray, present: BoolArray) -> FloatArray:
    """Σ|target| in force at each close, shape (T,): decided at an earlier one, and not since.

    A name's last target holds until the next, or until its last bar.
    """
    alive = np.logical_or.accumulate(present[::-1], axis=0)[::-1]
    size = np.where(alive, np.abs(forward_fill(target)), 0.0)
    out = np.zeros(len(target))
    out[1:] = np.nansum(size[:-1], axis=1)
    return out


def sector_weights(
    dates: pd.DatetimeIndex, realised: FloatArray, labels: Sequence[str]
) -> pd.DataFrame:
    """Net and gross weight per date and sector, both ascending; a label "" is ``unknown``."""
    named = np.array([label or "unknown" for label in labels] if any(labels) else [], str)
    names = np.unique(named)
    member = np.zeros((realised.shape[1], len(names)))  # one-hot, (N, sectors)
    if len(names):
        member[:] = named[:, None] == names
    return pd.DataFrame(
        {
            "timestamp": dates.repeat(len(names)),
            "sector": pd.Series(np.tile(names, len(dates)), dtype="str"),
            "net": (realised @ member).ravel(),
            "gross": (np.abs(realised) @ member).ravel(),
        }
    )
