"""Other dialects: their words are this language's trees, and their values what others publish."""

from __future__ import annotations

import numpy as np
import pytest
from builders import NAN, panel_of
from numpy.testing import assert_allclose, assert_array_equal
from omegaconf import OmegaConf

import engine
from engine import ConfigError, DataError, FormulaError, Panel
from engine.cli.prompt import main
from engine.expr.dialects import FOREIGN
from engine.expr.executor import evaluate
from engine.expr.facts import lookback, to_text
from engine.expr.formula import Formula
from engine.expr.parser import parse
from engine.pipeline.settings import factor_set
from engine.plugin.registry import installed

TREES = {
    # dialect: {text: the paper's}
    "brain": {
        "ts_corr(close, ts_delay(open, 1), 20d)": "correlation(close, delay(open, 1), 20)",
        "ts_std_dev(close, 5) != ts_arg_max(high, 9)": "stddev(close, 5) != 9 - ts_argmax(high, 9)",
        "winsorize(close)": "winsorize(close, 4)",
        "winsorize(close, std=3.5)": "winsorize(close, 3.5)",
        "rank(close, rate=0)": "unit_rank(close)",
        "max(close, open, 3)": "maximum(maximum(close, open), 3)",
        "min(close, 2)": "minimum(close, 2)",
        "less(close, open)": "close < open",
        "group_neutralize(close, densify(sector))": "indneutralize(close, sector)",
        "group_rank(close, market)": "unit_rank(close)",
        "group_scale(close, floor(cap))": (
            "(close - group_min(close, floor(cap))) / "
            "(group_max(close, floor(cap)) - group_min(close, floor(cap)))"
        ),
        "group_mean(close, cap, sector)": (
            "group_sum(close * cap, sector) / group_sum(filter(cap, close == close), sector)"
        ),
        "!(close > open) && close": "not(close > open) && close",
        "a = close - open; b = a / open; rank(b) * 2": "unit_rank((close - open) / open) * 2",
        'ts_backfill(close, lookback=60, ignore="NAN")': "ts_backfill(close, 60)",
        "add(close, open, filter=true)": "fillna(close, 0) + fillna(open, 0)",
        "ts_regression(close, open, 20, rettype=2)": "beta(close, open, 20)",
        "ts_regression(close, open, 20, lag=3, rettype=6)": (
            "correlation(close, delay(open, 3), 20) ^ 2"
        ),
        "ts_regression(close, ts_step(1), 20, rettype=2)": "slope(close, 20)",
        "close > open ? nan : vec_avg(x)": "close > open ? 0 / 0 : x",
        "bucket(rank(cap), range='0.5, 1, 0.25')": (
            "minimum(maximum(floor((unit_rank(cap) - 0.5) / 0.25), -1), 2) + 1"
        ),
        "correlation(close, open, 5)": "correlation(close, open, 5)",  # what is ours stays ours
    },
    "gtja": {
        "RET + VOL.*AMOUNT./HIGH": "returns + volume * amount / high",
        "CLOSE=OPEN?1:-1": "close == open ? 1 : -1",
        "CLOSE>OPEN & HIGH>LOW | LOW": "(close > open && high > low) || low",
        "SMA(CLOSE,12,1) - SMEAN(CLOSE，12，1)": "smooth(close, 12, 1) - smooth(close, 12, 1)",
        "WMA(CLOSE,5)": "decay_exp(close, 5, 0.9)",
        "MAX(CLOSE,5) + MAX(CLOSE,0) + MAX(0,CLOSE)": (
            "ts_max(close, 5) + maximum(close, 0) + maximum(0, close)"
        ),
        "SUMIF(CLOSE,20,CLOSE>OPEN)": "ts_sum(where(close > open, close, 0), 20)",
        "COUNT(CLOSE>DELAY(CLOSE),6)": "ts_count(close > delay(close, 1), 6)",
        "REGBETA(MEAN(CLOSE,6),SEQUENCE(6))": "slope(ts_mean(close, 6), 6)",
        "REGBETA(CLOSE,SEQUENCE,20)": "slope(close, 20)",
        "REGBETA(CLOSE,OPEN,20)": "beta(close, open, 20)",
        "HIGHDAY(HIGH,20)": "20 - ts_argmax(high, 20)",
        "LD": "delay(low, 1) - low",
    },
    "tdx": {
        "MA(C,5)>REF(MA(C,10),1)": "ts_mean(close, 5) > delay(ts_mean(close, 10), 1)",
        "N:=2+3;\nX:MA(C,N*2),COLORRED,LINETHICK2;": "ts_mean(close, 10)",
        "{a comment} A:=C-O; // and another\nA*2;": "(close - open) * 2",
        "CROSS(C,O)": "close > open && delay(close <= open, 1)",
        "C=O AND NOT(H<>L) or V": "(close == open && not(high != low)) || volume",
        "SUM(V,0)": "ts_sum(volume, 100000)",
        "REF(C,0)": "close",
        "SMA(C,3,1)": "smooth(close, 3, 1)",
        "MAX(C,2)": "maximum(close, 2)",
        "FILTER(C>O,5)": "thin(close > open, 5)",
        "BARSLAST(C>O)": "bars_since(close > open)",
        "LOG(C)/LN(C)": "log(close) / 2.302585092994046 / log(close)",
        "均线:=MA(C,5);均线-C": "ts_mean(close, 5) - close",
        "VOL:VOL;MA(VOL,5)": "ts_mean(volume, 5)",
    },
    "python": {
        "close > 1 & open": "close > (1 && open)",
        "(close > 1) & ~(open > 2)": "close > 1 && not(open > 2)",
        "-close ** 2": "-close ^ 2",
        "open if close > 1 and not volume else -open": (
            "(close > 1 && not(volume)) ? open : -open"
        ),
        "np.log(close)": "log(close)",
        "(ts_ema(vwap,3)**Inv(ts_ir(low,10)))": (
            "decay_exp(vwap, 3, 0.5) ^ (1 / (ts_mean(low, 10) / stddev(low, 10)))"
        ),
        "ts_wma(close, 5) - ts_WMA(close, 5)": "decay_linear(close, 4) - decay_linear(close, 5)",
        "ts_pctchange(close, 5)": "close / delay(close, 5) - 1",
        "clip(close, 0, 1)": "minimum(maximum(close, 0), 1)",
    },
    None: {
        "Mean($close, 20d)": "ts_mean(close, 20)",
        "EMA($close, 3d)": "decay_exp(close, 3, 0.5)",
        "EMA($close, 3)": "ewma(close, 3)",
        "Rank($close, 20d)": "ts_rank(-close, 20)",
        "Sub($close, Constant(-2.5))": "close - -2.5",
    },
}
CASES = [(dialect, text) for dialect, texts in TREES.items() for text in texts]
ERRORS = {
    # (dialect, text): (part of the message, column of the caret)
    ("brain", "ts_mean(close, open)"): ("argument 2 of ts_mean must be a number", 15),
    ("brain", "winsorize(close, std=open)"): ("winsorize: argument 2 of winsorize must", 17),
    ("brain", "winsorize(close, sd=4)"): ("has no argument 'sd': write winsorize(x, std=4)", 0),
    ("brain", "ts_zscore(close)"): ("write ts_zscore(x, d), not 1 arguments", 0),
    ("brain", "ts_moment(close, 5, k=7)"): ("ts_moment: k must be one of 2, 3, 4", 20),
    ("brain", "1 + ts_quantile(close, 5)"): ("how it moves ranks off 0 and 1 is not", 4),
    ("brain", "group_percentage(close, sector, 0.9)"): ("percentage must be 0.5: the median", 32),
    ("brain", "group_backfill(close, sector, 5)"): (
        "it pools days and names: write ts_backfill",
        0,
    ),
    ("brain", "ts_step(1) + close"): ("ts_step stands only where a word reads it", 0),
    ("brain", "rnk(close)"): ("unknown operator 'rnk' of brain; did you mean 'rank'?", 0),
    ("brain", "a < b < c"): ("two comparisons in a row: write a < b && b < c", 6),
    ("gtja", "LOW<CLOSE<=HIGH"): ("two comparisons in a row: write a < b && b <= c", 9),
    ("tdx", "LOW<CLOSE=HIGH"): ("two comparisons in a row: write a < b && b = c", 9),
    ("brain", "ts_delay(close, -1)"): ("looks ahead", 16),
    ("gtja", "SMA(CLOSE,5,6)"): ("SMA: m must be at most d", 12),
    ("gtja", "REGBETA(CLOSE,OPEN)"): ("y must be SEQUENCE(n), or give the rows", 14),
    ("gtja", "MEAN(CLOSE,0)"): ("MEAN: the window of ts_mean is 0", 11),
    ("tdx", "C;DRAWTEXT(C>O,L,1);"): ("DRAWTEXT: it draws, and a factor is a number", 2),
    ("tdx", "ZIG(3,5)"): ("ZIG: it changes with later rows", 0),
    ("tdx", "C-WINNER(C)"): ("WINNER: it needs data of TDX", 2),
    ("tdx", "REF(C,BARSLAST(C>O))"): ("REF: d must be a number", 6),
    ("python", "close ^ 2"): ("unexpected character '^'", 6),
    ("python", "1 < close < 2"): ("two comparisons in a row: write (a < b) & (b < c)", 10),
    # the paper's dialect says what others mean
    (None, "ts_corr(a, b, 5)"): ("here it is 'correlation', or say dialect: brain or python", 0),
    (None, "ts_zscore(a, 5)"): ("unknown operator 'ts_zscore'; say dialect: brain or python", 0),
    (None, "1 - MA(a, 5)"): ("unknown operator 'MA'; did you mean 'ts_mean'?", 4),
    (None, "sma(a, 5, 1)"): ("with 3 it is of dialect gtja and tdx", 0),
    (None, "winsorize(a, std=4)"): ("arguments by name are of dialect brain", 16),
    (None, "a ** 2"): ("a power is written ^", 3),
    (None, "a & b"): ("write &&, or say dialect: gtja or python", 2),
    (None, "a | b"): ("write ||, or say dialect: gtja or python", 2),
    (None, "!a"): ("write not(…), or say dialect: brain", 0),
    (None, "N := 5; a"): ("lines with names are of dialect tdx", 2),
    (None, "ts_mean(a, 20d)"): ("windows are written without d", 13),
    (None, "a <> b"): ("write !=, or say dialect: tdx", 3),
}


@pytest.mark.parametrize(("dialect", "text"), CASES)
def test_a_text_of_a_dialect_is_this_formula_of_ours(dialect, text):
    node = parse(text, dialect)
    assert to_text(node) == to_text(parse(TREES[dialect][text], "paper"))
    assert parse(to_text(node), "paper") == node


@pytest.mark.parametrize(("dialect", "text"), ERRORS)
def test_an_error_says_what_and_points_there(dialect, text):
    message, column = ERRORS[dialect, text]
    with pytest.raises(FormulaError) as caught:
        parse(text, dialect)
    first, _, caret = str(caught.value).split("\n")
    assert message in first
    assert caret == "  " + " " * column + "^"


def test_words_that_double_their_arguments_cannot_explode():
    text = "close"
    for _ in range(12):
        text = f"ts_regression({text}, open, 20)"
    with pytest.raises(FormulaError, match="more than 100000 parts: shorten it"):
        parse(text, "brain")


def test_each_word_can_be_written_out():
    """Every row of every table, with the plainest arguments, is a formula of the operators."""
    given = {"d": "7", "lag": "1", "g": "sector", "m": "1", "k": "3", "lookback": "9"}
    for dialect in FOREIGN.values():
        for name, words in dialect.words.items():
            for word in words:
                needed = [p for p, default in word.parameters if default is None]
                args = [given.get(p, ("close", "open", "high", "low")[i % 4])
                        for i, p in enumerate(needed)]  # fmt: skip
                args += ["open"] * word.many
                if (dialect.name, name, len(args)) == ("gtja", "regbeta", 2):
                    args[1] = "SEQUENCE(5)"
                if name == "bucket":
                    args.append("range='0, 1, 0.1'")
                text = f"{name}({', '.join(args)})"
                node = parse(text, dialect.name)
                assert parse(to_text(node), "paper") == node, text


# --- values ----------------------------------------------------------------------------------


def columns_of(**fields) -> Panel:
    """A panel of columns: dates × symbols."""
    arrays = {name: np.array(v, dtype=float) for name, v in fields.items()}
    arrays = {name: a[:, None] if a.ndim == 1 else a for name, a in arrays.items()}
    rows, columns = next(iter(arrays.values())).shape
    return panel_of(**{"close": np.ones((rows, columns))} | arrays, sectors="xxyyxxyy"[:columns])


def value(text: str, dialect: str | None, panel: Panel) -> np.ndarray:
    return engine.evaluate({"f": text}, panel, dialect=dialect)["f"]


@pytest.fixture(scope="module")
def pair() -> Panel:
    random = np.random.default_rng(3)
    x, y = random.normal(size=(2, 60, 4))
    x[random.random(x.shape) < 0.1] = NAN
    y[random.random(x.shape) < 0.1] = NAN
    return columns_of(x=x, y=0.5 * x + y)


def _regression(y: np.ndarray, x: np.ndarray) -> list[float]:
    """What a regression of the window's known pairs tells, by numpy, at the newest row."""
    both = ~(np.isnan(x) | np.isnan(y))
    a, b, n = x[both], y[both], both.sum()
    if n < 3:
        return [NAN] * 10
    design = np.column_stack([np.ones(n), a])
    level, slope = np.linalg.lstsq(design, b, rcond=None)[0]
    left = b - level - slope * a
    sse, sst, sxx = (left**2).sum(), ((b - b.mean()) ** 2).sum(), ((a - a.mean()) ** 2).sum()
    mse = sse / (n - 2)
    return [y[-1] - level - slope * x[-1], level, slope, level + slope * x[-1], sse, sst,
            1.0 - sse / sst, mse, (mse / sxx) ** 0.5,
            (mse * (1.0 / n + a.mean() ** 2 / sxx)) ** 0.5]  # fmt: skip


@pytest.mark.parametrize("kind", range(10))
@pytest.mark.parametrize("lag", [0, 2])
def test_a_regression_tells_what_numpy_does(kind, lag, pair):
    got = value(f"ts_regression(y, x, 12, lag={lag}, rettype={kind})", "brain", pair)
    x, y = np.roll(pair["x"], lag, axis=0), pair["y"]
    x[:lag] = NAN
    for t in range(20, 60):
        for j in range(4):
            expected = _regression(y[t - 11 : t + 1, j], x[t - 11 : t + 1, j])[kind]
            assert_allclose(got[t, j], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_a_moment_is_the_mean_of_powers(k, pair):
    got = value(f"ts_moment(x, 12, k={k})", "brain", pair)
    for t in range(20, 60):
        for j in range(4):
            w = pair["x"][t - 11 : t + 1, j]
            w = w[~np.isnan(w)]
            assert_allclose(got[t, j], ((w - w.mean()) ** k).mean(), rtol=1e-9, atol=1e-12)


def _alphagen(name: str, w: np.ndarray) -> float:
    """The operators of alphagen/data/expression.py, in numpy, on one full window."""
    n, central = len(w), w - w.mean()
    if name == "WMA":
        weights = np.arange(n) / np.arange(n).sum()
        return float((weights * w).sum())
    if name == "EMA":
        weights = (1.0 - 2.0 / (1 + n)) ** np.arange(n, 0, -1.0)
        return float((weights / weights.sum() * w).sum())
    if name == "Rank":
        left, right = (w[-1] < w).sum(), (w[-1] <= w).sum()
        return float((right + left + (right > left)) / (2 * n))
    if name == "Med":
        return float(np.sort(w)[(n - 1) // 2])
    if name == "Skew":
        return float((central**3).mean() / (central**2).mean() ** 1.5)
    if name == "Kurt":
        return float((central**4).mean() / w.var(ddof=1) ** 2 - 3)
    raise KeyError(name)


@pytest.mark.parametrize("name", ["WMA", "EMA", "Rank", "Med", "Skew", "Kurt"])
@pytest.mark.parametrize("d", [10, 11])
def test_alphagens_operators_are_alphagens(name, d):
    x = np.round(np.random.default_rng(6).normal(size=(40, 3)), 1)
    got = value(f"{name}($x,{d}d)", None, columns_of(x=x))
    for t in range(d - 1, 40):
        for j in range(3):
            expected = _alphagen(name, x[t - d + 1 : t + 1, j])
            assert_allclose(got[t, j], expected, rtol=1e-9, atol=1e-12)


def test_alphaforges_operators_are_the_same():
    x = np.random.default_rng(6).normal(size=(40, 3))
    for theirs, ours in (("ts_wma", "WMA"), ("ts_ema", "EMA"), ("ts_med", "Med")):
        got = value(f"{theirs}(x,10)", "python", columns_of(x=x))
        assert_array_equal(got, value(f"{ours}($x,10d)", None, columns_of(x=x)))


def test_kdj_by_hand():
    """SMA(x, 3, 1) is a third of today and two of yesterday, from the first value on."""
    random = np.random.default_rng(2)
    close = 50.0 + np.cumsum(random.normal(size=40))
    high, low = close + random.random(40), close - random.random(40)
    text = (
        "N:=9; M1:=3; M2:=3;\nRSV:=(CLOSE-LLV(LOW,N))/(HHV(HIGH,N)-LLV(LOW,N))*100;\n"
        "K:SMA(RSV,M1,1);\nD:SMA(K,M2,1);\nJ:3*K-2*D;"
    )
    got = value(text, "tdx", columns_of(close=close, high=high, low=low))[:, 0]
    k = d = None
    for t in range(40):
        since = max(t - 8, 0)
        least, most = low[since : t + 1].min(), high[since : t + 1].max()
        rsv = (close[t] - least) / (most - least) * 100
        k = rsv if k is None else (rsv + 2 * k) / 3
        d = k if d is None else (k + 2 * d) / 3
        assert_allclose(got[t], 3 * k - 2 * d, rtol=1e-12)


VALUES = {
    # (dialect, text): (columns by field, expected)
    ("brain", "rank(x)"): ({"x": [[4, 3, 6, 10, 2, NAN]]}, [[0.5, 0.25, 0.75, 1, 0, NAN]]),
    ("brain", "group_rank(x, sector)"): ({"x": [[4, 3, 6, 10]]}, [[1, 0, 0, 1]]),
    ("brain", "ts_rank(x, 3)"): ({"x": [1, 2, 0, 5]}, [[NAN], [1], [0], [1]]),
    ("brain", "ts_arg_max(x, 3)"): ({"x": [1, 5, 2, 3]}, [[0], [0], [1], [2]]),
    ("brain", "hump(x, hump=0.1)"): ({"x": [[5, 10], [2, 13]]}, [[5, 10], [3.5, 11.5]]),
    ("brain", "days_from_last_change(x)"): (
        {"x": [10, 10, 12, NAN, 12, 15]}, [[NAN], [NAN], [0], [1], [2], [0]],
    ),
    ("brain", "last_diff_value(x, 3)"): (
        {"x": [10, 12, 12, NAN, 12, 15]}, [[NAN], [10], [10], [10], [NAN], [12]],
    ),
    ("brain", "group_percentage(x, sector)"): ({"x": [[4, 3, 6, 10]]}, [[3.5, 3.5, 8, 8]]),
    ("brain", "ts_decay_linear(x, 2)"): ({"x": [3, NAN, 6]}, [[3], [1], [4]]),
    ("brain", "ts_decay_linear(x, 2, dense=true)"): ({"x": [3, NAN, 6]}, [[3], [3], [6]]),
    ("brain", "trade_when(x > 1, y, x < 0)"): (
        {"x": [2, 1, -1, 1, 3], "y": [5, 6, 7, 8, 9]}, [[5], [5], [NAN], [NAN], [9]],
    ),
    ("brain", "quantile(x, driver=uniform)"): (
        {"x": [[1, 2, 3, 4]]}, [[-0.25, -1 / 12, 1 / 12, 0.25]],
    ),
    ("brain", "vector_neut(x, y)"): ({"x": [[1, 2, 3]], "y": [[1, 0, 1]]}, [[-1, 2, 1]]),
    ("brain", "group_scale(x, sector)"): ({"x": [[4, 3, 6, 10]]}, [[1, 0, 0, 1]]),
    ("brain", "group_mean(x, y, sector)"): ({"x": [[4, 1, 6]], "y": [[1, 2, 5]]}, [[2, 2, 6]]),
    ("gtja", "WMA(X,3)"): ({"x": [1.4, 1.4, NAN, 1.4]}, [[1.4], [1.4], [1.4], [1.4]]),
    ("gtja", "WMA(X,2)"): ({"x": [1, 2]}, [[1], [2.9 / 1.9]]),
    ("gtja", "HIGHDAY(X,3)"): ({"x": [1, 5, 2, 3]}, [[0], [0], [1], [2]]),
    ("gtja", "SUMIF(X,2,X>1)"): ({"x": [1, 5, 2]}, [[0], [5], [7]]),
    ("brain", "scale(x, longscale=2, shortscale=1)"): (
        {"x": [[1, 3, -1, -1]]}, [[0.5, 1.5, -0.5, -0.5]],
    ),
    ("brain", "group_extra(x, 1, sector)"): ({"x": [[4, NAN, 6, 10]]}, [[4, 4, 6, 10]]),
    ("tdx", "HHVBARS(X,0)"): ({"x": [1, 5, 2, 3]}, [[0], [0], [1], [2]]),
    ("tdx", "EVERY(X>0,0)"): ({"x": [1, 1, 0, 1]}, [[1], [1], [0], [0]]),
    ("tdx", "ROUND(X)"): ({"x": [2.5, -2.5, 2.4]}, [[3], [-3], [2]]),
    ("tdx", "BARSLASTCOUNT(X>0)"): ({"x": [1, 1, 0, 1]}, [[1], [2], [0], [1]]),
    ("tdx", "EVERY(X>0,2)"): ({"x": [1, 1, 0, 1]}, [[0], [1], [0], [0]]),
    ("tdx", "CROSS(X,2)"): ({"x": [1, 3, 3, 2, 4]}, [[NAN], [1], [0], [0], [1]]),
    ("tdx", "FILTER(X,2)"): ({"x": [1, 1, 1, 1, 0]}, [[1], [0], [0], [1], [0]]),
    ("tdx", "DMA(X,0.5)"): ({"x": [1, 3, 3]}, [[1], [2], [2.5]]),
    ("tdx", "MOD(X,3)"): ({"x": [7, 5]}, [[1], [2]]),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text"), VALUES)
def test_a_word_by_hand(dialect, text):
    fields, expected = VALUES[dialect, text]
    assert_allclose(value(text, dialect, columns_of(**fields)), expected, rtol=1e-12, atol=1e-15)


# --- where a dialect is chosen ---------------------------------------------------------------


def test_an_entry_and_a_set_say_their_dialect():
    node = OmegaConf.create(
        {
            "_dialect_": "gtja",
            "a": "SMA(CLOSE,5,1)",
            "b": {"name": "formula", "formula": "ts_corr(close, open, 5)", "dialect": "brain"},
            "c": "Mean($close, 5)",
            "d": {"name": "formula", "formula": "MEAN(CLOSE,5)", "missing": "warn"},
        }
    )
    made = factor_set(node, installed())
    assert list(made) == ["a", "b", "c", "d"]
    texts = [to_text(made[name].node) for name in made]
    assert texts == [
        "smooth(close, 5, 1)",
        "correlation(close, open, 5)",
        *["ts_mean(close, 5)"] * 2,
    ]
    assert made["d"].missing == "warn"


def test_a_set_of_a_dialect_alone_is_empty():
    with pytest.raises(ConfigError, match="the set is empty"):
        factor_set(OmegaConf.create({"_dialect_": "gtja"}), installed())


def test_a_text_that_is_of_another_dialect_is_told_by_its_key():
    with pytest.raises(FormulaError, match=r"^factors\.a: unexpected character '\?'\n  CLOSE \?"):
        factor_set(OmegaConf.create({"_dialect_": "tdx", "a": "CLOSE ? 1 : 0"}), installed())


def test_no_such_dialect():
    with pytest.raises(ConfigError, match=r"factors\._dialect_=gtia: .* did you mean 'gtja'\?"):
        factor_set(OmegaConf.create({"_dialect_": "gtia", "a": "close"}), installed())
    entry = {"name": "formula", "formula": "close", "dialect": "gtia"}
    with pytest.raises(ConfigError, match=r"factors\.a\.dialect=gtia: did you mean 'gtja'\?"):
        factor_set(OmegaConf.create({"a": entry}), installed())
    with pytest.raises(ConfigError, match="dialect=brian: no such dialect; did you mean 'brain'"):
        engine.evaluate({"a": "close"}, columns_of(close=[1, 2]), dialect="brian")


def test_python_takes_a_dialect_and_says_which_formula_is_wrong():
    panel = columns_of(close=[1, 2, 4])
    made = engine.evaluate({"a": "MEAN(CLOSE,2)"}, panel, dialect="gtja")["a"]
    assert_array_equal(made[:, 0], [1, 1.5, 3])
    with pytest.raises(FormulaError, match="factor 'a': write ts_zscore"):
        engine.evaluate({"a": "ts_zscore(close)"}, panel, dialect="brain")


def test_a_formula_of_a_dialect_is_a_factor():
    factor = Formula(formula="SMA(CLOSE,5,1)", dialect="tdx")
    assert factor.lookback is None
    assert lookback(Formula(formula="MA(C,5)", dialect="tdx").node) == 4
    panel = columns_of(close=[1, 2, 4])
    assert_array_equal(factor.compute(panel), evaluate({"x": "smooth(close, 5, 1)"}, panel)["x"])


def test_the_prompt_takes_a_dialect(capsys):
    assert main(["factors", "explain", "MEAN(CLOSE,5)=OPEN", "dialect=gtja"]) == 0
    assert "formula    (ts_mean(close, 5) == open)" in capsys.readouterr().out
    words = ["factors", "compute", "CLOSE=DELAY(CLOSE,1)?0:1", "dialect=gtja", "source=sample"]
    assert main([*words, "universe=us_large"]) == 0
    assert "CLOSE=DELAY(CLOSE,1)?0:1" in capsys.readouterr().out


def test_a_field_that_is_missing_is_told_by_meaning():
    panel = columns_of(close=[1.0, 2.0], open=[1.0, 2.0])
    for name, hint in (("ret", "did you mean 'returns'"), ("clse", "did you mean 'close'")):
        with pytest.raises(DataError, match=hint):
            evaluate({"x": name}, panel)
    with pytest.raises(DataError, match=r"choose from: close, market, open, returns\n"):
        evaluate({"x": "xyzzyq"}, Panel(panel.dates, panel.symbols, panel.fields))
