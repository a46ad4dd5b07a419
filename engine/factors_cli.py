"""``engine factors``: compute factor sets and formulas, or explain a formula; nothing is traded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from engine.kinds import Factor
    from engine.panel import FloatArray, Panel
    from engine.registry import Registry

HELP = """\
engine factors: formulas without a backtest

  engine factors compute WORD … [key=value …] [--out FILE.parquet] [--threads K] [--missing warn]
                      WORD: a set (alpha101), one of a set (alpha101.alpha012), or a formula;
                      key=value: the bars, as in engine run, such as source=parquet source.path=F;
                      or a field of a set's factor, such as factors.alpha056.missing=raise
                      FILE: timestamp, symbol, and a column for each factor
                      --missing raise | warn: whether a formula may do without what the bars lack;
                      by default each formula says so itself
  engine factors explain "FORMULA"
                      its tree, what it reads, how far back, and what looks like a mistake
"""
OVERRIDE = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@]*=(?!=)")
SWITCHES = ("missing", "out", "threads")
OF_SETS = re.compile(r"[+~]{0,2}factors[.=]")  # these say nothing of the bars
NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)?")


@dataclass
class Request:
    """What was typed after ``compute``."""

    wanted: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    out: Path | None = None
    threads: int | None = None
    missing: str | None = None
    aside: set[str] = field(default_factory=set)  # computed because what was wanted names them


def factors(words: Sequence[str]) -> int:
    """Run ``engine factors WORDS``; return the exit code."""
    if not words or {"-h", "--help", "help"} & {words[0], words[-1]}:
        print(HELP, end="")
        return 0
    commands = {"compute": compute, "explain": explain}
    if words[0] not in commands:
        hint = did_you_mean(words[0], commands)
        raise ConfigError(f"factors {words[0]}: no such command; {hint}")
    return commands[words[0]](words[1:])


def explain(words: Sequence[str]) -> int:
    """``engine factors explain``: what a formula is."""
    from engine.expr import parse
    from engine.expr.explain import explain as told

    if len(words) != 1:
        raise ConfigError("explain takes one formula: put it between quotes")
    print(told(parse(words[0])))
    return 0


def compute(words: Sequence[str]) -> int:
    """``engine factors compute``: values of factors, and how many there are."""
    from engine.config import composed
    from engine.expr.guests import using
    from engine.pipeline import job
    from engine.registry import installed

    request = _request(words)
    config = job(composed([word for word in request.overrides if not OF_SETS.match(word)]))
    registry = installed().limited(config.plugins.disable, config.plugins.only)
    with using(registry):
        chosen = _chosen(request, registry)
        panel = _panel(config, registry)
        _check_windows(chosen, len(panel.dates))
        values = _values(chosen, panel, request.threads)
        values = {name: values[name] for name in values if name not in request.aside}
        print(_coverage(values, panel))
        if request.out is not None:
            _write(values, panel, request.out)
            print(f"written: {request.out}")
    return 0


def _request(words: Sequence[str]) -> Request:
    request, rest = Request(), iter(words)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name not in SWITCHES:
                hint = did_you_mean(name, SWITCHES)
                raise ConfigError(f"--{name}: no such switch; {hint}")
            _switch(request, name, value if equals else next(rest, ""))
        else:
            (request.overrides if OVERRIDE.match(word) else request.wanted).append(word)
    if not request.wanted:
        raise ConfigError("nothing to compute: name a factor set, such as alpha101, or a formula")
    if request.out is not None and not request.out.absolute().parent.is_dir():
        raise ConfigError(f"--out {request.out}: no such folder; make it first")
    return request


def _switch(request: Request, name: str, value: str) -> None:
    if not value:
        raise ConfigError(f"--{name} needs a value: type --{name} VALUE")
    if name == "out":
        request.out = Path(value)
    elif name == "missing":
        if value not in {"raise", "warn"}:
            raise ConfigError(f"--missing {value}: choose from raise, warn")
        request.missing = value
    elif not value.isdecimal() or int(value) < 1:
        raise ConfigError(f"--threads {value}: write a number from 1 on")
    else:
        request.threads = int(value)


def _chosen(request: Request, registry: Registry) -> dict[str, Factor]:
    """Factors by the name of their column, in the order in which they were asked for."""
    from engine.config import options
    from engine.expr.formula import Formula

    sets = options("factors")
    chosen: dict[str, Factor] = {}
    for word in request.wanted:
        group, _, single = word.partition(".")
        if group in sets and NAME.fullmatch(word):
            found = _set(group, request.overrides, registry)
            if single and single not in found:
                raise ConfigError(f"{word}: no such factor; {did_you_mean(single, found)}")
            found = _with_named(single, found) if single else found
        else:
            found, single = {word: _formula(word, sets)}, ""
        for name, factor in found.items():
            if single and name != single:
                request.aside |= {name} - {*chosen}
            elif name in request.aside:
                request.aside.discard(name)
            elif name in chosen:
                raise ConfigError(f"{name}: asked for twice; take one out")
            if request.missing and isinstance(factor, Formula):
                chosen[name] = replace(factor, missing=request.missing)
            else:
                chosen[name] = factor
    return chosen


def _with_named(single: str, found: dict[str, Factor]) -> dict[str, Factor]:
    """A factor of a set, and those of the set that its formula names."""
    from engine.expr import fields, parse
    from engine.expr.formula import Formula

    kept: dict[str, Factor] = {}
    waiting = [single]
    while waiting:
        name = waiting.pop()
        kept[name] = factor = found[name]
        if isinstance(factor, Formula):
            names = fields(parse(factor.formula))
            waiting += [n for n in found if n.lower() in names and n not in kept]
    return kept


def _set(name: str, overrides: Sequence[str], registry: Registry) -> dict[str, Factor]:
    from omegaconf import OmegaConf

    from engine.config import composed
    from engine.pipeline import job
    from engine.settings import factor_set

    config = job(composed([*overrides, f"factors={name}"]))
    OmegaConf.resolve(config)
    return factor_set(config.factors, registry)


def _formula(text: str, sets: Sequence[str]) -> Factor:
    from engine.expr.formula import Formula

    near = get_close_matches(text.partition(".")[0], sets, n=1, cutoff=0.7)
    if NAME.fullmatch(text) and near:
        raise ConfigError(f"{text}: no such factor set; did you mean {near[0]!r}?")
    return Formula(formula=text)


def _panel(config: DictConfig, registry: Registry) -> Panel:
    """The bars of the configuration, checked by its policy."""
    from omegaconf import OmegaConf

    from engine.bars import build
    from engine.contracts import blamed
    from engine.fields import structured
    from engine.findings import Policy
    from engine.membership import resolved
    from engine.universe import Universe

    OmegaConf.resolve(config)
    source = registry.build("source", config.source, "source")
    universe = resolved(structured(Universe, config.universe, "universe"))
    policy = structured(Policy, config.bars, "bars")
    with blamed(f"source {source.name!r}"):
        frame, series = source.load(universe), source.series(universe)
    panel, findings = build(frame, universe, policy, series)
    for line in findings.lines():
        print(line)
    return panel


def _check_windows(chosen: dict[str, Factor], rows: int) -> None:
    """Refuse formulas as they were typed whose windows the bars cannot fill.

    A factor of a set has no value then, and the report says so.
    """
    from engine.expr import parse
    from engine.expr.explain import too_long
    from engine.expr.formula import Formula

    for name, factor in chosen.items():
        if isinstance(factor, Formula) and factor.formula == name:
            reach = too_long(parse(name), rows)
            if reach:
                raise DataError(f"{reach}, the bars have {rows}: shorten it, or take more dates")


def _values(chosen: dict[str, Factor], panel: Panel, threads: int | None) -> dict[str, FloatArray]:
    """Formulas as one graph, other factors one by one; in the order of `chosen`."""
    from engine.contracts import array, blamed
    from engine.evaluation import evaluate
    from engine.expr.formula import Formula, trees

    formulas = {name: f for name, f in chosen.items() if isinstance(f, Formula)}
    done = evaluate(trees(formulas, panel), panel, threads=threads)
    for name, factor in chosen.items():
        if name not in done:
            with blamed(f"factors.{name}"):
                done[name] = factor.compute(panel)
        array(done[name], panel.shape, f"factors.{name}")
    return {name: done[name] for name in chosen}


def _coverage(values: dict[str, FloatArray], panel: Panel) -> str:
    """A line a factor: share of the bars with a value, and the first date of one."""
    import numpy as np

    days = panel.dates
    width = max(6, *(min(len(name), 60) for name in values))
    lines = [
        f"{len(values)} factors, {len(panel.symbols)} symbols, {len(days)} dates "
        f"({days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d})",
        f"{'factor':<{width}}  {'finite':>7}  first",
    ]
    for name, array in values.items():
        finite = np.isfinite(array) & panel.present
        share = finite.sum() / panel.present.sum()
        rows = np.flatnonzero(finite.any(axis=1))
        first = f"{days[rows[0]]:%Y-%m-%d}" if len(rows) else "never"
        lines.append(f"{name[:60]:<{width}}  {share:>7.1%}  {first}")
    return "\n".join(lines)


def _write(values: dict[str, FloatArray], panel: Panel, path: Path) -> None:
    """Write a long parquet file, a column at a time: the arrays of `values` are used up."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    keys: Any = pa.Table.from_pandas(panel.long({}), preserve_index=False)
    flat = panel.present.ravel()
    for name in list(values):
        keys = keys.append_column(name, pa.array(values.pop(name).ravel()[flat]))
    try:
        pq.write_table(keys, path)
    except OSError as error:
        raise ConfigError(f"--out {path}: {error.strerror or error}; choose another file") from None
