"""Bars below a day: annualised rightly, decided per session, and what counts rows says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
from engine.bars.handed import Handed
from engine.bars.inspect.inspection import inspect
from engine.bars.layout import build
from engine.cli.prompt import main
from engine.core.periods import spell
from engine.core.universe import Universe

ROWS = 13  # half hours of New York's session


def half_hours(days: int = 60, symbols: int = 8) -> pd.DataFrame:
    random = np.random.default_rng(2)
    sessions = [
        day for day in pd.bdate_range("2023-02-01", periods=days) if f"{day:%m%d}" != "0220"
    ]
    opens = pd.Timedelta(hours=14, minutes=30)
    stamps = pd.DatetimeIndex(
        np.concatenate([pd.date_range(day + opens, periods=ROWS, freq="30min") for day in sessions])
    )
    shape = (len(stamps), symbols)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.004, shape), axis=0))
    return pd.DataFrame(
        {
            "timestamp": np.repeat(stamps, symbols),
            "symbol": np.tile([f"S{i}" for i in range(symbols)], len(stamps)),
            "close": close.ravel(),
            "volume": 1e7,
        }
    )


WORDS = [
    *("+bundle=ai_tech_core", "universe=all", "factors=core_price_only", "report=none"),
    "+factors.mine='-(close / delay(close, 1) - 1)'",
    "bundle.factors=[{name: mine, weight: 1.0}]",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> engine.Report:
    path = tmp_path_factory.mktemp("half") / "run"
    words = [*WORDS, "portfolio.rebalance=daily", "universe.calendar=XNYS"]
    return engine.run(words, path=path, bars=half_hours())


def test_decisions_annualise_by_bars_a_day_times_days_a_year() -> None:
    panel, _ = build(Handed(frame=half_hours()).load(Universe()), Universe())
    assert panel.periods_per_year == 252 * ROWS


def test_one_line_names_what_counts_rows(report: engine.Report) -> None:
    (line,) = [w for w in report.manifest["warnings"] if "below a day" in w]
    assert line.startswith("bars below a day, 13 a session: these count rows, not days: ")
    for part in ("label.horizon=20", "regime.window=20", "delisting.after=5"):
        assert part in line
    assert "validation" not in line  # no model is trained


def test_daily_decisions_are_one_a_session(report: engine.Report) -> None:
    """Decided on the first bar with a score, and filled at the next."""
    orders = pd.read_parquet(report.path / "orders.parquet")
    stamps = pd.DatetimeIndex(orders["timestamp"].unique())
    assert len(stamps) == 58  # of 60 weekdays two are holidays
    assert stamps.normalize().is_unique
    assert stamps[0] == pd.Timestamp("2023-02-01 15:30", tz="UTC")
    assert set(stamps[1:].strftime("%H:%M")) == {"15:00"}


def test_the_data_say_that_their_bars_are_below_a_day() -> None:
    found = inspect(Handed(frame=half_hours()).load(Universe()), Universe())
    (finding,) = [f for f in found if f.name == "intraday"]
    assert (finding.count, finding.severity) == (ROWS, "info")
    daily = half_hours().groupby(["symbol", half_hours()["timestamp"].dt.normalize()]).last()
    daily = daily.rename_axis(["symbol", "day"]).reset_index().drop(columns="timestamp")
    daily = daily.rename(columns={"day": "timestamp"})
    assert not [
        f for f in inspect(Handed(frame=daily).load(Universe()), Universe()) if f.name == "intraday"
    ]


def test_the_summary_counts_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    half_hours().to_parquet("bars.parquet")
    words = [*WORDS, "source=parquet", "source.path=bars.parquet", "hydra.run.dir=run"]
    assert main(["run", *words]) == 0
    assert "rank IC, 20 rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "rate", "words"),
    [(20, 252.0, "20 days"), (1, 252.0, "1 day"), (20, 3276.0, "20 rows"), (1, 3276.0, "1 row"),
     (20, None, "20 days"), (5, 365.0, "5 days")],
)  # fmt: skip
def test_rows_are_days_where_a_day_has_one(rows: int, rate: float | None, words: str) -> None:
    assert spell(rows, rate) == words


def test_an_evening_belongs_to_the_next_days_session() -> None:
    """Chicago's futures open on Sunday evening; New York's shares do not trade then."""
    stamps = ["2023-02-05T23:30:00Z", "2023-02-06T15:00:00Z", "2023-02-06T23:30:00Z"]
    frame = pd.DataFrame({"date": stamps, "symbol": "ES", "close": 1.0})
    for calendar, left in (("CMES", 3), ("XNYS", 2)):
        universe = Universe(calendar=calendar)
        panel, findings = build(Handed(frame=frame).load(universe), universe)
        assert len(panel.dates) == left, calendar
        assert findings.counts["off_calendar"] == 3 - left
