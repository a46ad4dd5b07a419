"""Text → tree, by one LALR grammar a dialect; else a FormulaError with a caret."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine.core.errors import ConfigError, FormulaError, did_you_mean
from engine.expr.builder import Builder, Hints
from engine.expr.dialects import FOREIGN
from engine.expr.foreign import ForeignBuilder
from engine.expr.grammars import blank_comments, syntax
from engine.expr.hints import elsewhere, sign, suggest
from engine.expr.nodes import Node
from engine.expr.qlib import QlibBuilder

MAX_LENGTH = 20_000  # characters

DIALECTS: dict[str, Callable[[str], Builder]] = {
    "paper": Builder,
    "qlib": QlibBuilder,
    **{name: partial(ForeignBuilder, dialect=found) for name, found in FOREIGN.items()},
}


def parse(text: str, dialect: str | None = None) -> Node:
    """Return the tree of a formula.

    Parameters
    ----------
    text : str
        In the style of the "101 Formulaic Alphas" (Kakushadze 2016, appendix A): names are
        case-insensitive, windows are constants, ``c ? a : b`` chooses.
    dialect : {"paper", "qlib", "brain", "gtja", "tdx", "python"}, optional
        By default, a text with a ``$`` is Qlib's (`engine.expr.qlib`), any other the paper's;
        `engine.expr.dialects` has the others.

    Raises
    ------
    FormulaError
        With a caret under the column, and the nearest operator's name.
    ConfigError
        There is no such dialect.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

    dialect = dialect or ("qlib" if "$" in text else "paper")
    if dialect not in DIALECTS:
        raise ConfigError(f"dialect={dialect}: no such dialect; {did_you_mean(dialect, DIALECTS)}")
    if len(text) > MAX_LENGTH:
        start = one_line(text[: MAX_LENGTH + 60])
        message = f"the formula has {len(text)} characters: at most {MAX_LENGTH}"
        raise FormulaError(message, start, MAX_LENGTH)
    text = one_line(blank_comments(dialect, text))
    try:
        tree = syntax(dialect, text)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        message = f"unexpected character {text[at]!r}{_hint(dialect, text, at)}"
        raise FormulaError(message, text, at) from None
    except UnexpectedToken as error:
        at = error.token.start_pos
        if error.token.type == "$END" or at is None:
            raise FormulaError("the formula ends too early", text, len(text.rstrip())) from None
        message = f"unexpected {str(error.token)!r}{_hint(dialect, text, at)}"
        raise FormulaError(message, text, at) from None
    except UnexpectedInput as error:
        raise FormulaError("the formula cannot be read", text, error.pos_in_stream or 0) from None
    builder = DIALECTS[dialect](text)
    builder.hints = Hints(suggest, elsewhere)
    return builder.node(tree)


def _hint(dialect: str, text: str, at: int) -> str:
    return sign(text, at) if dialect == "paper" else ""


def one_line(text: str) -> str:
    """The text, ready for a caret under it: whatever is not printed is a blank."""
    return "".join(c if c.isprintable() else " " for c in text)
