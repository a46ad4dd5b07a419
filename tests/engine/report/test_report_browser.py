"""The page in a real browser: no complaint, every figure drawn, tables that sort."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser import browse, needs_browser

import engine

CLICKS = """<script>
addEventListener("load", () => {
  const tables = [...document.querySelectorAll("table")];
  const head = tables.find(table => table.caption.textContent.includes("names.parquet")).tHead;
  const column = head.rows[0].cells[2], rows = head.parentNode.tBodies[0].rows;
  const read = () => [...rows].map(row => row.cells[2].textContent).join(" ");
  column.click();
  document.body.dataset.down = read();
  column.click();
  document.body.dataset.up = read();
});
async function legend() {
  const found = () => document.querySelector("#equity .legendtoggle");
  while (!found()) await new Promise(done => setTimeout(done, 50));
  for (const kind of ["mousedown", "mouseup"])
    found().dispatchEvent(new MouseEvent(kind, {bubbles: true}));
  await new Promise(done => setTimeout(done, 1000));
  document.body.dataset.first = document.getElementById("equity").data[0].visible;
}
legend();
</script>
"""
MOUSE = """<head><script>
const asked = matchMedia.bind(window);
window.matchMedia = query => query.includes("hover") ? {matches: true} : asked(query);
</script>"""
OLD = "<head><script>delete window.DecompressionStream;</script>"
pytestmark = needs_browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page")
    run = engine.run(["+bundle=ai_tech_core_ml", "source.n_days=800"], path=path / "run")
    return run.path / "report.html"


@pytest.fixture(scope="module")
def opened(page: Path) -> tuple[str, str]:
    """The page's body after a moment, and what the browser had to say."""
    text = page.read_text("utf-8").replace("<head>", MOUSE)
    return browse(page.parent, text.replace("</body>", f"{CLICKS}</body>"))


def test_the_browser_has_nothing_to_complain_of(opened: tuple[str, str]) -> None:
    assert [line for line in opened[1].splitlines() if "CONSOLE" in line] == []


def test_every_figure_is_drawn(opened: tuple[str, str]) -> None:
    figures = re.findall("<figure>(.*?)</figure>", opened[0], re.DOTALL)
    assert len(figures) >= 25
    for drawn in figures:
        assert '<svg class="main-svg"' in drawn, re.search(r'id="(\w+)"', drawn)


def test_the_axis_of_growth_has_readable_ticks(opened: tuple[str, str]) -> None:
    equity = opened[0].split('id="equity"')[1].split("</figure>")[0]
    ticks = re.findall(r'<g class="ytick">.*?>([^<>]+)</text>', equity)
    assert len(ticks) >= 3, equity[:500]
    numbers = [float(tick.replace(",", "")) for tick in ticks]
    assert numbers == sorted(numbers)
    assert min(numbers) > 0.0


def test_a_table_sorts_both_ways(opened: tuple[str, str]) -> None:
    down, up = (
        [float(cell.rstrip("%")) for cell in found.split()]
        for way in ("down", "up")
        for found in re.findall(f'<body[^>]* data-{way}="([^"]*)"', opened[0])
    )
    assert len(down) > 3
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)
    assert down != up


def test_simulated_stands_on_top(opened: tuple[str, str]) -> None:
    assert opened[0].index("SIMULATED") < opened[0].index("<figure")


def test_a_click_on_the_legend_hides_a_line(opened: tuple[str, str]) -> None:
    assert 'data-first="legendonly"' in opened[0]


def test_figures_are_saved_under_the_name_of_the_run(opened: tuple[str, str]) -> None:
    assert 'data-file="SIMULATED-ai_tech_core_ml"' in opened[0]
    figures = re.findall("<figure>(.*?)</figure>", opened[0], re.DOTALL)
    for title in ("Download plot as a PNG", "Download plot as an SVG"):
        assert all(f'data-title="{title}"' in drawn for drawn in figures)


def test_no_button_sends_a_figure_away(opened: tuple[str, str]) -> None:
    found = set(re.findall('data-title="([^"]*)"', opened[0]))
    kept = {"Download plot as a PNG", "Download plot as an SVG"}
    assert found == kept | {"Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"}


def test_an_old_browser_says_why_there_are_no_figures(page: Path) -> None:
    body, said = browse(page.parent, page.read_text("utf-8").replace("<head>", OLD))
    assert '<p class="banner plain" id="plain" role="alert">No figures: ' in body
    assert "main-svg" not in body
    assert "CONSOLE" not in said
