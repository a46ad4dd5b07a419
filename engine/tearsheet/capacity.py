"""How large an account could have traded what this one traded."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.expr import evaluate
from engine.panel import FloatArray, Panel

PARTICIPATION = (0.01, 0.02, 0.05, 0.10)  # of a name's usual dollar volume, in one day
FILLED = (0.50, 0.90, 0.95, 0.99)  # of the value of all orders
WINDOW = 20  # rows up to the decision


def capacity(panel: Panel, traded: FloatArray) -> pd.DataFrame:
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
    if "volume" in panel:
        formula = f"delay(ts_median(close * volume, {WINDOW}), 1)"
        volume = evaluate({"volume": formula}, panel)["volume"]
        ordered, usable = traded > 0.0, (traded > 0.0) & np.isfinite(volume)
        if usable.any():
            known = float(traded[usable].sum() / traded[ordered].sum())
            size = {share: largest(traded[usable], volume[usable], share) for share in FILLED}
            rows = [(p, share, p * size[share], known) for p in PARTICIPATION for share in FILLED]
    columns = ["participation", "filled", "account", "known"]
    return pd.DataFrame(rows, columns=columns, dtype=np.float64)


def largest(orders: FloatArray, limits: FloatArray, filled: float) -> float:
    """The greatest x with Σ min(orders x, limits) >= filled Σ orders x.

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
    filled : float
        Above 0, up to 1.
    """
    needed, some = filled * orders.sum(), limits > 0.0
    if orders[some].sum() < needed:
        return 0.0
    whole = limits[some] / orders[some]
    order = np.argsort(whole, kind="stable")
    cut = np.cumsum(limits[some][order])
    rest = orders[some].sum() - np.cumsum(orders[some][order])
    k = int(np.flatnonzero(cut / whole[order] + rest >= needed * (1.0 - 1e-12))[-1])
    return float(cut[k] / (needed - rest[k]))
