"""Symbols that differ in case alone: perhaps one company twice, perhaps a slip of the universe."""

from __future__ import annotations

from collections.abc import Iterable


def twins(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the symbols that are one another but for case, together, in order."""
    alike: dict[str, list[str]] = {}
    for name in sorted(names):
        alike.setdefault(name.casefold(), []).append(name)
    return [tuple(group) for group in alike.values() if len(group) > 1]


def near(want: Iterable[str], have: Iterable[str]) -> str:
    """Return what to say where a universe's symbols are a source's but for case; else ""."""
    spelled = {name.casefold(): name for name in have}
    both = next(((w, spelled[w.casefold()]) for w in want if w.casefold() in spelled), None)
    return f"; case matters: {both[0]} is not {both[1]}" if both else ""
