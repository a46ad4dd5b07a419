"""No look-ahead, of the whole pipeline: what a run decides by a date is the same, bit for bit,
whether the data end there, go on, or go on quite differently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine

DAYS, CUT, SYMBOLS = 560, 500, 12
WORDS = [
    "+bundle=ai_tech_core_ml",
    "universe=all",
    "source=parquet",
    "report=none",
    "validation.min_train=300",
    "validation.retrain_every=40",  # a number of splits would depend on the sample's length
    "portfolio.rebalance=weekly",
    "label.horizon=5",
]


def market() -> pd.DataFrame:
    """Random bars with late listings, suspensions and gaps in the volume."""
    random = np.random.default_rng(11)
    close = 40 * np.exp(np.cumsum(random.normal(0, 0.015, (DAYS, SYMBOLS)), axis=0))
    frame = pd.DataFrame(
        {
            "date": np.repeat(pd.bdate_range("2016-01-04", periods=DAYS), SYMBOLS),
            "symbol": np.tile([f"S{i:02d}" for i in range(SYMBOLS)], DAYS),
            "close": close.ravel(),
            "volume": random.lognormal(14, 0.5, DAYS * SYMBOLS),
        }
    )
    frame["open"] = frame["close"] * random.uniform(0.99, 1.01, len(frame))
    frame["high"] = frame[["open", "close"]].max(axis=1) * 1.005
    frame["low"] = frame[["open", "close"]].min(axis=1) * 0.995
    row = np.repeat(np.arange(DAYS), SYMBOLS)
    late = (frame["symbol"] == "S03") & (row < 120)
    suspended = (frame["symbol"] == "S07") & (row > 380) & (row < 390)
    frame.loc[random.random(len(frame)) < 0.01, "volume"] = np.nan
    return frame[~late & ~suspended]


def decide(frame: pd.DataFrame, folder: Path, regime: str) -> engine.Report:
    folder.mkdir()
    frame.to_parquet(folder / "bars.parquet")
    words = [*WORDS, f"source.path={folder / 'bars.parquet'}", f"regime={regime}"]
    return engine.run(words, path=folder / "run")


@pytest.mark.parametrize("regime", ["threshold", "hmm"])
def test_what_is_decided_does_not_depend_on_what_comes_after(tmp_path: Path, regime: str) -> None:
    frame = market()
    last = frame["date"].unique()[CUT - 1]
    other = frame.copy()
    after = other["date"] > last
    prices = ["open", "high", "low", "close"]
    other.loc[after, prices] = other.loc[after, prices] * 3.0
    other.loc[after, "volume"] = 1.0
    whole = decide(frame, tmp_path / "whole", regime)
    assert whole.table("weights")["weight"].notna().sum() > 100
    for name, changed in {"cut": frame[~after], "perturbed": other}.items():
        run = decide(changed, tmp_path / name, regime)
        for stage in ("factors", "regimes", "signal", "weights"):
            known = [t[t["timestamp"] <= last.tz_localize("UTC")] for t in
                     (run.table(stage), whole.table(stage))]  # fmt: skip
            pd.testing.assert_frame_equal(*known, check_exact=True)
        column = "ml_alpha_ridge_5d"
        forecasts = [r.forecasts.pivot(index="timestamp", columns="symbol", values=column)
                     .iloc[:CUT] for r in (run, whole)]  # fmt: skip
        pd.testing.assert_frame_equal(*forecasts, check_exact=True)


def test_the_order_of_symbols_in_a_file_changes_nothing(tmp_path: Path) -> None:
    frame = market()
    shuffled = frame.sort_values(["symbol", "date"], ascending=[False, True])
    one = decide(frame, tmp_path / "one", "threshold")
    two = decide(shuffled, tmp_path / "two", "threshold")
    for name in ("bars", "factors", "forecasts", "weights", "returns"):
        first, second = (r.path / f"{name}.parquet" for r in (one, two))
        assert first.read_bytes() == second.read_bytes(), name
