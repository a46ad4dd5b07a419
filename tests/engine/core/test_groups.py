"""Groups by date: each date has the last label known by then, and knows of no later one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import NAN

import engine
from engine.account.simulation import decide_all
from engine.bars.layout import build
from engine.core.groups import Dated, labels_at
from engine.core.universe import Universe
from engine.expr.ops import UNGROUPED
from engine.expr.pieces import evaluate_pieces
from engine.plugins.portfolios import QuantileLongShort
from engine.plugins.sources import Csv, Parquet
from engine.signal.scores import Bundle, BundleFactor, score
from engine.study.holdings import sector_weights

BY_SECTOR = {
    "less": "indneutralize(x, sector)",
    "mean": "group_mean(x, sector)",
    "score": "group_zscore(x, sector)",
    "rank": "group_rank(x, sector)",
}


def labelled(
    labels: Mapping[str, Sequence[str | None]], **fields: list[list[float]]
) -> engine.Panel:
    """Bars of the symbols, a label a date each, None where the file has none."""
    days = pd.bdate_range("2024-01-01", periods=len(next(iter(labels.values()))), tz="UTC")
    rows = [
        {"timestamp": day, "symbol": symbol, "sector": labels[symbol][t]}
        | {name: float(values[t][i]) for name, values in fields.items()}
        for i, symbol in enumerate(labels)
        for t, day in enumerate(days)
    ]
    return build(pd.DataFrame(rows).dropna(subset="close"), Universe())[0]


def test_a_reclassified_name_is_of_its_new_group_from_that_date_on():
    """X moves from A to B on the third date; closes are 10 to 21, date by date."""
    closes = np.arange(10, 22).reshape(4, 3).tolist()
    panel = labelled({"x": ["A", "A", "B", "B"], "y": ["A"] * 4, "z": ["A"] * 4}, close=closes)
    made = engine.evaluate({"f": "indneutralize(close, sector)"}, panel)["f"]
    np.testing.assert_allclose(made, [[-1, 0, 1]] * 2 + [[0, -0.5, 0.5]] * 2)


def test_a_label_first_known_on_the_third_date_does_not_shape_the_second():
    panel = labelled(
        {"x": [None, None, "A", None], "y": ["A"] * 4, "z": ["A"] * 4}, close=[[1, 2, 3]] * 4
    )
    assert [labels_at(panel.groups["sector"], t)[0] for t in range(4)] == ["", "", "A", "A"]
    made = engine.evaluate({"f": "group_mean(close, sector)"}, panel)["f"]
    np.testing.assert_allclose(made, [[1, 2.5, 2.5]] * 2 + [[2, 2, 2]] * 2)


def test_labels_that_never_change_are_one_for_all_dates():
    panel = labelled(
        {"x": ["A", None, "A"], "y": ["B"] * 3, "z": [None] * 3},
        close=[[1, NAN, 3], [1, 2, 3], [1, 2, 3]],  # Y is listed late
    )
    assert panel.groups["sector"] == ("A", "B", "")


def test_tags_stand_above_labels_that_change():
    frame = pd.DataFrame(
        {
            "timestamp": list(pd.bdate_range("2024-01-01", periods=2, tz="UTC")) * 2,
            "symbol": ["x", "x", "y", "y"],
            "close": 1.0,
            "sector": ["A", "B", "A", "B"],
        }
    )
    panel, _ = build(frame, Universe(tags={"sector": {"y": "Energy"}}))
    assert labels_at(panel.groups["sector"], 0).tolist() == ["A", "Energy"]
    assert labels_at(panel.groups["sector"], 1).tolist() == ["B", "Energy"]


def changing(seed: int = 0, shape: tuple[int, int] = (60, 9)) -> engine.Panel:
    """Random labels that change now and then, late listings and holes."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    close[rng.random(shape) < 0.1] = NAN
    close[:20, 0] = NAN
    codes = np.zeros(shape, np.int64)
    for t in range(shape[0]):
        moved = rng.random(shape[1]) < (0.05 if t else 1.0)
        codes[t] = np.where(moved, rng.integers(0, 4, shape[1]), codes[max(t - 1, 0)])
    return engine.Panel(
        dates=pd.bdate_range("2024-01-01", periods=shape[0], tz="UTC"),
        symbols=tuple("ABCDEFGHI"[: shape[1]]),
        fields={"close": close, "x": rng.normal(size=shape)},
        groups={"sector": Dated(("", "p", "q", "r"), codes)},
        member=rng.random(shape) < 0.9,
    )


def test_each_date_is_as_if_its_labels_held_always():
    panel = changing()
    made = engine.evaluate(BY_SECTOR, panel)
    for t in range(panel.shape[0]):
        fixed = {"sector": tuple(labels_at(panel.groups["sector"], t).tolist())}
        alone = engine.evaluate(BY_SECTOR, engine.Panel(**{**vars_of(panel), "groups": fixed}))
        for name, values in made.items():
            np.testing.assert_array_equal(values[t], alone[name][t])


def vars_of(panel: engine.Panel) -> dict[str, Any]:
    names = ("dates", "symbols", "fields", "groups", "member")
    return {name: getattr(panel, name) for name in names}


def test_cuts_pieces_threads_and_orders_change_no_bit():
    panel = changing(1)
    formulas = {**BY_SECTOR, "over": "ts_mean(indneutralize(ts_sum(x, 3), sector), 4)"}
    whole = engine.evaluate(formulas, panel)
    for stop in (1, 17, 40):
        for name, values in engine.evaluate(formulas, panel.cut(stop)).items():
            assert values.tobytes() == whole[name][:stop].tobytes()
    order = np.random.default_rng(0).permutation(panel.shape[1])
    for name, values in engine.evaluate(formulas, panel.take(order)).items():
        np.testing.assert_allclose(values, whole[name][:, order], atol=1e-14)
    for name, values in engine.evaluate(formulas, panel, threads=1).items():
        assert values.tobytes() == whole[name].tobytes()
    for rows, made in evaluate_pieces(formulas, panel, 13):
        for name, values in made.items():
            assert values.tobytes() == whole[name][rows].tobytes()


def test_the_fingerprint_tells_labels_apart():
    panel, other = changing(), changing()
    grouping = other.groups["sector"]
    assert isinstance(grouping, Dated)
    assert panel.fingerprint == other.fingerprint
    codes = grouping.codes.copy()
    codes[-1, -1] = (codes[-1, -1] + 1) % 4
    other = replace(other, groups={**other.groups, "sector": Dated(grouping.names, codes)})
    moved = engine.Panel(**vars_of(other))
    assert panel.fingerprint != moved.fingerprint


def test_the_score_is_neutral_to_the_sectors_of_the_date():
    panel = changing(2)
    bundle = Bundle(
        factors=[BundleFactor("x", 1.0)], winsorize=False, transform="none", neutralize=["sector"]
    )
    made = score(bundle, {"x": panel["x"]}, panel)
    expected = engine.evaluate({"f": "indneutralize(filter(x, close > 0), sector)"}, panel)["f"]
    known = np.isfinite(made)
    assert known.sum() > 200
    np.testing.assert_allclose(made[known], expected[known], atol=1e-12)


def test_a_portfolio_picks_within_the_sectors_of_the_date():
    """B goes over to Q: then P has A alone, and no side of it."""
    codes = np.array([[0, 0, 1, 1], [0, 1, 1, 1]])
    panel = engine.Panel(
        dates=pd.bdate_range("2024-01-01", periods=2, tz="UTC"),
        symbols=tuple("ABCD"),
        fields={"close": np.ones((2, 4))},
        groups={"sector": Dated(("P", "Q"), codes)},
    )
    portfolio = QuantileLongShort(sector_neutral=True, quantile=0.3, rebalance="daily")
    got = decide_all(portfolio, np.tile([4.0, 3.0, 2.0, 1.0], (2, 1)), panel, np.ones(2))
    np.testing.assert_allclose(got, [[0.25, -0.25, 0.25, -0.25], [0.0, 0.5, 0.0, -0.5]])


def test_weights_are_told_by_the_sectors_of_the_date():
    dates = pd.bdate_range("2024-01-01", periods=2, tz="UTC")
    grouping = Dated(("", "P"), np.array([[1, 0], [1, 1]]))
    made = sector_weights(dates, np.array([[0.5, -0.2], [0.5, -0.2]]), grouping)
    assert made["sector"].tolist() == ["P", "unknown"] * 2
    np.testing.assert_allclose(made["net"], [0.5, -0.2, 0.3, 0.0])
    np.testing.assert_allclose(made["gross"], [0.5, 0.2, 0.7, 0.0])


@pytest.mark.parametrize("name", UNGROUPED)
def test_a_formula_may_make_the_groups(name):
    """X within thirds by size, date by date: as with those thirds as labels."""
    panel, rng = changing(3, (40, 9)), np.random.default_rng(3)
    panel = panel.with_fields({"cap": rng.lognormal(size=panel.shape)})
    text = f"{name}(x, bucket(rank(cap), 3))"
    made = engine.evaluate({"f": text, "b": "bucket(rank(cap), 3)"}, panel)
    labels = np.nan_to_num(made["b"]).astype(np.int64)
    grouped = engine.Panel(
        **{**vars_of(panel), "groups": {"third": Dated(("", "s", "m", "l"), labels)}}
    )
    expected = engine.evaluate({"f": f"{name}(x, third)"}, grouped)["f"]
    np.testing.assert_array_equal(made["f"], np.where(labels > 0, expected, NAN))
    for stop in (1, 25):
        cut = engine.evaluate({"f": text}, panel.cut(stop))["f"]
        assert cut.tobytes() == made["f"][:stop].tobytes()


CODES = "timestamp,symbol,close,gics\n" + "".join(
    f"2024-01-0{day},{symbol},{price},{code}\n"
    for day, codes in ((2, (4510, 4510, "")), (3, (4510, 1010, 1010)))
    for symbol, price, code in zip("ABC", (1, 2, 6), codes, strict=True)
)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_source_says_which_numbers_are_groups(kind: str, tmp_path: Path):
    path = tmp_path / f"bars.{kind}"
    path.write_text(CODES)
    source: Any = Csv(path=str(path), groups=["gics"])
    if kind == "parquet":
        frame = pd.read_csv(path)
        frame["timestamp"] = pd.to_datetime(frame["timestamp"])
        frame.to_parquet(path)
        source = Parquet(path=str(path), groups=["gics"])
    panel, _ = build(source.load(Universe()), Universe())
    assert "gics" not in panel
    assert labels_at(panel.groups["gics"], 0).tolist() == ["4510", "4510", ""]
    assert labels_at(panel.groups["gics"], 1).tolist() == ["4510", "1010", "1010"]
    made = engine.evaluate({"f": "group_mean(close, gics)"}, panel)["f"]
    np.testing.assert_allclose(made, [[1.5, 1.5, 6.0], [1.0, 4.0, 4.0]])
    with pytest.raises(engine.ConfigError, match=r"source\.groups: .* has no column 'sic'"):
        type(source)(path=str(path), groups=["sic"]).load(Universe())
