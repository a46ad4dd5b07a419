"""``engine factors``: compute factor sets and formulas, or explain a formula; nothing is traded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from engine.core.kinds import Factor
    from engine.core.panel import Panel
    from engine.plugin import Registry

HELP = """\
engine factors: formulas without a backtest

  engine factors compute WORD … [key=value …] [--out FILE.parquet] [--missing warn]
                      WORD: a set (alpha101), one of a set (alpha101.alpha012), or a formula;
                      key=value: the bars, as in engine run, such as source=parquet source.path=F;
                      or a field of a set's factor, such as factors.alpha056.missing=raise
                      FILE: timestamp, symbol, and a column for each factor
                      --missing raise | warn: whether a formula may do without what the bars lack;
                      by default each formula says so itself
                      --append FILE: add the dates that a file of these factors lacks;
                      refused when its last date, computed again, or a formula has changed
                      dialect=brain | gtja | tdx | python | paper | qlib: of the formulas typed
                      --chunk ROWS, --memory GB: this many dates at a time, or as many as fit,
                      by default into most of what is free; --threads K: by default one a core
                      --parallel local | dask | ray, --workers K: in other processes;
                      none of these changes a byte of the values
                      --dtype float32: half the size; by default float64
  engine factors explain "FORMULA" [dialect=NAME]
                      its tree, what it reads, how far back, and what looks like a mistake
"""
OVERRIDE = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@]*=(?!=)")
COUNTS = ("chunk", "threads", "workers")
SWITCHES = (*COUNTS, "append", "dtype", "memory", "missing", "out", "parallel")
PARALLEL = ("local", "dask", "ray")
FORMULA = re.compile(r"[(?;]")  # in a dialect an = may compare, or name a line
OF_SETS = re.compile(r"[+~]{0,2}factors[.=]")  # these say nothing of the bars
NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)?")


@dataclass
class Request:
    """What was typed after ``compute``."""

    wanted: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    out: Path | None = None
    append: Path | None = None
    missing: str | None = None
    dialect: str | None = None
    how: dict[str, Any] = field(default_factory=dict)
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
    from engine.expr import explain as told
    from engine.expr import parse

    dialect, rest = _dialect(words)
    if len(rest) != 1:
        raise ConfigError("explain takes one formula: put it between quotes")
    print(told(parse(rest[0], dialect)))
    return 0


def compute(words: Sequence[str]) -> int:
    """``engine factors compute``: values of factors, and how many there are."""
    from functools import partial

    from engine.cli.bar import bar
    from engine.config import options
    from engine.core.progress import hearing
    from engine.expr import using
    from engine.factors import How, append_to, compute_to
    from engine.pipeline import choose_plugins as plugins_of
    from engine.plugin import Guard, guarding, installed, seconds

    request = _request(words)
    sets = options("factors")
    first, config = _composed(request, sets)
    registry = plugins_of(config, installed())
    guard = Guard(timeout=seconds(config.plugins.get("timeout_s")))
    with using(registry), guarding(guard), bar() as show, hearing(partial(show, "factors")):
        chosen = _chosen(request, registry, sets, {first: config})
        with guard.on_stage("bars"):
            panel = _panel(config, registry, request.append)
        guard.hold("bars", panel)
        _check_windows(chosen, panel)
        how = How(**request.how)
        with guard.on_stage("factors"):
            if request.append is not None:
                append_to(chosen, panel, request.append, how, request.aside)
            else:
                compute_to(chosen, panel, request.out, how, request.aside)
    return 0


def _request(words: Sequence[str]) -> Request:
    dialect, words = _dialect(words)
    request, rest = Request(dialect=dialect), iter(words)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name not in SWITCHES:
                hint = did_you_mean(name, SWITCHES)
                raise ConfigError(f"--{name}: no such switch; {hint}")
            _switch(request, name, value if equals else next(rest, ""))
        else:
            assigns = OVERRIDE.match(word) and not (dialect and FORMULA.search(word))
            (request.overrides if assigns else request.wanted).append(word)
    if not request.wanted:
        raise ConfigError("nothing to compute: name a factor set, such as alpha101, or a formula")
    if request.out is not None and request.append is not None:
        raise ConfigError("--out and --append: choose one")
    if request.out is not None and not request.out.absolute().parent.is_dir():
        raise ConfigError(f"--out {request.out}: no such folder; make it first")
    if "workers" in request.how and "parallel" not in request.how:
        raise ConfigError("--workers: say who they are, such as --parallel local")
    return request


def _dialect(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The dialect that was typed, and the other words."""
    typed = [word for word in words if word.startswith("dialect=")]
    rest = [word for word in words if word not in typed]
    return (typed[-1].partition("=")[2] if typed else None), rest


def _switch(request: Request, name: str, value: str) -> None:
    if not value:
        raise ConfigError(f"--{name} needs a value: type --{name} VALUE")
    if name == "out":
        request.out = Path(value)
    elif name == "append":
        request.append = Path(value)
    elif name == "missing":
        request.missing = _one_of(name, value, ("raise", "warn"))
    elif name == "parallel":
        request.how[name] = _one_of(name, value, PARALLEL)
    elif name == "dtype":
        from engine.expr import DTYPES

        request.how[name] = _one_of(name, value, DTYPES)
    elif name == "memory":
        if not re.fullmatch(r"\d*\.?\d+", value) or not float(value):
            raise ConfigError(f"--memory {value}: write gigabytes, such as 4 or 0.5")
        request.how[name] = float(value) * 1e9
    elif not value.isdecimal() or int(value) < 1:
        raise ConfigError(f"--{name} {value}: write a number from 1 on")
    else:
        request.how[name] = int(value)


def _one_of(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise ConfigError(f"--{name} {value}: choose from {', '.join(choices)}")
    return value


def _composed(request: Request, sets: Sequence[str]) -> tuple[str, DictConfig]:
    """The first set that is wanted, and the configuration with it; "" where none is."""
    from engine.config import compose_config
    from engine.pipeline import job

    groups = [word.partition(".")[0] for word in request.wanted if NAME.fullmatch(word)]
    first = next((group for group in groups if group in sets), "")
    if first:
        return first, job(compose_config([*request.overrides, f"factors={first}"]))
    return "", job(compose_config([word for word in request.overrides if not OF_SETS.match(word)]))


def _chosen(
    request: Request,
    registry: Registry,
    sets: Sequence[str],
    composed: Mapping[str, DictConfig],
) -> dict[str, Factor]:
    """Factors by the name of their column, in the order in which they were asked for."""
    from engine.expr import Formula
    from engine.pipeline import factor_set, resolve

    chosen: dict[str, Factor] = {}
    for word in request.wanted:
        group, _, single = word.partition(".")
        if group in sets and NAME.fullmatch(word):
            config = composed.get(group) or _set(group, request.overrides)
            resolve(config)
            found = factor_set(config.factors, registry)
            if single and single not in found:
                raise ConfigError(f"{word}: no such factor; {did_you_mean(single, found)}")
            found = _with_named(single, found) if single else found
        else:
            found, single = {word: _formula(word, sets, request.dialect)}, ""
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
    from engine.expr import Formula, fields

    kept: dict[str, Factor] = {}
    waiting = [single]
    while waiting:
        name = waiting.pop()
        kept[name] = factor = found[name]
        if isinstance(factor, Formula):
            names = fields(factor.node)
            waiting += [n for n in found if n.lower() in names and n not in kept]
    return kept


def _set(name: str, overrides: Sequence[str]) -> DictConfig:
    from engine.config import compose_config
    from engine.pipeline import job

    return job(compose_config([*overrides, f"factors={name}"]))


def _formula(text: str, sets: Sequence[str], dialect: str | None = None) -> Factor:
    from engine.expr import Formula

    near = get_close_matches(text.partition(".")[0], sets, n=1, cutoff=0.7)
    if NAME.fullmatch(text) and near:
        raise ConfigError(f"{text}: no such factor set; did you mean {near[0]!r}?")
    return Formula(formula=text, dialect=dialect or "auto")


def _panel(config: DictConfig, registry: Registry, continued: Path | None) -> Panel:
    """The bars of the configuration, checked by its policy.

    A file that is continued says how many rows a year has, unless the configuration does.
    """
    from engine.bars import build
    from engine.factors import read_periods
    from engine.pipeline import read_part

    part = read_part(config, registry)
    periods = part.time.number
    if periods is None and continued is not None:
        periods = read_periods(continued)
    frame, series = part.frame(), part.series()
    panel, findings = build(frame, part.universe, part.bars, series, periods, part.decision.share)
    for line in findings.lines():
        print(line)
    return panel


def _check_windows(chosen: dict[str, Factor], panel: Panel) -> None:
    """Refuse formulas as they were typed whose windows the bars cannot fill.

    Those of a set are told of in a warning, for the others may be as they should be.
    """
    from engine.expr import Formula, too_long

    rows, bars = len(panel.dates), {name.lower() for name in panel.fields}
    for name, factor in chosen.items():
        if isinstance(factor, Formula) and factor.formula == name:
            reach = too_long(factor.node, rows, bars)
            if reach:
                raise DataError(f"{reach}, the bars have {rows}: shorten it, or take more dates")
