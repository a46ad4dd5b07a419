"""No file that a run leaves holds a secret: not the manifest, the report, the log, ``.hydra``."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from engine.cli.prompt import main
from engine.config.secrets import Hidden, find_secrets
from tests.test_bad_input import bars

CORE = ["+bundle=ai_tech_core", "universe=all", "factors=core_price_only", "source=sql"]
QUERY = "source.query=\"select date, symbol, close from bars where '${oc.env:MY_WORD}' <> ''\""


def written(folder: Path) -> str:
    """All that stands in the files of a folder."""
    return "\n".join(
        file.read_bytes().decode("utf-8", "replace")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix != ".db"
    )


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "hunter2.db"
    with sqlite3.connect(path) as connection:
        frame: pd.DataFrame = bars(days=320)[["date", "symbol", "close"]]
        frame.assign(date=frame["date"].astype(str)).to_sql("bars", connection, index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_FILE", str(path))
    monkeypatch.setenv("MY_WORD", "correct horse battery")
    return path


def test_a_run_that_succeeds(database: Path) -> None:
    url = "source.url='sqlite:///${oc.env:MY_FILE}'"
    assert main(["run", *CORE, url, QUERY, "portfolio.quantile=0.3", "hydra.run.dir=run"]) == 0
    text = written(Path("run"))
    assert "correct horse" not in text
    assert "hunter2" not in text
    assert "${oc.env:MY_WORD}" in (Path("run") / "manifest.json").read_text("utf-8")
    assert (Path("run") / ".hydra" / "config.yaml").is_file()


@pytest.mark.parametrize("many", [False, True])
def test_a_run_that_fails(database: Path, many: bool) -> None:
    """The URL's password and parameters stand in no log, no marker, no multirun.yaml."""
    words = ["source.url='postgresql://joe:pass1word@localhost:1/db?sslkey=abc123'",
             "source.query='select 1'", "hydra.run.dir=runs/1", "hydra.sweep.dir=runs"]  # fmt: skip
    assert main(["run", *(["-m", "seed=1,2"] if many else []), *CORE, *words]) == 2
    text = written(Path("runs"))
    assert "joe" in text
    assert "pass1word" not in text
    assert "abc123" not in text


def test_what_is_hidden() -> None:
    hide = Hidden({"correct horse": "${oc.env:W}"}).text
    assert hide("the correct horse runs") == "the ${oc.env:W} runs"
    assert hide("at postgresql://u:p@ss/w@h/db now") == "at postgresql://u:***@h/db now"
    assert hide(r"postgresql\://u\:pw@h/db") == r"postgresql\://u\:***@h/db"
    assert hide("https://h/x?a=1&b=2#c") == "https://h/x?a=***&b=***#c"
    assert hide("source.password=abc rest") == "source.password=*** rest"
    assert hide("select close from bars where x = 1") == "select close from bars where x = 1"
    assert Hidden().everywhere({"api_key": "abc", "key": "abc"}) == {"api_key": "***", "key": "abc"}


def test_names_and_numbers_from_the_environment_are_no_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The report looks for columns by the model's name: it has to stand in the manifest."""
    monkeypatch.setenv("MY_MODEL", "random_forest")
    monkeypatch.setenv("MY_SEED", "1234567")
    monkeypatch.setenv("MY_PATH", "/data/prices")
    config = OmegaConf.create(
        {
            "model": {"name": "${oc.env:MY_MODEL}"},
            "seed": "${oc.env:MY_SEED}",
            "path": "${oc.env:MY_PATH}/bars.csv",
            "also": "${path}",
        }
    )
    assert find_secrets(config).config(config) == {
        "model": {"name": "random_forest"},
        "seed": "1234567",
        "path": "${oc.env:MY_PATH}/bars.csv",
        "also": "${path}",
    }


def test_an_audit(database: Path) -> None:
    """What was typed stands in its page and its file, and what it says is of the data."""
    query = QUERY.replace("<> ''", "<> 'token=open71sesame'")
    words = ["source.url='sqlite:///${oc.env:MY_FILE}'", query, "portfolio.quantile=0.3"]
    assert main(["audit", *CORE, *words, "hydra.run.dir=run"]) == 0
    text = written(Path("run"))
    assert "engine audit" in text
    assert "token=***" in text
    for secret in ("open71sesame", "hunter2", "correct horse"):
        assert secret not in text


def test_a_run_that_audits_itself(database: Path) -> None:
    words = ["source.url='sqlite:///${oc.env:MY_FILE}'", QUERY, "portfolio.quantile=0.3"]
    assert main(["run", *CORE, *words, "audit=quick", "report=none", "hydra.run.dir=run"]) == 0
    assert (Path("run") / "audit.json").is_file()
    text = written(Path("run"))
    for secret in ("hunter2", "correct horse"):
        assert secret not in text
