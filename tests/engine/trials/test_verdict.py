"""What the ledger says of a trial, and whether it is true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ledgers import DAYS, begin, draw, finish, open_new

from engine.storage import Counts, Trials
from engine.study import Track, deflate, expect_best, judge_search, judge_sharpe, measure_minimum
from engine.trials.explaining import explain_trial
from engine.trials.trial import NULL, Result
from engine.trials.verdict import judge
from engine.trials.words import say_search, share, spell_place


def test_one_trial_has_no_deflated_ratio(tmp_path: Path) -> None:
    with open_new(tmp_path) as database:
        made = judge(database, finish(database, "a", draw(3, 0.0005)))
    track = Track.of(draw(3, 0.0005).excess)
    assert made.raw is None
    assert made.haircut is None
    assert made.overfitting is None
    assert made.effective is not None
    assert made.effective.deflated is None
    assert made.effective.chance == pytest.approx(judge_search(track, 1))
    assert made.probabilistic == pytest.approx(judge_sharpe(track))
    assert made.minimum_years == pytest.approx(measure_minimum(track) / 250)
    chance = share(judge_search(track, 1))
    assert made.says[0] == (
        "the only trial on these data so far, so nothing is deflated: a strategy without any skill "
        f"ends at least this high in {chance} of cases"
    )
    assert made.says[1:] == (
        "without skill means a true Sharpe ratio of 0 in excess of cash: what an account earns by "
        "holding the market counts as skill here",
    )


def test_two_trials(tmp_path: Path) -> None:
    """Every figure is that of `engine.study`, in the units that the file names."""
    returns = [draw(1, 0.0), draw(2, 0.001)]
    with open_new(tmp_path) as database:
        worse, better = (
            finish(database, name, each) for name, each in zip("ab", returns, strict=True)
        )
        made, other = judge(database, better), judge(database, worse)
    tracks = [Track.of(each.excess) for each in returns]
    spread = float(np.std([track.sharpe for track in tracks], ddof=1))
    assert made.counts == Counts(all=2, known=2, unfinished=0, independent=2.0, clusters=2, drawn=2)
    assert (made.rank, other.rank) == (1, 2)
    assert made.sharpe == pytest.approx(tracks[1].sharpe * np.sqrt(250))
    assert made.effective == made.raw
    assert made.raw is not None
    assert made.raw.expected == pytest.approx(expect_best(2, spread) * np.sqrt(250))
    assert made.raw.deflated == pytest.approx(deflate(tracks[1], 2, spread))
    assert made.raw.chance == pytest.approx(judge_search(tracks[1], 2))
    assert made.overfitting is not None
    assert (made.overfitting.trials, made.overfitting.days) == (2, 992)
    assert made.says[0].startswith("best of 2 trials, all independent of one another: a search of ")
    assert other.says[0].startswith("worst of 2 trials, all independent of one another: a sear")
    assert made.says[1] == (
        f"the best in-sample was below the median out of sample in {share(made.overfitting.below)} "
        "of splits (2 trials, 992 days)"
    )


def test_forty_eight_trials_in_nine_clusters(tmp_path: Path) -> None:
    with open_new(tmp_path) as database:
        for number in range(48):
            ours, own = draw(number % 9), draw(100 + number)
            values = ours.excess + 0.2 * own.excess
            finish(database, f"k{number}", Result(ours.days, values, values, ours.years))
        rows = sorted(database.select(""), key=lambda row: row.annual or 0.0)
        best, third = judge(database, rows[-1]), judge(database, rows[-3])
    assert (best.counts.all, best.counts.known, best.counts.clusters) == (48, 48, 9)
    near = round(best.counts.independent)
    assert 9 <= near <= 20
    assert best.effective is not None
    assert best.raw is not None
    assert best.effective.chance is not None
    assert best.raw.chance is not None
    few, many = share(best.effective.chance), share(best.raw.chance)
    assert best.says[0] == (
        f"best of 48 trials, about {near} of them independent: a search of this size over "
        f"strategies without any skill ends at least this high in {few} of cases ({many} if "
        "all 48 were independent)"
    )
    assert third.says[0].startswith(f"3rd best of 48 trials, about {near} of them independent: a ")


def test_unfinished_trials_are_told_and_extrapolated(tmp_path: Path) -> None:
    with open_new(tmp_path, ["a", "b"]) as database:
        begin(database, "c")
        made = judge(database, database.find("a"))
    assert made.says[0].startswith(
        f"{'best' if made.rank == 1 else 'worst'} of 2 trials with a result, and 1 without, all "
        "independent of one another: a search of this size"
    )


def test_trials_that_are_alike_count_as_one(tmp_path: Path) -> None:
    with open_new(tmp_path) as database:
        for key in "abc":
            finish(database, key, draw(1))
        made = judge(database, database.find("a"))
    assert made.counts.independent == 1.0
    assert made.rank == 1
    assert "best of 3 trials, so alike that they count as one: a search" in made.says[0]


def test_a_search_without_skill_ends_so_high_so_often(tmp_path: Path) -> None:
    """The sentence is true: of searches without skill, 30 % end at what is told as 30 %."""
    told = []
    for search in range(150):
        tracks = [Track.of(draw(1000 + 9 * search + n, days=250).excess) for n in range(9)]
        best = max(tracks, key=lambda track: track.sharpe)
        told.append(judge_search(best, 9))
    below = np.mean(np.array(told) < 0.3)
    assert 0.18 < below < 0.42  # 0.3, with a standard error of 0.037


def test_which_trials_are_ranked_is_decided_by_days_alone(tmp_path: Path) -> None:
    """A trial that lacks a tenth of the run's days would cut everybody's."""
    with open_new(tmp_path, ["a", "b"]) as database:
        finish(database, "late", draw(7, days=DAYS - 101, first=101))
        near = finish(database, "near", draw(8, days=DAYS - 100, first=100))
        made, other = judge(database, database.find("a")), judge(database, near)
        short = judge(database, finish(database, "short", draw(9, days=150)))
    assert made.overfitting is not None
    assert (made.overfitting.trials, made.overfitting.days) == (3, 896)
    assert other.overfitting is not None
    assert other.overfitting.trials == 4
    assert short.overfitting is None


def test_null_controls_are_called_so(tmp_path: Path) -> None:
    with open_new(tmp_path) as database:
        finish(database, "a", kind=NULL)
        made = judge(database, finish(database, "b", kind=NULL))
    assert "of 2 null controls, all independent of one another" in made.says[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 %"), (0.0004, "less than 0.1 %"), (0.004, "0.4 %"), (0.31, "31 %"), (0.314, "31 %"),
     (0.996, "99.6 %"), (0.99995, "more than 99.9 %"), (1.0, "100 %")],
)  # fmt: skip
def test_a_share_is_never_0_or_100_where_it_is_not(value: float, text: str) -> None:
    assert share(value) == text


def test_places() -> None:
    places = [spell_place(rank, 112) for rank in (1, 2, 3, 4, 11, 12, 13, 21, 101, 111, 112)]
    assert places == [
        "best", "2nd best", "3rd best", "4th best", "11th best", "12th best", "13th best",
        "21st best", "101st best", "111th best", "worst",
    ]  # fmt: skip


def test_explaining_has_a_sentence_for_every_figure(tmp_path: Path) -> None:
    with open_new(tmp_path, ["a", "b", "c"]) as database:
        finish(database, "other", source="another file")
        finish(database, "null", kind=NULL)
        best = max(database.select("LIMIT 3"), key=lambda row: row.sharpe or 0.0)
        text = " ".join(explain_trial(database, best))
    text = text.replace("Without", "without")
    for words in (
        "without skill means a true Sharpe ratio of 0",
        "Trials: 3 trials on the same source",
        "Not counted: 1 trials of this ledger that are of other data: another source, other",
        "Kept apart, and not counted: 1 null control.",
        "Probabilistic Sharpe ratio:",
        "Minimum track record:",
        "A search over 3 independent strategies without skill (as if no two were alike)",
        "Haircut Sharpe ratios per year",
        "PBO 0.",
        "White's reality check:",
        "Model confidence set:",
    ):
        assert words in text
    assert "luck" not in text


def test_nothing_is_called_a_probability_of_luck(tmp_path: Path) -> None:
    with open_new(tmp_path, ["a", "b"]) as database:
        made = judge(database, database.find("a"))
    said = " ".join([*made.says, *made.units.values()])
    assert "luck" not in said
    assert "probability" not in said
    unknown: Trials = replace(made, effective=None, raw=None)
    assert "in an unknown share of cases" in say_search(unknown)
