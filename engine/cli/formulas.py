"""How words are told apart where formulas are typed: formulas, overrides, a dialect."""

from __future__ import annotations

import re
from collections.abc import Sequence

OVERRIDE = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@]*=(?!=)")
FORMULA = re.compile(r"[(?;]")  # in a dialect an = may compare, or name a line


def is_dialect(word: str, words: Sequence[str] = ()) -> bool:
    """Whether a word says which dialect the formulas are in."""
    return word.startswith("dialect=")


def is_override(word: str, words: Sequence[str]) -> bool:
    """Whether a word is an override; in a dialect a formula may have an = as well."""
    spoken = any(map(is_dialect, words))
    return bool(OVERRIDE.match(word)) and not (spoken and FORMULA.search(word))


def take_dialect(overrides: Sequence[str]) -> tuple[str | None, list[str]]:
    """The dialect that was typed, and the other overrides."""
    typed = [word for word in overrides if is_dialect(word)]
    rest = [word for word in overrides if not is_dialect(word)]
    return (typed[-1].partition("=")[2] if typed else None), rest
