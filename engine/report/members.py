"""What a model that is made of others chose, and how its members did beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.forecasts import EQUAL
from engine.report.cells import number, table
from engine.storage import FittedTraining

FILE = "forecasts.json"


def tables(splits: Sequence[FittedTraining]) -> list[dict[str, Any]]:
    """Members by split, and the choices of each; nothing of a model that is none of others."""
    beside = [row for row in splits if row.members]
    told = [row for row in splits if row.told]
    return [*([_compare(beside)] if beside else []), *([_choices(told)] if told else [])]


def _compare(splits: Sequence[FittedTraining]) -> dict[str, Any]:
    """Mean rank IC out of sample: the model, its members' plain mean, each member."""
    names = sorted({name for row in splits for name in row.members or {}} - {EQUAL})
    columns = [EQUAL, *names]
    found = np.array(
        [[row.test_ic, *((row.members or {}).get(name) for name in columns)] for row in splits],
        float,
    )
    rows = [
        [str(row.index + 1), *_print(values), _judge(*values[:2])]
        for row, values in zip(splits, found, strict=True)
    ]
    if len(rows) > 1:
        rows.append(["mean", *_print(_average(found)), _judge(*_average(found)[:2])])
    lost = int((found[:, 0] < found[:, 1]).sum())
    note = (
        f"Mean rank IC out of sample. In {lost} of {len(found)} splits the model lost to the plain "
        "mean of its members, which chooses nothing and so cannot be fooled."
    )
    head = ["split", "the model", *columns, "beside equal weights"]
    return table("Members beside the model", FILE, head, rows, note=note)


def _average(found: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    known = [column[np.isfinite(column)] for column in found.T]
    return [float(each.mean()) if len(each) else float("nan") for each in known]


def _print(values: Sequence[float]) -> list[str]:
    return [number(value, ".4f") for value in values]


def _judge(own: float, equal: float) -> str:
    if not np.isfinite([own, equal]).all() or own == equal:
        return ""
    return "loses" if own < equal else "wins"


def _choices(splits: Sequence[FittedTraining]) -> dict[str, Any]:
    """What was chosen in each training, a column each."""
    flat = [dict(_flatten(row.told or {}, "")) for row in splits]
    head = list(dict.fromkeys(name for row in flat for name in row))
    rows = [
        [str(row.index + 1), *(each.get(name, "") for name in head)]
        for row, each in zip(splits, flat, strict=True)
    ]
    return table("What the model chose", FILE, ["split", *head], rows)


def _flatten(told: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in told.items():
        key = f"{before} {name}".strip()
        if isinstance(value, Mapping):
            yield from _flatten(value, key)
        elif isinstance(value, float):
            yield key, number(value, ".4f")
        elif isinstance(value, (list, tuple)):
            yield key, ", ".join(map(str, value))
        else:
            yield key, str(value)
