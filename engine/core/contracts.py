"""Hand-overs are validated here, once, so that no plugin author can forget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.core.errors import ContractError, PluginError
from engine.core.panel import FloatArray

if TYPE_CHECKING:
    from engine.schemas.contract import Contract

SHOWN = 5  # offending rows in a message


def validate(contract: Contract, frame: pd.DataFrame, stage: str) -> pd.DataFrame:
    """Return the frame when it keeps the contract; else raise ContractError.

    The message names the stage, the column and the check, and shows at most five rows;
    pandera's own report is the error's ``__cause__``.
    """
    if contract.is_kept(frame):
        return frame
    from pandera.errors import SchemaError, SchemaErrors  # slow to import

    try:
        contract.schema().validate(
            frame, lazy=True, inplace=True
        )  # nothing is coerced: no copy is needed
    except SchemaErrors as error:
        cases = error.failure_cases
        first = cases.iloc[0]
        found = dict.fromkeys(cases["index"])  # a rule of the whole row fails in each column
        rows = [i for i in found if isinstance(i, (int, np.integer))][:SHOWN]
        shown = f"\n{frame.loc[rows].to_string(max_cols=8)}" if rows else ""
        raise ContractError(
            f"stage {stage}: column {first['column']!r} breaks the check {first['check']!r} "
            f"({len(cases)} cases, first {first['failure_case']!r}){shown}"
        ) from error
    except SchemaError as error:
        raise ContractError(f"stage {stage}: {str(error).splitlines()[0]}") from error
    return frame


def array(value: Any, shape: tuple[int, ...], who: str) -> FloatArray:
    """Return a plugin's array when its shape, type and values are right."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        kind = getattr(value, "dtype", type(value).__name__)
        raise PluginError(f"{who} returned {kind}, not a float64 array of shape {shape}")
    if value.shape != shape:
        raise PluginError(f"{who} returned shape {value.shape}, not {shape}")
    if np.isinf(value).any():
        raise PluginError(f"{who} returned infinite values: return NaN where nothing is known")
    return value
