"""What a store holds, counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hits:
    """How often what was wanted was at hand, and the bytes that are."""

    hits: int
    misses: int
    bytes: int


@dataclass(frozen=True)
class Stats:
    """What a store holds.

    Parameters
    ----------
    hot, cold, gone : int
        Bytes of files that are mapped, that are compressed, and that nobody reads any more, which
        `vacuum` deletes.
    files : int
        That are read.
    series : int
        Keys that have values.
    commits : int
        The number of the last commit.
    stack : int
        The most files that one key is read from.
    catalogue : int
        Bytes of the database and its log.
    maps, decoded : Hits
        Of this open store: files that were open already; pieces of cold ones that were decoded.
    """

    hot: int
    cold: int
    gone: int
    files: int
    series: int
    commits: int
    stack: int
    catalogue: int
    maps: Hits
    decoded: Hits
