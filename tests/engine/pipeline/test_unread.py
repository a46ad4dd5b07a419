"""What a run was given and nothing read is told; what was read is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine

WORDS = ["+bundle=ai_tech_core", "universe=all", "report=none", "portfolio.quantile=0.4",
         "costs=free", "decision.seasoning=0",
]  # fmt: skip
MOM = '+factors.mom="delta(close, 2)"'
BUNDLE = "bundle.factors=[{name: mom, weight: 1.0, direction: positive}]"
DAYS = pd.bdate_range("2021-01-04", periods=60)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars as downloads have them: as traded, with adjusted closes, actions and a figure."""
    rng, rows = np.random.default_rng(5), []
    for symbol in "ABCDE":
        close = 20.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(DAYS))))
        frame = pd.DataFrame({"Date": DAYS, "Symbol": symbol, "Open": close, "High": close,
                              "Low": close, "Close": close, "Adj Close": close * 0.9,
                              "Volume": 1e6, "Dividends": 0.0, "eps": 1.5})  # fmt: skip
        rows.append(frame)
    path = tmp_path_factory.mktemp("bars") / "bars.csv"
    pd.concat(rows).to_csv(path, index=False)
    return path


@pytest.fixture
def vix(tmp_path: Path) -> Path:
    path = tmp_path / "vix.csv"
    level = 15.0 + 8.0 * np.sin(np.arange(len(DAYS)))
    pd.DataFrame({"date": DAYS, "close": level}).to_csv(path, index=False)
    return path


def told(caplog: pytest.LogCaptureFixture, tmp_path: Path, *words: str) -> list[str]:
    """The warnings of a run about what nothing read."""
    caplog.clear()
    engine.run([*WORDS, *words], path=tmp_path / "run")
    return [r.getMessage() for r in caplog.records if r.name == "engine.pipeline.run"]


def test_columns_that_would_adjust_are_told_until_they_do(file, tmp_path, caplog):
    source = ["source=csv", f"source.path={file}", MOM, BUNDLE]
    lines = told(caplog, tmp_path, *source)
    assert len(lines) == 2
    assert "the bars have Adj Close, which nothing reads: prices count as they are" in lines[0]
    assert lines[0].endswith("type source.adjust='Adj Close'")
    assert "the bars have Dividends, which nothing reads" in lines[1]
    assert told(caplog, tmp_path, *source, "source.adjust='Adj Close'") == []


def test_what_a_formula_reads_is_not_told(file, tmp_path, caplog):
    mine = '+factors.mine="dividends + close"'
    words = ["source=csv", f"source.path={file}", mine, BUNDLE.replace("name: mom", "name: mine")]
    lines = [line for line in told(caplog, tmp_path, *words) if "the bars have" in line]
    assert len(lines) == 1
    assert "Adj Close" in lines[0]


def test_the_close_as_it_was_is_kept_and_figures_per_share_belong_beside_it(file, tmp_path, caplog):
    words = ["source=csv", f"source.path={file}", "source.adjust='Adj Close'"]
    bundle = BUNDLE.replace("name: mom", "name: ep")
    lines = told(caplog, tmp_path, *words, '+factors.ep="eps / close"', bundle)
    assert lines == [
        "factors.ep: eps is of one share as it was, and close is adjusted for what came later: "
        "write raw_close"
    ]
    assert told(caplog, tmp_path, *words, '+factors.ep="eps / raw_close"', bundle) == []
    bars = pd.read_parquet(tmp_path / "run" / "bars.parquet")
    np.testing.assert_allclose(bars["close"], 0.9 * bars["raw_close"])


def test_a_series_that_the_regime_does_not_observe_is_told(file, vix, tmp_path, caplog):
    market = f"+source.market.vix={{path: {vix}, column: close}}"
    words = ["source=csv", f"source.path={file}", "source.adjust='Adj Close'", MOM, BUNDLE, market]
    assert told(caplog, tmp_path, *words) == []  # the thresholds do
    lines = told(caplog, tmp_path, *words, "regime=hmm")
    assert lines == [
        "source.market.vix: nothing reads it, for regime=hmm does not observe it: take it out, or "
        "try regime.series=[vix]"
    ]


def test_a_factor_that_was_added_and_nobody_uses_is_told(file, tmp_path, caplog):
    words = ["source=csv", f"source.path={file}", "source.adjust='Adj Close'", MOM, BUNDLE]
    lines = told(caplog, tmp_path, *words, '+factors.mine="rank(close)"')
    assert lines == [
        "factors.mine: nothing uses it: name it in bundle.factors, or choose a bundle with a model"
    ]
    used = '+factors.mine="rank(close)"', '+factors.more="mine - 1"'
    lines = told(caplog, tmp_path, *words, *used)
    assert [line.split(":")[0] for line in lines] == ["factors.more"]
