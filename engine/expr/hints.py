"""What to say of names and signs that another dialect has."""

from __future__ import annotations

import re
from difflib import get_close_matches

from engine.core.errors import did_you_mean
from engine.expr.dialects import FOREIGN

OURS = {  # by meaning: what people write elsewhere, and what this language calls it
    "ma": "ts_mean",
    "rolling_mean": "ts_mean",
    "ts_avg": "ts_mean",
    "avg": "ts_mean",
    "ret": "returns",
    "returns_1d": "returns",
    "vol": "volume",
    "amt": "amount",
    "hhv": "ts_max",
    "llv": "ts_min",
    "tsmax": "ts_max",
    "tsmin": "ts_min",
    "shift": "delay",
    "lag": "delay",
    "diff": "delta",
    "iff": "where",
    "ifelse": "where",
    "ln": "log",
    "tsrank": "ts_rank",
    "argmax": "ts_argmax",
    "argmin": "ts_argmin",
    "sqr": "power",
    "square": "power",
    "rolling_std": "ts_std",
    "volatility": "ts_std",
    "mktcap": "cap",
    "market_cap": "cap",
    "price": "close",
    "adj_close": "close",
}
SIGNS = {  # of the paper's dialect
    "**": "a power is written ^",
    "&": "write &&, or say dialect: gtja or python",
    "|": "write ||, or say dialect: gtja or python",
    "=": "a comparison is written ==; arguments by name are of dialect brain",
    ":=": "lines with names are of dialect tdx",
    ";": "several lines are of dialects tdx and brain",
    "!": "write not(…), or say dialect: brain",
    "~": "write not(…), or say dialect: python",
    ".*": "write *, or say dialect: gtja",
    "./": "write /, or say dialect: gtja",
    "<>": "write !=, or say dialect: tdx",
    '"': "texts in quotes are of dialect brain",
    "'": "texts in quotes are of dialect brain",
    "[": "brackets are ( and )",
}


def suggest(name: str) -> str:
    """What a foreign operator is here, or which dialects have it; empty for neither."""
    low, has = name.lower(), _dialects(name)
    if low in OURS:
        return f"did you mean {OURS[low]!r}?"
    if not has:
        return ""
    same = _alias(name)
    here = f"here it is {same!r}, or " if same else ""
    return f"{here}say dialect: {' or '.join(has)}"


def elsewhere(name: str, count: int) -> str:
    """Which dialects know an operator with this number of arguments; empty for none."""
    has = [
        dialect.name
        for dialect in FOREIGN.values()
        for word in dialect.words.get(dialect.key(name), ())
        if len([1 for _, default in word.parameters if default is None]) <= count
        and (count <= len(word.parameters) or word.many)
    ]
    return f"; with {count} it is of dialect {' and '.join(dict.fromkeys(has))}" if has else ""


def _dialects(name: str) -> list[str]:
    return [dialect.name for dialect in FOREIGN.values() if dialect.key(name) in dialect.words]


def _alias(name: str) -> str:
    """The name here of a word that all dialects mean alike; empty where they do not."""
    meanings = {
        word.meaning if isinstance(word.meaning, str) else ""
        for dialect in FOREIGN.values()
        for word in dialect.words.get(dialect.key(name), ())
    }
    found = re.fullmatch(r"(\w+)\([\w, ]*\)", meanings.pop()) if len(meanings) == 1 else None
    return found[1] if found else ""


def sign(text: str, at: int) -> str:
    """What a sign of another dialect is called here; empty for none."""
    found = next((text[at : at + n] for n in (2, 1) if text[at : at + n] in SIGNS), "")
    if re.match(r"\d*d\b", text[at:]) and text[at - 1 : at].isdigit():
        return "; windows are written without d, or say dialect: brain or python"
    if not found and text[at - 1 : at + 1] in SIGNS:
        found = text[at - 1 : at + 1]
    return f"; {SIGNS[found]}" if found else ""


def field(name: str, bars: list[str], others: list[str]) -> str:
    """The field that a name may mean: by meaning, by spelling, or what the bars have."""
    meaning, all_of_them = OURS.get(name.lower()), [*bars, *others]
    if meaning in all_of_them:
        return f"did you mean {meaning!r}?"
    near = get_close_matches(name, all_of_them, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else did_you_mean("", bars)
