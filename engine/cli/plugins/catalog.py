"""``engine plugins list``: every plugin and conf package, and what cannot be used."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from engine.cli.guests import list_rivals
from engine.config import Package
from engine.plugin import HOME, NO_PLUGINS, Entry, Failure, Registry, advice


def align(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Rows as lines; each column as wide as its widest cell, the last one ragged."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join((indent + line).rstrip() for line in lines)


def origin(entry: Entry) -> str:
    """``built-in``, or the distribution and its version."""
    return "built-in" if entry.dist == HOME else entry.origin


def catalog(
    registry: Registry,
    conf: Iterable[Package],
    kind: str | None = None,
    own: Collection[str] = (),
) -> str:
    """Return the page that ``engine plugins list`` prints.

    Parameters
    ----------
    registry : Registry
        What is installed.
    conf : iterable of Package
        The conf packages to list.
    kind : str, optional
        The one kind to list; None lists all, and commands too.
    own : collection of str
        The names of the engine's own commands.
    """
    kinds = list(registry.kinds) if kind is None else [kind]
    rows = [
        (k, name, origin(entry), entry.line)
        for k in kinds
        for name, entry in registry.entries(k).items()
    ]
    rivals = {} if kind else list_rivals(registry, own)
    if kind is None:
        guests = [(row, origin) for row, origin in registry.commands if row.name not in rivals]
        rows += [("command", row.name, origin, row.lines[0][1]) for row, origin in guests]
    packages = list(conf)
    bad = [
        *(("FAILED", f.dist, f.message) for f in registry.failures if f.kind in {"", *kinds}),
        *(("FAILED", p.dist, p.problem) for p in packages if p.problem),
        *(("CONTESTED", _name(f), f.message) for f in registry.find_contested() if f.kind in kinds),
        *(("CONTESTED", f"command {name}", text) for name, text in rivals.items()),
    ]
    stale = [
        ("MEND", origin(entry), text)
        for k in kinds
        for entry in registry.entries(k).values()
        if (text := advice(k, entry.cls))
    ]
    good = [(p.dist, p.name, ", ".join(p.files())) for p in packages if not p.problem]
    parts = [
        align([("kind", "name", "from", "what it is"), *rows])
        if rows
        else f"no {kind or 'plugin'} is installed",
        "conf packages, and the files they add\n" + align(good, "  ") if good else "",
        "cannot be used\n" + align(bad, "  ") if bad else "",
        "can be used, and should be mended\n" + align(stale, "  ") if stale else "",
        f"{NO_PLUGINS} is set: built-ins only" if os.environ.get(NO_PLUGINS) else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _name(failure: Failure) -> str:
    return f"{failure.kind} {failure.name}"
