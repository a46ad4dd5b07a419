"""The page of an audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.report.templates import environment
from engine.storage import Artifacts

PAGE, FILE = "audit.html", "audit.json"
MANY = "factors"  # of which there may be hundreds
OWN_ROW = ("leak", "depends on later adjustments")  # verdicts that each part has a row for


def draw_audit(told: Mapping[str, Any], folder: Path) -> Path:
    """Draw ``audit.html`` from what stands in ``audit.json``."""
    html = environment().get_template("audit.html.j2").render(**told, rows=fold(told["verdicts"]))
    target = folder / PAGE
    target.write_text(html, encoding="utf-8")
    return target


def read_said(made: Artifacts) -> str:
    """What the audit of a run says in a line; "" where it has none."""
    if not (made.path / FILE).is_file():
        return ""
    return str(made.read_plain("audit")["said"])


def fold(verdicts: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str]]:
    """A row for each part: its name, plugin, verdict and why; factors that are alike have one."""
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for each in verdicts:
        single = each["stage"] != MANY or each["verdict"] in OWN_ROW
        own = each["name"] if single else each["why"]
        alike.setdefault((each["stage"], each["verdict"], own), []).append(each)
    return [_row(rows) for rows in alike.values()]


def _row(rows: Sequence[Mapping[str, Any]]) -> tuple[str, str, str, str]:
    first = rows[0]
    if len(rows) > 1:
        return f"{len(rows)} {first['stage']}", "", first["verdict"], first["why"]
    part = ".".join(filter(None, (first["stage"], first["name"])))
    return part, first["plugin"], first["verdict"], first["why"]


def audit_text(told: Mapping[str, Any]) -> str:
    """What is printed of an audit."""
    lines = [
        f"audit of {told['bundle']}: {told['symbols']} symbols, {told['start']} to {told['end']}, "
        f"source {told['source']}",
        "",
        *(_tell_variant(each) for each in told["variants"]),
        *filter(None, [told["schedule"]]),
        "",
        *_lines(fold(told["verdicts"])),
        "",
        told["said"],
    ]
    return "\n".join(lines)


def _tell_variant(tried: Mapping[str, Any]) -> str:
    rare = f" ({', '.join(tried['kinds'])})" if tried["kinds"] else ""
    stopped = f"; it stopped at {tried['stopped']}" if tried["stopped"] else ""
    return f"{tried['kind']:<11}{tried['date']}  {tried['title']}{rare}{stopped}"


def _lines(rows: Sequence[tuple[str, str, str, str]]) -> Iterator[str]:
    """The rows as lines; a verdict that somebody has to act on stands in capitals."""
    wide = max(len(_who(part, plugin)) for part, plugin, _, _ in rows)
    broad = max(len(verdict) for _, _, verdict, _ in rows)
    for part, plugin, verdict, why in rows:
        shown = verdict.upper() if verdict == "leak" else verdict
        yield f"{_who(part, plugin):<{wide}}  {shown:<{broad}}  {why}"


def _who(part: str, plugin: str) -> str:
    own = plugin.rpartition(" ")[2]
    return f"{part} ({plugin})" if own and own not in part.split(".") else part
