"""The page and the picture, drawn from a small made-up run folder."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import Account

from engine.account import second
from engine.bars.delisting import Delisting, outcomes
from engine.core.errors import DataError
from engine.core.panel import Panel
from engine.report import book, picture, summary, words
from engine.report.active import Run
from engine.report.drawing import draw
from engine.report.figures import drawdown, figures, stays, wealth
from engine.report.model import importances, judge_slope, judge_training
from engine.report.plot import days, find_step, growth_axis, line
from engine.report.verdict import verdict
from engine.storage import Artifacts, Training
from engine.storage.metrics import Decisions, Fills, Performance, Turnover, Unfilled
from engine.study.breakdown import Parts, breakdown_table
from engine.study.calibration import calibration_tables
from engine.study.capacity import capacity_table
from engine.study.fixed_b import find_critical
from engine.study.holdings import positions
from engine.study.ic import RankedOutcome, rank_finite
from engine.study.knowledge import knowledge_tables
from engine.study.metrics import collect, study, summarize, tables
from engine.study.quantiles import by_regime, decile_table

ROWS = 120
IDLE = 10  # days before the first position
FIGURES = [
    "equity",
    "sharpe",
    "volatility",
    "beta",
    "distribution",
    "months",
    "ic",
    "decay",
    "coverage",
    "quantiles",
    "regime_quantiles",
    "fan",
    "spread",
    "newcomers",
    "correlations",
    "persistence",
    "trainings",
    "calibration",
    "forecast_turnover",
    "importances",
    "exposure",
    "turnover",
    "costs",
    "gross",
    "distance",
    "names",
    "concentration",
    "book_beta",
    "sectors",
]
EVIL = "<script>alert(1)</script>"
DATA = {
    "rows": 1440,
    "symbols": 12,
    "sessions": 120,
    "start": "2020-01-01",
    "end": "2020-04-29",
    "coverage": 1.0,
    "calendar": "",
    "findings": [],
    "bars": 1440,
    "mends": 0,
    "late_listings": 0,
    "delistings": 0,
    "absent": [],
}
DECISIONS = {
    "taken": 0,
    "kept_without_score": 0,
    "without_any_score": 0,
    "picks": 0,
    "picks_by_tie": 0.0,
}
DATES = pd.date_range("2020-01-01", periods=ROWS, tz="UTC")


def manifest(**changes: object) -> dict[str, object]:
    source = {
        "name": "simulated",
        "simulated": True,
        "facts": {},
        "fingerprint": "0123456789abcdef",
        "sha256": "fedcba9876543210",
        "periods_per_year": 365.0,
        "rows": 1440,
        "thin_dates": 0,
        "symbols": 12,
        "start": "2020-01-01",
        "end": "2020-04-29",
    }
    split = {
        "index": 0,
        "train_start": "2020-01-01",
        "train_stop": "2020-02-01",
        "test_start": "2020-02-03",
        "test_stop": "2020-04-29",
        "n_train": 400,
        "train_ic": 0.05,
        "test_ic": None,
        "importances": {"momentum": 2.0, "value": 1.0},
    }
    return {
        "command": "engine run +bundle=small",
        "config": {"bundle": {"name": "small"}},
        "simulated": True,
        "source": source,
        "empty_factors": [],
        "findings": {},
        "mends": 0,
        "plugins": [],
        "versions": {"numpy": "2.4"},
        "seed": 7,
        "timings": [{"stage": "bars", "seconds": 0.5, "contract_seconds": 0.1, "peak_mb": 100.0}],
        "keys": {"bars": "0123"},
        "splits": [split],
        "bankrupt_on": None,
        "warnings": ["the bars have no volume"],
        "account": {"orders": 3, "pending": 0, "dropped": 0, "delistings": 0},
        **changes,
    }


def judged(**changes: float) -> dict[str, object]:
    """Errors on both sides of one training."""
    train = {"mse": 0.01, "mae": 0.08, "r2": 0.05, "rank_ic": 0.05}
    test = {"mse": 0.02, "mae": 0.09, "r2": -0.1, "rank_ic": 0.01, **changes}
    return {"train": train, "test": test, "gap": dict.fromkeys(train)}


def trainings(**changes: object) -> dict[str, object]:
    path = {"path": 1, "rank_ic_mean": 0.02, "rank_ic_t": 1.5, "hit_rate": 0.6, "n_dates": 90}
    split = manifest()["splits"][0]
    means = judged()
    return {
        "forecast": "ml_alpha_ridge_5d",
        "model": {"name": "ridge"},
        "label": {},
        "validation": {},
        "seed": 7,
        "features": ["momentum", "value"],
        "trains_on_later": False,
        "splits": [{**split, "errors": judged(), "fits": []}],
        "mean_test_rank_ic": None,
        "mean_errors": {side: means[side] for side in ("train", "test")},
        "paths": [path],
        "learning_curve": [],
        "fingerprint": "0123456789abcdef",
        "versions": {},
        **changes,
    }


def point(years: int, rank_ic: float) -> dict[str, object]:
    """One of a learning curve."""
    return {
        "years": years,
        "train_start": f"{2018 - years}-01-01",
        "train_stop": "2018-01-01",
        "n_train": 1000 * years,
        "errors": judged(rank_ic=rank_ic),
    }


def folder(
    path: Path,
    strength: float = 0.0,
    factor: str = "momentum",
    told: dict[str, object] | None = None,
    **changes: object,
) -> Path:
    """A run folder whose score knows the outcome with the given strength."""
    random = np.random.default_rng(0)
    net, flat = random.normal(0, 0.01, ROWS), np.full(ROWS, 0.5)
    flat[:IDLE] = 0.0
    fees, cash = {"fees": flat * 2e-4}, np.full(ROWS, 1e-4)
    account = Account(
        DATES, net, net + 1e-4, flat / 5, fees, cash, flat, flat / 2,
        interest=flat * 1e-4, delisting=0.0 * flat, asked=flat / 5,
        unfilled={"cap": flat / 50, **dict.fromkeys(("suspension", "cash", "size"), 0.0 * flat)},
        decisions=DECISIONS.copy(),
    )  # fmt: skip
    outcome = random.normal(0, 0.02, (ROWS, 12))
    noise = random.normal(0, 0.02, (ROWS, 12))
    made = study(strength * outcome + noise, RankedOutcome.of(outcome), 5)
    regimes = np.eye(2)[(np.arange(ROWS) // 40) % 2]
    studies = {"mf_score": made, "ml_alpha_ridge_5d": made, factor: made}
    metrics = collect(
        account,
        benchmark=random.normal(0, 0.01, ROWS),
        regimes=regimes,
        states=("calm", "turbulent"),
        knowledge=summarize(studies, ["ml_alpha_ridge_5d"], [factor]),
        horizon=5,
    )
    returns = pd.DataFrame(
        {
            "timestamp": DATES,
            "net": net,
            "gross": account.gross,
            "equity": 1e6 * np.cumprod(1 + net),
            "turnover": account.turnover,
            "cost_fees": account.costs["fees"],
            "delisting": account.delisting,
            "interest": account.interest,
            "risk_free": account.risk_free,
            "long": account.long,
            "short": account.short,
            "cash": 0.75,
            "benchmark": 0.0,
        }
    )
    close = 50.0 * np.cumprod(1.0 + noise, axis=0)
    symbols = tuple(f"S{i:02d}" for i in range(12))
    fields = {"close": close, "volume": np.full(close.shape, 1e4)}
    panel = Panel(DATES, symbols, fields, {"sector": ("x", "y", "") * 4})
    held = np.where(flat[:, None] > 0.0, np.linspace(-0.2, 0.3, 12), 0.0)
    ended = outcomes(panel, Delisting())
    studies = {"mf_score": made, "ml_alpha_ridge_5d": made, factor: made}
    known = np.isfinite(noise)
    predicted = {"ml_alpha_ridge_5d": -noise}
    each = {"mf_score": noise, **predicted, factor: outcome}
    ranks = {name: rank_finite(values) for name, values in each.items()}
    ranked = RankedOutcome.of(outcome)
    frames = {
        **knowledge_tables(DATES, ranks, lambda days: outcome, known),
        **calibration_tables(predicted, ranks, outcome, 5),
        "regime_quantiles": by_regime(studies, regimes, ("calm", "turbulent")),
        "breakdown": breakdown_table(
            studies, ranks, ranked,
            Parts(panel, known, regimes, ("calm", "turbulent")), 5,
        ),
        "deciles": decile_table(ranks, ranked, 5),
        **positions(panel, held, np.where(np.arange(ROWS)[:, None] % 21, np.nan, held), ended),
        "capacity": capacity_table(panel, np.abs(np.diff(held, axis=0, prepend=0.0))),
        "delistings": pd.DataFrame(
            columns=["timestamp", "symbol", "shares", "last_close", "payout", "contribution"]
        ).astype({"contribution": float}),
        "round_trips": second.no_trips(),
        **tables(DATES, studies),
        "returns": returns,
        "regimes": pd.DataFrame(
            {"timestamp": DATES, "calm": regimes[:, 0], "turbulent": regimes[:, 1]}
        ),
    }  # fmt: skip
    for name, frame in frames.items():
        frame.to_parquet(path / f"{name}.parquet")
    (path / "metrics.json").write_text(json.dumps(metrics))
    (path / "manifest.json").write_text(json.dumps(manifest(**changes)))
    (path / "forecasts.json").write_text(json.dumps(trainings(**told or {})))
    (path / "data.json").write_text(json.dumps(DATA))
    return path


def own(page: str) -> str:
    """The page without the drawing library."""
    parts = re.split(r"(?<=</script>)|(?=<script)", page)
    return "".join(part for part in parts if len(part) < 1_000_000)


def test_the_page_stands_alone(tmp_path):
    page = draw(folder(tmp_path)).read_text("utf-8")
    assert len(page.encode()) < 3_000_000
    assert not re.search(r"(src|href)\s*=", own(page))
    assert "http" not in own(page)
    assert "url(" not in own(page)


def test_every_figure_is_there_and_names_its_artifact(tmp_path):
    page = own(draw(folder(tmp_path)).read_text("utf-8"))
    specs = re.findall(r'<script type="application/json" data-for="(\w+)">(.*?)</script>', page)
    drawn = {name: json.loads(text) for name, text in specs}
    assert list(drawn) == FIGURES
    assert all(spec["data"] for spec in drawn.values())
    assert page.count("Drawn from") == len(FIGURES)
    assert "Drawn from returns.parquet, regimes.parquet." in page
    assert len(drawn["equity"]["layout"]["shapes"]) == 3


def test_captions_count_bars_whatever_their_spacing(tmp_path):
    """Only the horizon of daily bars is told in days."""
    run = Run.read(folder(tmp_path))
    tables = [t for t in words.page(run)["tables"] if t["artifact"] != "data.json"]
    drawn = [{**f, "spec": {**f["spec"], "data": [d.get("name") for d in f["spec"]["data"]]}}
             for f in figures(run)]  # fmt: skip
    said = json.dumps([drawn, [[t["title"], t["artifact"], t["head"]] for t in tables]])
    said += "".join(verdict(run))
    found = re.findall(r"(?:\b(\w+) )?\b(days?|[Dd]aily)\b", said)
    assert {*found} <= {("calendar", "days"), ("5", "days")}, found
    assert "bars held" in said
    axis = next(f for f in figures(run) if f["id"] == "decay")["spec"]["layout"]["xaxis"]
    assert axis["title"]["text"] == "bars held"


def test_dates_below_a_day_have_their_time():
    dates = pd.date_range("2020-01-01 10:00", periods=2, freq="h", tz="UTC")
    assert days(dates) == ["2020-01-01 10:00", "2020-01-01 11:00"]
    assert days(dates.normalize()) == ["2020-01-01"] * 2
    regimes = pd.DataFrame({"calm": [1.0, 0.0], "wild": [0.0, 1.0]}, dates)
    assert [stay[:2] for stay in stays(regimes)] == [
        ("2020-01-01 10:00", "2020-01-01 11:00"),
        ("2020-01-01 11:00", "2020-01-01 11:00"),
    ]


def test_nothing_is_left_of_growth_after_ruin():
    """The market's too: a return below -1 is a debt, and no sign turns it into a gain."""
    assert wealth(pd.Series([0.5, np.nan, -3.06, -1.27])).tolist() == [1.5, 1.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(0.9, 1.6, 3), (1.0, 12.0, 3), (0.2, 400.0, 5), (1.0, 1e5, 7)]
)
def test_a_growth_axis_has_a_tick_for_each_decade(low, high, ticks):
    axis = growth_axis(
        [line(np.array([low, np.nan]), "a", "red"), line(np.array([high, 0.0]), "b", "red")]
    )
    assert axis == {"type": "log", "nticks": ticks, "tickformat": ",~r"}
    assert growth_axis([])["type"] == "log"


def test_rows_without_a_regime_are_the_last_of_their_table(tmp_path):
    run = Run.read(folder(tmp_path))
    regimes = run.metrics.regimes
    regimes = {"no regime": replace(regimes["calm"], n_days=7), **regimes}
    run = replace(run, metrics=replace(run.metrics, regimes=regimes))
    table = next(t for t in words.page(run)["tables"] if t["title"] == "By regime (net)")
    assert [row[:2] for row in table["rows"]][-1] == ["no regime", "7"]
    assert [row[0] for row in table["rows"]] == ["calm", "turbulent", "no regime"]


def test_the_drawing_library_knows_every_property(tmp_path):
    """plotly's own validators refuse an unknown key or a wrong value."""
    from plotly.graph_objects import Figure

    several = {"paths": trainings()["paths"] * 2, "learning_curve": [point(1, 0.01)]}
    for each in figures(Run.read(folder(tmp_path, told=several))):
        assert Figure(each["spec"]).to_plotly_json()["data"]


def spec(run: Run, name: str) -> dict[str, dict]:
    return next(each["spec"] for each in figures(run) if each["id"] == name)


@pytest.mark.parametrize(
    ("name", "each"), [("ic", 3), ("fan", 6), ("spread", 3), ("regime_quantiles", 2)]
)
def test_a_list_shows_one_name_at_a_time_the_score_first(tmp_path, name, each):
    drawn = spec(Run.read(folder(tmp_path)), name)
    buttons = drawn["layout"]["updatemenus"][0]["buttons"]
    assert [made["label"] for made in buttons] == ["mf_score", "ml_alpha_ridge_5d", "momentum"]
    assert [trace["visible"] for trace in drawn["data"]] == [True] * each + [False] * 2 * each
    assert buttons[2]["args"] == [{"visible": [False] * 2 * each + [True] * each}]


def test_the_fan_ends_at_the_compounded_return_of_each_quantile(tmp_path):
    run = Run.read(folder(tmp_path))
    rows = run.quantile_returns[run.quantile_returns["name"] == "momentum"]
    assert rows.index[0] == DATES[IDLE]
    highest = spec(run, "fan")["data"][12 + 4]
    assert highest["name"] == "5 (highest)"
    assert highest["y"][-1] == pytest.approx((1.0 + rows["q5"]).prod(), rel=1e-5)


def test_the_spread_ends_at_the_sum_and_tells_its_t(tmp_path):
    """A factor equal to the outcome: the mean is far outside of what chance would do."""
    run = Run.read(folder(tmp_path))
    rows = run.quantile_returns[run.quantile_returns["name"] == "momentum"]
    earned = (rows["q5"] - rows["q1"]).to_numpy()
    low, high, middle = spec(run, "spread")["data"][6:]
    assert middle["y"][-1] == pytest.approx(100.0 * earned.sum(), rel=1e-5)
    assert high["y"][-1] == -low["y"][-1]
    assert 0.0 < high["y"][-1] < middle["y"][-1]
    t = float(re.search(r"\(t = (.*)\)", middle["name"])[1])
    critical = find_critical(int(np.isfinite(earned).sum()), 3)
    assert critical > 2.0
    assert t == pytest.approx(critical * middle["y"][-1] / high["y"][-1], abs=0.06)


def test_too_few_names_for_quantiles_draw_no_figure_of_them(tmp_path):
    made = folder(tmp_path)
    few = pd.read_parquet(made / "quantile_returns.parquet").assign(q1=np.nan, q5=np.nan)
    few.to_parquet(made / "quantile_returns.parquet")
    names = {each["id"] for each in figures(Run.read(made))}
    assert not {"quantiles", "regime_quantiles", "fan", "spread", "newcomers"} & names
    assert {"ic", "decay", "coverage"} < names


def test_a_quantile_that_was_always_empty_has_no_line(tmp_path):
    made = folder(tmp_path)
    gone = pd.read_parquet(made / "quantile_returns.parquet")
    gone.loc[gone["name"] == "mf_score", "q5"] = np.nan
    gone.to_parquet(made / "quantile_returns.parquet")
    run = Run.read(made)
    assert set(spec(run, "fan")["data"][4]["y"]) == {None}
    assert None not in spec(run, "fan")["data"][3]["y"]
    assert set(spec(run, "spread")["data"][2]["y"]) == {None}
    assert spec(run, "spread")["data"][2]["name"] == "5 minus 1: – bps a bar (t = –)"


@pytest.mark.parametrize(
    ("train", "test", "verdict"),
    [
        (0.1, 0.05, "half or more left"),
        (0.1, 0.049, "under half left"),
        (0.1, 0.0, "nothing left"),
        (-0.1, 0.2, "nothing learnt"),
        (0.1, None, "–"),
        (np.nan, 0.1, "–"),
    ],
)
def test_the_gap_has_a_plain_verdict(train, test, verdict):
    assert judge_training(train, test) == verdict


def test_several_paths_are_drawn_with_their_spread(tmp_path):
    rows = [("-0.01", -0.01, 0.4), ("0.02", 0.02, 0.6), ("0.03", 0.03, 0.7)]
    paths = [
        {"path": k, "rank_ic_mean": mean, "rank_ic_t": 1.0, "hit_rate": rate, "n_dates": 90}
        for k, (_, mean, rate) in enumerate(rows, start=1)
    ]
    run = Run.read(folder(tmp_path, told={"paths": paths}))
    drawn = next(each for each in figures(run) if each["id"] == "paths")
    assert drawn["spec"]["data"][0]["y"] == [-0.01, 0.02, 0.03]
    assert "From -0.0100 to 0.0300, median 0.0200; 2 of 3 above 0." in drawn["note"]
    table = next(t for t in words.page(run)["tables"] if t["title"] == "Paths of the forecasts")
    assert table["rows"][1] == ["2", "0.0200", "1.00", "60.0%", "90"]
    assert draw(tmp_path).is_file()


def test_one_path_is_no_spread(tmp_path):
    run = Run.read(folder(tmp_path))
    assert "paths" not in [each["id"] for each in figures(run)]
    assert "Paths of the forecasts" not in [t["title"] for t in words.page(run)["tables"]]


def test_a_learning_curve_is_drawn_where_there_is_one(tmp_path):
    points = [point(1, 0.01), point(4, 0.03)]
    run = Run.read(folder(tmp_path, told={"learning_curve": points}))
    drawn = next(each for each in figures(run) if each["id"] == "learning_curve")
    assert [trace["y"] for trace in drawn["spec"]["data"]] == [[0.05, 0.05], [0.01, 0.03]]
    table = next(t for t in words.page(run)["tables"] if t["title"] == "Learning curve")
    assert table["rows"][1][:5] == ["4", "2014-01-01 … 2018-01-01", "4,000", "0.0500", "0.0300"]


def test_errors_stand_side_by_side_with_their_means(tmp_path):
    split = trainings()["splits"][0]
    splits = [split, {**split, "index": 1, "errors": judged(mse=0.04)}]
    run = Run.read(folder(tmp_path, told={"splits": splits}))
    table = next(t for t in words.page(run)["tables"] if t["title"] == "Errors of the trainings")
    assert table["head"][:3] == ["split", "MSE in training", "MSE out of sample"]
    assert [row[:3] for row in table["rows"]] == [
        ["1", "0.01", "0.02"],
        ["2", "0.01", "0.04"],
        ["mean", "0.01", "0.03"],
    ]


def test_training_on_later_dates_is_called_so(tmp_path):
    """On the page and at the prompt."""
    split = {**manifest()["splits"][0], "train_stop": "2020-05-01"}
    made = folder(tmp_path, splits=[split], config={"bundle": {"factors": [{"name": "x"}]}})
    page = own(draw(made).read_text("utf-8"))
    assert "Splits, trained on later dates, too: measures a model, and is no backtest" in page
    assert "on other dates, later ones too: this measures a model, and is no backtest." in page
    said = summary.text(Artifacts(made))
    assert "the model was trained on later dates, too: measures a model, and is no" in said


def test_splits_show_the_gap(tmp_path):
    split = manifest()["splits"][0]
    made = folder(tmp_path, splits=[{**split, "test_ic": 0.01}])
    page = own(draw(made).read_text("utf-8"))
    assert "<td>0.0400</td><td>under half left</td>" in page
    assert "0.050 in training, 0.010 out of sample, a gap of 0.040: under half left." in page


def test_a_slope_is_judged_against_one():
    assert ", which does not exclude 1. At 1" in judge_slope(0.7, 0.2, 1.96)
    assert judge_slope(0.2, 0.2, 1.96).startswith(
        "Slope among the names of a date: 0.20, standard error 0.20. "
    )
    assert judge_slope(np.nan, np.nan, 1.96).startswith("The slope cannot be judged")


def test_without_deciles_there_is_no_calibration_figure(tmp_path):
    made = folder(tmp_path)
    few = pd.read_parquet(made / "calibration.parquet").assign(realised=np.nan)
    few.to_parquet(made / "calibration.parquet")
    names = [each["id"] for each in figures(Run.read(made))]
    assert "calibration" not in names
    assert "forecast_turnover" in names


def test_every_table_is_there(tmp_path):
    page = own(draw(folder(tmp_path)).read_text("utf-8"))
    for title in (
        "Performance",
        "By year (net)",
        "Largest holdings at the last close",
        "Largest gains by name, before costs",
        "Largest losses by name, before costs",
        "Gains and losses by sector, before costs",
        "Costs by year (bps of equity)",
        "Capacity in millions: the largest account that could trade so",
        "By regime (net)",
        "Costs, turnover and exposure",
        "Score and factors",
        "Rank autocorrelation and coverage",
        "Quantile spread, and share of new names",
        "Walk-forward splits",
        "Errors of the trainings",
        "Time and memory by stage",
        "Resolved configuration",
        "Versions",
    ):
        assert f">{title}<" in page


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_are_called_so(tmp_path, simulated):
    page = own(draw(folder(tmp_path, simulated=simulated)).read_text("utf-8"))
    assert ("SIMULATED — these data are invented" in page) is simulated
    assert ("(simulated data)</title>" in page) is simulated


def test_bankruptcy_is_called_so(tmp_path):
    page = own(draw(folder(tmp_path, bankrupt_on="2020-03-01")).read_text("utf-8"))
    assert "BANKRUPT — the account lost everything on 2020-03-01" in page


def test_names_cannot_inject_code(tmp_path):
    changes = {"command": EVIL, "config": {"bundle": {"name": EVIL}}, "versions": {EVIL: EVIL}}
    page = own(draw(folder(tmp_path, factor=EVIL, **changes)).read_text("utf-8"))
    assert EVIL not in page
    assert "<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>" in page


def test_the_verdict_tells_noise_from_knowledge(tmp_path):
    def of_the_score(strength: float) -> str:
        lines = verdict(Run.read(folder(tmp_path, strength=strength)))
        return next(line for line in lines if line.startswith("The score's mean rank IC"))

    assert of_the_score(0.0).endswith("not distinguishable from zero.")
    assert "above zero by more than chance alone would explain" in of_the_score(1.0)


def test_the_verdict_says_what_ran(tmp_path):
    parts = [
        {"name": "momentum", "weight": 0.7, "direction": "positive"},
        {"name": "ml_alpha_ridge_5d", "weight": 0.3, "direction": "negative"},
    ]
    config = {
        "bundle": {"name": "small", "factors": parts},
        "universe": {"name": "dozen", "symbols": ["S00"]},
        "model": {"name": "ridge"},
        "portfolio": {"name": "long_only_top", "rebalance": "every_n", "every": 9},
        "costs": {"name": "free"},
    }
    made = verdict(Run.read(folder(tmp_path, config=config, simulated=False)))
    assert made[:3] == [
        "Each name of the universe dozen got a score from momentum (70%, high is good), "
        "ml_alpha_ridge_5d (30%, low is good). ml_alpha_ridge_5d is what the model ridge forecast "
        "for the next 5 rows, trained once on the past alone.",
        "The portfolio long_only_top turned scores into positions, every 9 rows; orders "
        "were filled at the next bar's close and paid for by the costs free.",
        "The data: 12 symbols from the source simulated, 2020-01-01 to 2020-04-29; the first "
        "position was held on 2020-01-11. Per year means by 110 rows in 0.30 years, 365.2 a year.",
    ]
    assert made[-1] == "Warning: the bars have no volume."
    assert made[-2].startswith("The universe is one list of names for all dates")


def test_the_verdict_names_factors_without_a_value(tmp_path):
    made = verdict(Run.read(folder(tmp_path, empty_factors=["a", "b"])))
    assert "Without a single value, and so without effect: a, b." in made


def test_the_whole_manifest_can_be_unfolded(tmp_path):
    run = Run.read(folder(tmp_path))
    shown = [json.loads(fold["text"]) for fold in words.page(run)["folds"]]
    *named, rest = shown
    assert {**dict(zip(words.FOLDS, named, strict=True)), **rest} == manifest()


def test_the_verdict_says_what_came_out(tmp_path):
    run = Run.read(folder(tmp_path))
    one = run.metrics.performance.net
    metrics = replace(
        run.metrics,
        performance=Performance(
            net=replace(one, cagr=0.05, max_drawdown=-0.2),
            gross=replace(one, cagr=0.06, max_drawdown=-0.2),
            benchmark=replace(one, cagr=0.1, max_drawdown=-0.3),
        ),
        costs={"fees": 80.0, "borrow": 20.0, "total": 100.0},
        turnover=Turnover(per_day=0.02, per_year=7.0),
        delisting=12.0,
        interest=-30.0,
        fills=Fills(5.0, 0.6, ("A", "B"), Unfilled(cap=0.3, suspension=0.1, cash=0.0, size=0.0)),
    )
    made = verdict(replace(run, metrics=metrics))
    assert (
        "After costs the account returned 5.0% per year; all names in equal parts (the market) "
        "returned 10.0%. At worst it stood 20.0% below its last high, the market 30.0%."
    ) in made
    assert (
        "Before costs and delistings it returned 6.0%; costs took 1.00% a year, the largest part "
        "fees (0.80%), on trades of 7.0 times the equity. Delistings took 0.12% a year beside the "
        "costs. Interest on cash cost 0.30% a year."
    ) in made
    assert (
        "Only 60% of the weight that was decided was ever filled, most of the rest for want of "
        "volume to trade in: the account is not what the portfolio decided."
    ) in made
    assert "2 names that were decided to be held never traded: A, B." in made


def test_the_same_artifacts_give_the_same_bytes(tmp_path):
    draw(folder(tmp_path))
    before = {file.name: file.read_bytes() for file in tmp_path.glob("report*")}
    assert len(before) == 6
    draw(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.glob("report*")} == before


PICTURES = {
    "report.png": (1200, 675),
    "report_ic.png": (880, 495),
    "report_quantiles.png": (880, 495),
    "report_exposure.png": (880, 495),
    "report_costs.png": (880, 495),
}


def test_the_pictures_are_pngs(tmp_path):
    draw(folder(tmp_path))
    assert {file.name for file in tmp_path.glob("*.png")} == {*PICTURES}
    for name, size in PICTURES.items():
        head = (tmp_path / name).read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) == size


@pytest.mark.parametrize("simulated", [True, False])
def test_every_picture_says_whether_its_data_are_simulated(tmp_path, simulated):
    run = Run.read(folder(tmp_path, simulated=simulated))
    for draw_one in (picture.equity, picture.ic, picture.quantiles, picture.exposure):
        title = draw_one(run).axes[0].get_title("left")
        assert title.startswith("SIMULATED DATA — small" if simulated else "small")


def test_the_picture_of_costs_puts_what_is_received_below_zero(tmp_path):
    run = Run.read(folder(tmp_path))
    run.returns["cost_cash"] = -1e-4
    bars = {round(bar.get_height() + bar.get_y(), 6) for bar in picture.costs(run).axes[0].patches}
    fees = float(run.returns["cost_fees"].sum() * 1e4)
    assert bars == {round(fees, 6), -len(run.returns)}


def test_the_equity_figure_ends_at_the_total_return(tmp_path):
    run = Run.read(folder(tmp_path))
    total = run.metrics.performance.net.total_return
    assert figures(run)[0]["spec"]["data"][0]["y"][-1] == pytest.approx(1 + total, rel=1e-5)


def test_figures_start_with_the_first_position(tmp_path):
    run = Run.read(folder(tmp_path))
    assert run.returns.index[0] == run.regimes.index[0] == run.ic.index[0] == DATES[IDLE]


def test_a_missing_artifact_is_named(tmp_path):
    (folder(tmp_path) / "ic.parquet").unlink()
    with pytest.raises(DataError, match=r"ic\.parquet: not there"):
        draw(tmp_path)


def test_without_a_model_there_is_no_model_figure(tmp_path):
    names = [each["id"] for each in figures(Run.read(folder(tmp_path, splits=[])))]
    assert not {"trainings", "calibration", "forecast_turnover", "importances"} & set(names)


def training(index: int, start: str, importances: dict[str, float] | None) -> Training:
    return Training(index, "", "", start, "", 400, None, None, importances)


def test_importances_are_shares_by_mean_and_name():
    made = importances(
        [
            training(0, "2020-01-01", {"b": 1.0, "a": 3.0}),
            training(1, "2021-01-01", {"b": 6.0, "c": 2.0}),
            training(2, "2022-01-01", None),
        ]
    )
    assert made.columns.tolist() == ["2020-01-01", "2021-01-01", "2022-01-01"]
    assert made.index.tolist() == ["b", "a", "c"]
    assert made.iloc[:, 0].tolist() == [0.25, 0.75, 0.0]
    assert made.iloc[:, 1].tolist() == [0.75, 0.0, 0.25]
    assert made.iloc[:, 2].isna().all()


def test_at_most_twelve_importances_are_drawn():
    given = {f"f{i:02d}": float(i) for i in range(20)}
    made = importances([training(0, "2020-01-01", given)])
    assert made.index.tolist() == [f"f{i:02d}" for i in range(19, 7, -1)]


def test_no_importances_at_all_give_no_figure():
    assert importances([training(0, "2020-01-01", None)]).empty


def test_a_weekly_line_ends_on_the_last_day():
    assert line(np.arange(12.0), "", "#000000", 5)["y"] == [1.0, 6.0, 11.0]


def test_long_lines_are_thinned():
    assert [find_step(count) for count in (0, 2600, 2601, 8313)] == [1, 1, 2, 4]
    long = line(np.arange(2602.0), "", "#000000")
    assert (long["meta"], len(long["y"]), long["y"][-1]) == (2, 1301, 2601.0)


def test_drawdown_counts_from_the_first_capital():
    assert drawdown(np.array([0.5, 1.0, 2.0, 1.0])).tolist() == [-0.5, 0.0, 0.0, -0.5]


def test_stays_skip_unknown_days():
    values = [[np.nan, np.nan], [0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
    made = stays(pd.DataFrame(values, index=DATES[:4], columns=["calm", "turbulent"]))
    assert [(start, stop) for start, stop, _ in made] == [
        ("2020-01-02", "2020-01-04"),
        ("2020-01-04", "2020-01-04"),
    ]
    assert made[0][2] != made[1][2]


def test_gains_by_sector_name_the_unknown():
    made = pd.DataFrame({"sector": ["x", "", "x", "y"], "contribution": [0.1, -0.2, 0.2, 0.25]})
    rows = book.sectors(made)["rows"]
    assert rows == [["x", "30.00%", "2"], ["y", "25.00%", "1"], ["unknown", "-20.00%", "1"]]
    assert book.sectors(made.assign(sector=""))["rows"] == []


def test_costs_by_year_add_up():
    days = pd.DatetimeIndex(["2020-12-30", "2020-12-31", "2021-01-04"], tz="UTC")
    paid = {
        "cost_fees": [1e-4, 2e-4, 4e-4],
        "net": 1.0,
        "cost_borrow": [-1e-4, 0.0, 0.0],
        "delisting": [0.0, 0.0, 5e-4],
        "interest": [1e-4, 0.0, 2e-4],
    }
    made = book.costs(pd.DataFrame(paid, index=days))
    head = ["year", "borrow", "fees", "delistings", "total", "interest earned"]
    assert made["head"] == head
    assert made["rows"] == [
        ["2020", "-1.0", "3.0", "0.0", "2.0", "1.0"],
        ["2021", "0.0", "4.0", "5.0", "9.0", "2.0"],
    ]


def test_delistings_show_the_largest_first_and_their_sum():
    days = pd.DatetimeIndex(["2020-12-30", "2021-01-04"], tz="UTC")
    made = book.delistings(
        pd.DataFrame(
            {
                "timestamp": days,
                "symbol": ["A", "B"],
                "shares": [10.0, -4.0],
                "last_close": [20.0, 5.0],
                "payout": [14.0, 5.0],
                "contribution": [-0.012, 0.0],
            }
        )
    )
    assert made["rows"] == [
        ["2020-12-30", "A", "long", "20.00", "14.00", "-120.0"],
        ["2021-01-04", "B", "short", "5.00", "5.00", "0.0"],
    ]
    assert "2 holdings, -120.0 bps of equity in all" in made["artifact"]


def test_positions_are_told_from_opening_to_closing_by_side():
    """Two longs of 10 and 30 days, one of which gained; a short that is still open."""
    days = pd.to_datetime(["2020-01-01", "2020-01-11", "2020-01-31"], utc=True)
    made = pd.DataFrame(
        {
            "opened": [days[0], days[0], days[0]],
            "closed": [days[1], days[2], days[2]],
            "direction": [0.0, 0.0, 1.0],
            "status": [1.0, 1.0, 0.0],
            "pnl": [5.0, -5.0, 9.0],
            "return": [0.1, -0.05, 0.2],
        }
    )
    rows = book.round_trips(made)["rows"]
    assert rows == [["long", "2", "50%", "20", "2.5%", "-5.0%", "10.0%"]]


def test_what_decisions_went_by_is_in_a_table():
    counts = {"taken": 29, "picks": 290, "picks_by_tie": 0.125}
    assert book.decisions(Decisions(**{**DECISIONS, **counts}))["rows"] == [
        ["decisions taken", "29"],
        ["places given by rank", "290"],
        ["of these, among names of one score", "12.5%"],
    ]
    assert book.decisions(Decisions(**DECISIONS))["rows"] == []


def test_what_was_not_filled_is_told_by_cause_and_name():
    unfilled = Unfilled(cap=0.25, suspension=0.0, cash=0.05, size=0.0)
    rows = book.fills(Fills(5.0, 0.7, ("EURUSD=X", "GBPUSD=X"), unfilled))["rows"]
    assert rows[0] == ["filled", "70.0%"]
    assert rows[1] == ["cut by the cap on the size of orders", "25.0%"]
    assert rows[-1] == ["never traded: EURUSD=X, GBPUSD=X", "2 names"]


def test_capacity_is_rounded_and_says_why_it_is_unknown():
    rows = [(0.01, 0.9, 12345.6, 0.5), (0.01, 0.5, 1.5e9, 0.5)]
    head = ["participation", "filled", "account", "known"]
    made = book.capacity(pd.DataFrame(rows, columns=head))
    assert made["head"] == ["of volume", "50% filled", "90% filled"]
    assert made["rows"] == [["1%", "1,500", "0.0123"]]
    assert "50% of the order value had one" in made["artifact"]
    assert "no volume" in book.capacity(pd.DataFrame(columns=head))["rows"][0][0]
