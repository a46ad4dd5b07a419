"""``engine factors register | list | show | rm | update | read``: the library of factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.formulas import is_override, take_dialect
from engine.cli.offers import offer_registered, offer_sets
from engine.cli.words import OneOf, Worded, read_count, read_gigabytes, switch
from engine.core.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from engine.factor_store import FactorStore
    from engine.library import Done, Read, Shown

BARS = """
  key=value                                 the bars, as in engine run, such as source=parquet
                                            source.path=FILE; or the store, such as store.path=DIR
  --                                        what follows are names and formulas alone
"""
REGISTER = f"""\
put factors into the library, and compute their history once

  NAME "FORMULA"                            a name, and the formula that it stands for
  SET                                       a set (alpha101), one of a set (alpha101.alpha012), a
                                            YAML file of factors, or a plugin
  dialect=NAME                              of the formula: brain, gtja, tdx, python, paper or qlib
{BARS.strip(chr(10))}

The bars' overrides are remembered, so that `engine factors update` needs none. A weekly or monthly
factor has a value on the last date of each week or month, once the next one has begun: no later
date takes a value back.
"""
LIST = "the registered factors\n"
SHOW = "what is known of a factor, and what is kept of it\n"
RM = "take factors out; what was kept stays readable as of earlier commits\n"
UPDATE = f"""\
compute what is missing, and only that; say what was done and why
{BARS}
New dates are computed from the rows that they look back to. A close that was corrected, a split, a
symbol that came late: exactly the values that it reaches are computed again, and those that differ
are written on top. What a formula reads without end, such as returns, is worked out over all dates.
"""
READ = f"""\
read values; nothing is computed
{BARS}
Without --out a few lines are printed.
"""
ROWS, WIDTH = 12, 100
SUFFIXES = (".parquet", ".pq")


@contextmanager
def opening(overrides: Sequence[str], **how: Any) -> Iterator[FactorStore]:
    """The library of a configuration, with a line that tells how far the work has come."""
    from functools import partial

    from engine.cli.bar import bar
    from engine.core.progress import hearing
    from engine.factor_store import FactorStore
    from engine.factors import How

    chosen = How(**{name: value for name, value in how.items() if value is not None})
    with (
        bar() as show,
        hearing(partial(show, "factors")),
        FactorStore(overrides, how=chosen) as found,
    ):
        yield found


threads = switch("--threads", metavar="K", callback=read_count, help="by default one a core")
memory = switch("--memory", metavar="GB", callback=read_gigabytes, help="that may be used")


@click.command(cls=Worded, help=REGISTER, is_override=is_override)
@click.argument("words", metavar="NAME", nargs=-1, shell_complete=offer_sets)
@switch("--category", metavar="NAME", help="such as momentum; a set's is its name")
@switch("--description", metavar="TEXT", help="what it measures")
@switch("--unit", metavar="TEXT", help="of its values")
@switch(
    "--frequency",
    metavar="daily|weekly|monthly",
    type=OneOf(("daily", "weekly", "monthly")),
    default="daily",
    help="of its values; by default daily",
)
@switch(
    "--dtype",
    metavar="float64|float32",
    type=OneOf(("float64", "float32")),
    default="float64",
    help="float32: half the size; by default float64",
)
@switch(
    "--missing",
    metavar="raise|warn",
    type=OneOf(("raise", "warn")),
    help="whether a formula may do without what the bars lack; by default each says so itself",
)
@switch("--later", is_flag=True, help="compute nothing now; engine factors update does")
@switch("--replace", is_flag=True, help="in the place of a factor of the same name")
@threads
@memory
def register(
    words: tuple[str, ...],
    overrides: tuple[str, ...],
    later: bool,
    replace: bool,
    threads: int | None,
    memory: float | None,
    **about: str | None,
) -> None:
    """Print what was registered, and what was computed."""
    if not words:
        raise ConfigError('nothing to register: type a name and a "FORMULA", or a factor set')
    if len(words) > 2:
        raise ConfigError(f"{words[2]}: one word too many; put the formula between quotes")
    dialect, rest = take_dialect(overrides)
    told = {name: text for name, text in about.items() if text is not None}
    with opening(rest, threads=threads, memory=memory) as found:
        before = {*found.list()}
        done = found.register(*words, dialect=dialect, later=later, replacing=replace, **told)
        new = len({*found.list()} - before)
    print(f"registered: {new} new" if len(words) == 1 else f"registered: {words[0]}")
    _print_done(done)


@click.command("list", cls=Worded, help=LIST, is_override=is_override)
@switch("--category", metavar="NAME", help="of this one alone")
def list_factors(overrides: tuple[str, ...], category: str | None) -> None:
    """Print a line a factor."""
    with opening(overrides) as found:
        known, states = found.list(), found.library.states()
    chosen = {n: f for n, f in known.items() if category in (None, f.category)}
    if category is not None and not chosen:
        hint = did_you_mean(category, {f.category for f in known.values()})
        raise ConfigError(f"--category {category}: no factor has it; {hint}")
    if not chosen:
        print('none yet: type engine factors register NAME "FORMULA"')
        return
    width = max(6, *(min(len(name), 40) for name in chosen))
    kind = max(8, *(min(len(f.category), 20) for f in chosen.values()))
    print(f"{'factor':<{width}}  {'category':<{kind}}  {'values to':<10}  formula")
    for name, factor in chosen.items():
        state = states.get(factor.series)
        last = state.last[:10] if state else "none yet"
        line = f"{name[:40]:<{width}}  {factor.category[:20]:<{kind}}  {last:<10}  "
        print(line + _shorten(factor.formula, WIDTH - len(line)))


@click.command(cls=Worded, help=SHOW, is_override=is_override, no_args_is_help=True)
@click.argument("names", metavar="NAME", nargs=-1, shell_complete=offer_registered)
def show(names: tuple[str, ...], overrides: tuple[str, ...]) -> None:
    """Print what is known of a factor."""
    if len(names) != 1:
        raise ConfigError("show takes one name: type engine factors list for all")
    with opening(overrides) as found:
        for fact, text in _list_facts(found.show(names[0])):
            print(f"{fact:<13} {text}")


def _list_facts(shown: Shown) -> Iterator[tuple[str, str]]:
    factor, state = shown.factor, shown.state
    back = "all rows so far" if factor.lookback is None else f"{factor.lookback} rows"
    yield "factor", shown.name
    yield "formula", factor.formula
    yield "description", factor.description or "none"
    yield "category", factor.category or "none"
    yield "unit", factor.unit or "none given"
    yield "frequency", factor.frequency
    yield "dependencies", ", ".join(factor.dependencies) or "none"
    yield "reads", (", ".join(factor.reads) or "whatever its plugin reads") if state else "unknown"
    yield "lookback", back if state else "unknown until its first values"
    yield "bars", " ".join(factor.words) or "those of the configuration"
    yield "created", factor.created_at
    if state is None:
        yield "values", f"none yet: type engine factors update {shown.name}"
        return
    yield "updated", state.updated
    yield "values", f"{state.first[:10]} to {state.last[:10]}, the first on {shown.since or 'none'}"
    yield "coverage", f"{shown.coverage:.1%} of dates × symbols"
    yield "size", f"{shown.bytes / 1e6:.3g} MB of {factor.dtype}"
    yield "stands on", f"the bars of commit {state.bars}, market {state.market}"
    for each in reversed(factor.versions):
        yield "version", f"since commit {each['after'] + 1}: {each['why'] or 'first values'}"


@click.command(cls=Worded, help=RM, is_override=is_override, no_args_is_help=True)
@click.argument("names", metavar="NAME", nargs=-1, shell_complete=offer_registered)
def rm(names: tuple[str, ...], overrides: tuple[str, ...]) -> None:
    """Take factors out."""
    if not names:
        raise ConfigError("rm: name the factors to take out")
    with opening(overrides) as found:
        found.remove(*names)
    print(f"taken out: {', '.join(names)}")


@click.command(cls=Worded, help=UPDATE, is_override=is_override)
@click.argument("names", metavar="NAME", nargs=-1, shell_complete=offer_registered)
@switch("--all", "every", is_flag=True, help="all that are registered; so it is without a name")
@switch("--to", metavar="DATE", help="the last date; by default the bars' last")
@threads
@memory
def update(
    names: tuple[str, ...],
    overrides: tuple[str, ...],
    every: bool,
    to: str | None,
    threads: int | None,
    memory: float | None,
) -> None:
    """Print what was done to each factor."""
    if every and names:
        raise ConfigError(f"--all and {names[0]}: choose one")
    with opening(overrides, threads=threads, memory=memory) as found:
        if not found.list():
            raise ConfigError('none is registered: type engine factors register NAME "FORMULA"')
        _print_done(found.update(names or None, to))


@click.command(cls=Worded, help=READ, is_override=is_override, no_args_is_help=True)
@click.argument("names", metavar="NAME", nargs=-1, shell_complete=offer_registered)
@switch("--from", "first", metavar="DATE", help="the first date")
@switch("--to", "last", metavar="DATE", help="the last date")
@switch("--date", metavar="DATE", help="one cross-section")
@switch("--symbols", metavar="A,B", help="these alone")
@switch("--as-of", "as_of", metavar="COMMIT", callback=read_count, help="what was kept then")
@switch("--long", is_flag=True, help="factor_id, date, instrument, value: a row a value")
@switch("--out", metavar="FILE", help="a parquet file: a column a factor, or --long")
def read(
    names: tuple[str, ...],
    overrides: tuple[str, ...],
    symbols: str | None,
    long: bool,
    out: str | None,
    **span: Any,
) -> None:
    """Print values, or write them."""
    if not names:
        raise ConfigError("read: name the factors to read; engine factors list knows them")
    if out is not None:
        _refuse_file(Path(out))
    if span["date"] and (span["first"] or span["last"]):
        raise ConfigError("--date is one date: leave out --from and --to")
    with opening(overrides) as found:
        chosen = None if symbols is None else [each.strip() for each in symbols.split(",")]
        values = found.read(*names, symbols=chosen, **span)
    frame = values.long() if long else values.columns()
    if out is None:
        _print_frame(values, frame)
        return
    _write(Path(out), frame)
    print(f"written: {out}, {len(frame)} rows")


def _refuse_file(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"--out {path}: tables are parquet; name it {path.stem}.parquet")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"--out {path}: no such folder; make it first")
    if path.exists() and not path.is_file():
        raise ConfigError(f"--out {path}: not a file; choose another")


def _write(path: Path, frame: Any) -> None:
    from engine.core.whole import writing_whole

    try:
        with writing_whole(path.resolve()) as part:
            frame.to_parquet(part, index=False)
    except OSError as error:
        raise ConfigError(f"--out {path}: {error.strerror or error}; choose another file") from None


def _print_frame(values: Read, frame: Any) -> None:
    days = values.dates
    print(
        f"{len(values.values)} factors, {len(values.symbols)} symbols, {len(days)} dates "
        f"({days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}), {len(frame)} rows"
    )
    if len(frame) > ROWS:
        print(f"the last {ROWS}; --out FILE writes all")
    if len(frame):
        print(frame.tail(ROWS).to_string(index=False, max_colwidth=24))


def _print_done(done: Sequence[Done]) -> None:
    """A line for all factors to which the same was done, in the order of the factors."""
    groups: dict[tuple[str, int], list[Done]] = {}
    for each in done:
        groups.setdefault((each.why, each.dates), []).append(each)
    for (why, _), some in groups.items():
        shown = some[0].name if len(some) == 1 else f"{len(some)} factors ({some[0].name} …)"
        computed, superseded = sum(d.computed for d in some), sum(d.superseded for d in some)
        counts = f": {computed} cells computed, {superseded} superseded" if why else ""
        print(f"{shown}: {why or 'up to date'}{counts}")


def _shorten(text: str, width: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: max(width - 1, 1)]}…"


LIBRARY = (register, list_factors, show, rm, update, read)
