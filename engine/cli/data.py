"""``engine data check``: look a source's bars, or another table's dates, over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import ConfigError, DataError, EngineError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    from omegaconf import DictConfig

    from engine.bars.inspect import DataFinding
    from engine.core.kinds import Source
    from engine.plugin import Registry
    from engine.reading import Reading

HELP = """\
engine data check: what is odd about data, before anything is run

  engine data check source=NAME [universe=NAME] [source.path=FILE] [key=value …]
  engine data check FILE                    bars in a parquet or CSV file, or a folder of them
  engine data check FILE check.sigmas=8     what counts as odd: conf/check/default.yaml
  engine data check FILE --symbol VIX       the same, of one symbol that the file does not name
  engine data check FILE --known COLUMN --period COLUMN
                                            known before the period ended?
  engine data check FILE --stamp COLUMN --date COLUMN --zone America/New_York
                                            times of another day than their date?
  source.date_format=%d/%m/%Y               how its dates are written; so all keys of source=csv
  --json FILE                               write the findings there as well

Exit code: 0; 1 with a finding of severity error; 2 when the data cannot be read.
"""
FLAGS = ("json", "symbol", "known", "period", "stamp", "date", "zone")
QUESTIONS = {"known", "period", "stamp", "date", "zone"}
SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv",
            ".gz": "csv", ".zip": "csv"}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What was typed: a file, overrides of the configuration, and switches."""

    files: tuple[str, ...]
    overrides: tuple[str, ...]
    flags: dict[str, str]


def data(words: Sequence[str]) -> int:
    """Run ``engine data WORDS``; return the exit code."""
    if not words or words[0] in {"-h", "--help", "help"}:
        print(HELP, end="")
        return 0
    if words[0] != "check":
        raise ConfigError(f"data {words[0]}: no such command; {did_you_mean(words[0], ['check'])}")
    return check(words[1:])


def check(words: Sequence[str]) -> int:
    """Run ``engine data check WORDS``; return the exit code.

    Returns
    -------
    int
        0, or 1 when a finding is of severity ``error``.

    Raises
    ------
    EngineError
        The words, the configuration or the data cannot be used.
    """
    if {"-h", "--help"} & {*words} or not words:
        print(HELP, end="")
        return 0
    from engine.config import compose_config
    from engine.pipeline import job, resolve

    request = _request(words)
    config = job(compose_config([*_source(request), *request.overrides]))
    resolve(config)
    if QUESTIONS & {*request.flags} or _no_bars(config, request):
        return _check_table(config, request)
    return _check_bars(config, request)


def _no_bars(config: DictConfig, request: Request) -> bool:
    """Whether a file is a table without a column of closes, nor is one named."""
    if not request.files or request.overrides or not Path(request.files[0]).is_file():
        return False
    from engine.reading import Reader, is_bars

    source = _built(config)
    try:
        found = source.columns_of(Path(request.files[0])) if isinstance(source, Reader) else []
    except EngineError:  # what the file needs is said where its bars are read
        return False
    return bool(found) and not is_bars(found)


def _request(words: Sequence[str]) -> Request:
    files: list[str] = []
    overrides: list[str] = []
    flags: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name not in FLAGS:
                raise ConfigError(f"--{name}: no such switch; {did_you_mean(name, FLAGS)}")
            flags[name] = value if equals else next(rest, "")
            if not flags[name]:
                raise ConfigError(f"--{name} needs a value: type --{name} VALUE")
        else:
            (overrides if "=" in word and not Path(word).is_file() else files).append(word)
    if len(files) > 1:
        raise ConfigError(f"{files[0]} and {files[1]}: name one file at a time")
    return Request(tuple(files), tuple(overrides), flags)


def _check_bars(config: DictConfig, request: Request) -> int:
    from engine.bars.inspect import examine, text, write_json
    from engine.pipeline import read_part

    part = read_part(config, _registry(config))
    inspection = examine(part.frame(), part.universe, part.bars, part.check, part.time.number)
    place = request.files[0] if request.files else f"source={part.source.name}"
    print(f"bars of {place}, universe={part.universe.name}")
    print(text(inspection))
    if "json" in request.flags:
        write_json(Path(request.flags["json"]), inspection.findings, inspection)
    return int(inspection.refused)


def _registry(config: DictConfig) -> Registry:
    from engine.pipeline import choose_plugins
    from engine.plugin import installed

    return choose_plugins(config, installed())


def _built(config: DictConfig) -> Source:
    """The source that the configuration names."""
    source: Source = _registry(config).build("source", config.get("source"), "source")
    return source


def _source(request: Request) -> list[str]:
    """The overrides that read a file, and those of ``--symbol``."""
    symbol = request.flags.get("symbol")
    if symbol is not None and not request.files:
        raise ConfigError("--symbol names the one symbol of a file: engine data check FILE …")
    if not request.files:
        return []
    one = [] if symbol is None else [f"source.symbol={_quoted(symbol)}"]
    file = request.files[0]
    tabs = ["source.separator='\\t'"] if ".tsv" in Path(file).suffixes else []
    return [f"source={_format(file)}", f"source.path={_quoted(file)}", *tabs, *one]


def _quoted(text: str) -> str:
    """A text as Hydra reads it back."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _format(file: str) -> str:
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

    source = _built(config)
    if not request.files or not isinstance(source, Reader):
        raise ConfigError("--known and --stamp ask about a file: type engine data check FILE …")
    path = Path(request.files[0]).expanduser().absolute()
    if not path.is_file():
        raise DataError(f"{request.files[0]}: there is no such file; name another one")
    frame = source.read(path, source.columns_of(path), None, None)
    asked = QUESTIONS & {*request.flags}
    findings = _findings(frame, request.flags, source) if asked else inspect_table(frame)
    kind = "" if asked else f", {len(frame.columns)} columns, none of them 'close': no bars"
    print(f"{request.files[0]}: {len(frame)} rows{kind}\n")
    print(list_findings(findings))
    if not asked:
        print(hint(frame, source))
    if "json" in request.flags:
        write_json(Path(request.flags["json"]), findings, None)
    return int(any(finding.severity == "error" for finding in findings))


def _findings(frame: pd.DataFrame, flags: dict[str, str], reading: Reading) -> list[DataFinding]:
    from engine.bars.inspect import by_severity, inspect_dates, inspect_known_at

    findings = []
    if _all(flags, ("known", "period")):
        findings += inspect_known_at(frame, flags["known"], flags["period"], reading)
    if _all(flags, ("stamp", "date", "zone")):
        findings += inspect_dates(frame, flags["stamp"], flags["date"], flags["zone"], reading)
    return by_severity(findings)


def _all(flags: dict[str, str], names: Sequence[str]) -> bool:
    """Whether all of these switches are there; some of them alone are a mistake."""
    missing = [name for name in names if name not in flags]
    if missing and len(missing) < len(names):
        raise ConfigError(f"--{missing[0]} is missing: it belongs to --{names[0]}")
    return not missing
