"""``engine audit``: look for look-ahead in a run."""

from __future__ import annotations

import click

from engine.cli.words import Worded, read_count, switch
from engine.core.errors import ConfigError

AUDIT = """\
does any part of a run look ahead?

The run is made again on rows that end earlier, and on rows whose next date is another; all that
was decided by then has to be the same. A verdict on each stage and plugin names the first date,
symbol and value that is not. A page and audit.json are left in outputs/audits.
"""
EXIT = "Exit code: 0; 1 where something looks ahead; 2 when it cannot be audited.\n"


@click.command(
    cls=Worded,
    help=AUDIT,
    epilog=EXIT,
    no_args_is_help=True,
    is_override=lambda word, words: "=" in word or word.startswith("~"),
)
@click.argument("words", nargs=-1, metavar="")
@switch(
    "--dates", metavar="A,B", help="on which the rows are cut and changed; by default rare ones"
)
@switch(
    "--cuts",
    metavar="N",
    callback=read_count,
    help="dates of cuts, and as many of other values; by default 3",
)
def audit(
    words: tuple[str, ...], overrides: tuple[str, ...], dates: str | None, cuts: int | None
) -> int:
    """Return 1 where something looks ahead, else 0."""
    from engine.audit import Request, conduct
    from engine.cli.bar import bar
    from engine.report import audit_text

    if words:
        raise ConfigError(f"audit {words[0]}: no override: type +bundle=NAME and key=value")
    if dates is not None and cuts is not None:
        raise ConfigError("audit --dates and --cuts: the dates say how many cuts there are")
    request = Request(dates=tuple(filter(None, (dates or "").split(","))))
    if cuts is not None:
        request = Request(cuts=cuts)
    typed = [*([f"--dates={dates}"] if dates else []), *([f"--cuts={cuts}"] if cuts else [])]
    with bar() as announce:
        told, path = conduct(overrides, request, announce, typed)
    print(audit_text(told))
    print(f"\naudit: {path / 'audit.html'}")
    return int(told["verdict"] == "leak")
