"""Leaks that lie in the data: found where a column says what was known when, else not known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import Shared

from engine.__main__ import COMMANDS
from engine.cli import main

WORDS = [
    "+bundle=ai_tech_core", "universe=all", "source=parquet", "report=none", "store=none",
    "backtest.engine=fast", "~factors", "--dates=2020-12-31",
]  # fmt: skip
BY_X = "bundle.factors=[{name: x, weight: 1.0, direction: positive}]"
RETURNS = ["+factors={x: returns}", BY_X]


def bars(**columns: Any) -> pd.DataFrame:
    """Six names on 300 weekdays from 2020-01-01 on."""
    days, names = pd.bdate_range("2020-01-01", periods=300), list("ABCDEF")
    steps = np.random.default_rng(5).normal(0.0, 0.01, (300, 6))
    close = 50.0 * np.exp(steps.cumsum(axis=0))
    frame = pd.DataFrame(
        {"date": np.repeat(days, 6), "symbol": np.tile(names, 300), "close": close.ravel()}
    )
    return frame.assign(**columns)


def audit(folder: Path, frame: pd.DataFrame, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code and, by part, verdict and reason; and what is said of all, by ""."""
    frame.to_parquet(folder / "bars.parquet")
    where = [f"source.path={folder / 'bars.parquet'}", f"hydra.run.dir={folder / 'audit'}"]
    code = main(["audit", *WORDS, *where, *words], COMMANDS)
    found = json.loads((folder / "audit" / "audit.json").read_text())
    rows = {f"{r['stage']}.{r['name']}": (r["verdict"], r["why"]) for r in found["verdicts"]}
    return code, {**rows, "": found["said"]}


def check(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["data", "check", *words], COMMANDS)
    return code, capsys.readouterr().out


def test_of_a_universe_of_survivors_it_cannot_be_known(tmp_path: Path) -> None:
    code, found = audit(tmp_path, bars(), *RETURNS)
    assert code == 0
    assert found["source.members"] == (
        "cannot be known",
        "all 6 names are there at the end, and none leaves: whether they were chosen by who "
        "survived",
    )
    assert found[""].endswith("; what cannot be known: source.values, source.members")


def test_a_universe_with_exits_says_how_many_leave(tmp_path: Path) -> None:
    frame = bars()
    gone = frame["symbol"].isin(["B", "E"]) & (frame["date"] > "2020-09-30")
    code, found = audit(tmp_path, frame[~gone], *RETURNS)
    assert code == 0
    assert found["source.members"] == (
        "not checked",
        "2 of 6 names end or leave; whether all that did are there is for the source to say",
    )


def test_of_figures_among_the_bars_it_cannot_be_known(tmp_path: Path) -> None:
    frame = bars()
    quarter = frame["date"].dt.to_period("Q").dt.end_time.dt.normalize()
    sales = frame["symbol"].map(ord) + quarter.dt.month  # as of the quarter's own last day
    code, found = audit(tmp_path, frame.assign(sales=sales), "+factors={x: sales}", BY_X)
    assert code == 0
    assert found["source.values"] == (
        "cannot be known",
        "sales: no column known_at says when each was known; dates alone do not",
    )


def test_of_a_factor_from_a_file_it_cannot_be_known(tmp_path: Path) -> None:
    frame = bars()
    later = frame.assign(timestamp=frame["date"], signal=frame.groupby("symbol")["close"].shift(-1))
    file = tmp_path / "signal.parquet"
    later[["timestamp", "symbol", "signal"]].dropna().to_parquet(file)
    words = [f"+factors={{x: {{name: file, path: '{file}', column: signal}}}}", BY_X]
    code, found = audit(tmp_path, frame, *words)
    assert code == 0
    verdict, why = found["factors.x"]
    assert verdict == "cannot be known"
    assert why.startswith(f"{file} is not cut with the rows, and its dates alone do not say")
    assert "what cannot be known: source.values, source.members, factors.x" in found[""]


REPORTS = pd.DataFrame(
    {
        "symbol": ["A", "A", "B"],
        "end": ["2020-03-31", "2020-06-30", "2020-03-31"],
        "filed": ["2020-05-07", "2020-08-06", "2020-04-30"],
        "sales": [3.0, 4.0, 5.0],
    }
)
KNOWN = ["--known", "filed", "--period", "end"]


def test_figures_by_the_day_they_were_filed_are_clean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    REPORTS.to_csv(tmp_path / "reports.csv", index=False)
    assert check(capsys, str(tmp_path / "reports.csv"), *KNOWN)[0] == 0


@pytest.mark.parametrize(
    ("filed", "name", "example"),
    [
        ("2020-03-30", "known_before_period", "filed 2020-03-30, end 2020-03-31"),
        (None, "known_at_period_end", "filed and end are 2020-03-31"),
    ],
)
def test_figures_by_the_end_of_their_period_are_found(
    filed: str | None, name: str, example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = REPORTS.assign(filed=REPORTS["end"])
    if filed is not None:
        frame = REPORTS.assign(filed=[*REPORTS["filed"][:2], filed])
    frame.to_csv(tmp_path / "reports.csv", index=False)
    code, said = check(capsys, str(tmp_path / "reports.csv"), *KNOWN)
    assert code == 1
    assert name in said
    assert example in said


def test_a_join_that_does_not_say_what_was_known_when_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bars().to_parquet(tmp_path / "bars.parquet")
    REPORTS.to_csv(tmp_path / "reports.csv", index=False)
    words = ["audit", *WORDS, *RETURNS, "source=merge", f"hydra.run.dir={tmp_path / 'audit'}"]
    words.append(f"source.bars.path={tmp_path / 'bars.parquet'}")
    file = tmp_path / "reports.csv"
    assert main([*words, f"+source.joins.r={{path: '{file}'}}"], COMMANDS) == 2
    assert "source.joins.r.known is not set" in capsys.readouterr().err
    assert main([*words, f"+source.joins.r={{path: '{file}', known: filed, lag: -1}}"],
                COMMANDS) == 2  # fmt: skip
    assert "source.joins.r.lag=-1 looks ahead" in capsys.readouterr().err


TWEETS = pd.DataFrame(
    {
        "symbol": ["A", "B"],
        "date": ["2014-01-02", "2014-01-02"],
        "last": ["2014-01-02T18:00:00Z", "2014-01-03T14:00:00Z"],  # B: 9 in the morning after
        "n": [8, 33],
    }
)
CLOCK = ["--stamp", "last", "--date", "date", "--zone", "America/New_York"]


def test_tweets_on_the_date_of_another_clock_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    TWEETS.to_csv(tmp_path / "tweets.csv", index=False)
    code, said = check(capsys, str(tmp_path / "tweets.csv"), *CLOCK)
    assert code == 1
    assert "later_than_date" in said
    assert "last 2014-01-03 14:00 UTC is 2014-01-03 in America/New_York" in said
    evening = TWEETS.assign(last="2014-01-02T22:46:00Z")  # 17:46 of the same day
    evening.to_csv(tmp_path / "tweets.csv", index=False)
    code, said = check(capsys, str(tmp_path / "tweets.csv"), *CLOCK)
    assert (code, "late_on_date" in said) == (0, True)
    code, said = check(capsys, str(tmp_path / "tweets.csv"), *CLOCK, "--close=16:00")
    assert code == 1
    assert "UTC is 2014-01-03 in America/New_York, after 16:00 on 2014-01-02" in said
    TWEETS[:1].to_csv(tmp_path / "tweets.csv", index=False)
    assert check(capsys, str(tmp_path / "tweets.csv"), *CLOCK, "--close=16:00")[0] == 0


def test_real_reports_that_were_known_before_their_period_ended(
    shared: Shared, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(shared("data/pystock_reports_pit_dedup.parquet"))
    code, said = check(capsys, file, "--known", "filed_asof", "--period", "end_date")
    assert code == 1
    assert "known_before_period" in said
    assert "known_at_period_end" not in said
    code, said = check(capsys, file, "--known", "end_date", "--period", "end_date")
    assert code == 1
    assert "known_at_period_end" in said


def test_real_tweets_joined_on_the_file_s_date(
    shared: Shared, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(shared("data/stocknet_tweet_counts_2014_2015.parquet"))
    words = ["--stamp", "last_created_utc", "--date", "date", "--zone", "America/New_York"]
    code, said = check(capsys, file, *words, "--close=16:00")
    assert code == 1
    assert re.search(r"later_than_date +5750 +22.36%", said)


def test_real_survivors(shared: Shared, tmp_path: Path) -> None:
    file = shared("data/us_liquid200_2014_2020.parquet")
    words = [*WORDS[:-1], f"source.path={file}", "source.end=2014-12-31", *RETURNS]
    words += ["--dates=2014-11-28", f"hydra.run.dir={tmp_path / 'audit'}"]
    assert main(["audit", *words], COMMANDS) == 0
    rows = json.loads((tmp_path / "audit" / "audit.json").read_text())["verdicts"]
    (members,) = (row for row in rows if row["name"] == "members")
    assert members["verdict"] == "cannot be known"
    assert members["why"].startswith("all 200 names are there at the end")
