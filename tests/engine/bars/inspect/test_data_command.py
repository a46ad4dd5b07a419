"""``engine data check``: words in, text and exit code out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from builders import CONF, check_data
from omegaconf import OmegaConf

from engine.bars.inspect.finding import Thresholds
from engine.cli.prompt import main
from engine.core.errors import ConfigError, DataError, EngineError

SMALL = ["source=simulated", "source.n_days=300", "source.n_symbols=12", "source.splits=0"]


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    path = tmp_path / "it's a=b.csv"  # what a shell would hand over, and Hydra must not read
    days = pd.bdate_range("2021-03-01", periods=8)
    close = [10.0, 10.1, 10.2, -1.0, 10.3, 10.2, 10.1, 10.0]
    pd.DataFrame({"date": days, "symbol": "A", "close": close}).to_csv(path, index=False)
    return path


def test_a_simulated_market_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_data(SMALL) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "bars of source=simulated, universe=all"
    assert "12 symbols, 2014-01-02 to" in lines[1]
    assert not any(line.startswith(("error", "warning")) for line in lines)


def test_splits_that_are_left_in_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The simulated market knows its splits; each is found once, and nothing else is."""
    words = ["source=simulated", "source.n_days=300", "source.n_symbols=60", "source.splits=1"]
    assert check_data([*words, "source.adjusted=false"]) == 0
    found = [
        line.split()[1:3] for line in capsys.readouterr().out.splitlines() if "warning" in line
    ]
    assert check_data([*words, "source.adjusted=true"]) == 0
    assert "missed_split" not in capsys.readouterr().out
    assert found[0][0] == "missed_split"
    assert int(found[0][1]) >= 40


def test_an_error_exits_with_1_and_names_the_key(
    dirty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_data([str(dirty)]) == 1
    text = capsys.readouterr().out
    assert "[bars.nonpositive=raise|drop|mask|keep]" in text
    assert "2021-03-04 A close=-1" in text
    assert text.splitlines()[-1].startswith("1 error")


def test_the_key_decides(dirty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_data([str(dirty), "bars.nonpositive=drop"]) == 0
    assert "warning nonpositive" in capsys.readouterr().out


def test_json_holds_what_the_text_says(dirty: Path, tmp_path: Path) -> None:
    file = tmp_path / "findings.json"
    assert check_data([str(dirty), "--json", str(file)]) == 1
    content = json.loads(file.read_text("utf-8"))
    assert (content["rows"], content["symbols"], content["start"]) == (8, 1, "2021-03-01")
    (finding,) = [f for f in content["findings"] if f["name"] == "nonpositive"]
    assert finding["examples"] == [
        {"date": "2021-03-04", "symbol": "A", "value": 2.0, "note": "close=-1"}
    ]


def test_json_has_no_nan(dirty: Path, tmp_path: Path) -> None:
    nothing, file = tmp_path / "nothing.csv", tmp_path / "findings.json"
    pd.read_csv(dirty).assign(close=None).to_csv(nothing, index=False)
    assert check_data([str(nothing), f"--json={file}"]) == 1
    assert json.loads(file.read_text("utf-8"))["coverage"] is None


def test_a_table_is_asked_about_its_dates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "reports.parquet"
    frame = pd.DataFrame({"symbol": ["A"], "end": ["2020-03-31"], "filed": ["2020-03-01"]})
    frame.to_parquet(path)
    assert check_data([str(path), "--known", "filed", "--period", "end"]) == 1
    assert "known_before_period" in capsys.readouterr().out
    assert check_data([str(path), "--known", "end", "--period", "filed"]) == 0
    assert capsys.readouterr().out.endswith("nothing is odd\n")


def test_a_table_is_read_with_the_options_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "reports.csv"
    path.write_text("symbol;end;filed\nA;31/03/2020;01/03/2020\nB;31/03/2020;\n")
    words = [str(path), "--known", "filed", "--period", "end", "source.date_format=%d/%m/%Y"]
    assert check_data([*words, "source.separator=';'"]) == 1
    out = capsys.readouterr().out
    assert "2020-03-31 A filed 2020-03-01, end 2020-03-31" in out
    assert "known_missing" in out


def test_a_table_that_is_no_bars_is_looked_over_and_says_what_to_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "reports.tsv"
    row = {"symbol": "A", "end": "2020-03-31", "filed": "2020-04-20", "n": 1.0}
    pd.DataFrame([row, row, {**row, "n": None}]).to_csv(path, index=False, sep="\t")
    assert check_data([str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: 3 rows, 4 columns, none of them 'close': no bars"
    assert [line.split()[:3] for line in lines[2:6:2]] == [
        ["warning", "same_row", "1"],
        ["info", "empty_cells", "1"],
    ]
    assert lines[3].split() == ["A", "row", "2"]
    assert lines[5].split() == ["n", "33.3%", "empty"]
    assert lines[-1].startswith("its dates are end, filed: ask --known filed --period end")


def test_bars_under_other_names_are_read_when_they_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "quotes.csv"
    frame = pd.DataFrame({"symbol": ["A", "A"], "date": ["2020-03-30", "2020-03-31"], "px": [1, 2]})
    frame.to_csv(path, index=False)
    assert check_data([str(path)]) == 0
    assert "no bars" in capsys.readouterr().out
    assert check_data([str(path), "+source.columns.close=px"]) == 0
    assert "2 rows, 1 symbols" in capsys.readouterr().out


def test_one_symbol_without_a_column_for_it_is_named(
    dirty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vix.parquet"
    pd.read_csv(dirty).drop(columns="symbol").to_parquet(path)
    with pytest.raises(DataError, match=r"no column 'symbol'.*source.symbol="):
        check_data([str(path)])
    assert check_data([str(path), "--symbol", "VIX"]) == 1
    assert "2021-03-04 VIX close=-1" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="--symbol names the one symbol of a file"):
        check_data(["source=simulated", "--symbol", "VIX"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--knwn", "x"], "data check --knwn: no such switch; did you mean '--known'?"),
        (["x.csv", "--known"], "--known needs a value: type --known COLUMN"),
        (["x.csv", "y.csv"], "name one file at a time"),
        (["x.txt"], "no known kind of file"),
        (["x.csv", "--known", "a", "--period", "b"], "x.csv: there is no such file"),
        (["x.parquet"], "there is no file"),
        (["--known", "a", "--period", "b"], "ask about a file"),
        (["source=simulatd"], "did you mean 'simulated'"),
        (["source=simulated", "source.n_dayz=3"], "source.n_dayz: no such key"),
        (["source=simulated", "source.seed=${nothing}"], "nothing"),
    ],
)
def test_mistakes_end_in_one_line(words: list[str], message: str) -> None:
    with pytest.raises(EngineError) as caught:
        check_data(words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_a_question_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": ["2020-01-01"], "b": [1]}).to_csv(path, index=False)
    with pytest.raises(ConfigError, match="--zone is missing: it belongs to --stamp"):
        check_data([str(path), "--stamp", "a", "--date", "a"])


def test_help_and_unknown_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_data([]) == check_data(["--help"]) == 0
    assert capsys.readouterr().out.startswith("engine data check: what is odd about data")
    with pytest.raises(ConfigError, match="data chek: no such command; did you mean 'check'"):
        main(["data", "chek", "--debug"])


def test_thresholds_are_settings(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["source=simulated", "source.n_days=300", "source.n_symbols=40", "source.late=0.5"]
    assert check_data([*words, "check.edge=300"]) == 0
    assert "late_listing" not in capsys.readouterr().out
    assert check_data(words) == 0
    assert "late_listing" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"check.edges: no such key; did you mean 'edge'"):
        check_data([*words, "check.edges=3"])


def test_the_file_of_thresholds_shows_every_one_with_its_default() -> None:
    """What is written in conf/check/default.yaml is what the class says."""
    file = CONF / "check" / "default.yaml"
    assert dict(OmegaConf.load(file)) == asdict(Thresholds())
