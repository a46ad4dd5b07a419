"""What a formula is, told to a person: its tree, what it reads, and what looks like a mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from engine.core.periods import DAILY
from engine.expr.annual import ANNUAL, bind
from engine.expr.canonical import canonical, key
from engine.expr.facts import fields, lookback, to_text, windows
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node, Number, walk
from engine.expr.ops import OVERLOADED
from engine.expr.units import mismatches

SAID = "of daily bars; a run's bars, or time.periods_per_year, may say another"

NEEDED = {"ts_skew": 3, "ts_kurt": 4, "resid_std": 3} | dict.fromkeys(  # values of a window
    ("stddev", "ts_var", "correlation", "covariance", "beta", "slope", "rsquare", "resi"), 2
)
IDLE = frozenset(
    {"sub", "div", "minimum", "maximum", "lt", "gt", "correlation", "beta", "neutralize"}
)


def explain(node: Node, periods_per_year: float = DAILY) -> str:
    """Return the explanation, one fact a line; ``annual`` is told as a number.

    Parameters
    ----------
    node : Node
    periods_per_year : float
        Rows a year of the data; in a run the bars or ``time.periods_per_year`` say it.
    """
    yearly = bind(node, periods_per_year)
    known = {} if yearly is node else {ANNUAL: f"{periods_per_year:g} rows a year, {SAID}"}
    node = yearly
    calls = [part for part in walk(node) if isinstance(part, Call)]
    rows = lookback(node)
    groups = {name for call in calls for name in _groupings(call)}
    facts = {
        "formula": to_text(node),
        "canonical": canonical(node),
        "key": key(node),
        "fields": ", ".join(sorted(fields(node))) or "none",
        "groupings": ", ".join(sorted(groups)) or "none",
        **known,
        "lookback": "unbounded: it reads all rows so far" if rows is None else f"{rows} rows",
        "depth": str(node.depth),
        "operators": f"{len(calls)}, {len({to_text(call) for call in calls})} of them different",
    }
    lines = [f"{key:<10} {value}" for key, value in facts.items()]
    lines += [f"{'warning':<10} {text}" for text in warnings(node)]
    return "\n".join([*lines, "", *_tree(node)])


def warnings(node: Node) -> list[str]:
    """What looks like a mistake, each once, in the order of the formula."""
    found: dict[str, None] = {}
    if not fields(node):
        found["the formula is a constant: name a field such as close"] = None
    for part in walk(node):
        if isinstance(part, Call):
            found.update(dict.fromkeys(_find_odd(part)))
    return [*found, *mismatches(node)]


def too_long(node: Node, rows: int, bars: Collection[str] = ()) -> str | None:
    """The first part that asks for more rows than there are, and how many; or None."""
    for part, asked in windows(node, bars):
        if asked > rows:
            return f"{to_text(part)} reaches back {asked} rows"
    return None


def _find_odd(call: Call) -> Iterator[str]:
    op, text = op_of(call.op), to_text(call)
    arrays = [arg for arg, kind in zip(call.args, op.args, strict=True) if kind == "x"]
    windows = [arg for arg, kind in zip(call.args, op.args, strict=True) if kind == "d"]
    if op.room == "sections" and not fields(call):
        yield f"{text} compares a constant with itself"
    if call.written in OVERLOADED and op.reach == "window":
        yield _over_time(call)
    if op.reach == "window" and isinstance(windows[0], Number):
        d, needed = int(windows[0].value), NEEDED.get(op.name, 1)
        if d < needed:
            yield f"{text} is always NaN: {op.name} needs {needed} values, the window is {d}"
        elif d == 1:
            yield f"{text} has a window of one row: widen it, or leave {op.name} out"
    if op.name in IDLE and len(arrays) == 2 and arrays[0] == arrays[1]:
        yield f"{text} takes the same twice"


def _over_time(call: Call) -> str:
    """What a word means here that may have been meant for two values of a cell."""
    inner, rows = (to_text(arg) for arg in call.args)
    other = OVERLOADED[call.written][1]
    return (
        f"{call.written}({inner}, {rows}) is over time, {call.op} of {rows} rows: "
        f"{other}({inner}, {rows}) compares with {rows}"
    )


def _groupings(call: Call) -> list[str]:
    pairs = zip(call.args, op_of(call.op).args, strict=True)
    return [arg.name for arg, kind in pairs if kind == "g" and isinstance(arg, Field)]


def _tree(node: Node, indent: str = "") -> Iterator[str]:
    if not isinstance(node, Call):
        yield indent + to_text(node)
        return
    op = op_of(node.op)
    inner = [(a, k) for a, k in zip(node.args, op.args, strict=True) if k == "x"]
    rest = [to_text(a) for a, k in zip(node.args, op.args, strict=True) if k != "x"]
    yield f"{indent}{' '.join([node.op, *rest])}"
    for arg, _ in inner:
        yield from _tree(arg, indent + "  ")
