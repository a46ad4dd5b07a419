"""The main job, whole: from a command to the files that it leaves."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import Shared, digests, until

import engine
import engine.plugins.models.ridge
from engine.cli.prompt import main
from engine.core.folders import MARKER
from engine.study.ic import newey_west_t, rank_ic

ML = "+bundle=ai_tech_core_ml"
STAGES = ["source", "bars", "data", "factors", "seasoning", "label", "regimes", "forecasts",
          "signal", "ingredients", "knowledge", "account", "metrics"]  # fmt: skip


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> engine.Report:
    return engine.run([ML], path=tmp_path_factory.mktemp("simulated") / "run")


def test_a_run_leaves_a_file_per_stage_and_no_marker(simulated: engine.Report) -> None:
    names = {path.name for path in simulated.path.iterdir()}
    tables = {"bars", "factors", "regimes", "forecasts", "signal"}
    tables |= {"weights", "returns", "holdings", "orders", "delistings"}
    assert {f"{table}.parquet" for table in tables} <= names
    assert {"metrics.json", "manifest.json", "forecasts.json", "report.html"} <= names
    assert MARKER not in names


def test_the_manifest_tells_how_to_run_it_again(simulated: engine.Report) -> None:
    manifest = simulated.manifest
    assert manifest["command"] == "engine run +bundle=ai_tech_core_ml"
    assert manifest["simulated"] is True
    assert manifest["config"]["model"]["name"] == "ridge"
    ridge = next(row for row in manifest["plugins"] if row["name"] == "ridge")
    assert (ridge["kind"], ridge["from"]) == ("model", "alpha-engine 0.1.0")
    code = Path(engine.plugins.models.ridge.__file__).read_bytes()
    assert ridge["sha256"] == hashlib.sha256(code).hexdigest()
    assert [row["stage"] for row in manifest["timings"]][: len(STAGES)] == STAGES


def test_the_report_says_simulated(simulated: engine.Report) -> None:
    assert "SIMULATED" in simulated.summary()
    assert "SIMULATED" in (simulated.path / "report.html").read_text("utf-8")


def test_forecasts_begin_after_the_first_training(simulated: engine.Report) -> None:
    forecasts = simulated.forecasts
    first = forecasts.loc[forecasts["ml_alpha_ridge_20d"].notna(), "timestamp"].min()
    split = simulated.manifest["splits"][0]
    assert str(first.date()) >= split["test_start"] > split["train_stop"]
    traded = simulated.returns.index[simulated.returns["turnover"] > 0]
    assert traded.min() > first


def test_the_benchmark_has_no_head_start(simulated: engine.Report) -> None:
    returns = simulated.returns
    first = int(np.flatnonzero(returns["turnover"] > 0)[0])
    assert (returns["benchmark"].iloc[: first + 1] == 0.0).all()
    assert (returns["benchmark"].iloc[first + 1 :] != 0.0).all()
    growth = float(np.prod(1.0 + returns["benchmark"])) - 1.0
    assert simulated.metrics["performance"]["benchmark"]["total_return"] == pytest.approx(growth)


def test_python_sees_frames(simulated: engine.Report) -> None:
    assert simulated.returns["net"].notna().all()
    assert simulated.weights.shape[1] == simulated.manifest["source"]["symbols"]
    assert {"returns_12m", "rv_20"} <= set(simulated.factors)
    assert set(simulated.regimes) == {"calm", "normal", "turbulent"}


def test_the_forecast_file_keeps_factors_and_label(simulated: engine.Report) -> None:
    names = set(simulated.forecasts)
    assert {"ml_alpha_ridge_20d", "fwd_return_20d", "split", "returns_12m"} <= names


def test_the_forecast_file_serves_as_a_factor(simulated: engine.Report, tmp_path: Path) -> None:
    name, file = "ml_alpha_ridge_20d", simulated.path / "forecasts.parquet"
    again = engine.run(
        [
            ML,
            f"+factors.{name}={{name: file, path: '{file}', column: {name}}}",
            "report=none",
        ],
        path=tmp_path / "again",
    )
    pd.testing.assert_series_equal(again.factors[name], simulated.forecasts[name], check_exact=True)
    assert again.manifest["splits"] == []


def test_the_same_command_gives_the_same_bytes(simulated: engine.Report, tmp_path: Path) -> None:
    again = engine.run([ML, "report=none"], path=tmp_path / "again")
    assert digests(again.path) == digests(simulated.path)


def test_report_none_draws_nothing(tmp_path: Path) -> None:
    report = engine.run(["+bundle=ai_tech_core", "report=none"], path=tmp_path / "run")
    assert not (report.path / "report.html").exists()
    assert report.metrics


@pytest.mark.parametrize(
    "bundle",
    [
        "ai_tech_ml_alpha",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("macro_world_etfs_ml_alpha", "us_large_core_ml")
        ),
    ],
)
def test_every_other_bundle_runs(bundle: str, tmp_path: Path) -> None:
    report = engine.run([f"+bundle={bundle}", "report=none"], path=tmp_path / "run")
    assert report.manifest["splits"]
    assert report.manifest["simulated"] is (bundle != "us_large_core_ml")


def test_the_forecast_is_named_after_model_and_horizon(tmp_path: Path) -> None:
    report = engine.run(
        [ML, "model=linear", "label.horizon=5", "report=none"], path=tmp_path / "run"
    )
    assert "ml_alpha_linear_5d" in report.forecasts
    assert "fwd_return_5d" in report.forecasts


def test_own_prices(shared: Shared, tmp_path: Path) -> None:
    path = shared("data/ai_tech_2014_2022.parquet")
    report = engine.run(
        [ML, "source=parquet", f"source.path={path}", "report=none"], path=tmp_path / "run"
    )
    assert report.manifest["simulated"] is False
    first = report.forecasts.dropna(subset=["ml_alpha_ridge_20d"])["timestamp"].min()
    assert str(first.date()) >= report.manifest["splits"][0]["test_start"]


def planted(report: engine.Report) -> tuple[float, float]:
    """Mean rank IC of the planted factor and its standard error."""
    bars = report.table("bars").pivot(index="timestamp", columns="symbol", values="planted")
    label = report.forecasts.pivot(index="timestamp", columns="symbol", values="fwd_return_20d")
    series = rank_ic(bars.to_numpy(np.float64), label.to_numpy(np.float64))
    test = newey_west_t(series, lags=60)
    return test.mean, test.standard_error


def test_the_planted_premium_is_found(simulated: engine.Report) -> None:
    truth = simulated.manifest["source"]["facts"]["planted"]["rank_ic"]
    mean, error = planted(simulated)
    assert truth > 0
    assert abs(mean - truth) < 2 * error


def test_shuffled_labels_hold_nothing(tmp_path: Path) -> None:
    report = engine.run([ML, "label.shuffle=true", "report=none"], path=tmp_path / "run")
    mean, error = planted(report)
    assert abs(mean) < 2 * error
    ic = report.metrics["forecasts"]["ml_alpha_ridge_20d"]
    assert abs(ic["rank_ic_mean"]) < 2 * ic["rank_ic_se"]


def command(words: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "engine", *words]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_a_sweep_with_joblib_equals_one_without(tmp_path: Path) -> None:
    words = ["run", "-m", "+bundle=ai_tech_core,ai_tech_core_ml", "model=ridge", "report=none",
             "universe=all", "source.n_symbols=30", "source.n_days=1200"]  # fmt: skip
    one = command([*words, "hydra.sweep.dir=one"], tmp_path)
    two = command([*words, "hydra.sweep.dir=two", "hydra/launcher=joblib",
                   "hydra.launcher.n_jobs=2"], tmp_path)  # fmt: skip
    assert one.returncode == two.returncode == 0, one.stderr + two.stderr
    for job in ("0", "1"):
        first, second = (digests(tmp_path / sweep / job) for sweep in ("one", "two"))
        assert len(first) > 5
        assert first == second
    assert list(tmp_path.rglob(".lock")) == []


def test_one_failing_job_does_not_end_a_sweep(tmp_path: Path) -> None:
    words = ["run", "-m", "+bundle=ai_tech_core", "report=none", "hydra.sweep.dir=s",
             "universe=all", "source.n_symbols=12", "source.n_days=320"]  # fmt: skip
    done = command([*words, "bundle.factors.0.weight=0.4,0.3"], tmp_path)
    assert done.returncode == 2
    assert "weights sum to 0.9" in done.stderr
    assert (tmp_path / "s" / "0" / "manifest.json").is_file()
    assert not (tmp_path / "s" / "1" / "manifest.json").exists()


def test_a_sweep_over_a_key_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    words = ["run", "-m", "+bundle=ai_tech_core", "report=none", "hydra.sweep.dir=s"]
    done = command([*words, "portfolio.quantiles=0.1,0.2"], tmp_path)
    assert done.returncode == 2
    said = "portfolio.quantiles: no such key; did you mean 'quantile'?"
    assert done.stderr.startswith(f"engine: {said}")


def test_ctrl_c_leaves_a_marked_folder(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "engine", "run", ML, "hydra.run.dir=run"]
    process = subprocess.Popen(
        words,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # a parent in the background ignores SIGINT, and a child would inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  # one thread
    )
    marker = tmp_path / "run" / MARKER
    until(marker.exists)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130, error
    assert "interrupted" in error
    assert "Traceback" not in error
    assert "KeyboardInterrupt" in marker.read_text()
    assert not (tmp_path / "run" / "report.html").exists()


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "prices.parquet").write_bytes(b"mine")
    with pytest.raises(engine.ConfigError, match="which no run wrote"):
        engine.run(["+bundle=ai_tech_core"], path=tmp_path)
    assert (tmp_path / "prices.parquet").read_bytes() == b"mine"


def test_hydras_own_switches_work(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", ML, "model=xgboost", "--cfg", "job"]) == 0
    assert "ml_alpha_${model.name}_${label.horizon}d" in capfd.readouterr().out
    assert main(["run", ML, "--cfg", "job", "--resolve", "model=xgboost"]) == 0
    assert "ml_alpha_xgboost_20d" in capfd.readouterr().out
    assert main(["run", ML, "--info", "searchpath"]) == 0
    assert "conf" in capfd.readouterr().out


def test_help_is_quick_and_knows_run() -> None:
    done = command(["--help"], Path.cwd())
    assert done.returncode == 0
    assert "engine run +bundle=NAME" in done.stdout


def test_metrics_are_json_with_units(simulated: engine.Report) -> None:
    text = (simulated.path / "metrics.json").read_text()
    assert "NaN" not in text
    assert "units" in json.loads(text)


def test_the_tables_of_a_run_agree_on_dates_without_a_bar(simulated: engine.Report) -> None:
    """What is held through a suspension stands in holdings, and in the sums of returns."""
    held, bars = simulated.table("holdings"), simulated.table("bars")
    keys = ["timestamp", "symbol"]
    both = held.merge(bars[[*keys, "close"]], on=keys, how="left")
    assert (both["close"].isna() & (both["weight"] != 0.0)).sum() > 10
    by_date = held.groupby("timestamp")["weight"]
    long = by_date.apply(lambda weights: weights.clip(lower=0.0).sum())
    short = by_date.apply(lambda weights: -weights.clip(upper=0.0).sum())
    np.testing.assert_allclose(long, simulated.returns["long"], atol=1e-12)
    np.testing.assert_allclose(short, simulated.returns["short"], atol=1e-12)
    positions = simulated.table("positions").set_index("timestamp")
    np.testing.assert_allclose(long + short, positions["gross"], atol=1e-12)


def test_net_and_what_was_taken_is_gross(simulated: engine.Report) -> None:
    returns = simulated.returns
    taken = returns.filter(regex="^cost_").clip(lower=0.0).sum(axis=1) + returns["delisting"]
    np.testing.assert_allclose(returns["net"] + taken, returns["gross"], atol=1e-15)
    assert (returns["gross"] >= returns["net"]).all()


def test_currencies_without_volume_trade_as_if_none_were_told(tmp_path: Path) -> None:
    """A volume of 0 on every bar is not known: six currencies are held, and it is said."""
    random = np.random.default_rng(2)
    days, names = pd.bdate_range("2018-01-01", periods=500), [f"{c}USD=X" for c in "ABCDEF"]
    close = np.exp(np.cumsum(random.normal(0, 0.005, (500, 6)), axis=0))
    bars = pd.DataFrame(
        {
            "date": np.repeat(days, 6),
            "symbol": np.tile(names, 500),
            "close": close.ravel(),
            "volume": 0.0,
        }
    )
    words = ["+bundle=ai_tech_core", "universe=all", "factors=core_price_only", "report=none"]
    run = engine.run([*words, "portfolio.quantile=0.34"], path=tmp_path / "run", bars=bars)
    assert run.metrics["fills"]["filled"] == pytest.approx(1.0)
    assert run.metrics["fills"]["never_traded"] == []
    assert run.metrics["exposure"]["gross"] > 0.8
    assert any("the volume is 0 on every bar" in line for line in run.manifest["warnings"])


def test_a_run_leaves_an_account_that_can_be_gone_on_with(simulated: engine.Report) -> None:
    from engine.account.ledger import State

    state = State.load(simulated.path)
    returns = simulated.returns
    assert state.row == len(returns)
    assert state.equity == pytest.approx(returns["equity"].iloc[-1], rel=1e-12)
    last = simulated.table("holdings")
    last = last[last["timestamp"] == returns.index[-1]].set_index("symbol")["weight"]
    held = pd.Series(state.held, index=state.symbols)
    np.testing.assert_allclose(held[last.index.astype(str)], last, atol=1e-15)
