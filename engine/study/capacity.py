"""How large an account could have traded what this one traded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.core.panel import BoolArray, FloatArray, Panel

PARTICIPATION = (0.01, 0.02, 0.05, 0.10)  # of a name's usual dollar volume, in one day
FILLED = (0.50, 0.90, 0.95, 0.99)  # of the value of all orders
WINDOW = 20  # rows up to the decision


def capacity_table(panel: Panel, traded: FloatArray) -> pd.DataFrame:
    """Largest account whose orders could be filled within a day, by participation.

    An order that is `traded` of equity is worth ``traded × account``; of it, a day fills at most
    ``participation`` × the median of close × volume over the `WINDOW` rows up to the decision,
    the row before the order.

    Parameters
    ----------
    panel : Panel
    traded : float array, shape (T, N)
        Order values over the equity of the day before; 0 without an order.

    Returns
    -------
    pandas.DataFrame
        ``participation``, ``filled`` (share of the value of all orders), ``account`` (currency
        of the prices), ``known`` (share of the order value whose volume is known; the rest is
        left out). No row without a volume, or without an order.
    """
    rows = []
    if "volume" in panel and (traded > 0.0).any():
        volume = usual_volume(panel["close"] * panel["volume"], traded > 0.0)
        usable = np.isfinite(volume)
        known = float(traded[usable].sum() / traded.sum())
        sizes = largest(traded[usable], volume[usable], FILLED)
        rows = [
            (share, filled, share * size, known)
            for share in PARTICIPATION
            for filled, size in zip(FILLED, sizes, strict=True)
            if known > 0.0
        ]
    columns = ["participation", "filled", "account", "known"]
    return pd.DataFrame(rows, columns=columns, dtype=np.float64)


def usual_volume(dollars: FloatArray, ordered: BoolArray) -> FloatArray:
    """Median over the `WINDOW` rows before each order, shape (T, N); NaN elsewhere.

    A missing bar is skipped. Only cells with an order are computed: most portfolios trade on
    few dates.
    """
    out = np.full(dollars.shape, np.nan)
    for t in np.flatnonzero(ordered.any(axis=1)):
        names = np.flatnonzero(ordered[t])
        recent = np.sort(dollars[max(0, t - WINDOW) : t, names], axis=0)  # NaN last
        count = np.isfinite(recent).sum(axis=0)
        names, recent, count = names[count > 0], recent[:, count > 0], count[count > 0]
        column = np.arange(len(names))
        middle = recent[(count - 1) // 2, column] + recent[count // 2, column]
        out[t, names] = middle / 2.0
    return out


def largest(orders: FloatArray, limits: FloatArray, shares: Sequence[float]) -> list[float]:
    """For each share, the greatest x with Σ min(orders x, limits) >= share × Σ orders x.

    1. Order i is filled whole up to x = limits / orders; sorted by it, the first k are cut at x.
    2. Their fills do not grow with x any more: what is filled is Σ limits over the first k plus
       x Σ orders over the others.
    3. With the last k whose share still suffices, that equation is solved for x.

    Parameters
    ----------
    orders : float array, shape (M,)
        > 0, as fractions of x.
    limits : float array, shape (M,)
        >= 0.
    shares : sequence of float
        Above 0, up to 1.
    """
    some = limits > 0.0
    order = np.argsort(limits[some] / orders[some], kind="stable")
    sizes, rooms = orders[some][order], limits[some][order]
    cut, rest = np.cumsum(rooms), sizes.sum() - np.cumsum(sizes)
    filled = cut * sizes / rooms + rest  # of Σ orders, at the x where order k is just whole
    out = []
    for share in shares:
        needed = share * float(orders.sum())
        enough = np.flatnonzero(filled >= needed * (1.0 - 1e-12))
        out.append(float(cut[enough[-1]] / (needed - rest[enough[-1]])) if len(enough) else 0.0)
    return out
