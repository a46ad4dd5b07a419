"""The formula language: text → tree → arrays."""

from __future__ import annotations

from engine.expr.canonical import canonical, key
from engine.expr.cells import finite
from engine.expr.dialects.brain import BRAIN
from engine.expr.dialects.gtja import GTJA
from engine.expr.dialects.python import PYTHON
from engine.expr.dialects.tdx import TDX
from engine.expr.executor import DTYPES, evaluate, tree
from engine.expr.explanation import explain, too_long
from engine.expr.facts import fields, lookback, to_text, windows
from engine.expr.formula import Formula, trees
from engine.expr.guests import guest_names, using
from engine.expr.naming import find_others, write_out
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.ops import TABLE, Op
from engine.expr.parser import DIALECTS, parse
from engine.expr.pieces import Plan, estimate_bytes, make_plan
from engine.expr.reads import Reads, list_reads
from engine.expr.resuming import list_resumed, plan_new
from engine.expr.roundoff import rounding
from engine.expr.shards import from_processes, refuse_parallel
from engine.expr.spanning import spans

__all__ = [
    "BRAIN",
    "DIALECTS",
    "DTYPES",
    "GTJA",
    "PYTHON",
    "TABLE",
    "TDX",
    "Call",
    "Field",
    "Formula",
    "Node",
    "Number",
    "Op",
    "Plan",
    "Reads",
    "canonical",
    "estimate_bytes",
    "evaluate",
    "explain",
    "fields",
    "find_others",
    "finite",
    "from_processes",
    "guest_names",
    "key",
    "list_reads",
    "list_resumed",
    "lookback",
    "make_plan",
    "parse",
    "plan_new",
    "refuse_parallel",
    "rounding",
    "spans",
    "to_text",
    "too_long",
    "tree",
    "trees",
    "using",
    "windows",
    "write_out",
]
