"""Who is in the universe when: stays from a file, and the largest of each month."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import Shared
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine.bars.layout import build
from engine.bars.membership import largest, read_stays, resolve_members
from engine.cli.prompt import main
from engine.core.panel import BoolArray, FloatArray, Panel
from engine.core.universe import Interval, Universe

nan = np.nan
# four dates in January, three in February, two in March 2020
DATES = pd.DatetimeIndex(
    ["2020-01-28", "2020-01-29", "2020-01-30", "2020-01-31", "2020-02-03", "2020-02-04",
     "2020-02-28", "2020-03-02", "2020-03-03"],
    tz="UTC",
)  # fmt: skip


def file(folder: Path, text: str) -> str:
    path = folder / "members.csv"
    path.write_text(text)
    return str(path)


# --- stays from a file


def test_a_file_says_who_is_in_when(tmp_path: Path) -> None:
    """Both ends are included, an empty end is open, and NA is a ticker."""
    path = file(
        tmp_path,
        "symbol,start,end,note\nA,2020-01-30,2020-02-03,x\nNA,,2020-01-29,\nA,2020-03-03,,\n",
    )
    universe = resolve_members(Universe(members_file=path))
    assert universe.symbols == ["A", "NA"]
    assert universe.members == [
        Interval("A", "2020-01-30", "2020-02-03"),
        Interval("NA", None, "2020-01-29"),
        Interval("A", "2020-03-03", None),
    ]
    inside = universe.membership(DATES, ("A", "B", "NA"))
    np.testing.assert_array_equal(inside[:, 0], np.array([0, 0, 1, 1, 1, 0, 0, 0, 1], bool))
    assert not inside[:, 1].any()  # who is not in the file is never a member
    np.testing.assert_array_equal(inside[:, 2], np.array([1, 1, 0, 0, 0, 0, 0, 0, 0], bool))


def test_symbols_that_are_set_stay(tmp_path: Path) -> None:
    path = file(tmp_path, "symbol,start,end\nA,,\n")
    universe = resolve_members(Universe(symbols=["A", "B"], members_file=path))
    assert universe.symbols == ["A", "B"]
    assert list(universe.membership(DATES, ("A", "B"))[0]) == [True, False]


@pytest.mark.parametrize("dates", ["text", "datetime", "date"])
def test_parquet_says_the_same_as_csv(tmp_path: Path, dates: str) -> None:
    start = pd.Series(["2020-01-30", None, "2020-03-03"])
    end = pd.Series(["2020-02-03", "2020-01-29", None])
    if dates != "text":
        start, end = pd.to_datetime(start), pd.to_datetime(end)
    if dates == "date":
        start, end = start.dt.date, end.dt.date
    path = tmp_path / "members.parquet"
    pd.DataFrame({"symbol": ["A", "NA", "A"], "start": start, "end": end}).to_parquet(path)
    text = "symbol,start,end\nA,2020-01-30,2020-02-03\nNA,,2020-01-29\nA,2020-03-03,\n"
    assert read_stays(str(path)) == read_stays(file(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("symbol,start\nA,\n", "has no column 'end', but symbol, start"),
        ("symbol,start,end\n", "has no rows"),
        ("symbol,start,end\nA,,\n,2020-01-01,\n", "row 2 has no symbol"),
        ("symbol,start,end\nA,soon,\n", "row 1, column 'start': 'soon' is not a date"),
        ("symbol,start,end\nA,,31/01/2020\n", "row 1, column 'end': '31/01/2020' is not a date"),
        (
            "symbol,start,end\nB,,\nA,2020-02-01,2020-01-01\n",
            "row 2: A has end 2020-01-01 before start 2020-02-01: swap them",
        ),
        (
            "symbol,start,end\nA,2020-02-01,\nB,,\nA,2019-01-01,2020-02-01\n",
            "rows 1 and 3: the stays of A overlap",
        ),
        ("symbol,start,end\nA,,\nA,2020-01-01,2020-01-02\n", "rows 1 and 2: the stays of A"),
        ("symbol,start,end\nA,2020-01-01,\nA,2020-01-05,\n", "rows 1 and 2: the stays of A"),
        ("", "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_right_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(engine.DataError) as caught:
        read_stays(path)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"universe.members_file={path}")
    assert "\n" not in str(caught.value)


def test_stays_of_neighbouring_days_do_not_overlap(tmp_path: Path) -> None:
    path = file(tmp_path, "symbol,start,end\nA,2020-01-02,\nA,,2020-01-01\nB,2020-01-01,\n")
    assert len(read_stays(path)) == 3


def test_a_missing_file_names_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(engine.DataError, match=f"there is no file {tmp_path / 'no.csv'}"):
        read_stays("no.csv")
    with pytest.raises(engine.ConfigError, match=r"name a \.csv, \.parquet or \.txt"):
        read_stays("members.xls")


def test_a_path_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(tmp_path, "symbol,start,end\nA,,\n")
    monkeypatch.chdir(tmp_path)
    assert read_stays("members.csv") == [Interval("A")]


def test_a_file_and_a_list_are_one_too_many(tmp_path: Path) -> None:
    path = file(tmp_path, "symbol,start,end\nA,,\n")
    with pytest.raises(engine.ConfigError, match="both set"):
        resolve_members(Universe(members=[Interval("A")], members_file=path))


# --- the largest of each month


def top(
    value: FloatArray, n: int, window: int, candidate: BoolArray | None = None, names: str = "ABCD"
) -> list[str]:
    """Members by date, as text, of symbols A, B, …"""
    symbols = tuple(names[: value.shape[1]])
    able = np.ones(value.shape, bool) if candidate is None else candidate
    chosen = largest(value, able, DATES[: len(value)], symbols, n, window)
    return ["".join(sorted(s for s, m in zip(symbols, row, strict=True) if m)) for row in chosen]


def columns(*values: list[float]) -> FloatArray:
    return np.array(values, dtype=np.float64).T


def test_a_month_has_the_largest_of_the_rows_before_it() -> None:
    """Window 3: February by 29–31 January, March by 3, 4 and 28 February."""
    value = columns(
        [9, 9, 1, 1, 8, 8, 1, 9, 9],  # medians 1, 8
        [0, 2, 5, 2, 0, 7, 9, 0, 0],  # 2, 7
        [0, 3, 0, 9, 0, 0, 9, 9, 9],  # 3, 0
    )
    assert top(value, 1, 3) == [""] * 4 + ["C"] * 3 + ["A"] * 2
    assert top(value, 2, 3) == [""] * 4 + ["BC"] * 3 + ["AB"] * 2
    assert top(value, 9, 3) == [""] * 4 + ["ABC"] * 5


def test_nobody_is_a_member_before_the_window_is_full() -> None:
    value = columns([1.0] * 9)
    assert top(value, 1, 4) == [""] * 4 + ["A"] * 5
    assert top(value, 1, 5) == [""] * 7 + ["A"] * 2
    assert top(value, 1, 8) == [""] * 9


def test_the_first_by_name_is_taken_among_equals() -> None:
    value = columns([5.0] * 9, [5.0] * 9, [5.0] * 9)
    assert top(value, 2, 2)[4] == "AB"
    assert top(value, 2, 2, names="CBA")[4] == "AB"


def test_new_and_delisted_symbols_are_out_and_gaps_are_skipped() -> None:
    """Window 4, all of January: B is new, C was delisted, D has one gap."""
    value = columns(
        [1, 1, 1, 1, 1],
        [nan, 9, 9, 9, 9],
        [9, nan, nan, nan, nan],
        [9, nan, 9, 9, 9],
    )
    assert top(value, 4, 4)[4] == "AD"


def test_only_candidates_of_the_day_of_choice_take_a_place() -> None:
    value = columns([9.0] * 9, [5.0] * 9, [1.0] * 9)
    later = np.ones((9, 3), bool)
    later[:5, 0] = False  # A joins on 4 February
    assert top(value, 1, 2, later) == [""] * 4 + ["B"] * 3 + ["A"] * 2


@st.composite
def markets(draw: st.DrawFn) -> tuple[FloatArray, int, int]:
    shape = (9, draw(st.integers(1, 4)))
    cells = st.sampled_from([nan, 0.0, 1.0, 2.0, 3.0, 5.0])
    flat = draw(st.lists(cells, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    return np.array(flat).reshape(shape), draw(st.integers(1, 4)), draw(st.integers(1, 7))


@settings(max_examples=60, deadline=None)
@given(markets(), st.integers(1, 8))
def test_what_comes_later_changes_nothing(case: tuple[FloatArray, int, int], cut: int) -> None:
    value, n, window = case
    full = top(value, n, window)
    assert top(value[:cut], n, window) == full[:cut]
    other = value.copy()
    other[cut:] = np.where(np.isnan(other[cut:]), 7.0, nan)
    assert top(other, n, window)[: cut + 1] == full[: cut + 1]


@settings(max_examples=60, deadline=None)
@given(markets())
def test_agrees_with_pandas_and_with_any_order(case: tuple[FloatArray, int, int]) -> None:
    value, n, window = case
    names = "ABCD"[: value.shape[1]]
    expected = []
    frame = pd.DataFrame(value, columns=list(names))
    for t in range(len(value)):
        start = next(i for i in range(t + 1) if DATES[i].month == DATES[t].month)
        block = frame.iloc[start - window : start] if start >= window else frame.iloc[:0]
        listed = frame.iloc[: max(start - window, -1) + 1].notna().any()
        able = listed & (block.notna().sum() * 2 >= window)
        ranked = block.median()[able].sort_index().sort_values(ascending=False, kind="stable")
        expected.append("".join(sorted(ranked.index[:n])))
    assert top(value, n, window) == expected
    assert top(value[:, ::-1], n, window, names=names[::-1]) == expected


# --- both, in a panel and in a run


def bars(**columns_: object) -> pd.DataFrame:
    """Symbols A (largest), B and C on DATES."""
    frame = pd.DataFrame(
        {
            "timestamp": DATES.repeat(3),
            "symbol": ["A", "B", "C"] * len(DATES),
            "close": 10.0,
            "volume": [300.0, 200.0, 100.0] * len(DATES),
        }
    )
    return frame.assign(**columns_)


def members(universe: Universe) -> list[str]:
    panel, _ = build(bars(), universe)
    return ["".join(np.array(panel.symbols)[row]) for row in panel.member]


def test_the_largest_are_chosen_among_the_intervals_and_both_hold(tmp_path: Path) -> None:
    path = file(tmp_path, "symbol,start,end\nA,2020-02-04,\nB,,2020-02-04\nC,,\n")
    universe = Universe(members_file=path, top_n=1, top_window=3)
    assert members(replace(universe, top_n=None)) == ["BC"] * 5 + ["ABC"] + ["AC"] * 3
    assert members(universe) == [""] * 4 + ["B"] * 2 + [""] + ["A"] * 2


def test_without_volume_it_says_so() -> None:
    with pytest.raises(engine.DataError, match=r"top_n=1 .* the source has no volume: choose"):
        build(bars().drop(columns="volume"), Universe(top_n=1))


def test_a_sample_that_is_too_short_is_refused() -> None:
    with pytest.raises(engine.DataError, match=r"no symbol has 63 rows .* universe\.top_window"):
        build(bars(), Universe(top_n=1))


def test_the_fingerprint_knows_the_members() -> None:
    one, two, same = (
        build(bars(), Universe(top_n=n, top_window=3))[0] for n in (1, 2, 2)
    )  # fmt: skip
    assert one.fingerprint != two.fingerprint == same.fingerprint


def test_bounds_are_those_of_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "source=simulated", "universe.top_n=0"]) == 2
    assert "universe.top_n=0" in capsys.readouterr().err


@pytest.fixture(scope="module")
def liquid(shared: Shared) -> Panel:
    frame = pd.read_parquet(shared("data/us_liquid200_2014_2020.parquet"))
    frame = frame.rename(columns={n: n.lower() for n in frame}).rename(
        columns={"date": "timestamp"}
    )
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
    wanted = ["timestamp", "symbol", "close", "volume"]
    return build(frame[wanted].sort_values(["symbol", "timestamp"]), Universe(top_n=50))[0]


def test_real_bars_have_fifty_members_in_each_month(liquid: Panel) -> None:
    count = liquid.member.sum(axis=1)
    first = int(np.argmax(count > 0))
    assert 63 <= first < 63 + 23
    assert set(count[first:]) == {50}
    month = liquid.dates.year * 12 + liquid.dates.month
    changed = (liquid.member[1:] != liquid.member[:-1]).any(axis=1)
    assert not changed[month[1:] == month[:-1]].any()  # within a month nobody comes or goes
    assert 20 < changed.sum() < 90  # 78 months begin


def test_real_members_do_not_depend_on_what_comes_later(liquid: Panel) -> None:
    value = (liquid["close"] * liquid["volume"])[:700]
    able = np.ones(value.shape, bool)
    cut = largest(value, able, liquid.dates[:700], liquid.symbols, 50, 63)
    np.testing.assert_array_equal(cut, liquid.member[:700])


def market() -> pd.DataFrame:
    """Random bars of eight symbols over three years, whose volumes wander."""
    random = np.random.default_rng(3)
    days, symbols = pd.bdate_range("2016-01-04", periods=780), [f"S{i}" for i in range(8)]
    shape = (len(days), len(symbols))
    close = 40 * np.exp(np.cumsum(random.normal(0, 0.015, shape), axis=0))
    volume = 1e6 * np.exp(np.cumsum(random.normal(0, 0.05, shape), axis=0))
    return pd.DataFrame(
        {
            "date": np.repeat(days, len(symbols)),
            "symbol": np.tile(symbols, len(days)),
            "close": close.ravel(),
            "volume": volume.ravel(),
        }
    )


PLAIN = [
    "+bundle=us_large_core_ml",
    "report=none",
    "validation.min_train=300",
    "validation.retrain_every=100",
    "portfolio.quantile=0.4",
]


def test_a_run_scores_and_buys_members_only(tmp_path: Path) -> None:
    frame = market()
    words = [*PLAIN, "universe=us_top50", "universe.top_n=5", "universe.calendar=null"]
    report = engine.run(words, path=tmp_path / "run", bars=frame)
    wide = frame.assign(value=frame["close"] * frame["volume"]).pivot(
        index="date", columns="symbol", values="value"
    )
    median = wide.rolling(63).median()
    chosen = median.groupby(median.index.to_period("M")).tail(1)  # at each month's last date
    rank = chosen.rank(axis=1, ascending=False).shift(1)
    member = rank.set_index(rank.index.to_period("M")).le(5)
    expected = member.loc[report.signal.index.tz_localize(None).to_period("M")].to_numpy()
    scored = report.signal.notna().to_numpy()
    assert scored.any()
    np.testing.assert_array_equal(scored, expected & scored.any(axis=1)[:, None])
    bought = (report.weights.fillna(0) != 0).to_numpy()
    assert bought.any()
    assert not (bought & ~expected).any()
    assert scored.any(axis=0).sum() > 5  # members came and went


def test_a_run_with_the_largest_does_not_look_ahead(tmp_path: Path) -> None:
    frame = market()
    last = frame["date"].unique()[649]
    other = frame.copy()
    later = other["date"] > last
    turned = other.loc[later, "volume"].to_numpy()[::-1]
    other.loc[later, "volume"] = turned
    words = [*PLAIN, "universe=all", "universe.top_n=5"]
    one, two, cut = (
        engine.run(words, path=tmp_path / name, bars=bars_)
        for name, bars_ in (("a", frame), ("b", other), ("c", frame[frame["date"] <= last]))
    )
    assert not one.signal.equals(two.signal)
    for name in ("signal", "weights"):
        expected = getattr(cut, name)
        assert expected.notna().any(axis=None)
        for run in (one, two):
            pd.testing.assert_frame_equal(getattr(run, name)[:650], expected, check_exact=True)


def test_a_run_takes_its_members_from_a_file(tmp_path: Path) -> None:
    path = file(tmp_path, "symbol,start,end\nS1,,2017-01-31\nS2,,\nS3,,\nS4,2017-01-31,\n")
    words = ["+bundle=ai_tech_core", "source.n_days=900", "portfolio.quantile=0.4", "report=none"]
    words += ["universe=all", f"universe.members_file={path}"]
    report = engine.run(words, path=tmp_path / "run")
    score = report.table("signal").dropna(subset=["mf_score"])
    assert report.manifest["source"]["symbols"] == 4  # the file's symbols were asked for
    day = pd.Timestamp("2017-01-31", tz="UTC")
    assert score.loc[score["symbol"] == "S1", "timestamp"].max() == day
    assert score.loc[score["symbol"] == "S4", "timestamp"].min() == day


def test_rows_of_symbols_that_are_never_members_change_nothing(tmp_path: Path) -> None:
    """Up to the order of sums. (Those of a later member do: its windows read them.)"""
    frame = market()
    stays = "".join(f"S{i},,\n" for i in range(6))
    path = file(tmp_path, f"symbol,start,end\n{stays}")
    universe = ["universe=all", f"universe.members_file={path}"]
    every = "universe.symbols=[S0,S1,S2,S3,S4,S5,S6,S7]"
    more = engine.run([*PLAIN, *universe, every], path=tmp_path / "more", bars=frame)
    less = engine.run([*PLAIN, *universe], path=tmp_path / "less", bars=frame)
    assert more.manifest["source"]["symbols"] == 8
    assert less.manifest["source"]["symbols"] == 6
    assert more.signal[["S6", "S7"]].isna().all(axis=None)
    six = list(less.signal)
    np.testing.assert_allclose(more.signal[six], less.signal, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(more.weights[six], less.weights, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(more.returns["net"], less.returns["net"], rtol=1e-9, atol=1e-12)
    assert less.returns["turnover"].sum() > 0


def test_the_fingerprint_knows_series_and_labels() -> None:
    one = build(bars(), Universe())[0]
    vix = replace(one, series={"vix": np.arange(float(one.shape[0]))})
    labelled = replace(one, groups={"sector": tuple("x" for _ in one.symbols)})
    assert len({one.fingerprint, vix.fingerprint, labelled.fingerprint}) == 3
    assert replace(one).fingerprint == one.fingerprint
