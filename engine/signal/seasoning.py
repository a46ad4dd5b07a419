"""Which values are old enough to count: a 200-row factor of a name with two bars says nothing.

The language gives a window a value from its first row on; that rule stands, and so do the
factors as they are written. What reads them as knowledge (the signal, training, statistics)
takes a value only from the row on which its symbol has had a share of the longest window in
bars.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.core.panel import ROUNDING, BoolArray, FloatArray, Panel


def is_young(panel: Panel, rows: float) -> BoolArray:
    """Where a symbol has had fewer bars than these, the row's own included, shape (T, N)."""
    early: BoolArray = np.cumsum(panel.present, axis=0, dtype=np.int32) < rows - ROUNDING
    return early


def mask_young(
    columns: Mapping[str, FloatArray], windows: Mapping[str, int], panel: Panel, share: float
) -> dict[str, FloatArray]:
    """Return the columns with NaN where their symbols are too young for their windows.

    Parameters
    ----------
    columns : mapping of str to float array, shape (T, N)
    windows : mapping of str to int
        Rows of each column's longest window.
    panel : Panel
    share : float
        Of the longest window, that a symbol must have in bars.

    Returns
    -------
    dict of str to float array, shape (T, N)
        Row t depends on the bars up to t. Where nothing is too young it is the array itself.
    """
    made = dict(columns)
    for rows in sorted({windows[name] for name in columns if share * windows[name] > 1.0}):
        early = is_young(panel, share * rows)
        for name in columns:
            if windows[name] == rows and np.isfinite(columns[name][early]).any():
                made[name] = np.where(early, np.nan, columns[name])
    return made
