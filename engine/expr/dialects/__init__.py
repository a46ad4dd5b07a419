"""The words of other dialects, a module each: tables, read by `engine.expr.foreign`."""

from engine.expr.dialects.brain import BRAIN
from engine.expr.dialects.gtja import GTJA
from engine.expr.dialects.python import PYTHON
from engine.expr.dialects.tdx import TDX

FOREIGN = {dialect.name: dialect for dialect in (BRAIN, GTJA, TDX, PYTHON)}

__all__ = ["BRAIN", "FOREIGN", "GTJA", "PYTHON", "TDX"]
