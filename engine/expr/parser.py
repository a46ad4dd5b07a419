"""Text → tree, by one LALR grammar a dialect; else a FormulaError with a caret."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from engine.errors import ConfigError, FormulaError, did_you_mean
from engine.expr.builder import Builder
from engine.expr.nodes import Node
from engine.expr.qlib import QlibBuilder

MAX_LENGTH = 20_000  # characters

_PAPER = r"""
?start: choice
?choice: either | either "?" choice ":" choice -> ternary
?either: both | either OR both -> infix
?both: compare | both AND compare -> infix
?compare: sum | compare COMPARE sum -> infix
OR: "||"
AND: "&&"
POW: "^"
NAME: /[A-Za-z_][A-Za-z0-9_.]*/
"""
# Python's order of signs: & and | bind more than comparisons, which do not follow one another
_QLIB = r"""
?start: choice
?choice: either | either COMPARE either -> infix
?either: both | either OR both -> infix
?both: sum | both AND sum -> infix
OR: "|"
AND: "&"
POW: "**"
NAME: /\$?[A-Za-z_][A-Za-z0-9_]*/
"""
_COMMON = r"""
?sum: term | sum ADD term -> infix
?term: unary | term MUL unary -> infix
?unary: power | "-" unary -> negative | "+" unary
?power: atom | atom POW unary -> infix
?atom: NUMBER -> number | NAME -> name | NAME "(" [choice ("," choice)*] ")" -> call
     | "(" choice ")"

COMPARE: "<=" | ">=" | "==" | "!=" | "<" | ">"
ADD: "+" | "-"
MUL: "*" | "/"
NUMBER: /([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?/
%ignore /\s+/
"""
DIALECTS: dict[str, tuple[str, type[Builder]]] = {
    "paper": (_PAPER + _COMMON, Builder),
    "qlib": (_QLIB + _COMMON, QlibBuilder),
}


def parse(text: str, dialect: str | None = None) -> Node:
    """Return the tree of a formula.

    Parameters
    ----------
    text : str
        In the style of the "101 Formulaic Alphas" (Kakushadze 2016, appendix A): names are
        case-insensitive, windows are constants, ``c ? a : b`` chooses.
    dialect : {"paper", "qlib"}, optional
        By default, a text with a ``$`` is Qlib's (`engine.expr.qlib`), any other the paper's.

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
    text = one_line(text)
    try:
        tree = _syntax(dialect, text)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        raise FormulaError(f"unexpected character {text[at]!r}", text, at) from None
    except UnexpectedToken as error:
        at = error.token.start_pos
        if error.token.type == "$END" or at is None:
            raise FormulaError("the formula ends too early", text, len(text.rstrip())) from None
        raise FormulaError(f"unexpected {str(error.token)!r}", text, at) from None
    except UnexpectedInput as error:
        raise FormulaError("the formula cannot be read", text, error.pos_in_stream or 0) from None
    return DIALECTS[dialect][1](text).node(tree)


def one_line(text: str) -> str:
    """The text, ready for a caret under it: whatever is not printed is a blank."""
    return "".join(c if c.isprintable() else " " for c in text)


@lru_cache(maxsize=1024)  # sets are read again and again; reading is most of a small evaluation
def _syntax(dialect: str, text: str) -> Any:
    return _grammar(dialect).parse(text)


@cache
def _grammar(dialect: str) -> Any:
    from lark import Lark

    return Lark(DIALECTS[dialect][0], parser="lalr", maybe_placeholders=False)
