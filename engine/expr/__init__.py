"""The formula language: text → tree → arrays."""

from engine.expr.canonical import canonical, key
from engine.expr.executor import evaluate
from engine.expr.facts import fields, lookback, to_text
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.parser import parse

__all__ = [
    "Call",
    "Field",
    "Node",
    "Number",
    "canonical",
    "evaluate",
    "fields",
    "key",
    "lookback",
    "parse",
    "to_text",
]
