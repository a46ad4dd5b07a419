"""Formulas on whatever one has: a panel, or a frame of bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import overload

import pandas as pd

from engine.core.errors import FormulaError
from engine.core.panel import FloatArray, Panel
from engine.expr import Node, parse
from engine.expr import evaluate as evaluate_on


@overload
def evaluate(
    formulas: Mapping[str, str | Node],
    bars: Panel,
    *,
    threads: int | None = ...,
    dtype: str = ...,
    periods_per_year: float | None = ...,
    dialect: str | None = ...,
) -> dict[str, FloatArray]: ...
@overload
def evaluate(
    formulas: Mapping[str, str | Node],
    bars: pd.DataFrame,
    *,
    threads: int | None = ...,
    dtype: str = ...,
    periods_per_year: float | None = ...,
    dialect: str | None = ...,
) -> dict[str, pd.DataFrame]: ...
def evaluate(
    formulas: Mapping[str, str | Node],
    bars: Panel | pd.DataFrame,
    *,
    threads: int | None = None,
    dtype: str = "float64",
    periods_per_year: float | None = None,
    dialect: str | None = None,
) -> dict[str, FloatArray] | dict[str, pd.DataFrame]:
    """Compute formulas on bars.

    Parameters
    ----------
    formulas : mapping of str to str or Node
        By the name of the result; those with a ``$`` are in Qlib's dialect.
    bars : Panel or pandas.DataFrame
        A frame is long (``timestamp`` or ``date``, ``symbol``, ``close`` and more; text
        columns are groupings), or holds closes as dates × symbols. It is checked like the
        bars of a run, and not changed.
    threads : int, optional
        How many work at once, by default one a core; the results do not depend on it.
    dtype : {"float64", "float32"}
        Of the results and of all that is stored on the way: half the memory. Windows add up in
        float64 anyhow.
    periods_per_year : float, optional
        What formulas read as ``annual``; by default the panel's, or for a frame the constant
        that its first dates tell (`engine.core.periods.periods_per_year`).
    dialect : {"paper", "qlib", "brain", "gtja", "tdx", "python"}, optional
        Of the texts; by default Qlib's where they have a ``$``, else the paper's.

    Returns
    -------
    dict of str to float array, shape (T, N), or to pandas.DataFrame, dates × symbols
        Arrays for a panel, frames for a frame. Finite or NaN.

    Raises
    ------
    FormulaError
        A formula cannot be read.
    ConfigError
        Another `dtype`, or no such dialect.
    DataError
        The bars cannot be used, or lack a field or grouping.
    """
    if dialect is not None:
        formulas = {name: _read(name, text, dialect) for name, text in formulas.items()}
    if isinstance(bars, Panel):
        if periods_per_year is not None:
            bars = replace(bars, periods_per_year=periods_per_year)
        return evaluate_on(formulas, bars, threads=threads, dtype=dtype)
    from engine.bars import Handed, build
    from engine.core.universe import Universe

    universe = Universe()
    frame = Handed(frame=bars).load(universe)
    panel, _ = build(frame, universe, periods_per_year=periods_per_year)
    made = evaluate_on(formulas, panel, threads=threads, dtype=dtype)
    return {name: panel.wide(array) for name, array in made.items()}


def _read(name: str, formula: str | Node, dialect: str) -> Node:
    """A formula's tree; FormulaError says which cannot be read."""
    try:
        return parse(formula, dialect) if isinstance(formula, str) else formula
    except FormulaError as error:
        raise FormulaError(f"factor {name!r}: {error}") from None
