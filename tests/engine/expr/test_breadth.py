"""How much of what people publish is read and computed as it stands, collection by collection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CONF
from omegaconf import OmegaConf

from engine import EngineError, Panel
from engine.expr.executor import evaluate
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node, walk
from engine.expr.parser import parse

DATA = Path(__file__).parent / "data"
SETS = CONF / "factors"
PUBLISHED = 191  # alphas of GTJA: those that the set leaves out count as unread
# collection: (dialect, share that must run)
COLLECTIONS = {
    "alpha101": (None, 1.0),
    "alpha158": (None, 1.0),
    "gtja191": ("gtja", 0.95),
    "brain": ("brain", 0.85),
    "alphagen": (None, 0.98),
    "alphaforge": ("python", 0.90),
    "tdx": ("tdx", 0.80),
}


def texts(name: str) -> list[str]:
    path = DATA / f"{name}.yaml"
    node = OmegaConf.to_container(OmegaConf.load(path if path.exists() else SETS / f"{name}.yaml"))
    if isinstance(node, list):
        return [str(text) for text in node]
    entries = [entry for key, entry in node.items() if key != "_dialect_"]
    return [entry if isinstance(entry, str) else entry["formula"] for entry in entries]


def panel_for(node: Node, days: int = 30, symbols: int = 5) -> Panel:
    """A panel with every field and grouping that a formula names."""
    random = np.random.default_rng(8)
    named = [part.name for part in walk(node) if isinstance(part, Field)]
    groups = {
        arg.name
        for part in walk(node)
        if isinstance(part, Call)
        for arg, kind in zip(part.args, op_of(part.op).args, strict=True)
        if kind == "g" and isinstance(arg, Field)
    }
    close = 50.0 * np.exp(np.cumsum(0.02 * random.normal(size=(days, symbols)), axis=0))
    fields = {"open": close * 1.001, "high": close * 1.01, "low": close * 0.98, "close": close}
    made = {"returns", "market", "vwap", "annual"} | {n for n in named if n.startswith("adv")}
    for name in ["volume", *sorted({*named} - groups - made - {*fields})]:
        fields[name] = np.exp(random.normal(3.0, 1.0, close.shape))
    return Panel(
        dates=pd.date_range("2024-01-01", periods=days, tz="UTC"),
        symbols=tuple("ABCDEFGH"[:symbols]),
        fields=fields,
        groups=dict.fromkeys(groups, tuple("xyxyxyxy"[:symbols])),
    )


def outcome(text: str, dialect: str | None) -> str:
    """Empty where a text runs; else what is wrong with it."""
    try:
        node = parse(text, dialect)
        made = evaluate({"x": node}, panel_for(node), threads=1)["x"]
    except EngineError as error:
        return str(error).split("\n")[0]
    assert not np.isinf(made).any()
    return ""


@pytest.fixture(scope="module")
def table() -> dict[str, tuple[int, int]]:
    """Texts of each collection that run, and how many there are; printed, with what does not."""
    rows = {}
    for name, (dialect, _) in COLLECTIONS.items():
        told = [(text, outcome(text, dialect)) for text in texts(name)]
        total = PUBLISHED if name == "gtja191" else len(told)
        rows[name] = sum(not wrong for _, wrong in told), total
        print(
            f"\n{name:<12} {rows[name][0]:>4} of {total:>4}  {rows[name][0] / total:6.1%}", end=""
        )
        for text, wrong in told:
            if wrong:
                print(f"\n    {' '.join(text.split())[:50]:<52} {wrong[:110]}", end="")
    return rows


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_collection_runs_as_it_was_published(name, table):
    runs, total = table[name]
    assert runs >= COLLECTIONS[name][1] * total
