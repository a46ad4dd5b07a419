"""A run in a notebook: what it shows, and that a kernel shows it."""

from __future__ import annotations

import re

import pytest
from test_report import DATES, EVIL, IDLE, folder

from engine.core.errors import DataError
from engine.report.finished import Report


def test_the_card_is_self_contained_and_says_simulated(tmp_path):
    card = Report(folder(tmp_path))._repr_html_()
    assert "SIMULATED — these data are invented" in card
    assert "<h3>small</h3>" in card
    assert "not distinguishable from zero" in card
    assert not re.search(r"<script|<style|<link|src\s*=|href\s*=|url\(|http", card)


def test_the_card_holds_the_metrics(tmp_path):
    report = Report(folder(tmp_path, simulated=False, bankrupt_on="2020-03-01"))
    net = report.metrics["performance"]["net"]
    card = report._repr_html_()
    assert f"<td>return per year (CAGR)</td><td>{net['cagr']:.1%}</td>" in card
    assert f"<td>Sharpe ratio per year, in excess of cash</td><td>{net['sharpe']:.2f}</td>" in card
    assert "SIMULATED" not in card
    assert "BANKRUPT — the account lost everything on 2020-03-01" in card


def test_the_card_escapes_names(tmp_path):
    card = Report(folder(tmp_path, config={"bundle": {"name": EVIL}}))._repr_html_()
    assert EVIL not in card
    assert "<h3>&lt;script&gt;alert(1)&lt;/script&gt;</h3>" in card


def test_the_plot_shows_equity_and_drawdown_from_the_first_position(tmp_path):
    report = Report(folder(tmp_path))
    figure = report.plot()
    assert [trace.name for trace in figure.data] == [
        "net", "gross", "equal-weighted market", "drawdown, net"
    ]  # fmt: skip
    assert figure.data[0].x[0] == str(DATES[IDLE].date())
    total = report.metrics["performance"]["net"]["total_return"]
    assert figure.data[0].y[-1] == pytest.approx(1 + total, rel=1e-5)
    assert figure.data[3].yaxis == "y2"
    assert figure.layout.title.text == "SIMULATED DATA — small"


def test_the_plots_title_is_no_markup(tmp_path):
    report = Report(folder(tmp_path, simulated=False, config={"bundle": {"name": "<b>a&b"}}))
    assert report.plot().layout.title.text == "&lt;b>a&amp;b"


def test_a_missing_artifact_is_named(tmp_path):
    report = Report(folder(tmp_path))
    (tmp_path / "returns.parquet").unlink()
    with pytest.raises(DataError, match=r"returns\.parquet: not there"):
        report.plot()


def test_a_notebook_shows_a_report_and_its_plot(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    run = tmp_path / "run"
    run.mkdir()
    opened = (
        "from pathlib import Path\n"
        "import engine\n"
        f"report = engine.Report(Path({str(folder(run))!r}))"
    )
    cells = [nbformat.v4.new_code_cell(code) for code in (opened, "report", "report.plot()")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    _, shown, drawn = (cell.outputs for cell in notebook.cells)
    assert "SIMULATED" in shown[0].data["text/html"]
    spec = drawn[0].data["application/vnd.plotly.v1+json"]
    assert spec["data"][0]["name"] == "net"
