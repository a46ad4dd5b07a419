"""Rows cut into spans."""

from __future__ import annotations


def spans(start: int, stop: int, rows: int) -> list[slice]:
    """The rows from `start` to `stop` as pieces of `rows` rows."""
    return [slice(at, min(at + rows, stop)) for at in range(start, stop, rows)]


def cut_alike(rows: int, most: int) -> list[slice]:
    """All rows as the fewest pieces of at most `most` rows, of one size but for the last."""
    count = max(-(-rows // most), 1)
    return spans(0, rows, max(-(-rows // count), 1))
