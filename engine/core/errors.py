"""Errors for the person at the prompt.

EngineError                 anything a user can mend; the CLI prints one line and exits with 2
├── ConfigError             the configuration cannot be run as written
├── DataError               the input data cannot be used as they are
├── FormulaError            a formula cannot be read; the message carries a caret
├── PluginError             a plugin cannot be loaded, or does not keep its kind's contract
└── ContractError           a stage handed over a frame that breaks its schema
"""

from __future__ import annotations

from collections.abc import Iterable


class EngineError(Exception):
    """Base of all errors that name what is wrong and what to type next."""


class ConfigError(EngineError):
    """The configuration cannot be run as written."""


class DataError(EngineError):
    """The input data cannot be used as they are."""


class FormulaError(EngineError):
    """A formula cannot be read.

    Parameters
    ----------
    message : str
        What is wrong.
    text : str
        The formula.
    column : int
        Zero-based offset in `text` that the caret points at.
    """

    def __init__(self, message: str, text: str = "", column: int = 0) -> None:
        self.text, self.column = text, column
        super().__init__(point_at(message, text, column) if text else message)


class PluginError(EngineError):
    """A plugin cannot be loaded, or does not keep its kind's contract."""


class ContractError(EngineError):
    """A stage handed over a frame that breaks its schema."""


def point_at(message: str, text: str, column: int) -> str:
    """Return the message, the part of a text around a column, and a caret under it."""
    start, stop = max(0, column - 60), column + 60
    return f"{message}\n  {text[start:stop]}\n  {' ' * (column - start)}^"


def explain_unforeseen(error: Exception) -> str:
    """Return a line on what nobody has foreseen: a fault of the engine, or of a plugin."""
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return f"unforeseen: {what}; type the command again with --debug to see where"


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return a hint: the nearest option, or all of them when none is near."""
    from difflib import get_close_matches  # `engine --help` has no use for it

    known = sorted(set(options))
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    if not known:
        return "there is none"
    shown = ", ".join(known[:12])
    return f"choose from: {shown}" + (f" … ({len(known)} in all)" if len(known) > 12 else "")
