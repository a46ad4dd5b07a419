"""Groupings of the symbols: labels that hold on all dates, or the last ones known on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.core.sealed import seal

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dated:
    """Labels that change: a company is put into another sector, or is given one late.

    Parameters
    ----------
    names : tuple of str, length G
        The labels; "" is not known.
    codes : int array, shape (T, N)
        The place among `names` of the last label known on each date.
    """

    names: tuple[str, ...]
    codes: Codes

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", seal(self.codes))


Grouping = tuple[str, ...] | Dated


def labels_at(grouping: Grouping, row: int) -> npt.NDArray[np.str_]:
    """The symbols' labels on a row, shape (N,); "" where unknown."""
    if isinstance(grouping, Dated):
        labels: npt.NDArray[np.str_] = np.array(grouping.names, str)[grouping.codes[row]]
        return labels
    return np.array(grouping, str)


def find_labels(grouping: Grouping) -> list[str]:
    """The labels that symbols have on some date, ascending."""
    if isinstance(grouping, Dated):
        return sorted(grouping.names[i] for i in np.unique(grouping.codes))
    return sorted(set(grouping))


def between(grouping: Grouping, start: int, stop: int) -> Grouping:
    """The grouping on the rows from `start` to `stop` alone."""
    if isinstance(grouping, Dated):
        return Dated(grouping.names, grouping.codes[start:stop])
    return grouping


def take(grouping: Grouping, columns: list[int]) -> Grouping:
    """The grouping with its symbols in another order, or fewer of them."""
    if isinstance(grouping, Dated):
        return Dated(grouping.names, grouping.codes[:, columns])
    return tuple(grouping[i] for i in columns)


def runs(grouping: Grouping, start: int, stop: int) -> Iterator[tuple[slice, Codes]]:
    """Ranges of the rows from `start` to `stop` on which no label changes, from 0 on.

    Each with the symbols' group numbers, shape (N,), from 0 on.
    """
    if not isinstance(grouping, Dated):
        yield slice(0, stop - start), number_labels(grouping)
        return
    codes = grouping.codes[start:stop]
    changes = np.flatnonzero((codes[1:] != codes[:-1]).any(axis=1)) + 1
    ends = [0, *changes.tolist(), len(codes)]
    for first, end in pairwise(ends):
        if end > first:
            yield slice(first, end), codes[first]


def number_labels(labels: tuple[str, ...]) -> Codes:
    """Labels as group numbers from 0 on, shape (N,)."""
    numbers: Codes = np.unique(np.array(labels, str), return_inverse=True)[1]
    return numbers


def content(grouping: Grouping) -> bytes:
    """What it holds: the same labels on the same dates give the same bytes."""
    if isinstance(grouping, Dated):
        return "\0".join(grouping.names).encode() + np.ascontiguousarray(grouping.codes).tobytes()
    return "\0".join(grouping).encode()


def with_stranger(grouping: Grouping) -> Grouping:
    """The grouping with one more symbol, the last, of which nothing is known."""
    if not isinstance(grouping, Dated):
        return (*grouping, "")
    names = tuple(dict.fromkeys([*grouping.names, ""]))
    nobody = np.full((len(grouping.codes), 1), names.index(""))
    return Dated(names, np.hstack([grouping.codes, nobody]))


def find_last_codes(
    codes: Codes, day: npt.NDArray[np.intp], name: npt.NDArray[np.intp], shape: tuple[int, int]
) -> Codes:
    """The last code at or before each date, shape (T, N), or (1, N) where none ever changes.

    Parameters
    ----------
    codes : int array, shape (R,)
        Of each bar; below 0 where it has no label.
    day, name : int array, shape (R,)
        The bar's row and column.
    shape : tuple of int
        (T, N).

    Returns
    -------
    int array
        -1 where there is none yet. What a symbol has from its first bar on counts as always.
    """
    some = codes >= 0
    low, high = np.full(shape[1], np.iinfo(np.int64).max), np.full(shape[1], -1)
    np.minimum.at(low, name[some], codes[some])
    np.maximum.at(high, name[some], codes[some])
    begins, known = np.full((2, shape[1]), shape[0])
    np.minimum.at(begins, name, day)
    np.minimum.at(known, name[some], day[some])
    if ((high < 0) | ((low == high) & (known == begins))).all():
        return high[None]
    row = np.full(shape, -1)
    row[day[some], name[some]] = day[some]
    np.maximum.accumulate(row, axis=0, out=row)
    made = np.full(shape, -1)
    made[day[some], name[some]] = codes[some]
    filled: Codes = np.where(row < 0, -1, np.take_along_axis(made, np.maximum(row, 0), axis=0))
    return filled
