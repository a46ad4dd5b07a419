"""Formulas that name other factors of their set: the factor's formula stands for its name.

A factor that is no formula, but a class, is a field for those that name it: its values.
What the bars know goes first: their fields, ``returns``, ``market``, ``annual``, ``vwap`` and
``adv{d}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from engine.core.errors import FormulaError
from engine.expr.annual import ANNUAL
from engine.expr.builder import MAX_DEPTH, MAX_PARTS
from engine.expr.graph import Known, derive
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node

ALWAYS = frozenset({"returns", "market", ANNUAL})  # every panel has them


def write_out(formulas: Mapping[str, Node], known: Known) -> dict[str, Node]:
    """Return the formulas with those that they name in place of their names.

    Parameters
    ----------
    formulas : mapping of str to Node
        The set, by the factors' names; capitals of a name do not count.
    known : callable
        Whether the bars have a field of a name.

    Raises
    ------
    FormulaError
        Factors name one another in a circle, or make a formula too deep or too long.
    """
    spelled = _index_spellings(formulas)

    def find_factor(factor: str, node: Field) -> str | None:
        """The factor that a field of a factor's formula stands for."""
        other = spelled.get(node.name)
        if other is None or (other == factor and formulas[factor] == node):
            return None  # a factor that is its own name alone is a field, or a slip
        return None if _of_bars(node.name, known) else other

    needs = {name: _find_named(name, node, find_factor) for name, node in formulas.items()}
    done: dict[str, Node] = {}
    parts: dict[str, int] = {}
    for name in _in_order(needs):
        instead = {node: done[other] for node, other in needs[name].items()}
        done[name] = _replace(formulas[name], instead) if instead else formulas[name]
        _refuse_large(name, done[name], formulas[name], needs[name], parts)
    return {name: done[name] for name in formulas}


def find_others(
    formulas: Mapping[str, Node], factors: Iterable[str], known: Known
) -> dict[str, str]:
    """Return the factors that formulas name and that are no formulas, by the field's name.

    Parameters
    ----------
    formulas : mapping of str to Node
    factors : iterable of str
        Names of all factors of the set; capitals do not count, an equal spelling goes first.
    known : callable
        Whether the bars have a field of a name.
    """
    spelled = _index_spellings(factors)
    names = {node.name for root in formulas.values() for node in _fields(root)}
    return {
        name: spelled[name]
        for name in sorted(names & {*spelled})
        if spelled[name] not in formulas and not _of_bars(name, known)
    }


def _index_spellings(factors: Iterable[str]) -> dict[str, str]:
    """Factors by what formulas may write for them, in small letters too."""
    names = [*factors]
    return {name.lower(): name for name in reversed(names)} | {name: name for name in names}


def _of_bars(name: str, known: Known) -> bool:
    return known(name) or name in ALWAYS or derive(name, known) is not None


def _find_named(
    factor: str, root: Node, meant: Callable[[str, Field], str | None]
) -> dict[Field, str]:
    found = {node: meant(factor, node) for node in _fields(root)}
    return {node: other for node, other in found.items() if other is not None}


def _fields(root: Node) -> Iterator[Field]:
    """Fields of a formula; groupings are not among them. No recursion: trees may be deep."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Field):
            yield node
        elif isinstance(node, Call):
            kinds = op_of(node.op).args
            waiting += [a for a, kind in zip(node.args, kinds, strict=True) if kind == "x"]


def _in_order(needs: Mapping[str, Mapping[Field, str]]) -> list[str]:
    """The factors, each after those that it names."""
    order: dict[str, None] = {}
    for first in needs:
        path = {} if first in order else {first: iter(needs[first].values())}
        while path:
            last = next(reversed(path))
            other = next(path[last], None)
            if other is None:
                order[last] = None
                del path[last]
            elif other in path:
                circle = [*path][[*path].index(other) :]
                ring = " → ".join([*circle, other])
                raise FormulaError(
                    f"factor {other!r} names itself: {ring}; write one of them without the next"
                )
            elif other not in order:
                path[other] = iter(needs[other].values())
    return list(order)


def _replace(node: Node, instead: Mapping[Field, Node]) -> Node:
    if isinstance(node, Field):
        return instead.get(node, node)
    if not isinstance(node, Call):
        return node
    pairs = zip(node.args, op_of(node.op).args, strict=True)
    return Call(node.op, tuple(_replace(a, instead) if k == "x" else a for a, k in pairs))


def _refuse_large(
    name: str, made: Node, given: Node, needs: Mapping[Field, str], parts: dict[str, int]
) -> None:
    """Refuse what grew too large; `parts` counts the nodes of each factor."""
    parts[name] = _count(given, {field: parts[other] for field, other in needs.items()})
    if made.depth > MAX_DEPTH and needs:
        raise FormulaError(
            f"factor {name!r}: nested deeper than {MAX_DEPTH} with the factors that it names"
        )
    if parts[name] > MAX_PARTS:
        raise FormulaError(
            f"factor {name!r}: more than {MAX_PARTS} parts with the factors that it names"
        )


def _count(root: Node, sizes: Mapping[Field, int]) -> int:
    total, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        total += sizes.get(node, 1) if isinstance(node, Field) else 1
        if isinstance(node, Call):
            waiting += node.args
    return total
