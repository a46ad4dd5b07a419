"""Factors: formulas, and columns that an earlier run left in a file."""

from engine import Factor, Formula, hookimpl
from engine.plugins.factors.file import FileFactor


@hookimpl
def register_factors() -> list[type[Factor]]:
    """Every built-in factor."""
    return [FileFactor, Formula]
