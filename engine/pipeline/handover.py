"""Hand-overs: each table is checked by its contract before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


def contract(name: str, facts: Mapping[str, Any]) -> DataFrameSchema | None:
    """The contract of a table."""
    from engine.schemas.bars import bars_schema
    from engine.schemas.factors import factors_schema
    from engine.schemas.regimes import regimes_schema
    from engine.schemas.returns import returns_schema
    from engine.schemas.signal import signal_schema
    from engine.schemas.weights import weights_schema

    match name:
        case "bars":
            return bars_schema(facts["fields"], keep=facts["keep"])
        case "factors":
            return factors_schema(facts["names"])
        case "regimes":
            return regimes_schema(facts["states"])
        case "signal":
            return signal_schema()
        case "weights":
            return weights_schema(facts["limit"])
        case "returns":
            return returns_schema(facts["costs"])
    return None
