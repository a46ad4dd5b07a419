"""Evaluates a set of formulas as one graph.

1. Parse every formula; equal sub-trees are equal keys, so each is computed once.
2. Count the readers of each node.
3. Compute nodes in the order of need; a node's array is freed when its last reader has run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from engine.errors import DataError, FormulaError, did_you_mean
from engine.expr.facts import adv_days
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.parser import parse
from engine.panel import FloatArray, Panel


def evaluate(formulas: Mapping[str, str | Node], panel: Panel) -> dict[str, FloatArray]:
    """Compute formulas on a panel.

    Parameters
    ----------
    formulas : mapping of str to str or Node
        By the name of the result.
    panel : Panel
        Its fields may be named, and ``returns``, ``market``, ``vwap`` ((high+low+close)/3
        when it is no field) and ``adv{d}`` (mean of close × volume over d rows).

    Returns
    -------
    dict of str to float array, shape (T, N)
        Finite or NaN.

    Raises
    ------
    FormulaError
        A formula cannot be read.
    DataError
        The panel lacks a field or grouping.
    """
    roots = {name: _root(name, formula) for name, formula in formulas.items()}
    graph = _Graph(panel, roots)
    return {name: graph.result(name, node) for name, node in roots.items()}


def _root(name: str, formula: str | Node) -> Node:
    try:
        return parse(formula) if isinstance(formula, str) else formula
    except FormulaError as error:
        raise FormulaError(f"factor {name!r}: {error}") from None


class _Graph:
    def __init__(self, panel: Panel, roots: Mapping[str, Node]) -> None:
        self.panel = panel
        self.readers: Counter[Node] = Counter(roots.values())
        self.done: dict[Node, FloatArray] = {}
        waiting = list(dict.fromkeys(roots.values()))
        seen = set(waiting)
        while waiting:
            node = waiting.pop()
            for arg in _inputs(node):
                self.readers[arg] += 1
                if arg not in seen:
                    seen.add(arg)
                    waiting.append(arg)

    def result(self, name: str, node: Node) -> FloatArray:
        try:
            self._prepare(node)
        except DataError as error:
            raise DataError(f"factor {name!r}: {error}") from None
        array, shape = self._take(node), self.panel.shape
        own = array.shape == shape and not isinstance(node, Field) and node not in self.done
        return np.ascontiguousarray(array) if own else np.broadcast_to(array, shape).copy()

    def _prepare(self, root: Node) -> None:
        """Compute a node, its arguments first; by a list, for trees are deeper than stacks."""
        waiting = [root]
        while waiting:
            node = waiting[-1]
            missing = [] if node in self.done else [a for a in _inputs(node) if a not in self.done]
            waiting += missing
            if not missing:
                waiting.pop()
                if node not in self.done:
                    self.done[node] = self._compute(node)

    def _take(self, node: Node) -> FloatArray:
        """A node's array; freed here when this was its last reader."""
        array = self.done[node]
        self.readers[node] -= 1
        if self.readers[node] == 0:
            del self.done[node]
        return array

    def _compute(self, node: Node) -> FloatArray:
        if isinstance(node, Number):
            return np.array([[node.value]])
        array = self._field(node.name) if isinstance(node, Field) else self._call(node)
        if np.isinf(array).any():
            array = np.where(np.isinf(array), np.nan, array)
        return array

    def _call(self, node: Call) -> FloatArray:
        op = op_of(node.op)
        args = [self._arg(arg, kind, op.room) for arg, kind in zip(node.args, op.args, strict=True)]
        kernel = op.kernel or getattr(import_module(f"engine.expr.{op.room}"), op.name)
        with np.errstate(all="ignore"):
            array: FloatArray = kernel(*args)
        return array

    def _arg(self, arg: Node, kind: str, room: str) -> Any:
        if kind == "g":
            assert isinstance(arg, Field)
            return self._labels(arg.name)
        if kind == "d":
            assert isinstance(arg, Number)
            return int(arg.value)
        if kind == "n":
            assert isinstance(arg, Number)
            return arg.value
        array = self._take(arg)
        if room == "cells":
            return array  # a constant stays one cell, and broadcasts
        array = np.ascontiguousarray(np.broadcast_to(array, self.panel.shape))
        return np.where(self.panel.member, array, np.nan) if room == "sections" else array

    def _field(self, name: str) -> FloatArray:
        panel = self.panel
        spelled = _spelled(name, panel.fields)
        if spelled in panel:
            return panel[spelled]
        if name == "returns":
            return panel.returns
        if name == "market":
            return np.ascontiguousarray(np.broadcast_to(panel.market[:, None], panel.shape))
        if name == "vwap":
            return (panel["high"] + panel["low"] + panel["close"]) / 3.0
        days = adv_days(name)
        if days:
            kernels = import_module("engine.expr.kernels")
            dollars: FloatArray = kernels.ts_mean(panel["close"] * panel["volume"], days)
            return dollars
        known = [*panel.fields, "returns", "market", "vwap", "adv20"]
        raise DataError(f"the bars have no field {name!r}; {did_you_mean(name, known)}")

    def _labels(self, name: str) -> Any:
        spelled = _spelled(name, self.panel.groups)
        if spelled not in self.panel.groups:
            raise DataError(
                f"the symbols have no grouping {name!r}; {did_you_mean(name, self.panel.groups)}"
            )
        return np.unique(np.array(self.panel.groups[spelled]), return_inverse=True)[1]


def _spelled(name: str, names: Iterable[str]) -> str:
    """How the data spell a name of a formula, where capitals do not count; first come first."""
    known = list(names)
    return name if name in known else next((n for n in known if n.lower() == name), name)


def _inputs(node: Node) -> list[Node]:
    """The array arguments of a node."""
    if not isinstance(node, Call):
        return []
    return [a for a, kind in zip(node.args, op_of(node.op).args, strict=True) if kind == "x"]
