"""A region, ready to run on any of its blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import DataError, did_you_mean, pointed
from engine.expr.graph import DATES, WHOLE, Graph, Part, Region
from engine.expr.parser import one_line
from engine.panel import FloatArray, Panel

Lying = tuple[FloatArray, str]  # an array, and its layout


class Program:
    """The kernels and constants of a region's steps.

    Parameters
    ----------
    graph : Graph
    region : Region
    panel : Panel
        For members and groupings.
    inputs : mapping of int to tuple
        The arrays of the region's inputs. One that lies the other way is turned block by block.
    out : tuple
        Where the result goes.
    """

    def __init__(
        self, graph: Graph, region: Region, panel: Panel, inputs: Mapping[int, Lying], out: Lying
    ) -> None:
        self.layout, self.inputs, self.out = region.layout, inputs, out
        self.steps = [(step, graph.parts[step]) for step in region.steps]
        self.numbers = {
            i: graph.parts[i].args[0]
            for _, part in self.steps
            for i in part.inputs
            if graph.is_number(i)
        }
        self.kernels = [_kernel(part) for _, part in self.steps]
        self.labels = {
            str(arg): _labels(str(arg), panel)
            for _, part in self.steps
            for kind, arg in zip(part.op.args if part.op else "", part.args, strict=True)
            if kind == "g"
        }
        self.member = None if panel.member.all() else panel.member
        days, symbols = panel.shape
        self.columns = symbols if self.layout == DATES else days

    def run(self, start: int, stop: int) -> None:
        """Compute the rows from `start` to `stop` of the region's result."""
        values: dict[int, Any] = {i: self._block(*self.inputs[i], start, stop) for i in self.inputs}
        values |= self.numbers
        with np.errstate(all="ignore"):
            for (step, part), kernel in zip(self.steps, self.kernels, strict=True):
                args = self._arguments(part, values, start, stop)
                for i in part.inputs:
                    if i not in self.inputs and i not in self.numbers:
                        values.pop(i, None)  # its only reader is here
                made = kernel(*args)
                values[step] = made if part.axis == WHOLE else _finite(made)
        self._write(values[self.steps[-1][0]], start, stop)

    def _block(self, array: FloatArray, layout: str, start: int, stop: int) -> FloatArray:
        if layout == self.layout:
            return array[start:stop]
        from engine.expr.lagging import turn

        some = array[:, start:stop]
        block = np.empty((some.shape[1], len(some)))
        turn(some, 0, len(block), block)
        return block

    def _write(self, value: Any, start: int, stop: int) -> None:
        out, layout = self.out
        if layout == self.layout:
            out[start:stop] = value
            return
        from engine.expr.lagging import turn

        to = out[:, start:stop]
        block = value if np.ndim(value) else np.full(to.shape[::-1], value)
        turn(block, 0, len(to), to)

    def _arguments(self, part: Part, values: Mapping[int, Any], start: int, stop: int) -> list[Any]:
        assert part.op is not None
        args: list[Any] = []
        for kind, arg in zip(part.op.args, part.args, strict=True):
            if kind == "x":
                value = values[int(arg)]
                if part.op.room != "cells":
                    value = self._whole(part, value, start, stop)
                args.append(value)
            elif kind == "g":
                args.append(self.labels[str(arg)])
            else:
                args.append(int(arg) if kind == "d" else arg)
        return args

    def _whole(self, part: Part, value: Any, start: int, stop: int) -> FloatArray:
        """An argument of a kernel: no scalar, and in cross-sections members alone."""
        assert part.op is not None
        array: FloatArray = value
        if not np.ndim(value):
            array = np.full((stop - start, self.columns), value)
        if part.op.room == "sections" and self.member is not None:
            array = np.where(self.member[start:stop], array, np.nan)
        return array


def _kernel(part: Part) -> Any:
    assert part.op is not None
    return part.op.kernel or getattr(import_module(f"engine.expr.{part.op.room}"), part.op.name)


def _finite(value: Any) -> Any:
    """The same with NaN for what is infinite; an array is the operator's own, and changed."""
    from engine.expr.lagging import finite

    if np.ndim(value) == 0:
        return value if np.isfinite(value) else np.nan
    finite(value.reshape(-1))
    return value


def _labels(name: str, panel: Panel) -> npt.NDArray[np.int64]:
    """The symbols' groups as numbers."""
    own = spelled(name, panel.groups)
    if own not in panel.groups:
        hint = did_you_mean(name, panel.groups)
        if name in panel:
            hint = f"{name} is a field of numbers; {hint}"
        raise MissingNameError(f"the symbols have no grouping {name!r}; {hint}", name)
    return np.unique(np.array(panel.groups[own]), return_inverse=True)[1]


class MissingNameError(DataError):
    """The panel lacks a name of a formula."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name, self.factor = name, ""

    def shown(self, text: str) -> str:
        """The whole message, with a caret where a factor's text has the name."""
        message, text = f"factor {self.factor!r}: {self}", one_line(text)
        found = re.search(rf"(?i)(?<!\w){re.escape(self.name)}(?!\w)", text)
        return pointed(message, text, found.start()) if found else message


def spelled(name: str, names: Iterable[str]) -> str:
    """How the data spell a name of a formula, where capitals do not count; first come first."""
    known = list(names)
    return name if name in known else next((n for n in known if n.lower() == name), name)
