"""An inspection as text for the terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.bars import Findings, decisions
from engine.bars.inspect.finding import SEVERITIES, DataFinding
from engine.bars.inspect.inspection import Inspection
from engine.core.errors import DataError
from engine.core.plain import to_plain

PRICES_WRONG = frozenset({"absurd", "bad_tick", "missed_split", "level_shift"})


def text(inspection: Inspection) -> str:
    """Return the bars' extent and the findings, the severest first."""
    if not inspection.symbols:
        return (
            f"{inspection.rows} rows, none of them usable\n\n{list_findings(inspection.findings)}"
        )
    days = f"sessions of {inspection.calendar}" if inspection.calendar else "days of its own"
    extent = (
        f"{inspection.rows} rows, {inspection.symbols} symbols, {inspection.start} to "
        f"{inspection.end}, {inspection.sessions} {days}, coverage {inspection.coverage:.2%}"
    )
    return f"{extent}\n\n{list_findings(inspection.findings)}"


def list_findings(findings: Sequence[DataFinding]) -> str:
    """Return one block per finding, and a line that counts them."""
    blocks = [_block(finding) for finding in findings]
    return "\n".join([*blocks, _total(findings)])


def _block(finding: DataFinding) -> str:
    head = f"{finding.severity:8}{finding.name:20}{finding.count:>8}  {finding.share:>7.2%}"
    lines = [f"{head}  {finding.what}{_name_key(finding.key)}"]
    lines += [f"{'':8}{example.text()}" for example in finding.examples]
    return "\n".join(lines)


def _name_key(key: str) -> str:
    """Return which key decides, and what it may be set to where the choices are few."""
    room, _, name = key.partition(".")
    choices = {item.name: item.metadata["choices"] for item in decisions()}
    if room == "bars":
        return f" [{key}={'|'.join(choices[name])}]"
    return f" [{key}]" if key else ""


def _total(findings: Sequence[DataFinding]) -> str:
    if not findings:
        return "nothing is odd"
    counts = {name: sum(f.severity == name for f in findings) for name in SEVERITIES}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def line(findings: Sequence[DataFinding]) -> str:
    """Return what is probably wrong in one line, wrong prices first; "" where nothing is."""
    wrong = [item for item in findings if item.severity == "warning"]
    wrong.sort(key=lambda item: item.name not in PRICES_WRONG)
    if not wrong:
        return ""
    first, *rest = wrong
    worst = f" (worst: {first.examples[0].text()})" if first.examples else ""
    named = [f"{first.count} {_spell_name(first)}{worst}"]
    named += [f"{item.count} {_spell_name(item)}" for item in rest]
    return ", ".join(named)


def _spell_name(finding: DataFinding) -> str:
    return finding.name.replace("_", " ")


def record(inspection: Inspection, done: Findings) -> dict[str, Any]:
    """Return what a run leaves in ``data.json``: what was found, and what was done about it.

    Parameters
    ----------
    inspection : Inspection
        Of the rows before the policy touched them.
    done : Findings
        Of the policy.

    Returns
    -------
    dict
        The fields of `Inspection`; ``bars``, the bars that are left; ``mends``, values mended
        by hand; ``late_listings`` and ``delistings``, symbols; ``absent``, symbols of the
        universe without a bar. Each finding has two more fields: ``action``, of the policy, ""
        where none decides, and ``rows``, how many the policy acted on after the checks before
        it had acted.
    """
    found = {finding.name: finding for finding in inspection.findings}
    listings = {"late_listings": "late_listing", "delistings": "delisting"}
    return {
        **asdict(inspection),
        "bars": done.rows_out,
        "mends": done.mends,
        **{key: found[name].count if name in found else 0 for key, name in listings.items()},
        "absent": list(done.missing_symbols),
        "findings": [
            {
                **asdict(finding),
                "action": done.actions.get(finding.name, ""),
                "rows": done.counts.get(finding.name, 0),
            }
            for finding in inspection.findings
        ],
    }


def write_json(path: Path, findings: Sequence[DataFinding], inspection: Inspection | None) -> None:
    """Write the findings, and the bars' extent where there are bars.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    extent: dict[str, Any] = {} if inspection is None else asdict(inspection)
    content = {**extent, "findings": [asdict(finding) for finding in findings]}
    try:
        path.write_text(json.dumps(to_plain(content), indent=1, allow_nan=False) + "\n", "utf-8")
    except OSError as error:
        raise DataError(f"--json {path}: {error.strerror}; choose another file") from error
