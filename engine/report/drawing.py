"""The page and the pictures of a run, drawn from the artifacts in its folder alone."""

from __future__ import annotations

from pathlib import Path

from engine.report.active import Run
from engine.report.figures import figures
from engine.report.library import pack
from engine.report.picture import pictures
from engine.report.plot import days
from engine.report.templates import environment
from engine.report.words import page

TEMPLATE = "page.html.j2"


def draw(run_dir: Path) -> Path:
    """Draw ``report.html``, ``report.png`` and ``report_*.png`` of a run.

    The page needs no network: the drawing library is inside it. The same artifacts give the
    same page.

    Parameters
    ----------
    run_dir : pathlib.Path
        Holds ``manifest.json``, ``metrics.json``, ``data.json`` and the tables that `Run` names.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    DataError
        When one of these files is missing.
    """
    run = Run.read(run_dir)
    html = (
        environment()
        .get_template(TEMPLATE)
        .render(**page(run), figures=figures(run), dates=days(run.returns.index), plotly=pack())
    )
    target = run_dir / "report.html"
    target.write_text(html, encoding="utf-8")
    pictures(run, run_dir)
    return target
