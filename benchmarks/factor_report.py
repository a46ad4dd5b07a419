"""A report on one factor beside alphalens-reloaded's, with the figures of both compared.

    python benchmarks/validation.py          # extra `oracles` for alphalens

Rank ICs, quantile returns, turnover and rank autocorrelation of one factor for
500 symbols × 2520 days × 5 horizons. The median of 5 after a warm-up, and alphalens once.
"""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from engine.study import FactorReport, report_factor

SYMBOLS, DAYS, RUNS = 500, 2520, 5
HORIZONS = (1, 5, 10, 20, 60)
QUANTILES = 5
TARGET = 50.0  # times faster than alphalens
CLOSE = 1e-10  # relative difference of any figure


def factor_report() -> None:
    factor, closes = frames(SYMBOLS, DAYS)

    def ours() -> FactorReport:
        return report_factor(factor, closes, HORIZONS, quantiles=QUANTILES, delay=0)

    made = ours()
    seconds = float(np.median([timed(ours) for _ in range(RUNS)]))
    print(f"factor report, {SYMBOLS} x {DAYS} x {len(HORIZONS)} horizons: {1e3 * seconds:.0f} ms")
    try:
        start = time.perf_counter()
        theirs = alphalens_report(factor, closes, HORIZONS, QUANTILES)
        other = time.perf_counter() - start
    except ImportError:
        print("alphalens is absent: pip install 'alpha-engine[oracles]'")
        return
    worst = max(differ(getattr(made, name), frame) for name, frame in theirs.items())
    faster = other / seconds
    print(f"alphalens-reloaded: {1e3 * other:,.0f} ms, {faster:,.0f} times as long")
    verdict = "met" if faster >= TARGET and worst <= CLOSE else "MISSED"
    print(f"largest relative difference {worst:.0e}; {TARGET:.0f} times faster: {verdict}")


def frames(symbols: int, days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A factor that knows a little, and closes, on business days."""
    random = np.random.default_rng(0)
    index = pd.bdate_range("2010-01-04", periods=days, name="date")
    columns = pd.Index([f"S{i:04d}" for i in range(symbols)], name="asset")
    returns = random.normal(0.0, 0.02, (days, symbols))
    closes = 50.0 * np.exp(np.cumsum(returns, axis=0))
    noise = random.normal(0.0, 1.0, (days, symbols))
    factor = pd.DataFrame(noise).ewm(span=20).mean().to_numpy() + returns
    return pd.DataFrame(factor, index, columns), pd.DataFrame(closes, index, columns)


def alphalens_report(
    factor: pd.DataFrame, closes: pd.DataFrame, horizons: tuple[int, ...], q: int
) -> dict[str, pd.DataFrame]:
    """The same figures by alphalens-reloaded, as `FactorReport` lays them out."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from alphalens import performance, utils

        cells = pd.MultiIndex.from_product([factor.index, factor.columns])
        long = pd.Series(factor.to_numpy().ravel(), cells)
        clean = utils.get_clean_factor_and_forward_returns(
            long, closes, quantiles=q, periods=horizons, max_loss=1.0
        )
        ics = performance.factor_information_coefficient(clean)
        means, _ = performance.mean_return_by_quantile(clean, by_date=True, demeaned=False)
        groups = clean["factor_quantile"]
        turnover = {
            (h, bucket): performance.quantile_turnover(groups, bucket, h)
            for h in horizons
            for bucket in range(1, q + 1)
        }
        lasting = {h: performance.factor_rank_autocorrelation(clean, h) for h in horizons}
    names = dict(zip(ics.columns, horizons, strict=True))
    wide = means.unstack("factor_quantile").rename(columns=names, level=0)
    return {
        "rank_ic": ics.rename(columns=names),
        "quantiles": wide,
        "turnover": pd.DataFrame(turnover),
        "rank_autocorrelation": pd.DataFrame(lasting),
    }


def differ(ours: pd.DataFrame, theirs: pd.DataFrame) -> float:
    """Largest relative difference; infinite where one is known and the other is not."""
    a = ours.to_numpy(np.float64)
    b = theirs.reindex(index=ours.index, columns=ours.columns).to_numpy(np.float64)
    if (np.isfinite(a) != np.isfinite(b)).any():
        return np.inf
    known = np.isfinite(a) & (a != b)
    size = np.maximum(np.abs(a[known]), np.abs(b[known]))
    return float((np.abs(a[known] - b[known]) / size).max(initial=0.0))


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
