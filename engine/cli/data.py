"""``engine data check``: look a source's bars, or another table's dates, over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.offers import offer_files
from engine.cli.words import Group, Worded, switch
from engine.core.errors import ConfigError, DataError, EngineError, did_you_mean
from engine.core.text import quote

if TYPE_CHECKING:
    import pandas as pd
    from omegaconf import DictConfig

    from engine.bars.inspect import DataFinding
    from engine.core.kinds import Source
    from engine.plugin import Registry
    from engine.reading import Reading

CHECK = """\
what is odd about data, before anything is run

  source.path=FILE, universe=NAME           the bars, as in engine run
  source.date_format=%d/%m/%Y               how a file's dates are written, as for source=csv
  check.sigmas=8                            what counts as odd: conf/check/default.yaml
"""
EXIT = "Exit code: 0; 1 with a finding of severity error; 2 when the data cannot be read.\n"
QUESTIONS = {"known", "period", "stamp", "date", "zone", "close"}
SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv",
            ".gz": "csv", ".zip": "csv"}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What was typed: a file, overrides of the configuration, and switches."""

    files: tuple[str, ...]
    overrides: tuple[str, ...]
    flags: dict[str, str]


@click.group(cls=Group, help="bars and other tables, before anything is run")
def data() -> None:
    """Look data over."""


@data.command(
    cls=Worded,
    help=CHECK,
    epilog=EXIT,
    no_args_is_help=True,
    is_override=lambda word, words: "=" in word and not Path(word).is_file(),
)
@click.argument("files", metavar="FILE", nargs=-1, shell_complete=offer_files)
@switch("--symbol", metavar="NAME", help="the one symbol of a file that does not name it")
@switch("--known", metavar="COLUMN", help="when a row was known: was its period over?")
@switch("--period", metavar="COLUMN", help="the end of the period that a row is about")
@switch("--stamp", metavar="COLUMN", help="a row's time: does it lie on the row's date?")
@switch("--date", metavar="COLUMN", help="a row's date")
@switch("--zone", metavar="ZONE", help="where the date is meant, such as America/New_York")
@switch("--close", metavar="TIME", help="of the market, such as 16:00: later is the next day")
@switch("--json", metavar="FILE", help="write the findings there as well")
def check(files: tuple[str, ...], overrides: tuple[str, ...], **flags: str | None) -> int:
    """Return 1 when a finding is of severity ``error``, else 0."""
    from engine.config import compose_config
    from engine.pipeline import job, resolve

    if len(files) > 1:
        raise ConfigError(f"{files[0]} and {files[1]}: name one file at a time")
    typed = {name: value for name, value in flags.items() if value is not None}
    request = Request(files, overrides, typed)
    config = job(compose_config([*_read_from(request), *request.overrides]))
    resolve(config)
    if QUESTIONS & {*request.flags} or _lacks_bars(config, request):
        return _check_table(config, request)
    return _check_bars(config, request)


def _lacks_bars(config: DictConfig, request: Request) -> bool:
    """Whether a file is a table without a column of closes, nor is one named."""
    if not request.files or request.overrides or not Path(request.files[0]).is_file():
        return False
    from engine.reading import Reader, is_bars

    source = _build_source(config)
    try:
        found = source.columns_of(Path(request.files[0])) if isinstance(source, Reader) else []
    except EngineError:  # what the file needs is said where its bars are read
        return False
    return bool(found) and not is_bars(found)


def _check_bars(config: DictConfig, request: Request) -> int:
    from engine.bars.inspect import examine, text, write_json
    from engine.pipeline import read_part

    part = read_part(config, _choose_plugins(config))
    inspection = examine(part.frame(), part.universe, part.bars, part.check, part.time.number)
    place = request.files[0] if request.files else f"source={part.source.name}"
    print(f"bars of {place}, universe={part.universe.name}")
    print(text(inspection))
    if "json" in request.flags:
        write_json(Path(request.flags["json"]), inspection.findings, inspection)
    return int(inspection.refused)


def _choose_plugins(config: DictConfig) -> Registry:
    from engine.pipeline import choose_plugins
    from engine.plugin import installed

    return choose_plugins(config, installed())


def _build_source(config: DictConfig) -> Source:
    """The source that the configuration names."""
    source: Source = _choose_plugins(config).build("source", config.get("source"), "source")
    return source


def _read_from(request: Request) -> list[str]:
    """The overrides that read a file, and those of ``--symbol``."""
    symbol = request.flags.get("symbol")
    if symbol is not None and not request.files:
        raise ConfigError("--symbol names the one symbol of a file: engine data check FILE …")
    if not request.files:
        return []
    one = [] if symbol is None else [f"source.symbol={quote(symbol)}"]
    file = request.files[0]
    tabs = ["source.separator='\\t'"] if ".tsv" in Path(file).suffixes else []
    return [f"source={_tell_format(file)}", f"source.path={quote(file)}", *tabs, *one]


def _tell_format(file: str) -> str:
    inside = Path(file).iterdir() if Path(file).is_dir() else [Path(file)]
    suffixes = [path.suffix.lower() for path in sorted(inside)]
    suffix = next(
        (found for found in suffixes if found in SUFFIXES), suffixes[0] if suffixes else ""
    )
    if suffix not in SUFFIXES:
        hint = did_you_mean(suffix, SUFFIXES)
        raise ConfigError(f"{file}: {suffix or 'no suffix'} is no known kind of file; {hint}")
    return SUFFIXES[suffix]


def _check_table(config: DictConfig, request: Request) -> int:
    from engine.bars.inspect import hint, inspect_table, list_findings, write_json
    from engine.reading import Reader

    source = _build_source(config)
    if not request.files or not isinstance(source, Reader):
        raise ConfigError("--known and --stamp ask about a file: type engine data check FILE …")
    path = Path(request.files[0]).expanduser().absolute()
    if not path.is_file():
        raise DataError(f"{request.files[0]}: there is no such file; name another one")
    frame = source.read(path, source.columns_of(path), None, None)
    asked = QUESTIONS & {*request.flags}
    findings = _ask(frame, request.flags, source) if asked else inspect_table(frame)
    kind = "" if asked else f", {len(frame.columns)} columns, none of them 'close': no bars"
    print(f"{request.files[0]}: {len(frame)} rows{kind}\n")
    print(list_findings(findings))
    if not asked:
        print(hint(frame, source))
    if "json" in request.flags:
        write_json(Path(request.flags["json"]), findings, None)
    return int(any(finding.severity == "error" for finding in findings))


def _ask(frame: pd.DataFrame, flags: dict[str, str], reading: Reading) -> list[DataFinding]:
    from engine.bars.inspect import by_severity, inspect_dates, inspect_known_at

    findings = []
    if _has_all(flags, ("known", "period")):
        findings += inspect_known_at(frame, flags["known"], flags["period"], reading)
    if _has_all(flags, ("stamp", "date", "zone")):
        asked = flags["stamp"], flags["date"], flags["zone"], reading, flags.get("close")
        findings += inspect_dates(frame, *asked)
    elif "close" in flags:
        raise ConfigError("--stamp is missing: it belongs to --close")
    return by_severity(findings)


def _has_all(flags: dict[str, str], names: Sequence[str]) -> bool:
    """Whether all of these switches are there; some of them alone are a mistake."""
    missing = [name for name in names if name not in flags]
    if missing and len(missing) < len(names):
        raise ConfigError(f"--{missing[0]} is missing: it belongs to --{names[0]}")
    return not missing
