"""The data block of the page: what the bars are, and what is odd about them."""

from __future__ import annotations

from typing import Any

from engine.storage import Data, Finding

DASH = "–"
SHOWN = 3  # examples of a finding
DONE = {"drop": "dropped", "mask": "masked", "keep": "kept"}


def words(data: Data) -> str:
    """Return what can be said of the data, in plain words.

    Parameters
    ----------
    data : Data
    """
    wrong = [finding for finding in data.findings if finding.severity != "info"]
    if not wrong:
        text = "The data look clean"
    else:
        kinds = "kind" if len(wrong) == 1 else "kinds"
        named = ", ".join(finding.name for finding in wrong)
        text = f"The data have {len(wrong)} {kinds} of findings that deserve a look ({named})"
    text += f": {data.symbols} symbols{_coverage(data)}{_lives(data)}."
    if any(finding.name == "survivorship" for finding in data.findings):
        text += (
            " No symbol ever ends: survivors, chosen with hindsight, would flatter every result."
        )
    return text


def _coverage(data: Data) -> str:
    if data.coverage is None:
        return ""
    days = f"the sessions of {data.calendar}" if data.calendar else "their days"
    return f", with bars on {data.coverage:.2%} of {days}"


def _lives(data: Data) -> str:
    late, gone = data.late_listings, data.delistings
    return f", {late} listed late and {gone} delisted" if late or gone else ""


def table(data: Data) -> dict[str, Any]:
    """Return the findings as a table, the severest first; no rows where nothing is odd."""
    return {
        "title": "What is odd about the data",
        "artifact": "data.json",
        "head": ["finding", "severity", "count", "share", "done", "meaning", "decided by", "worst"],
        "rows": [_row(finding) for finding in data.findings],
    }


def _row(finding: Finding) -> list[str]:
    examples = [
        " ".join(part for part in (e.date, e.symbol, e.note) if part)
        for e in finding.examples[:SHOWN]
    ]
    return [
        finding.name,
        finding.severity,
        f"{finding.count:,}",
        f"{finding.share:.2%}",
        _describe_action(finding),
        finding.what,
        finding.key or DASH,
        "\n".join(examples) or DASH,
    ]


def _describe_action(finding: Finding) -> str:
    """What the policy did, and to how many rows when it is not all of them."""
    if not finding.action:
        return DASH
    done, rows = DONE[finding.action], finding.rows
    return done if rows == finding.count else f"{done} {rows:,}"
