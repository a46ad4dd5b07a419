"""Runs side by side, and a run drawn again: from small made-up folders and one real pair."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_report import DATES, EVIL, IDLE, ROWS, folder, own

import engine
from engine.cli.prompt import main
from engine.core.errors import ConfigError, DataError
from engine.report.comparison import Comparison, flatten
from engine.report.folders import find_runs
from engine.report.overlay import comparison_text, draw_comparison, equity
from engine.study.ic import newey_west_t, overlap_lags
from engine.study.returns import performance


def trial(path: Path, start: str = "", horizon: int = 0, **changes: object) -> Path:
    """A run folder; `start` moves its first position."""
    path.mkdir(parents=True)
    folder(path, **changes)
    metrics = json.loads((path / "metrics.json").read_text())
    metrics["active"]["start"] = start or metrics["active"]["start"]
    metrics["horizon"] = horizon or metrics["horizon"]
    (path / "metrics.json").write_text(json.dumps(metrics))
    return path


def config(model: str, alpha: float | None = None) -> dict[str, object]:
    node = {"name": model} if alpha is None else {"name": model, "alpha": alpha}
    return {"bundle": {"name": "small"}, "model": node}


def error(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Type a command that must fail; return its one line."""
    assert main([str(word) for word in words]) == 2
    shown = capsys.readouterr().err
    assert re.fullmatch(r"engine: .+\n", shown), shown
    return shown


def test_a_configuration_is_flattened_as_overrides_are_typed():
    node = {
        "model": {"name": "ridge", "alpha": 1.0, "rest": {}},
        "bundle": {"factors": [{"name": "a", "weight": 0.5}, {"name": "b"}]},
        "quantiles": [0.1, 0.9],
        "nothing": None,
        "two": "a\nb",
    }
    assert flatten(node) == {
        "model.name": "ridge",
        "model.alpha": "1.0",
        "model.rest": "{}",
        "bundle.factors.0.name": "a",
        "bundle.factors.0.weight": "0.5",
        "bundle.factors.1.name": "b",
        "quantiles": "[0.1, 0.9]",
        "nothing": "null",
        "two": '"a\\nb"',
    }


def test_only_differing_keys_are_kept_and_an_unset_one_is_a_dash(tmp_path):
    one = trial(tmp_path / "one", config=config("ridge", 10.0))
    two = trial(tmp_path / "two", config=config("linear"))
    made = Comparison.read([one, two])
    assert list(made.differing().items()) == [
        ("model.name", ["ridge", "linear"]),
        ("model.alpha", ["10.0", "–"]),
    ]


def test_other_data_under_the_same_configuration_are_told(tmp_path):
    one, two = trial(tmp_path / "one"), trial(tmp_path / "two")
    manifest = json.loads((two / "manifest.json").read_text())
    manifest["source"]["fingerprint"] = "fedcba9876543210"
    (two / "manifest.json").write_text(json.dumps(manifest))
    assert Comparison.read([one, two]).differing() == {"data": ["01234567", "fedcba98"]}


SWEPT = {
    "0": ("engine run +bundle=small portfolio.quantile=0.10 model=ridge", 0.1, "ridge", 10.0),
    "2": ("engine run +bundle=small portfolio.quantile=0.2 model=linear", 0.2, "linear", None),
    "10": ("engine run +bundle=small portfolio.quantile=0.2", 0.2, "ridge", 10.0),
}


def sweep(path: Path) -> Path:
    """A sweep's folder as Hydra leaves it; its third job never ended."""
    for name, (command, quantile, model, alpha) in SWEPT.items():
        node = {"a": {"b": name}, **config(model, alpha), "portfolio": {"quantile": quantile}}
        trial(path / name, command=command, config=node)
    (path / "3").mkdir()
    (path / "3" / "INCOMPLETE").write_text("bars: DataError: no bars\n")
    (path / "multirun.yaml").write_text("hydra: {}\n")
    return path


def test_a_sweep_is_compared_as_its_pattern_or_its_folder(tmp_path, capsys):
    """What was swept comes first, then results; the rest of what differs comes last."""
    folder = sweep(tmp_path / "sweeps" / "now")
    words = [sorted(folder.iterdir()), [folder], [tmp_path / "sweeps"]]
    shown = []
    for each in words:
        assert main(["compare", *map(str, each)]) == 0
        shown.append(capsys.readouterr().out.splitlines())
    lines = shown[0]
    assert shown[1][:4] == shown[2][:4] == lines[:4]
    head = re.split(r"\s{2,}", lines[0])
    assert head == [
        "run", "portfolio.quantile", "model",
        "CAGR", "volatility", "Sharpe ± se", "max DD", "rank IC ± se", "turnover", "costs",
        "a.b", "model.alpha",
    ]  # fmt: skip
    cells = [re.split(r"\s{2,}", line) for line in lines[1:4]]
    assert [[*row[:3], *row[-2:]] for row in cells] == [
        ["0", "0.1", "ridge", "0", "10.0"],
        ["2", "0.2", "linear", "2", "–"],
        ["10", "0.2", "ridge", "10", "10.0"],
    ]
    left = f"Left out: {folder}/3: INCOMPLETE (bars: DataError: no bars); not a finished run"
    assert [line for line in lines if line.startswith("Left out")] == [
        f"{left}: run it again.",
        f"Left out: {folder}/multirun.yaml is no run.",
    ]


def test_a_legend_says_what_differs(tmp_path):
    made = Comparison.read([sweep(tmp_path / "now")])
    assert made.legends() == ["0: 0.1, ridge", "2: 0.2, linear", "10: 0.2, ridge"]
    names = [trace["name"] for trace in equity(made)["spec"]["data"]]
    assert names == [name for name in made.legends() for _ in ("growth", "drawdown")]


def test_an_order_of_the_readers_own_is_kept(tmp_path):
    paths = [tmp_path / name for name in ("10", "9", "run2", "run10")]
    for path in paths:
        path.mkdir()
        (path / "manifest.json").write_text("{}")
    assert find_runs(sorted(paths)) == ([paths[1], paths[0], *paths[2:]], [])
    assert find_runs(paths[::-1]) == (paths[::-1], [])


def test_over_the_same_dates_the_numbers_are_those_of_metrics_json(tmp_path):
    made = Comparison.read([trial(tmp_path / "one"), trial(tmp_path / "two")])
    metrics = made.runs[0].metrics
    net = metrics.performance.net
    assert made.same
    expected = {
        "cagr": net.cagr,
        "volatility": net.volatility,
        "sharpe": net.sharpe,
        "sharpe_se": net.sharpe_se,
        "max_drawdown": net.max_drawdown,
        "rank_ic_mean": metrics.signal.rank_ic_mean,
        "rank_ic_se": metrics.signal.rank_ic_se,
        "turnover": metrics.turnover.per_year,
        "costs": metrics.costs["total"],
    }
    assert made.measure(made.runs[0]) == pytest.approx(expected, rel=1e-12)


def test_different_spans_are_compared_on_their_common_dates(tmp_path):
    """The oracle computes on the cut arrays by itself."""
    one, two = trial(tmp_path / "one"), trial(tmp_path / "two", start="2020-02-20")
    made = Comparison.read([one, two])
    start = int(np.flatnonzero(DATES == "2020-02-20")[0])
    assert not made.same
    assert (made.dates[0], len(made.dates)) == (DATES[start], ROWS - start)
    returns = pd.read_parquet(one / "returns.parquet")[start:]
    ic = newey_west_t(
        pd.read_parquet(one / "ic.parquet")["mf_score"].to_numpy()[start:], overlap_lags(5)
    )
    net = performance(returns["net"].to_numpy(), 365.25, returns["risk_free"].to_numpy())
    measured = made.measure(made.runs[0])
    assert measured == made.measure(made.runs[1])
    assert measured == pytest.approx(
        {
            **{k: net[k] for k in ("cagr", "volatility", "sharpe", "sharpe_se", "max_drawdown")},
            "rank_ic_mean": ic.mean,
            "rank_ic_se": ic.standard_error,
            "turnover": returns["turnover"].mean() * 365.25,
            "costs": returns["cost_fees"].mean() * 365.25e4,
        }
    )
    cagr = np.prod(1 + returns["net"]) ** (365.25 / len(returns)) - 1
    assert measured["cagr"] == pytest.approx(cagr)
    assert (
        f"The active spans differ: everything is computed over the {ROWS - start} common dates, "
        "2020-02-20 to 2020-04-29 (one: 2020-01-11 to 2020-04-29; two: 2020-02-20 to 2020-04-29)."
    ) in made.notes()
    years = (ROWS - start) / 365.25
    assert (
        f"Per year means by {ROWS - start} rows in {years:.2f} years, 365.2 a year." in made.notes()
    )


def test_days_that_another_calendar_lacks_are_counted(tmp_path):
    one, two = trial(tmp_path / "one"), trial(tmp_path / "two")
    returns = pd.read_parquet(two / "returns.parquet")
    returns.drop(index=[50, 51]).to_parquet(two / "returns.parquet")
    made = Comparison.read([one, two])
    assert "Left out of one: dates that another run lacks (2)." in made.notes()
    assert not [note for note in made.notes() if note.startswith("Left out of two")]


def test_other_horizons_and_versions_are_told(tmp_path):
    one = trial(tmp_path / "one")
    two = trial(tmp_path / "two", horizon=20, versions={"numpy": "2.5"})
    notes = Comparison.read([one, two]).notes()
    assert "Rank ICs are over horizons of 5 and 20 bars: they do not compare." in notes
    assert "Package versions differ: numpy." in notes


def test_the_terminal_shows_a_line_per_run_and_warns_of_choosing(tmp_path, capsys):
    one = trial(tmp_path / "one", config=config("ridge", 10.0))
    two = trial(tmp_path / "two", config=config("linear"), bankrupt_on="2020-03-01")
    three = trial(tmp_path / "three", config=config("linear"), simulated=False)
    assert main(["compare", str(one), str(two), str(three)]) == 0
    lines = capsys.readouterr().out.splitlines()
    head = re.split(r"\s{2,}", lines[0])
    assert head == [
        "run",
        "CAGR", "volatility", "Sharpe ± se", "max DD", "rank IC ± se", "turnover", "costs",
        "model.name", "model.alpha",
    ]  # fmt: skip
    assert [[line.split()[0], *line.split()[-2:]] for line in lines[1:4]] == [
        ["one", "ridge", "10.0"],
        ["two", "linear", "–"],
        ["three", "linear", "–"],
    ]
    net = json.loads((one / "metrics.json").read_text())["performance"]["net"]
    assert f"{net['cagr']:.2%}" in lines[1]
    assert f"{net['sharpe']:.2f} ± {net['sharpe_se']:.2f}" in lines[1]
    rest = "\n".join(lines[4:])
    assert "SIMULATED data (one, two): none of this" in rest
    assert "BANKRUPT on 2020-03-01: two" in rest
    assert "3 trials are compared here, which no ledger counts: the best looks better than" in rest


def test_many_differing_keys_leave_room_for_the_numbers(tmp_path):
    one = trial(tmp_path / "one", config={f"k{i}": 0 for i in range(9)})
    two = trial(tmp_path / "two", config={f"k{i}": "x" * 50 for i in range(9)})
    shown = comparison_text(Comparison.read([one, two]))
    assert shown.split("\n", maxsplit=1)[0].split()[-7:] == [
        "costs", "k0", "k1", "k2", "k3", "k4", "k5"
    ]  # fmt: skip
    assert "3 more keys differ, all on the page of --out: k6, k7, k8" in shown
    assert "x" * 35 + "…" in shown
    draw_comparison(Comparison.read([one, two]), tmp_path / "page.html")
    page = own((tmp_path / "page.html").read_text("utf-8"))
    assert "more keys" not in page
    assert all(f'<th scope="col">k{i}</th>' in page for i in range(9))


def test_the_page_stands_alone_and_holds_the_table(tmp_path, capsys):
    one = trial(tmp_path / "one", config=config("ridge", 10.0))
    two = trial(tmp_path / "two", config=config("linear"))
    target = tmp_path / "page.html"
    assert main(["compare", str(one), str(two), f"--out={target}"]) == 0
    assert capsys.readouterr().out.endswith(f"page: {target}\n")
    whole = target.read_text("utf-8")
    page = own(whole)
    assert len(whole.encode()) < 3_000_000
    assert not re.search(r"(src|href)\s*=", page)
    assert "http" not in page
    assert "prefers-color-scheme: dark" in page
    assert "SIMULATED — the data of one, two are invented" in page
    assert "2 trials are compared here" in page
    assert "<td>ridge</td>" in page
    made = Comparison.read([one, two])
    assert all(f"<td>{cell}</td>" in page for row in made.rows() for cell in row)
    before = target.read_bytes()
    draw_comparison(made, target)
    assert target.read_bytes() == before


def test_the_curves_start_and_end_with_the_common_dates(tmp_path):
    from plotly.graph_objects import Figure

    one, two = trial(tmp_path / "one"), trial(tmp_path / "two", start="2020-02-20")
    made = Comparison.read([one, two])
    spec = equity(made)["spec"]
    assert [trace["name"] for trace in spec["data"]] == ["one", "one", "two", "two"]
    total = np.prod(1 + made.runs[0].returns.loc[made.dates, "net"])
    assert spec["data"][0]["y"][-1] == pytest.approx(total, rel=1e-5)
    assert {len(trace["y"]) for trace in spec["data"]} == {len(made.dates)}
    assert Figure(spec).to_plotly_json()["data"]


def test_a_long_comparison_is_thinned_and_says_so(tmp_path, monkeypatch):
    made = Comparison.read([trial(tmp_path / "one"), trial(tmp_path / "two")])
    full = equity(made)["spec"]["data"]
    monkeypatch.setattr("engine.report.overlay.POINTS", 100)
    thin = equity(made)
    kept = thin["spec"]["data"][0]["y"]
    step = -(-2 * (ROWS - IDLE) // 100)
    assert kept == full[0]["y"][::-1][::step][::-1]
    assert f"One date in {step} is drawn" in thin["note"]


def test_names_cannot_inject_code(tmp_path):
    one = trial(tmp_path / "one", config={EVIL: EVIL}, command=EVIL)
    two = trial(tmp_path / "<b>two", config={EVIL: "x"})
    draw_comparison(Comparison.read([one, two]), tmp_path / "page.html")
    page = own((tmp_path / "page.html").read_text("utf-8"))
    assert EVIL not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_labels_are_what_is_below_the_common_folder(tmp_path):
    one, two = trial(tmp_path / "a" / "0"), trial(tmp_path / "b" / "0")
    assert Comparison.read([one, two]).labels == ["a/0", "b/0"]


def test_report_draws_again_from_the_artifacts_alone(tmp_path, capsys):
    run = trial(tmp_path / "run")
    assert main(["report", str(run)]) == 0
    shown = capsys.readouterr().out
    assert shown.endswith(f"report: {run / 'report.html'}\n")
    assert "SIMULATED data" in shown
    before = (run / "report.html").read_bytes(), (run / "report.png").read_bytes()
    assert main(["report", str(run)]) == 0
    assert ((run / "report.html").read_bytes(), (run / "report.png").read_bytes()) == before


@pytest.mark.parametrize("command", ["report", "compare"])
def test_help_names_the_words(command, capsys):
    assert main([command, "--help"]) == main([command]) == 0
    assert capsys.readouterr().out.count(f"engine {command} RUN") >= 2


@pytest.mark.parametrize("command", ["report", "compare"])
def test_what_is_no_finished_run_is_one_line(command, tmp_path, capsys):
    good = [trial(tmp_path / "good")] if command == "compare" else []

    def told(path: Path) -> str:
        return error(capsys, command, *good, path)

    assert "nowhere: no such folder" in told(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert f"{empty}: not a finished run; choose a folder with manifest.json" in told(empty)
    if command == "report":  # compare takes the runs of a sweep's folder
        trial(tmp_path / "sweep" / "0")
        assert f"it holds 1, such as {tmp_path / 'sweep' / '0'}" in told(tmp_path / "sweep")
    run = trial(tmp_path / "run")
    (run / "INCOMPLETE").write_text("DataError: no bars\n")
    assert "run: INCOMPLETE (DataError: no bars); not a finished run" in told(run)
    (run / "INCOMPLETE").unlink()
    (run / "returns.parquet").write_bytes(b"not a table")
    assert "returns.parquet: cannot be read" in told(run)
    (run / "returns.parquet").unlink()
    assert "returns.parquet: not there" in told(run)
    (run / "metrics.json").write_text("{")
    assert "metrics.json: cannot be read" in told(run)
    (run / "metrics.json").unlink()
    assert "metrics.json: not there" in told(run)
    run = trial(tmp_path / "old")
    (run / "manifest.json").write_text('{"name": "an app"}')
    assert "manifest.json: lacks account, bankrupt_on" in told(run)


def test_wrong_words_are_one_line(tmp_path, capsys):
    one, two = trial(tmp_path / "one"), trial(tmp_path / "two")
    assert "name two or more run folders" in error(capsys, "compare", one)
    assert "is named twice" in error(capsys, "compare", one, two, two / ".." / "one")
    assert "2 run folders are named; name one" in error(capsys, "report", one, two)
    assert "did you mean '--out'?" in error(capsys, "compare", one, two, "--outt", "x.html")
    assert "--out needs a value: type --out FILE.html" in error(capsys, "compare", one, "--out")
    assert "wants a page's name" in error(capsys, "compare", one, two, "--out", one / "ic.parquet")
    missing = tmp_path / "nowhere" / "page.html"
    assert f"{missing}: No such file" in error(capsys, "compare", one, two, "--out", missing)
    assert "did you mean 'compare'?" in error(capsys, "compar", one, two)


def test_runs_without_a_common_date_are_refused(tmp_path):
    one, two = trial(tmp_path / "one"), trial(tmp_path / "two")
    returns = pd.read_parquet(two / "returns.parquet")
    returns["timestamp"] += pd.Timedelta(days=365)
    returns.to_parquet(two / "returns.parquet")
    with pytest.raises(DataError, match=r"no date is common .*one 2020-01-11 to 2020-04-29; two"):
        Comparison.read([one, two])


def test_a_run_that_never_held_anything_is_refused(tmp_path):
    one, two = trial(tmp_path / "one"), trial(tmp_path / "two")
    metrics = json.loads((two / "metrics.json").read_text())
    metrics["active"] = {"start": None, "end": None}
    (two / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(DataError, match="two: held no position"):
        Comparison.read([one, two])


def test_one_run_is_no_comparison(tmp_path):
    with pytest.raises(ConfigError, match="two or more"):
        Comparison.read([trial(tmp_path / "one")])


def test_a_real_pair(tmp_path, capsys):
    """Two portfolios are told apart, with the numbers that each run reported."""
    words = ["+bundle=ai_tech_core", "report=none"]
    runs = [
        engine.run([*words, f"portfolio.quantile={q}"], path=tmp_path / q) for q in ("0.2", "0.3")
    ]
    assert main(["compare", *(str(run.path) for run in runs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.split(r"\s{2,}", lines[0])[:3] == ["run", "portfolio.quantile", "CAGR"]
    for line, run in zip(lines[1:], runs, strict=False):
        net, signal = run.metrics["performance"]["net"], run.metrics["signal"]
        assert re.split(r"\s{2,}", line) == [
            run.path.name,
            run.path.name,
            f"{net['cagr']:.2%}",
            f"{net['volatility']:.2%}",
            f"{net['sharpe']:.2f} ± {net['sharpe_se']:.2f}",
            f"{net['max_drawdown']:.2%}",
            f"{signal['rank_ic_mean']:.4f} ± {signal['rank_ic_se']:.4f}",
            f"{run.metrics['turnover']['per_year']:.1f}",
            f"{run.metrics['costs']['total']:.0f}",
        ]
    assert main(["report", str(runs[0].path)]) == 0
    assert (runs[0].path / "report.html").is_file()


def test_a_ruined_run_ends_with_its_ruin(tmp_path):
    """Days after it are on no date that is compared, nor in a figure of the report."""
    one, two = trial(tmp_path / "one"), trial(tmp_path / "two")
    returns = pd.read_parquet(two / "returns.parquet")
    returns.loc[60, "net"] = -1.0
    returns.loc[61:, "net"] = 0.0
    returns.to_parquet(two / "returns.parquet")
    made = Comparison.read([one, two])
    assert made.dates[-1] == DATES[60] == made.runs[1].regimes.index[-1]
    assert (made.measure(made.runs[1])["cagr"], made.same) == (-1.0, False)
