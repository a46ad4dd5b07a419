"""The lists above the figures, in a real browser: a click on a name shows its lines alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import engine

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-dev-shm-usage "
    "--virtual-time-budget=8000 --enable-logging=stderr --v=0 --window-size=1200,2000 --dump-dom"
)
CLICKS = """<script>
async function choose() {
  const found = name => document.querySelectorAll(`#fan .updatemenu-${name}`);
  const click = node => node.dispatchEvent(new MouseEvent("click", {bubbles: true}));
  const until = async ready => { while (!ready()) await new Promise(go => setTimeout(go, 50)); };
  await until(() => found("header").length);
  click(found("header")[0]);
  await until(() => found("dropdown-button").length);
  document.body.dataset.names = found("dropdown-button").length;
  click(found("dropdown-button")[2]);
  await new Promise(go => setTimeout(go, 1000));
  const shown = document.getElementById("fan").data.map(trace => Number(trace.visible));
  document.body.dataset.shown = shown.join("");
}
choose();
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_click_in_the_list_shows_that_name_alone(tmp_path: Path) -> None:
    assert CHROMIUM
    run = engine.run(["+bundle=ai_tech_core", "source.n_days=500"], path=tmp_path / "run")
    names = len(run.table("persistence"))
    page = (run.path / "report.html").read_text("utf-8").replace("</body>", f"{CLICKS}</body>")
    (tmp_path / "page.html").write_text(page, "utf-8")
    command = [CHROMIUM, *FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, (tmp_path / "page.html").as_uri()],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    found = {key: re.search(rf'data-{key}="(\d+)"', done.stdout) for key in ("names", "shown")}
    assert found["names"]
    assert found["names"][1] == str(names)
    assert found["shown"]
    assert found["shown"][1] == "0" * 12 + "1" * 6 + "0" * 6 * (names - 3)
