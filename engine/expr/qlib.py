"""Qlib's dialect of the formula language: ``Mean($close, 5) / $close``.

A text with a ``$`` is Qlib's. Then ``$name`` is a field, names are written as in Qlib, capitals
and all, ``Max``, ``Min`` and ``Rank`` are over time, ``Greater`` and ``Less`` cell by cell, and
signs bind as in Python. Windows have Qlib's meaning: they start with one value
(``min_periods=1``); one of 0 rows is everything so far. ``Corr`` and ``Rsquare`` are NaN where
a standard deviation is 2e-5 or less, as in Qlib, whatever the unit.

Where Qlib's own results hang on missing cells, the engine's rule holds instead: a comparison
with NaN is NaN, not false (nor true, as Qlib's ``Ne``), and ``IdxMax`` does not stop at the first
NaN. So ``CNTP``, ``CNTN`` and ``CNTD`` of Alpha158 do not count a symbol's first row as a day that
neither rose nor fell. ``WMA`` is a mean, with weights N to 1: Qlib divides it by N once more.
A window written ``20d`` is alphagen's: then ``EMA`` is of its window's rows alone, ``WMA`` gives
the oldest row no weight, ``Rank`` counts from the greatest, ``Med`` is the lower of two middle
values, ``Skew`` and ``Kurt`` are of the window as it is. Words that Qlib lacks are alphagen's too.
``Power(NaN, 0)`` and ``Power(1, NaN)`` are NaN here, and 1 in Qlib, as in numpy.
Qlib's ``Mask``, ``EMA(x, 0)``, ``WMA(x, 0)`` and averages with a window below 1 are not known here;
nor are ``Ref(x, 0)`` and ``Delta(x, 0)``, which there are the first value loaded and the distance
from it: that depends on where the data begin.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import Any

from engine.core.errors import FormulaError, did_you_mean
from engine.expr.builder import Builder
from engine.expr.dialects.shared import KURT, SKEW, fading, lower_median
from engine.expr.guests import admit, guests
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.ops import MAX_WINDOW, QLIB, Op
from engine.expr.words import MisfitError, expand, signature, table

ALPHAGEN = table(
    {
        "Constant(x)": "x",
        "Inv(x)": "1 / x",
        "SLog1p|S_log1p(x)": "sign(x) * log1p(abs(x))",
        "Pow(x, y)": "x ^ y",
        "CSRank(x)": "rank(x) - 1 / cs_count(x)",
    }
)
IN_DAYS = table(  # what alphagen means by words that Qlib has too
    {
        "EMA(x, d)": fading,
        "WMA(x, d)": "decay_linear(x, d - 1)",
        "Rank(x, d)": "ts_rank(-x, d)",
        "Med(x, d)": lower_median,
        "Skew(x, d)": SKEW,
        "Kurt(x, d)": KURT,
        "Corr(x, y, d)": "correlation(x, y, d)",
    }
)
DAYS = re.compile(r"\d+d\b")
STILL = 2e-5  # Qlib: np.isclose(std, 0, atol=2e-05)
WEIGHED = frozenset({"decay_linear"})  # by their place in the window: it must have a length


class QlibBuilder(Builder):
    """Makes our nodes of a text in Qlib's dialect."""

    chain = "(a {} b) & (b {} c)"

    def _name(self, token: Any) -> Node:
        if not token.startswith("$"):
            raise FormulaError(
                f"{str(token)!r} is no number: Qlib writes a field as ${token}",
                self.text,
                token.start_pos,
            )
        return Field(str(token)[1:].lower())

    def _call(self, token: Any, *args: Node) -> Node:
        name, (at, *starts) = str(token), self.starts
        in_days = bool(starts) and DAYS.match(self.text, starts[-1]) is not None
        words = IN_DAYS.get(name) if in_days else ALPHAGEN.get(name)
        if words is None:
            return super()._call(token, *args)
        arguments = words[0].bind(args, {})
        if arguments is None:
            message = f"write {signature(name, words)}, not {len(args)} arguments"
            raise FormulaError(message, self.text, at)
        try:
            return expand(words[0], arguments)
        except MisfitError as error:
            where = dict(zip(words[0].names, starts, strict=False)).get(error.parameter, at)
            raise FormulaError(f"{name}: {error}", self.text, where) from None

    def _operator(self, name: str, args: tuple[Node, ...], at: int) -> Op:
        if name in QLIB:
            return QLIB[name]
        if name in guests():
            admit(name)
            return guests()[name]
        hint = did_you_mean(name, [*QLIB, *ALPHAGEN, *guests()])
        raise FormulaError(f"unknown operator {name!r} of Qlib; {hint}", self.text, at)

    def _keep_word(self, name: str) -> str:
        return ""  # Max and Min are over time, and nothing else

    def _window(self, op: Op, given: Number, at: int) -> Number:
        if given.value == 0 and op.reach == "window" and op.name not in WEIGHED:
            return Number(float(MAX_WINDOW))
        return super()._window(op, given, at)

    def _meaning(self, call: Call) -> Node:
        if call.op not in {"correlation", "rsquare"}:
            return call
        *arrays, window = call.args
        moving = [Call("gt", (Call("stddev", (x, window)), Number(STILL))) for x in arrays]
        return Call("div", (call, reduce(lambda a, b: Call("both", (a, b)), moving)))
