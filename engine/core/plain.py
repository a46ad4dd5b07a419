"""Values as JSON knows them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def to_plain(value: Any) -> Any:
    """Return a value as JSON can hold it.

    Keys become text, numpy's scalars and arrays Python's, times and paths text; NaN and
    infinity become None.
    """
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return to_plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, (pd.Timestamp, Path)) else value


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping of plain values, as `to_plain` makes them."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    file.write_text(text + "\n", encoding="utf-8")


def by_key(value: Any) -> Any:
    """Return a plain value with the keys of all its mappings sorted."""
    if isinstance(value, dict):
        return {key: by_key(value[key]) for key in sorted(value)}
    return [by_key(item) for item in value] if isinstance(value, list) else value
