"""The spelling of each dialect: LALR grammars, and what is made of a text before it is read.

A grammar says how signs bind; its trees have the same names in all dialects, so that one builder
reads them: ``infix``, ``chained`` (comparisons in a row, which have no meaning), ``negative``,
``neither``, ``ternary``, ``call``, ``name``, ``number``, ``days``, and, where a dialect has them,
``named`` arguments, ``words`` in quotes and ``lines``.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

_SUMS = r"""
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
_PAPER = r"""
?start: choice
?choice: either | either "?" choice ":" choice -> ternary
?either: both | either OR both -> infix
?both: compare | both AND compare -> infix
?compare: sum | sum COMPARE sum -> infix | sum COMPARE sum (COMPARE sum)+ -> chained
OR: "||"
AND: "&&"
POW: "^"
NAME: /[A-Za-z_][A-Za-z0-9_.]*/
"""
_DAYS = r"""
DAYS.2: /[0-9]+d(?![A-Za-z0-9_])/
"""
# Python's order of signs: & and | bind more than comparisons
_QLIB = r"""
?start: choice
?choice: either | either COMPARE either -> infix
     | either COMPARE either (COMPARE either)+ -> chained
?either: both | either OR both -> infix
?both: sum | both AND sum -> infix
OR: "|"
AND: "&"
POW: "**"
NAME: /\$?[A-Za-z_][A-Za-z0-9_]*/
"""
# as in C
_CHOICES = r"""
?choice: either | either "?" choice ":" choice -> ternary
?either: both | either OR both -> infix
?both: compare | both AND compare -> infix
?compare: sum | sum COMPARE sum -> infix | sum COMPARE sum (COMPARE sum)+ -> chained
?sum: term | sum ADD term -> infix
?term: unary | term MUL unary -> infix
?unary: power | "-" unary -> negative | "+" unary | "!" unary -> neither
?power: atom | atom POW unary -> infix
"""
_ATOMS = r"""
?atom: NUMBER -> number | DAYS -> days | NAME -> name | "(" choice ")"
     | NAME "(" [argument ("," argument)*] ")" -> call
ADD: "+" | "-"
NUMBER: /([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?/
%ignore /\s+/
"""
_UNNAMED = r"""
?argument: choice
"""
_NAMED = r"""
?argument: choice | NAME "=" choice -> named | TEXT -> words | NAME "=" TEXT -> named_words
TEXT: /"[^"]*"|'[^']*'/
"""
_BRAIN = r"""
start: line (";" line)* ";"? -> lines
?line: choice | NAME "=" choice -> assign
COMPARE: "<=" | ">=" | "==" | "!=" | "<" | ">"
MUL: "*" | "/"
OR: "||"
AND: "&&"
POW: "^"
NAME: /[A-Za-z_][A-Za-z0-9_.]*/
"""
_GTJA = r"""
?start: choice
COMPARE: "<=" | ">=" | "==" | "!=" | "<>" | "<" | ">" | "="
MUL: "*" | "/" | ".*" | "./"
OR: "||" | "|"
AND: "&&" | "&"
POW: "^"
NAME: /[A-Za-z_][A-Za-z0-9_]*/
"""
_TDX = r"""
start: line (";" line)* ";"? -> lines
?line: output | choice
output: NAME GIVES choice
GIVES: ":=" | ":"
?choice: both | choice OR both -> infix
?both: compare | both AND compare -> infix
?compare: sum | sum COMPARE sum -> infix | sum COMPARE sum (COMPARE sum)+ -> chained
?sum: term | sum ADD term -> infix
?term: unary | term MUL unary -> infix
?unary: atom | "-" unary -> negative | "+" unary
COMPARE: "<=" | ">=" | "==" | "!=" | "<>" | "<" | ">" | "="
MUL: "*" | "/"
OR.2: "||" | /OR(?![A-Za-z0-9_])/i
AND.2: "&&" | /AND(?![A-Za-z0-9_])/i
NAME: /[^\W\d]\w*/
"""
_PYTHON = r"""
?start: choice
?choice: any | any "if" any "else" choice -> conditional
?any: all | any ANY all -> infix
?all: inverse | all ALL inverse -> infix
?inverse: compare | "not" inverse -> neither
?compare: either | either COMPARE either -> infix
     | either COMPARE either (COMPARE either)+ -> chained
?either: both | either OR both -> infix
?both: sum | both AND sum -> infix
?sum: term | sum ADD term -> infix
?term: unary | term MUL unary -> infix
?unary: power | "-" unary -> negative | "+" unary | "~" unary -> neither
?power: atom | atom POW unary -> infix
COMPARE: "<=" | ">=" | "==" | "!=" | "<" | ">"
MUL: "*" | "/"
OR: "|"
AND: "&"
ANY.2: /or(?![A-Za-z0-9_])/
ALL.2: /and(?![A-Za-z0-9_])/
POW: "**"
NAME: /(?!(if|else|not|or|and)\b)[A-Za-z_][A-Za-z0-9_.]*/
"""
GRAMMARS = {
    "paper": _PAPER + _SUMS,
    "qlib": _QLIB + _SUMS.replace("-> number |", "-> number | DAYS -> days |") + _DAYS,
    "brain": _BRAIN + _CHOICES + _ATOMS + _DAYS + _NAMED,
    "gtja": _GTJA + _CHOICES + _ATOMS + _DAYS + _UNNAMED,
    "tdx": _TDX + _ATOMS + _DAYS + _UNNAMED,
    "python": _PYTHON + _ATOMS + _DAYS + _NAMED,
}
WIDE = str.maketrans("，（）：；＝＞＜！＋－＊／", ",():;=><!+-*/")  # signs of Chinese keyboards
COMMENTS = {"tdx": r"\{[^}]*\}|//[^\n]*", "brain": r"/\*.*?\*/|#[^\n]*", "python": r"#[^\n]*"}
# how a line of tdx is to be drawn: it says nothing of the numbers
STYLES = re.compile(
    r"(?i),\s*(COLOR\w*|LINETHICK\d*|(COLOR|VOL|LINE)?STICK|NODRAW|DOTLINE|CROSSDOT|CIRCLEDOT|"
    r"POINTDOT|NOTEXT|LINEDASH\w*|LAYER\d+|PRECIS\d+|DRAWABOVE|ALIGN\d+)(?=\s*[,;]|\s*$)"
)


def blank_comments(dialect: str, text: str) -> str:
    """The text without comments and styles, as long as it was, so that carets stay in place."""
    if dialect in COMMENTS:
        text = re.sub(COMMENTS[dialect], _blank, text, flags=re.DOTALL)
    if dialect in {"tdx", "gtja"}:
        text = text.translate(WIDE)
    return STYLES.sub(_blank, text) if dialect == "tdx" else text


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


@lru_cache(maxsize=1024)  # sets are read again and again; reading is most of a small evaluation
def syntax(dialect: str, text: str) -> Any:
    """The tree of lark; its own errors where there is none."""
    return _grammar(dialect).parse(text)


@cache
def _grammar(dialect: str) -> Any:
    from lark import Lark

    return Lark(
        GRAMMARS[dialect], parser="lalr", maybe_placeholders=False, propagate_positions=True
    )
