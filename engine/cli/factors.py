"""``engine factors``: compute factor sets and formulas, or explain one; nothing is traded.

The commands of the library are those of `engine.cli.library`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.formulas import is_dialect, is_override, take_dialect
from engine.cli.library import LIBRARY
from engine.cli.offers import offer_sets
from engine.cli.words import Group, OneOf, Worded, read_count, read_gigabytes, switch
from engine.core.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from engine.core.kinds import Factor
    from engine.core.panel import Panel
    from engine.plugin import Registry

COMPUTE = """\
values of factor sets and formulas, without a backtest

  SET                                       a set (alpha101), one of a set (alpha101.alpha012), or
                                            a formula, which may begin with a hyphen
  key=value                                 the bars, as in engine run, such as source=parquet
                                            source.path=FILE; or a field of a set's factor,
                                            such as factors.alpha056.missing=raise
  dialect=NAME                              of the formulas: brain, gtja, tdx, python, paper or qlib
  --                                        what follows are sets and formulas alone

What says how it is computed (--chunk, --memory, --threads, --parallel, --workers) changes no byte
of the values. By default as many dates at a time as fit into most of the free memory.
"""
EXPLAIN = """\
what a formula reads, how far back, and what looks like a mistake

  dialect=NAME                              brain, gtja, tdx, python, paper or qlib
"""
DTYPES = ("float64", "float32")
OF_SETS = re.compile(r"[+~]{0,2}factors[.=]")  # these say nothing of the bars
NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)?")


@dataclass
class Request:
    """What was typed after ``compute``."""

    wanted: Sequence[str]
    overrides: Sequence[str]
    dialect: str | None
    missing: str | None
    aside: set[str] = field(default_factory=set)  # computed because what was wanted names them


@click.group(cls=Group, help="formulas without a backtest, and the library of factors")
def factors() -> None:
    """Compute factors, explain them, and keep them."""


for command in LIBRARY:
    factors.add_command(command)


@factors.command(cls=Worded, help=EXPLAIN, is_override=is_dialect)
@click.argument("formulas", metavar="FORMULA", nargs=-1)
def explain(formulas: tuple[str, ...], overrides: tuple[str, ...]) -> None:
    """Print what a formula is."""
    from engine.expr import explain, parse

    if len(formulas) != 1:
        raise ConfigError("explain takes one formula: put it between quotes")
    print(explain(parse(formulas[0], take_dialect(overrides)[0])))


@factors.command(cls=Worded, help=COMPUTE, is_override=is_override)
@click.argument("wanted", metavar="SET", nargs=-1, shell_complete=offer_sets)
@switch("--out", metavar="FILE", help="parquet: timestamp, symbol, and a column for each factor")
@switch(
    "--append",
    metavar="FILE",
    help="add the dates that a file of these factors lacks; refused when its last date, computed "
    "again, or a formula has changed",
)
@switch(
    "--missing",
    metavar="raise|warn",
    type=OneOf(("raise", "warn")),
    help="whether a formula may do without what the bars lack; by default each says so itself",
)
@switch("--chunk", metavar="ROWS", callback=read_count, help="this many dates at a time")
@switch("--memory", metavar="GB", callback=read_gigabytes, help="as many dates as fit into it")
@switch("--threads", metavar="K", callback=read_count, help="by default one a core")
@switch(
    "--parallel",
    metavar="local|dask|ray",
    type=OneOf(("local", "dask", "ray")),
    help="in other processes",
)
@switch("--workers", metavar="K", callback=read_count, help="how many processes")
@switch(
    "--dtype",
    metavar="float64|float32",
    type=OneOf(DTYPES),
    help="float32: half the size; by default float64",
)
def compute(
    wanted: tuple[str, ...],
    overrides: tuple[str, ...],
    out: str | None,
    append: str | None,
    missing: str | None,
    **how: Any,
) -> None:
    """Print how many values factors have, and write them."""
    from functools import partial

    from engine.cli.bar import bar
    from engine.config import options
    from engine.core.progress import hearing
    from engine.expr import using
    from engine.factors import How, append_to, compute_to
    from engine.pipeline import choose_plugins
    from engine.plugin import Guard, guarding, installed, seconds

    _refuse(wanted, out, append, how)
    dialect, rest = take_dialect(overrides)
    request = Request(wanted, rest, dialect, missing)
    sets = options("factors")
    first, config = _compose(request, sets)
    registry = choose_plugins(config, installed())
    guard = Guard(timeout=seconds(config.plugins.get("timeout_s")))
    with using(registry), guarding(guard), bar() as show, hearing(partial(show, "factors")):
        chosen = _choose(request, registry, sets, {first: config})
        with guard.on_stage("bars"):
            panel = _lay_out(config, registry, Path(append) if append else None)
        guard.hold("bars", panel)
        _check_windows(chosen, panel)
        settings = How(**{name: value for name, value in how.items() if value is not None})
        with guard.on_stage("factors"):
            if append is not None:
                append_to(chosen, panel, Path(append), settings, request.aside)
            else:
                compute_to(chosen, panel, Path(out) if out else None, settings, request.aside)


def _refuse(
    wanted: Sequence[str], out: str | None, append: str | None, how: Mapping[str, Any]
) -> None:
    """Raise ConfigError for what does not go together."""
    if not wanted:
        raise ConfigError("nothing to compute: name a factor set, such as alpha101, or a formula")
    if out is not None and append is not None:
        raise ConfigError("--out and --append: choose one")
    if out is not None and not Path(out).absolute().parent.is_dir():
        raise ConfigError(f"--out {out}: no such folder; make it first")
    if how["workers"] and not how["parallel"]:
        raise ConfigError("--workers: say who they are, such as --parallel local")


def _compose(request: Request, sets: Sequence[str]) -> tuple[str, DictConfig]:
    """The first set that is wanted, and the configuration with it; "" where none is."""
    from engine.config import compose_config
    from engine.pipeline import job

    groups = [word.partition(".")[0] for word in request.wanted if NAME.fullmatch(word)]
    first = next((group for group in groups if group in sets), "")
    if first:
        return first, job(compose_config([*request.overrides, f"factors={first}"]))
    return "", job(compose_config([word for word in request.overrides if not OF_SETS.match(word)]))


def _choose(
    request: Request,
    registry: Registry,
    sets: Sequence[str],
    composed: Mapping[str, DictConfig],
) -> dict[str, Factor]:
    """Factors by the name of their column, in the order in which they were asked for."""
    from engine.expr import Formula
    from engine.factors import keep_named
    from engine.pipeline import factor_set, resolve

    chosen: dict[str, Factor] = {}
    for word in request.wanted:
        group, _, single = word.partition(".")
        if group in sets and NAME.fullmatch(word):
            config = composed.get(group) or _compose_set(group, request.overrides)
            resolve(config)
            found = factor_set(config.factors, registry)
            if single and single not in found:
                raise ConfigError(f"{word}: no such factor; {did_you_mean(single, found)}")
            found = keep_named(single, found) if single else found
        else:
            found, single = {word: _read_formula(word, sets, request.dialect)}, ""
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


def _compose_set(name: str, overrides: Sequence[str]) -> DictConfig:
    from engine.config import compose_config
    from engine.pipeline import job

    return job(compose_config([*overrides, f"factors={name}"]))


def _read_formula(text: str, sets: Sequence[str], dialect: str | None = None) -> Factor:
    from engine.expr import Formula

    near = get_close_matches(text.partition(".")[0], sets, n=1, cutoff=0.7)
    if NAME.fullmatch(text) and near:
        raise ConfigError(f"{text}: no such factor set; did you mean {near[0]!r}?")
    return Formula(formula=text, dialect=dialect or "auto")


def _lay_out(config: DictConfig, registry: Registry, continued: Path | None) -> Panel:
    """The bars of the configuration, checked by its policy.

    A file that is continued says how many rows a year has, unless the configuration does.
    """
    from engine.factors import read_periods
    from engine.pipeline import read_part

    part = read_part(config, registry)
    periods = read_periods(continued) if continued is not None else None
    panel, findings = part.lay_out(periods)
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
