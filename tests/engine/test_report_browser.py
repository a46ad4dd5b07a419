"""The page in a real browser: no complaint, every figure drawn, tables that sort."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

import engine

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-dev-shm-usage "
    "--virtual-time-budget=8000 --enable-logging=stderr --v=0 --window-size=1200,2000 --dump-dom"
)
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
</script>
"""
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The page's body after a moment, and what the browser had to say."""
    assert CHROMIUM
    path = tmp_path_factory.mktemp("page")
    run = engine.run(["+bundle=ai_tech_core_ml", "source.n_days=800"], path=path / "run")
    page = (run.path / "report.html").read_text("utf-8").replace("</body>", f"{CLICKS}</body>")
    (path / "page.html").write_text(page, "utf-8")
    command = [CHROMIUM, *FLAGS.split(), f"--user-data-dir={path / 'profile'}"]
    address = (path / "page.html").as_uri()
    done = subprocess.run(
        [*command, address], check=True, capture_output=True, text=True, timeout=120
    )
    return done.stdout, done.stderr


def test_the_browser_has_nothing_to_complain_of(opened: tuple[str, str]) -> None:
    assert [line for line in opened[1].splitlines() if "CONSOLE" in line] == []


def test_every_figure_is_drawn(opened: tuple[str, str]) -> None:
    figures = re.findall("<figure>(.*?)</figure>", opened[0], re.DOTALL)
    assert len(figures) >= 25
    for drawn in figures:
        assert '<svg class="main-svg"' in drawn, re.search(r'id="(\w+)"', drawn)


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
