"""Text from data is text everywhere: on the screen, in logs, in pages, in files."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
from engine.bars.layout import build
from engine.cli.prompt import main
from engine.core.text import Lines, Screen, escape
from engine.report.plot import bars, heat, line

RED, TWO, TURNED = "\x1b[31mX", "two\nlines", "A\u202eB"
IMG, SUM = "<img src=x onerror=alert(1)>", '=HYPERLINK("http://x")'
EVIL = (RED, TWO, TURNED, IMG, SUM)
SHOWN = (r"\x1b[31mX", r"two\nlines", r"A\u202eB", IMG, SUM)
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def frame(days: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    dates = pd.bdate_range("2018-01-01", periods=days, tz="UTC")
    parts = [
        pd.DataFrame(
            {
                "timestamp": dates,
                "symbol": name,
                **dict.fromkeys(
                    ("open", "high", "low", "close"),
                    50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, days))),
                ),
                "volume": rng.integers(10_000, 90_000, days).astype(float),
                "sector": "\x1b[1m<b>s</b>" if name in (RED, TWO) else "=t",
            }
        )
        for name in EVIL
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("text", "as_shown"), [*zip(EVIL, SHOWN, strict=True), ("é ±", "é ±")])
def test_what_steers_is_shown_as_one_would_write_it(text: str, as_shown: str) -> None:
    assert escape(text) == as_shown
    assert escape(as_shown) == as_shown


def test_lines_are_kept_where_a_text_has_several() -> None:
    assert escape("a\n\tb\r\x9b\ud800", "\n\t") == "a\n\tb\\r\\x9b\\ud800"


def test_the_screen_is_sent_no_escape() -> None:
    stream = io.StringIO()
    print(f"{RED}\nnext", file=Screen(stream))
    assert stream.getvalue() == "\\x1b[31mX\nnext\n"


def test_a_log_line_is_one_line() -> None:
    lines = Lines(logging.Formatter("%(levelname)s: %(message)s"))
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s and %s", (RED, TWO), None)
    assert lines.format(record) == r"INFO: \x1b[31mX and two\nlines"
    assert record.getMessage() == f"{RED} and {TWO}"


def test_symbols_are_called_as_they_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    """In a universe's lists as well; two symbols that are shown alike are refused."""
    lists = engine.Universe(symbols=[RED, SUM], tags={"kind": {RED: "red"}})
    panel, _ = build(frame(), lists)
    assert panel.symbols == (SUM, r"\x1b[31mX")
    assert panel.groups["kind"] == ("", "red")
    assert panel.groups["sector"] == ("=t", r"\x1b[1m<b>s</b>")
    assert "called as they are shown" in caplog.text
    both = frame().replace({"symbol": {TWO: r"\x1b[31mX"}})
    with pytest.raises(engine.DataError, match=r"\\x1b\[31mX"):
        build(both, engine.Universe())


def test_names_in_figures_are_no_tags() -> None:
    values = np.ones((1, 1))
    assert line(np.ones(3), IMG, "red")["name"] == "&lt;img src=x onerror=alert(1)>"
    assert bars([IMG], np.ones(1), "a&b", "red")["x"] == ["&lt;img src=x onerror=alert(1)>"]
    assert heat(["x"], ["<b>"], values, ".1f", 1.0)["y"] == ["&lt;b>"]


def test_errors_do_not_steer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([RED]) == 2
    assert main(["compare", RED, TWO]) == 2
    assert not STEERS.search(capsys.readouterr().err)


def test_a_run_with_such_symbols_is_safe_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From file to report: the names stand where they belong, and none is anything but text."""
    monkeypatch.chdir(tmp_path)
    frame(400).to_csv("evil.csv", index=False)
    words = ["run", "+bundle=ai_tech_core", "source=csv", "source.path=evil.csv", "universe=all"]
    assert main([*words, "hydra.run.dir=out"]) == 0
    assert main(["data", "check", "evil.csv"]) == 0
    said = capsys.readouterr()
    assert not STEERS.search(said.out + said.err)
    out = tmp_path / "out"
    page = (out / "report.html").read_text("utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert r"\x1b[31mX" in page
    for name in ("report.html", "run.log", "manifest.json", "data.json", "metrics.json"):
        assert not STEERS.search((out / name).read_text("utf-8")), name
    assert sorted(pd.read_parquet(out / "bars.parquet")["symbol"].unique()) == sorted(SHOWN)
    told = json.loads((out / "manifest.json").read_text("utf-8"))["warnings"]
    assert [line for line in told if r"\x1b[31mX" in line]
