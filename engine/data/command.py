"""``engine data check``: look a source's bars, or another table's dates, over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    from omegaconf import DictConfig

    from engine.data.finding import DataFinding
    from engine.kinds import Source

HELP = """\
engine data check: what is odd about data, before anything is run

  engine data check source=NAME [universe=NAME] [source.path=FILE] [key=value …]
  engine data check FILE                    bars in a parquet or CSV file
  engine data check FILE check.sigmas=8     what counts as odd: conf/check/default.yaml
  engine data check FILE --symbol VIX       the same, of one symbol that the file does not name
  engine data check FILE --known COLUMN --period COLUMN
                                            known before the period ended?
  engine data check FILE --stamp COLUMN --date COLUMN --zone America/New_York
                                            times of another day than their date?
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
    request = _request(words)
    if QUESTIONS & {*request.flags} or _no_bars(request):
        return _check_table(request)
    return _check_bars(request)


def _no_bars(request: Request) -> bool:
    """Whether a file is a table without a column of closes, nor is one named."""
    if not request.files or request.overrides or not Path(request.files[0]).is_file():
        return False
    return "close" not in {str(name).lower() for name in _table(request.files[0], rows=0).columns}


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


def _check_bars(request: Request) -> int:
    from engine.config import composed
    from engine.data.finding import Thresholds
    from engine.data.inspection import examine
    from engine.data.report import text, write_json
    from engine.fields import structured
    from engine.findings import Policy
    from engine.membership import resolved
    from engine.periods import Time
    from engine.universe import Universe

    config = composed([*_source(request.files), *request.overrides])
    universe = resolved(structured(Universe, config.universe, "universe"))
    policy = structured(Policy, config.bars, "bars")
    limits = structured(Thresholds, config.check, "check")
    time = structured(Time, config.time, "time")
    source = _built(config, request)
    try:
        frame = source.load(universe)
    except DataError as error:
        if request.files and "has no column 'symbol'" in str(error):
            raise DataError(f"{error}; or name its one symbol: --symbol NAME") from error
        raise
    inspection = examine(frame, universe, policy, limits, time.number)
    place = request.files[0] if request.files else f"source={source.name}"
    print(f"bars of {place}, universe={universe.name}")
    print(text(inspection))
    if "json" in request.flags:
        write_json(Path(request.flags["json"]), inspection.findings, inspection)
    return int(inspection.refused)


def _built(config: DictConfig, request: Request) -> Source:
    """The source that the configuration names, or the file as bars of one symbol."""
    from engine.handed import Handed
    from engine.registry import installed

    if "symbol" in request.flags:
        if not request.files:
            raise ConfigError("--symbol names the one symbol of a file: engine data check FILE …")
        return Handed(_table(request.files[0]).assign(symbol=request.flags["symbol"]))
    plugins = config.plugins
    registry = installed().limited(plugins.disable, plugins.only)
    source: Source = registry.build("source", _resolved(config.source), "source")
    return source


def _source(files: Sequence[str]) -> list[str]:
    """The overrides that read a file."""
    if not files:
        return []
    quoted = files[0].replace("\\", "\\\\").replace("'", "\\'")
    return [f"source={_format(files[0])}", f"source.path='{quoted}'"]


def _format(file: str) -> str:
    suffix = Path(file).suffix.lower()
    if suffix not in SUFFIXES:
        hint = did_you_mean(suffix, SUFFIXES)
        raise ConfigError(f"{file}: {suffix or 'no suffix'} is no known kind of file; {hint}")
    return SUFFIXES[suffix]


def _resolved(node: object) -> object:
    """The source's node with its ``${…}`` filled in."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return OmegaConf.create(OmegaConf.to_container(node, resolve=True))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from error


def _check_table(request: Request) -> int:
    from engine.data.report import listed, write_json
    from engine.data.tables import hint, inspect_table

    if not request.files or request.overrides:
        raise ConfigError("--known and --stamp ask about a file: type engine data check FILE …")
    frame = _table(request.files[0])
    asked = QUESTIONS & {*request.flags}
    findings = _findings(frame, request.flags) if asked else inspect_table(frame)
    kind = "" if asked else f", {len(frame.columns)} columns, none of them 'close': no bars"
    print(f"{request.files[0]}: {len(frame)} rows{kind}\n")
    print(listed(findings))
    if not asked:
        print(hint(frame))
    if "json" in request.flags:
        write_json(Path(request.flags["json"]), findings, None)
    return int(any(finding.severity == "error" for finding in findings))


def _findings(frame: pd.DataFrame, flags: dict[str, str]) -> list[DataFinding]:
    from engine.data.finding import by_severity
    from engine.data.tables import inspect_dates, inspect_known_at

    findings = []
    if _all(flags, ("known", "period")):
        findings += inspect_known_at(frame, flags["known"], flags["period"])
    if _all(flags, ("stamp", "date", "zone")):
        findings += inspect_dates(frame, flags["stamp"], flags["date"], flags["zone"])
    return by_severity(findings)


def _all(flags: dict[str, str], names: Sequence[str]) -> bool:
    """Whether all of these switches are there; some of them alone are a mistake."""
    missing = [name for name in names if name not in flags]
    if missing and len(missing) < len(names):
        raise ConfigError(f"--{missing[0]} is missing: it belongs to --{names[0]}")
    return not missing


def _table(file: str, rows: int | None = None) -> pd.DataFrame:
    """A file as a frame; with `rows` of 0, its columns alone."""
    import pandas as pd

    kind = _format(file)
    try:
        if kind == "parquet":
            return pd.read_parquet(file) if rows is None else _schema(file)
        return pd.read_csv(file, sep="\t" if ".tsv" in Path(file).suffixes else ",", nrows=rows)
    except FileNotFoundError as error:
        raise DataError(f"{file}: there is no such file; name another one") from error
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise DataError(f"{file} is not a whole {kind} file ({reason}): write it again") from error


def _schema(file: str) -> pd.DataFrame:
    """A parquet file's columns without its rows."""
    import pyarrow.parquet as pq

    empty: pd.DataFrame = pq.read_schema(file).empty_table().to_pandas()
    return empty
