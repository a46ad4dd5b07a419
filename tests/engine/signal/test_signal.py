"""The bundle's score: literal rows, scipy and lstsq as oracles, causality, and its errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from builders import NAN, panel_of
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from engine.core.errors import ConfigError
from engine.core.panel import FloatArray, Panel
from engine.plugin.registry import structure
from engine.signal.scores import Bundle, BundleFactor, score


def panel(rows: int, columns: int, sectors: str = "", close: FloatArray | None = None) -> Panel:
    return panel_of(np.ones((rows, columns)) if close is None else close, sectors=sectors)


def bundle(*factors: tuple[str, float, str], **options: object) -> Bundle:
    """A bundle that does nothing to its factors unless told."""
    plain = {"winsorize": False, "transform": "none", **options}
    return Bundle("test", [BundleFactor(*factor) for factor in factors], **plain)


def one(row: list[float], **options: object) -> list[float]:
    """The score of a single factor on a single date."""
    made = bundle(("f", 1.0, "positive"), **options)
    return list(score(made, {"f": np.array([row])}, panel(1, len(row)))[0])


def messy(rows: int = 40, columns: int = 20) -> dict[str, FloatArray]:
    random = np.random.default_rng(0)
    made = {}
    for name in ("a", "b", "beta_252"):
        values = random.standard_t(3, size=(rows, columns))
        values[random.random(values.shape) < 0.15] = NAN
        made[name] = values
    return made


FULL = Bundle(
    "full",
    [BundleFactor("a", 0.6, "positive"), BundleFactor("b", 0.4, "negative")],
    winsorize_limits=[0.05, 0.95],
    neutralize=["sector", "market_beta"],
)
SECTORS = "xyzz" * 5


def test_direction_and_weight():
    columns = {"a": np.array([[1.0, 2.0, 3.0]]), "b": np.array([[10.0, 20.0, 50.0]])}
    made = bundle(("a", 0.7, "positive"), ("b", 0.3, "negative"))
    assert_allclose(score(made, columns, panel(1, 3)), [[-2.3, -4.6, -12.9]])


def test_zscore_literal():
    """Mean 2, standard deviation (n - 1) 1."""
    assert_allclose(one([1.0, 2.0, 3.0, NAN], transform="zscore"), [-1.0, 0.0, 1.0, NAN])


def test_zscore_agrees_with_pandas():
    columns = {"a": messy()["a"]}
    frame = pd.DataFrame(columns["a"])
    expected = frame.sub(frame.mean(axis=1), axis=0).div(frame.std(axis=1), axis=0)
    made = score(bundle(("a", 1.0, "positive"), transform="zscore"), columns, panel(40, 20))
    assert_allclose(made, expected.to_numpy(), rtol=1e-12, atol=1e-14)


def test_rank_literal():
    expected = [-0.375, 0.0, 0.0, 0.375, NAN]
    assert_allclose(one([1.0, 5.0, 5.0, 9.0, NAN], transform="rank"), expected)


@pytest.mark.parametrize("transform", ["zscore", "rank"])
@pytest.mark.parametrize(
    "row", [[0.1, 0.1, 0.1], [0.1, 0.3 - 0.2, 0.7 - 0.6], [0.1, NAN, NAN], [NAN, NAN, NAN]]
)
def test_a_constant_cross_section_carries_no_score(transform, row):
    assert np.isnan(one(row, transform=transform)).all()


def test_winsorize_clips_to_order_statistics_as_scipy_does():
    row = np.random.default_rng(1).standard_t(2, size=37)
    limits = [0.1, 0.85]
    expected = stats.mstats.winsorize(row, limits=(0.1, 0.15))
    assert_array_equal(one(list(row), winsorize=True, winsorize_limits=limits), expected)


def test_winsorize_counts_a_tenth_of_ten_as_one():
    """10 * (1 - 0.9) is a little less than 1 in binary."""
    row = [float(i) for i in range(10)]
    expected = [1.0, *row[1:9], 8.0]
    assert one(row, winsorize=True, winsorize_limits=[0.1, 0.9]) == expected


def test_winsorize_interpolated_clips_to_numpy_quantiles():
    row = np.random.default_rng(1).standard_t(2, size=37)
    expected = np.clip(row, *np.quantile(row, [0.05, 0.9]))
    made = one(
        [*row, NAN], winsorize=True, winsorize_limits=[0.05, 0.9], winsorize_method="interpolated"
    )
    assert_allclose(made, [*expected, NAN], rtol=1e-14)


def test_winsorize_tames_an_outlier_before_the_transform():
    row = [*np.linspace(-1, 1, 99), 1e9]
    tamed = one(row, winsorize=True, transform="zscore")
    assert max(tamed) < 2
    assert max(one(row, transform="zscore")) > 9


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("renormalize", [0.75 * 1 + 0.25 * 4, 2.0, 6.0, NAN]),
        ("drop", [1.75, NAN, NAN, NAN]),
        ("zero", [1.75, 0.75 * 2, 0.25 * 6, NAN]),
    ],
)
def test_missing(missing, expected):
    columns = {"a": np.array([[1.0, 2.0, NAN, NAN]]), "b": np.array([[4.0, NAN, 6.0, NAN]])}
    made = bundle(("a", 0.75, "positive"), ("b", 0.25, "positive"), missing=missing)
    assert_allclose(score(made, columns, panel(1, 4)), [expected])


def test_only_members_with_a_bar_are_scored_and_compared():
    close = np.array([[1.0, 1.0, 1.0, NAN, 1.0]])
    given = panel(1, 5, close=close)
    member = np.array([[True, True, True, True, False]])
    given = Panel(given.dates, given.symbols, given.fields, member=member)
    columns = {"f": np.array([[1.0, 2.0, 3.0, 100.0, 100.0]])}
    made = score(bundle(("f", 1.0, "positive"), transform="zscore"), columns, given)
    assert_allclose(made, [[-1.0, 0.0, 1.0, NAN, NAN]])


def test_an_infinite_factor_is_missing():
    assert_allclose(one([1.0, np.inf, -np.inf, 3.0]), [1.0, NAN, NAN, 3.0])


def test_sector_neutral_is_the_deviation_from_the_sector_mean():
    columns = {"f": np.array([[1.0, 3.0, 10.0, 14.0, 7.0]])}
    made = bundle(("f", 1.0, "positive"), neutralize=["sector"])
    assert_allclose(score(made, columns, panel(1, 5, "xxyyz")), [[-1.0, 1.0, -2.0, 2.0, 0.0]])


def test_neutralize_is_each_dates_least_squares():
    columns, given = messy(), panel(40, 20, SECTORS)
    made = bundle(("a", 1.0, "positive"), neutralize=["sector", "market_beta", "b"])
    scored = score(made, columns, given)
    for t in range(40):
        y, beta, b = (columns[name][t] for name in ("a", "beta_252", "b"))
        keep = np.isfinite(y) & np.isfinite(beta) & np.isfinite(b)
        dummies = [[label == name for label in SECTORS] for name in "xyz"]
        X = np.column_stack([*np.array(dummies, float), beta, b])[keep]
        expected = y[keep] - X @ np.linalg.lstsq(X, y[keep])[0]
        assert_allclose(scored[t, keep], expected, atol=1e-12)
        assert np.isnan(scored[t, ~keep]).all()


def test_neutralize_without_degrees_of_freedom_is_missing_not_rounding():
    columns = {"f": np.array([[1.0, 2.0]]), "g": np.array([[3.0, 5.0]])}
    made = bundle(("f", 1.0, "positive"), neutralize=["g"])
    assert np.isnan(score(made, columns, panel(1, 2))).all()


def test_neutralize_survives_a_constant_regressor():
    columns = {"f": np.array([[1.0, 2.0, 6.0]]), "g": np.array([[5.0, 5.0, 5.0]])}
    made = bundle(("f", 1.0, "positive"), neutralize=["g"])
    assert_allclose(score(made, columns, panel(1, 3)), [[-2.0, -1.0, 3.0]])


def test_no_look_ahead():
    columns, given = messy(), panel(40, 20, SECTORS)
    full = score(FULL, columns, given)
    cut = score(FULL, {name: values[:25] for name, values in columns.items()}, given.cut(25))
    assert_array_equal(cut, full[:25])
    spoilt = {name: np.where(np.arange(40)[:, None] < 25, v, -9.0) for name, v in columns.items()}
    assert_array_equal(score(FULL, spoilt, given)[:25], full[:25])


@pytest.mark.parametrize("neutralize", [[], ["sector"]])
def test_a_score_is_the_same_to_the_last_bit_however_many_dates_follow(neutralize):
    columns = messy(60, 12)
    whole = bundle(("a", 1.0, "positive"), transform="zscore", neutralize=neutralize)
    full = score(whole, columns, panel(60, 12, "XYZ" * 4))
    for stop in range(1, 60):
        cut = {name: np.ascontiguousarray(values[:stop]) for name, values in columns.items()}
        assert_array_equal(score(whole, cut, panel(stop, 12, "XYZ" * 4)), full[:stop])


def test_the_order_of_symbols_and_of_columns_does_not_matter():
    columns, given = messy(), panel(40, 20, SECTORS)
    full = score(FULL, columns, given)
    order = np.random.default_rng(2).permutation(20)
    turned = {name: columns[name][:, order] for name in reversed(columns)}
    assert_allclose(score(FULL, turned, given.take(order)), full[:, order], atol=1e-12)


def test_reversing_every_direction_reverses_the_score():
    columns, given = messy(), panel(40, 20, SECTORS)
    turned = [
        BundleFactor(f.name, f.weight, "positive" if f.direction == "negative" else "negative")
        for f in FULL.factors
    ]
    made = Bundle("turned", turned, winsorize_limits=[0.05, 0.95], neutralize=FULL.neutralize)
    assert_array_equal(score(made, columns, given), -score(FULL, columns, given))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"factors": []}, "bundle.factors: is empty"),
        (
            {"factors": [{"name": "a", "weight": 0.4}, {"name": "b", "weight": 0.5}]},
            "bundle.factors: weights sum to 0.9, not 1: a 0.4, b 0.5",
        ),
        (
            {"factors": [{"name": "a", "weight": 1.5}, {"name": "b", "weight": -0.5}]},
            "b has weight -0.5: write 0.5 and turn its direction round",
        ),
        ({"factors": [{"name": "a", "weight": NAN}]}, "a has weight nan"),
        (
            {"factors": [{"name": "a", "weight": 1, "direction": "postive"}]},
            "direction 'postive'; did you mean 'positive'",
        ),
        (
            {"factors": [{"name": "a", "weight": 0.5}, {"name": "a", "weight": 0.5}]},
            "'a' comes twice",
        ),
        ({"winsorize_limits": [0.99, 0.01]}, "winsorize_limits="),
        ({"winsorize_limits": [0.01]}, "winsorize_limits="),
        ({"winsorize_method": "clip"}, "bundle.winsorize_method=clip"),
        ({"transform": "z_score"}, "bundle.transform=z_score: did you mean 'zscore'"),
        ({"missing": "ignore"}, "bundle.missing=ignore"),
        ({"neutralize": ["f"]}, "'f' is in bundle.factors too"),
    ],
)
def test_a_wrong_bundle_is_refused(node, message):
    with pytest.raises(ConfigError) as caught:
        structure(Bundle, {"factors": [{"name": "f", "weight": 1.0}], **node}, "bundle")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_may_miss_one_by_rounding():
    assert len(bundle(*((f"f{i}", 1 / 3, "positive") for i in range(3))).factors) == 3


@pytest.mark.parametrize(
    ("neutralize", "message"),
    [
        (["beta_25"], "bundle.neutralize: nothing produces 'beta_25'; did you mean 'beta_20'"),
        (["market_beta"], "'market_beta' needs the factor 'beta_252'"),
        (["sector"], "'sector' is not known for any symbol"),
    ],
)
def test_neutralizing_on_what_is_not_there_is_refused(neutralize, message):
    made = bundle(("f", 1.0, "positive"), neutralize=neutralize)
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        score(made, {"f": np.ones((1, 3)), "beta_20": np.ones((1, 3))}, panel(1, 3))


def test_a_factor_that_nothing_produces_is_refused():
    made = bundle(("returns_12", 1.0, "positive"))
    with pytest.raises(ConfigError, match="'returns_12'; did you mean 'returns_12m'"):
        score(made, {"returns_12m": np.ones((1, 3))}, panel(1, 3))
