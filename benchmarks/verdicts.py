"""What the formula benchmark prints: times, agreement of values, and targets met or missed."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES, DAYS, SETS, Array
from peers import ONE_THREAD
from timing import SMALL, SMALL_ALPHAS

Results = dict[tuple[str, str, int], dict[str, Any]]  # by case, peer and threads
OWN = ("ours", "ours32")
SAME_LAYOUT = ("pandas", "polars", "bottleneck", "numbagg", "kun64-TS", "kun32-TS")
CLOSE = 1e-6


def seconds(results: Results, case: str, peer: str, threads: int) -> float | None:
    """The median; of a peer that knows no threads, that of its one."""
    row = results.get((case, peer, 1 if peer in ONE_THREAD else threads))
    return statistics.median(row["seconds"]) if row else None


def table(results: Results, peers: list[str], cases: list[str], threads: list[int]) -> str:
    """Times in ms: a row a case, a column an implementation and its threads."""
    columns = [("ours", n) for n in threads]
    columns += [
        (peer, n)
        for peer in peers
        if peer not in {"ours", "copy"}
        for n in (threads if peer not in ONE_THREAD else [1])
    ]
    titles = [peer.partition("-") for peer, _ in columns]
    lines = [f"{'':13s}" + "".join(f"{name:>11s}" for name, _, _ in titles)]
    lines.append(f"{'layout':13s}" + "".join(f"{layout or 'TS':>11s}" for *_, layout in titles))
    lines.append(f"{'threads':13s}" + "".join(f"{n:>11d}" for _, n in columns))
    for case in cases:
        cells = [_cell(results, case, peer, n) for peer, n in columns]
        lines.append(f"{case:13s}" + "".join(f"{cell:>11s}" for cell in cells))
    copied = seconds(results, "copy", "copy", 1)
    if copied:
        lines.append(f"copy of one field: {copied * 1e3:.2f} ms, 1 thread{_rate(results, copied)}")
    if ("alpha101", "pandas", 1) in results:
        lines.append(f"*: pandas on {SMALL['symbols']} × {SMALL['days']} bars, as measured there")
    lines += list(_memory(results))
    return "\n".join(lines)


def _cell(results: Results, case: str, peer: str, threads: int) -> str:
    found = seconds(results, case, peer, threads)
    if found is None:
        return "–"
    digits = 2 if found < 0.1 else 0
    return f"{found * 1e3:.{digits}f}" + ("*" if peer == "pandas" and case in SETS else "")


def _rate(results: Results, copied: float) -> str:
    size = next((row["output"] for (case, _, _), row in results.items() if case in CASES), None)
    return f", {2 * size / copied / 1e9:.1f} GB/s read and written" if size else ""


def _memory(results: Results) -> Iterator[str]:
    for (case, peer, threads), row in results.items():
        if case in SETS and peer != "pandas":
            yield (
                f"peak memory, {case}, {peer}, {threads} threads: {row['peak'] / 1e9:.2f} GB, "
                f"of which {row['output'] / 1e9:.2f} GB output"
            )


def agreement(folder: Path, results: Results, cases: list[str]) -> str:
    """How far each peer's values are from ours, and whether threads change any of them."""
    lines = [
        "values against ours on a sample of the symbols: largest difference relative to "
        f"max(|x|, median |x|), cells beyond {CLOSE:g}, cells where only one is finite",
    ]
    for case in cases:
        first: dict[str, Path] = {}
        for name, peer, threads in results:
            small = peer == "pandas" and case in SETS
            file = (folder / "small" if small else folder) / f"{case} {peer} {threads}.npz"
            if name != case or not file.is_file():
                continue
            if peer not in first:
                first[peer] = file
                if peer != "ours" and "ours" in first:
                    ours = file.with_name(first["ours"].name)
                    lines.append(f"  {case:13s}{peer:>14s}  {_compared(ours, file)}")
            elif not _same(first[peer], file):
                lines.append(f"  {case:13s}{peer:>14s}  {threads} threads give other values")
    return "\n".join(lines)


def _same(one: Path, other: Path) -> bool:
    with np.load(one) as a, np.load(other) as b:
        return all(np.array_equal(a[name], b[name], equal_nan=True) for name in a.files)


def _compared(mine: Path, other: Path) -> str:
    with np.load(mine) as ours, np.load(other) as theirs:
        names = [name for name in ours.files if name in theirs.files]
        rows = {name: _distance(ours[name], theirs[name]) for name in names}
    if len(rows) == 1:
        largest, beyond, alone = next(iter(rows.values()))
        return f"{largest:8.1e}  {beyond:6.2%}  {alone:6.2%}"
    agree = [name for name, (_, beyond, _) in rows.items() if beyond < 1e-3]
    differ = [name for name in rows if name not in agree]
    text = f"{len(agree)} of {len(rows)} agree (99.9% of cells)"
    return text + (f"; not {' '.join(differ)}" if differ else "")


def _distance(x: Array, y: Array) -> tuple[float, float, float]:
    both = np.isfinite(x) & np.isfinite(y)
    alone = float(np.mean(np.isfinite(x) != np.isfinite(y)))
    if not both.any():
        return float("nan"), 1.0, alone
    a, b = x[both], y[both].astype(float)
    size = np.maximum(np.abs(a), max(float(np.median(np.abs(a))), 1e-300))
    off = np.abs(a - b) / size
    return float(off.max()), float(np.mean(off > CLOSE)), alone


def verdicts(results: Results, cases: list[str], threads: list[int], symbols: int) -> str:
    """A line a target: met or missed, by how much, and what bounds it."""
    lines: list[str] = []
    for case in (name for name in cases if name in CASES):
        least = {"rank": 3.0 if symbols <= 500 else 6.0, "seed": 3.0}.get(case, 1.0)
        lines += [_against(results, case, count, least, mine) for mine in OWN for count in threads]
    lines += _of_sets(results, cases, symbols)
    return "targets\n" + "\n".join(f"  {line}" for line in lines if line)


def _against(results: Results, case: str, threads: int, least: float, mine: str) -> str:
    """Against the best peer of its precision: of those that take (T, N) arrays, and of all."""
    ours = seconds(results, case, mine, threads)
    names = {p for c, p, _ in results if c == case and p not in OWN and _single(p) == _single(mine)}
    timed = {peer: seconds(results, case, peer, threads) for peer in sorted(names)}
    field = {peer: found for peer, found in timed.items() if found}
    same = {peer: found for peer, found in field.items() if peer in SAME_LAYOUT}
    if not ours or not field:
        return ""
    parts = []
    for label, group in (("on (T, N)", same), ("any layout", field)):
        if group:
            best = min(group, key=lambda peer: group[peer])
            parts.append(f"{label} {_verdict(group[best] / ours, least, best)}")
    missed = any("MISSED" in part for part in parts)
    kind = "float32, " if _single(mine) else ""
    line = f"{case}, {kind}{threads} thread{'s' * (threads > 1)} (target {least:g}x): "
    return line + "; ".join(parts) + (f"; {_bound(results, case, mine)}" if missed else "")


def _single(peer: str) -> bool:
    return "32" in peer


def _verdict(ratio: float, least: float, peer: str) -> str:
    word = "met" if ratio >= least else "MISSED"
    return f"{word} {ratio:.2f}x {peer}"


def _bound(results: Results, case: str, mine: str) -> str:
    """What the time is made of, as far as a copy and a second thread can tell."""
    one, two = (seconds(results, case, mine, n) for n in (1, 2))
    copied = seconds(results, "copy", "copy", 1)
    if not (one and two and copied):
        return "bound not known without 1 and 2 threads"
    cause = "memory" if two < 6 * copied else "what runs on one thread"
    cause = "arithmetic" if one / two > 1.6 and two >= 6 * copied else cause
    return f"{one / copied:.3g} copies, {one / two:.2f}x by a second thread: {cause}"


def _of_sets(results: Results, cases: list[str], symbols: int) -> Iterator[str]:
    fast = {"alpha101": 5.0 if symbols <= 500 else 8.0, "alpha158": 1.0}
    for case in (name for name in SETS if name in cases):
        ours = seconds(results, case, "ours", 2)
        kun = {p: seconds(results, case, p, 2) for p in ("kun64-TS", "kun64-STs")}
        known = {peer: found for peer, found in kun.items() if found}
        if ours and known:
            best = min(known, key=lambda peer: known[peer])
            verdict = _verdict(known[best] / ours, fast[case], best)
            line = f"{case}, 2 threads (target {fast[case]:g}x): {verdict}"
            yield f"{line}; {_bound(results, case, 'ours')}" if "MISSED" in verdict else line
        for (name, peer, _), row in results.items():
            if name == case and peer == "ours":
                over = row["peak"] - row["output"]
                word = "met" if over <= 1e9 else "MISSED"
                yield f"{case}, memory (target 1 GB over the output): {word} {over / 1e9:.2f} GB"
    yield from _pandas(results, symbols)


def _pandas(results: Results, symbols: int) -> Iterator[str]:
    slow = seconds(results, "alpha101", "pandas", 1)
    ours = seconds(results, "alpha101", "ours", 2)
    small = seconds(results, SMALL_ALPHAS, "ours", 2)
    if slow and ours and small:
        scale = symbols * DAYS / (SMALL["symbols"] * SMALL["days"])
        yield (
            "alpha101, 2 threads (target 200x): "
            + _verdict(slow * scale / ours, 200.0, f"pandas, scaled by cells ({scale:.0f}x)")
            + f"; on its own panel {slow / small:.0f}x"
        )
