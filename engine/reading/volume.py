"""How volume in the data becomes shares or units: so that price × volume is traded money."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches

import numpy as np
import pandas as pd

from engine.core.errors import ConfigError
from engine.core.panel import FloatArray

KEY = "source.volume_multiplier"


def multipliers(
    by_symbol: Mapping[str, float],
    symbols: pd.Categorical,
    known: Callable[[], Iterable[str]],
    where: str,
) -> FloatArray:
    """Return what each row's volume is multiplied by, shape (R,); 1 for symbols not named.

    Parameters
    ----------
    by_symbol : mapping of str to float
        Shares or units in one of their volume, such as 1000 barrels in a contract.
    symbols : pandas.Categorical, shape (R,)
        Of the rows; every category counts as known.
    known : callable
        Returns all symbols that the source has; asked only when a name is not in `symbols`.
    where : str
        What the source is, for messages.

    Raises
    ------
    ConfigError
        A multiplier is not above 0, or its symbol is not in the source.
    """
    for symbol, times in by_symbol.items():
        if not (math.isfinite(times) and times > 0.0):
            raise ConfigError(f"{KEY}.{symbol}={times:g}: write a number above 0, such as 1000")
    strange = set(by_symbol) - set(symbols.categories)
    have = sorted(map(str, known())) if strange else []
    for symbol in sorted(strange - set(have)):
        near = get_close_matches(symbol, have, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(have[:3])} …"
        raise ConfigError(f"{KEY}.{symbol}: {where} has no such symbol; {hint}")
    each = np.array([by_symbol.get(name, 1.0) for name in symbols.categories], np.float64)
    made: FloatArray = each[symbols.codes]
    return made
