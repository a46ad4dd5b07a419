"""The lists above the figures, in a real browser: a click on a name shows its lines alone."""

from __future__ import annotations

import re
from pathlib import Path

from browser import browse, needs_browser

import engine

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


@needs_browser
def test_a_click_in_the_list_shows_that_name_alone(tmp_path: Path) -> None:
    run = engine.run(["+bundle=ai_tech_core", "source.n_days=500"], path=tmp_path / "run")
    names = len(run.table("persistence"))
    page = (run.path / "report.html").read_text("utf-8").replace("</body>", f"{CLICKS}</body>")
    body, said = browse(tmp_path, page)
    assert [line for line in said.splitlines() if "CONSOLE" in line] == []
    found = {key: re.search(rf'data-{key}="(\d+)"', body) for key in ("names", "shown")}
    assert found["names"]
    assert found["names"][1] == str(names)
    assert found["shown"]
    assert found["shown"][1] == "0" * 12 + "1" * 6 + "0" * 6 * (names - 3)
