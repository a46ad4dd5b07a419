"""Units of a formula's parts, and comparisons that no unit allows.

A unit is a pair of powers, of money and of shares: a price is money per share. None is a unit
that nothing is known of: of a figure of one's own, or of ``log(close)``. A constant goes with
any unit: ``close > 5`` and ``high - low + 0.001`` are no mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.expr.facts import adv_days, to_text
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.ops import UNGROUPED

Unit = tuple[float, float]
PRICE, SHARES, MONEY, RATIO = (1.0, -1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)
FIELDS: dict[str, Unit] = (
    dict.fromkeys(("open", "high", "low", "close", "vwap"), PRICE)
    | {"volume": SHARES}
    | dict.fromkeys(("amount", "dollar_volume"), MONEY)
    | dict.fromkeys(("returns", "market"), RATIO)
)
WORDS = {PRICE: "price", SHARES: "volume", MONEY: "currency", RATIO: "ratio"}
ALIKE = frozenset({"add", "sub", "minimum", "maximum", "lt", "gt", "le", "ge", "eq", "ne"})
VERBS = {
    "add": ("adds", "and"),
    "sub": ("takes the difference of", "and"),
    "where": ("chooses between", "and"),
}
TRUTHS = frozenset({"lt", "gt", "le", "ge", "eq", "ne", "both", "either", "neither"})
RATIOS = TRUTHS | frozenset(
    ("sign", "rank", "dense_rank", "zscore", "zscore2", "scale", "bucket", "qcut", "group_rank",
     "group_zscore", "exp", "ts_rank",
     "ts_count", "ts_known", "ts_skew", "ts_kurt", "ts_argmin", "ts_argmax", "ts_idxmin",
     "ts_idxmax", "correlation", "rsquare", "unit_rank", "group_unit_rank", "group_count",
     "cs_count", "bars_since", "thin", "unknown", "tanh", "sigmoid", "probit")
)  # fmt: skip
KEPT = frozenset(  # the unit of the first array
    ("neg", "abs", "filter", "demean", "winsorize", "indneutralize", "group_mean", "cs_mean",
     "neutralize", "neutralize2", "neutralize3", "delay", "delta", "ts_sum", "ts_mean", "stddev",
     "ts_mad", "ts_median", "ts_quantile", "ts_min", "ts_max", "decay_linear", "resid_std",
     "slope", "resi", "ema", "ewma", "smooth", "adapt", "hump", "decay_exp", "ts_backfill",
     "floor", "round", "fillna", *(f"{who}_{what}" for who in ("cs", "group")
     for what in ("sum", "min", "max", "median", "std")))
)  # fmt: skip
POWERS = {"sqrt": 0.5, "ts_var": 2.0}
PRODUCTS = {"mul": 1.0, "covariance": 1.0, "div": -1.0, "beta": -1.0}  # the second one's power


# groups that a formula makes change no unit
RATIOS, KEPT = (names | {f"{n}_by" for n in names & {*UNGROUPED}} for names in (RATIOS, KEPT))


def mismatches(root: Node) -> list[str]:
    """Return what compares things of different units, or prices of different symbols."""
    found: dict[str, None] = {}
    _unit(root, found)
    return list(found)


def _unit(node: Node, found: dict[str, None]) -> Unit | None:
    if isinstance(node, Number):
        return RATIO
    if isinstance(node, Field):
        return MONEY if adv_days(node.name) else FIELDS.get(node.name)
    pairs = zip(node.args, op_of(node.op).args, strict=True)
    arrays = [arg for arg, kind in pairs if kind == "x"]
    units = [_unit(arg, found) for arg in arrays]
    found.update(dict.fromkeys(_wrong(node, arrays, units)))
    return _result(node.op, arrays, units)


def _wrong(call: Call, arrays: list[Node], units: list[Unit | None]) -> Iterator[str]:
    text = to_text(call)
    if call.op in ALIKE or call.op == "where":
        measured = _drop_constants(arrays[-2:], units[-2:])
        if len(set(measured)) > 1 and None not in measured:
            one, other = (_word(unit) for unit in measured if unit is not None)
            verb, joint = VERBS.get(call.op, ("compares", "with"))
            yield f"{text} {verb} {one} {joint} {other}: bring them to one unit"
    if op_of(call.op).room == "sections" and _is_price(units[0]):
        yield (
            f"{text} compares prices of different symbols, which say nothing of value: "
            f"divide by a price first"
        )


def _is_price(unit: Unit | None) -> bool:
    return unit is not None and unit[0] != 0.0 and unit[0] == -unit[1]


def _drop_constants(arrays: list[Node], units: list[Unit | None]) -> list[Unit | None]:
    """The units of what is not constant."""
    return [unit for arg, unit in zip(arrays, units, strict=True) if not _constant(arg)]


def _constant(node: Node) -> bool:
    if isinstance(node, Call):
        return all(_constant(arg) for arg in node.args)
    return isinstance(node, Number)


def _result(op: str, arrays: list[Node], units: list[Unit | None]) -> Unit | None:
    if op in RATIOS:
        return RATIO
    if op in KEPT:
        return units[0]
    exponent = POWERS.get(op, _exponent(op, arrays))
    if exponent is not None:
        return _power(units[0], exponent)
    if op in PRODUCTS:
        one, other = units[0], _power(units[1], PRODUCTS[op])
        return None if one is None or other is None else (one[0] + other[0], one[1] + other[1])
    if op in ALIKE or op == "where":
        measured = set(_drop_constants(arrays[-2:], units[-2:]))
        return measured.pop() if len(measured) == 1 else None if measured else RATIO
    return None


def _exponent(op: str, arrays: list[Node]) -> float | None:
    """The constant that an array is raised to."""
    last = arrays[-1]
    return last.value if op in {"power", "signedpower"} and isinstance(last, Number) else None


def _power(unit: Unit | None, exponent: float) -> Unit | None:
    return None if unit is None else (unit[0] * exponent, unit[1] * exponent)


def _word(unit: Unit) -> str:
    if unit in WORDS:
        return WORDS[unit]
    powers = [(WORDS[MONEY], unit[0]), ("shares", unit[1])]
    return " × ".join(w if p == 1.0 else f"{w}^{p:g}" for w, p in powers if p)
