"""What counts as a trial, and which count against one."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CORE, SMALL
from ledgers import DAYS, begin, draw, finish, open_new

import engine
from engine.trials.database import Database
from engine.trials.family import find_family, find_near, read_returns
from engine.trials.trial import NULL, SIMULATED, Row
from engine.trials.verdict import judge


def count(database: Database, row: Row) -> int:
    return judge(database, row).counts.all


def test_a_strategy_counts_once_however_often_it_runs(tmp_path: Path) -> None:
    with open_new(tmp_path, ["a", "b"]) as database:
        again = finish(database, "a", folder="/runs/again")
        longer = finish(database, "a", draw(1, days=DAYS + 1), last=DAYS)  # one more day of data
        assert count(database, again) == count(database, longer) == 2
        assert database.list_rows("SELECT count(*) FROM runs") == [(4,)]


def test_what_failed_counts(tmp_path: Path) -> None:
    with open_new(tmp_path, ["a"]) as database:
        begin(database, "b")
        row = finish(database, "c")
        counts = judge(database, row).counts
    assert (counts.all, counts.known, counts.unfinished) == (3, 2, 1)
    assert counts.independent == 3.0


def test_what_never_held_a_position_counts(tmp_path: Path) -> None:
    with open_new(tmp_path, ["a"]) as database:
        name = begin(database, "b")
        database.finish(name, None)
        made = judge(database, database.find("b"))
        assert made.counts.all == 2
        assert made.counts.unfinished == 0
        assert made.sharpe is None
        assert made.says == (
            "this run has no Sharpe ratio, for it held too little or too short: there is nothing "
            "to judge (2 trials on these data)",
        )


def test_a_run_that_fails_later_does_not_undo_its_trial(tmp_path: Path) -> None:
    with open_new(tmp_path, ["a"]) as database:
        begin(database, "a", "/runs/failed")
        assert judge(database, database.find("a")).counts.unfinished == 0


# Symbols A to D and days 0 to 999; the other trial's symbols, first and last day.
@pytest.mark.parametrize(
    ("symbols", "first", "last", "together"),
    [
        ("ABCD", 0, 999, True),
        ("AB", 0, 999, True),  # all of the smaller set
        ("ABXY", 0, 999, True),  # half of it
        ("AWXY", 0, 999, False),
        ("AXYZUVW", 0, 999, False),  # the smaller one is ABCD
        ("AX", 0, 999, True),
        ("ABCD", 500, 1499, True),  # half of either span
        ("ABCD", 501, 1500, False),
        ("ABCD", 950, 1049, True),  # half of the shorter one
        ("ABCD", 951, 1050, False),
        ("ABCD", 1000, 1999, False),
    ],
)
def test_trials_on_half_of_the_same_data_count_together(
    symbols: str, first: int, last: int, together: bool, tmp_path: Path
) -> None:
    with open_new(tmp_path, ["a"]) as database:
        other = finish(database, "b", symbols=symbols, first=first, last=last)
        own = database.find("a")
        assert count(database, own) == count(database, other) == 1 + together
        assert (other.data in find_near(database, own)) is together


@pytest.mark.parametrize("place", [{"source": "other"}, {"kind": NULL}, {"kind": SIMULATED}])
def test_other_sources_and_kinds_are_kept_apart(place: dict[str, Any], tmp_path: Path) -> None:
    with open_new(tmp_path, ["a", "b"]) as database:
        other = finish(database, "c", **place)
        assert count(database, database.find("a")) == 2
        assert count(database, other) == 1


def test_a_family_is_what_the_rule_says_of_each_pair(tmp_path: Path) -> None:
    def near(one: Row, other: Row, symbols: list[set[str]]) -> bool:
        days = [set(range(row.first, row.last + 1)) for row in (one, other)]
        return all(
            2 * len(here & there) >= min(len(here), len(there)) for here, there in (symbols, days)
        )

    lot = random.Random(5)
    with Database(tmp_path / "trials.sqlite") as database:
        for number in range(60):
            first = lot.randrange(100)
            place: dict[str, Any] = {"first": first, "last": first + lot.randrange(100)}
            place["symbols"] = "".join(sorted(lot.sample("ABCDEFGH", lot.randrange(1, 8))))
            begin(database, f"k{lot.randrange(20)}", f"/{number}", **place)
        rows = database.select("")
        held = {row.id: set(database.place_of(row).symbols) for row in rows}
        for row in rows:
            want = {each.key for each in rows if near(row, each, [held[row.id], held[each.id]])}
            found = [database.read(int(number)) for number in find_family(database, row).ids]
            assert [each.key for each in found] == sorted(want)
            assert row in found  # its own data stand for its own key


def test_a_draw_of_a_thousand_is_by_key_and_holds_the_trial(tmp_path: Path) -> None:
    with open_new(tmp_path, [f"k{number}" for number in range(9)]) as database:
        last = database.find("k8")
        returns = read_returns(database, find_family(database, last), most=4)
        keys = [database.read(number).key for number in returns.ids]
    assert keys == ["k0", "k1", "k2", "k8"]


# Whole runs.


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "trials.sqlite"
    monkeypatch.setenv("ALPHA_ENGINE_TRIALS", str(file))
    return file


def run(folder: Path, *words: str, **how: Any) -> dict[str, Any]:
    engine.run([*SMALL, *words], path=folder, **how)
    told: dict[str, Any] = json.loads((folder / "trials.json").read_text("utf-8"))
    return told


def test_runs_are_counted_by_what_makes_their_account(ledger: Path, tmp_path: Path) -> None:
    """Not by what is drawn, kept or observed of them; and their folders may go."""
    numbers = itertools.count()
    folder = lambda: tmp_path / f"{next(numbers)}"  # noqa: E731
    kept = ("~observers.log", "check.jump=0.9", "too_good.ic=0.5", f"store.path={tmp_path / 's'}")
    assert run(folder())["counts"]["all"] == 1
    assert run(folder(), *kept, "bundle.name=other", "backtest.engine=fast")["counts"]["all"] == 1
    assert run(folder(), "model=xgboost", "label.horizon=5")["counts"]["all"] == 1  # no model reads
    assert run(folder(), "portfolio.quantile=0.4")["counts"]["all"] == 2
    assert run(folder(), "costs.fees_bps=3")["counts"]["all"] == 3
    for gone in range(3):
        shutil.rmtree(tmp_path / f"{gone}")
    told = run(folder(), "exposure.calm=0.5")
    assert told["counts"]["all"] == 4
    assert told["kind"] == "simulated"
    assert run(folder(), "source.seed=8")["counts"]["all"] == 1  # another market


def test_shuffled_labels_are_apart_where_a_model_learns_from_them(
    ledger: Path, tmp_path: Path
) -> None:
    words = ["+bundle=ai_tech_core_ml", "source.n_symbols=12", "source.n_days=500", "report=none"]
    words += ["label.shuffle=true", "validation.min_train=250"]
    engine.run(words, path=tmp_path / "1")
    assert json.loads((tmp_path / "1" / "trials.json").read_text())["kind"] == "null"
    assert run(tmp_path / "2", "label.shuffle=true")["kind"] == "simulated"  # no model reads it


def test_bars_handed_over_are_a_source_of_their_own(ledger: Path, tmp_path: Path) -> None:
    days = pd.bdate_range("2020-01-01", periods=300, name="date")
    steps = np.random.default_rng(3).normal(0, 0.01, (300, 6))
    bars = pd.DataFrame(100 * np.exp(np.cumsum(steps, axis=0)), days, list("ABCDEF"))
    words = ["+factors.up='delta(close, 5)'", "bundle.factors=[{name: up, weight: 1.0}]"]
    words += ["universe=all", "factors=core_price_only"]
    for number in range(2):
        path = tmp_path / str(number)
        engine.run([CORE, "report=none", *words], path=path, bars=bars.iloc[: 299 + number])
        told = json.loads((path / "trials.json").read_text())
        assert (told["kind"], told["counts"]["all"]) == ("real", 1)


def test_a_run_that_fails_was_counted_before(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **named: object) -> None:
        raise engine.DataError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr("engine.pipeline.making.Making.keep_only", fail)
        with pytest.raises(engine.DataError):  # once the source has been read
            run(tmp_path / "0")
    assert not ledger.exists()  # its bars had not been laid out
    with monkeypatch.context() as patch:
        patch.setattr("engine.pipeline.run._trainings", fail)
        patch.setattr("engine.pipeline.run.manifest", fail)
        with pytest.raises(engine.DataError):
            run(tmp_path / "1", "portfolio.quantile=0.4")
    counts = run(tmp_path / "2")["counts"]
    assert (counts["all"], counts["unfinished"]) == (2, 1)


def test_secrets_are_in_no_ledger(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SEED_TOKEN", "hunter2-hunter2")
    run(tmp_path / "1", "++universe.tags.sector.NVDA='${oc.env:MY_SEED_TOKEN}'")
    content = b"".join(file.read_bytes() for file in tmp_path.glob("trials.sqlite*"))
    assert b"MY_SEED_TOKEN" in content
    assert b"hunter2" not in content


def test_without_a_ledger_all_else_is_the_same(tmp_path: Path) -> None:
    paths = [tmp_path / "with", tmp_path / "without"]
    engine.run([*SMALL, f"trials.path={tmp_path / 'trials.sqlite'}"], path=paths[0])
    engine.run([*SMALL, "trials.path=null"], path=paths[1])
    files = [{file.name for file in path.iterdir()} for path in paths]
    assert files[0] - files[1] == {"trials.json"}
    for name in files[1] - {"manifest.json", "timings.json", "stages.jsonl"}:
        if (paths[1] / name).is_file():
            assert (paths[0] / name).read_bytes() == (paths[1] / name).read_bytes(), name
    one, other = (json.loads((path / "manifest.json").read_text()) for path in paths)
    for told in (one, other):
        del told["timings"], told["command"]
    assert one == other


def test_intraday_rows_become_days(tmp_path: Path) -> None:
    words = [*SMALL, f"trials.path={tmp_path / 'trials.sqlite'}"]
    report = engine.run(words, path=tmp_path / "1")
    from engine.trials.counting import read_result

    rows = report.returns.loc[report.metrics["active"]["start"] :]
    made = read_result(report.path)
    assert made is not None
    assert made.net.tolist() == rows["net"].tolist()
    assert made.excess.tolist() == (rows["net"] - rows["risk_free"]).tolist()
    assert len(made.days) / made.years == report.metrics["annual"]["rows_per_year"]
