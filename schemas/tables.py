"""Every table that a run writes, and its contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.schemas.bars import bars_schema
from engine.schemas.calibration import calibration_schema, slopes_schema
from engine.schemas.capacity import capacity_schema
from engine.schemas.factors import factors_schema
from engine.schemas.forecasts import forecasts_schema
from engine.schemas.holdings import (
    holdings_schema,
    names_schema,
    positions_schema,
    sectors_schema,
)
from engine.schemas.knowledge import (
    correlations_schema,
    coverage_schema,
    decay_schema,
    ic_schema,
    persistence_schema,
)
from engine.schemas.orders import delistings_schema, orders_schema, round_trips_schema
from engine.schemas.quantiles import (
    quantile_returns_schema,
    quantiles_schema,
    regime_quantiles_schema,
)
from engine.schemas.regimes import regimes_schema
from engine.schemas.returns import returns_schema
from engine.schemas.signal import signal_schema
from engine.schemas.weights import weights_schema

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

CONTRACTS: Mapping[str, Callable[..., DataFrameSchema]] = {
    "bars": bars_schema,
    "factors": factors_schema,
    "regimes": regimes_schema,
    "forecasts": forecasts_schema,
    "signal": signal_schema,
    "weights": weights_schema,
    "returns": returns_schema,
    "holdings": holdings_schema,
    "orders": orders_schema,
    "delistings": delistings_schema,
    "round_trips": round_trips_schema,
    "ic": ic_schema,
    "quantiles": quantiles_schema,
    "regime_quantiles": regime_quantiles_schema,
    "quantile_returns": quantile_returns_schema,
    "coverage": coverage_schema,
    "decay": decay_schema,
    "correlations": correlations_schema,
    "persistence": persistence_schema,
    "calibration": calibration_schema,
    "slopes": slopes_schema,
    "names": names_schema,
    "positions": positions_schema,
    "sectors": sectors_schema,
    "capacity": capacity_schema,
}


def contract(table: str, **facts: Any) -> DataFrameSchema:
    """Return the contract of a table of a run's folder; pandera is imported here, not before.

    Parameters
    ----------
    table : str
        Name of the file without ``.parquet``: a key of `CONTRACTS`.
    **facts
        What the table hangs on, by the names of its function's parameters:

        - ``bars``: ``columns`` (fields), ``keep`` (findings that the policy lets pass)
        - ``factors``: ``columns`` (factors)
        - ``regimes``: ``states``
        - ``forecasts``: ``column`` (the forecast), ``others`` (label and factors beside it)
        - ``weights``: ``max_abs`` (the largest size of one)
        - ``returns``: ``columns`` (``cost_<component>``)
        - ``ic``, ``quantiles``, ``quantile_returns``, ``coverage``, ``decay``, ``correlations``,
          ``persistence``: ``names`` (score, forecasts and factors that were studied, in order)
        - ``regime_quantiles``: ``names`` and ``states``
        - ``calibration``, ``slopes``: ``names`` (forecasts; none without a model)
        - the others: nothing

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Strict and without coercion.
    """
    return CONTRACTS[table](**facts)
