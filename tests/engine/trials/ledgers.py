"""Ledgers by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.trials.database import Database
from engine.trials.trial import REAL, Place, Result, Row, Start

DAYS = 1000


def begin(database: Database, key: str, folder: str = "", **place: Any) -> str:
    """A run that begins; by default on days 0 to 999 of the symbols A, B, C and D."""
    told = {"kind": REAL, "source": "file", "symbols": "ABCD", "first": 0, "last": DAYS - 1}
    where = told | place
    data = Place(**{**where, "symbols": tuple(where["symbols"])})
    name = folder or f"/runs/{key}"
    database.begin(Start(key, data, name, "mine", (f"seed={key}",), "2026-01-02 03:04:05"))
    return name


def draw(seed: int, mean: float = 0.0, days: int = DAYS, first: int = 0) -> Result:
    """Normal daily returns of 1 %, in excess of no cash."""
    values = np.random.default_rng(seed).normal(mean, 0.01, days)
    return Result(np.arange(first, first + days, dtype=np.int32), values, values, days / 250)


def finish(
    database: Database, key: str, result: Result | None = None, folder: str = "", **place: Any
) -> Row:
    """A run that begins and finishes; by default with returns that its key tells."""
    name = begin(database, key, folder, **place)
    made = draw(int.from_bytes(key.encode(), "big")) if result is None else result
    trial = database.finish(name, made)
    assert trial is not None
    return database.read(trial)


def open_new(folder: Path, keys: Sequence[str] = ()) -> Database:
    """A ledger with some finished trials."""
    database = Database(folder / "trials.sqlite")
    for key in keys:
        finish(database, key)
    return database
