"""The data block: from bars to data.json, and from there to a sentence and a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.bars.handed import Handed
from engine.config.compose import compose_config
from engine.core.errors import ConfigError
from engine.pipeline.folder import RunFolder
from engine.pipeline.reuse import NoPieces
from engine.pipeline.settings import read
from engine.pipeline.stages import STAGES
from engine.plugin.registry import installed
from engine.report import data
from engine.storage import Artifacts, Data, Finding

WORDS = ["+bundle=us_large_core_ml", "universe=all"]
DAYS = pd.bdate_range("2016-01-04", periods=800, tz="UTC")


def market(symbols: int = 12) -> pd.DataFrame:
    noise = np.random.default_rng(0).normal(0.0, 0.01, (len(DAYS), symbols))
    close = 50.0 * np.exp(np.cumsum(noise, axis=0)).ravel()
    names = [f"S{i:02}" for i in range(symbols)]
    return pd.DataFrame(
        {
            "timestamp": DAYS.repeat(symbols),
            "symbol": names * len(DAYS),
            "low": close,
            "close": close,
            "volume": 1e6,
        }
    )


def made(frame: pd.DataFrame, path: Path, *words: str) -> dict[str, Any]:
    """The data.json of a run's first stage."""
    settings = read(compose_config([*WORDS, *words]), installed())
    object.__setattr__(settings, "source", Handed(frame=frame))
    folder = RunFolder(path)
    folder.open()
    made: dict[str, Any] = {}
    for stage in STAGES[:3]:
        made[stage.name] = stage.run(settings, made, NoPieces())
        for artifact in stage.leave(settings, made, made[stage.name]):
            folder.leave(stage, artifact)
    content: dict[str, Any] = json.loads((path / "data.json").read_text("utf-8"))
    return content


def test_data_json_says_what_was_found_and_what_was_done(tmp_path: Path) -> None:
    frame = market()
    frame.loc[5000, ["low", "volume"]] = 1e-4, -1.0
    frame.loc[6000, "low"] = 1e3
    frame = frame[(frame["symbol"] != "S03") | (frame["timestamp"] < DAYS[700])]
    content = made(frame, tmp_path, "bars.nonpositive=mask", "bars.absurd=mask")
    assert (content["rows"], content["bars"], content["symbols"]) == (
        len(frame),
        len(frame) - 1,
        12,
    )
    assert (content["coverage"], content["delistings"], content["late_listings"]) == (1.0, 1, 0)
    found = {item["name"]: item for item in content["findings"]}
    assert list(found) == ["absurd", "nonpositive", "ohlc", "delisting"]
    done = {name: (item["action"], item["count"], item["rows"]) for name, item in found.items()}
    assert done == {
        "absurd": ("mask", 1, 1),
        "nonpositive": ("mask", 1, 1),
        "ohlc": ("drop", 1, 1),
        "delisting": ("", 1, 0),
    }
    assert found["absurd"]["key"] == "bars.absurd"
    assert found["absurd"]["examples"][0]["date"] == f"{frame['timestamp'][5000]:%Y-%m-%d}"


def test_clean_data_are_called_clean_and_survivors_suspected(tmp_path: Path) -> None:
    made(market(), tmp_path)
    content = Artifacts(tmp_path).data
    assert data.words(content) == (
        "The data look clean: 12 symbols, with bars on 100.00% of their days. No symbol ever "
        "ends: survivors, chosen with hindsight, would flatter every result."
    )
    assert [row[0] for row in data.table(content)["rows"]] == ["survivorship"]


def test_what_deserves_a_look_is_named_with_its_key_and_three_worst(tmp_path: Path) -> None:
    frame = market()
    frame.loc[[1000, 2000, 3000, 4000], "low"] = [60.0, 70.0, 80.0, 90.0]
    made(frame.iloc[:7000], tmp_path, "universe.calendar=XNYS")
    content = Artifacts(tmp_path).data
    assert data.words(content).startswith(
        "The data have 2 kinds of findings that deserve a look (off_calendar, ohlc): 12 symbols, "
        "with bars on 100.00% of the sessions of XNYS"
    )
    row = next(row for row in data.table(content)["rows"] if row[0] == "ohlc")
    assert (row[2], row[4], row[6]) == ("4", "dropped", "bars.ohlc")
    assert row[7].count("\n") == 2
    assert row[7].startswith(f"{frame['timestamp'][4000]:%Y-%m-%d} {frame['symbol'][4000]} low=90")


@pytest.mark.parametrize(
    ("rows", "action", "text"), [(5, "drop", "dropped"), (3, "mask", "masked 3"), (0, "", "–")]
)
def test_rows_that_an_earlier_check_took_are_not_counted_as_done(
    rows: int, action: str, text: str
) -> None:
    finding = Finding("ohlc", 5, 0.1, "warning", "", (), "bars.ohlc", action, rows)
    record = Data(9, 1, 9, "", "", 1.0, "", (finding,), 9, 0, 0, 0, ())
    (row,) = data.table(record)["rows"]
    assert row[4] == text


def test_a_threshold_is_a_setting_and_a_misspelt_one_is_named(tmp_path: Path) -> None:
    frame = market()
    frame.loc[(frame["symbol"] == "S03") & (frame["timestamp"] >= DAYS[100]), "close"] *= 1.3
    frame = frame.drop(columns="low")
    names = {f["name"] for f in made(frame, tmp_path / "usual")["findings"]}
    assert "jump" in names
    names = {f["name"] for f in made(frame, tmp_path / "looser", "check.jump=0.5")["findings"]}
    assert "jump" not in names
    with pytest.raises(ConfigError, match=r"check.sigma: no such key; did you mean 'sigmas'"):
        compose_config([*WORDS, "check.sigma=8"])
    with pytest.raises(ConfigError, match=r"check.sigmas=1.0: choose 3 or more"):
        read(compose_config([*WORDS, "check.sigmas=1"]), installed())
