"""Walk-forward trainings written three ways, on the same simulated features and the same folds.

``engine``  engine.forecasts.walk_forward, which scores each training and its forecasts as well
``views``   a loop of scikit-learn over slices of one array, a row a date and symbol
``frames``  a loop that merges long frames of features and labels for each training

All of them fill in the training's medians, scale by its means and deviations, purge by the dates at
which labels are known, and forecast the dates up to the next training. Each is handed its input in
its own layout, made before the clock starts.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.panel import FloatArray
from engine.forecasts import Labels, Validation, walk_forward
from engine.plugins.models import PCR, Linear, Ridge, XGBoost

FEATURES, HORIZON, SPLITS, EMBARGO, TAIL, SEED = 25, 20, 10, 5, 0.2, 7
SMALL = (40, 600)  # symbols and dates of a warm-up
LONG = 10.0  # seconds of a run, above which two rounds do
FITTED = {"ridge": Ridge, "linear": Linear, "pcr": PCR, "xgboost": XGBoost}
LINEAR = ("engine", "views", "frames")
WAYS = dict.fromkeys(("ridge", "linear", "pcr"), LINEAR) | {"xgboost": ("engine", "views")}


class Fold(NamedTuple):
    """Rows of dates: learn from those before `known`, forecast [start, stop)."""

    known: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Market:
    """Features that know a little of a label: noise with a common part, and holes.

    A fifth of the symbols is listed late; of a feature 2 to 5% of the values are missing.
    """

    features: dict[str, FloatArray]  # K of (T, N)
    target: FloatArray  # (T, N)

    @classmethod
    def simulated(cls, symbols: int, days: int) -> Market:
        rng = np.random.default_rng(SEED)
        shape = (days, symbols)
        listed = np.where(rng.random(symbols) < 0.2, rng.integers(0, days // 2, symbols), 0)
        absent = np.arange(days)[:, None] < listed
        common, target, features = rng.normal(size=shape), rng.normal(0.0, 0.1, shape), {}
        for k in range(FEATURES):
            x = rng.normal(size=shape) + 1.5 * common / (1 + k % 7)
            target += (0.002 * x if k < 5 else 0.002 * np.abs(x)) if k < 8 else 0.0
            x *= 10.0 ** rng.uniform(-2, 2)
            x += rng.uniform(-3, 3) * x.std()
            x[absent | (rng.random(shape) < rng.uniform(0.02, 0.05))] = np.nan
            features[f"f{k:02d}"] = x
        target[absent] = target[-HORIZON - 1 :] = np.nan
        return cls(features, target)

    @property
    def nbytes(self) -> int:
        """Bytes of the features."""
        return sum(array.nbytes for array in self.features.values())

    @property
    def validation(self) -> Validation:
        """Expanding splits from the first fifth of the dates on."""
        least = len(self.target) // 5
        return Validation(n_splits=SPLITS, min_train=least, embargo=EMBARGO, tail=TAIL)

    @cached_property
    def labels(self) -> Labels:
        """The label as the engine has it."""
        days, symbols = self.target.shape
        names = tuple(f"S{column:04d}" for column in range(symbols))
        dates = pd.date_range("2010-01-04", periods=days, freq="B", tz="UTC")
        return Labels(
            f"fwd_return_{HORIZON}d", HORIZON, names, self.target, self.target, self.ends, dates
        )

    @property
    def ends(self) -> npt.NDArray[np.int64]:
        """Row at whose close each label is known, shape (T,)."""
        return np.arange(len(self.target), dtype=np.int64) + 1 + HORIZON

    @property
    def folds(self) -> Iterator[Fold]:
        """The trainings, counted out by themselves."""
        days = len(self.target)
        least = days // 5
        starts = [*(least + np.arange(SPLITS) * (days - least) // SPLITS), days]
        for start, stop in pairwise(starts):
            yield Fold(count_known(self.ends, start), int(start), int(stop))


def count_known(ends: npt.NDArray[np.int64], row: int) -> int:
    """Count the labels that are known, and their embargo over, before a row."""
    return int((ends + EMBARGO < row).sum())


def make_estimator(name: str) -> Any:
    """Return scikit-learn's own estimator."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression
    from sklearn.linear_model import Ridge as Penalised
    from sklearn.pipeline import make_pipeline

    if name == "ridge":
        return Penalised(alpha=Ridge().alpha)
    if name == "linear":
        return LinearRegression()
    return make_pipeline(PCA(PCR().components), LinearRegression())


class Engine:
    """The engine's own; of XGBoost it notes the seconds inside `train` and `predict`."""

    def __init__(self, name: str, market: Market) -> None:
        self.market, self.inside = market, 0.0
        self.model = self._time_boosting() if name == "xgboost" else FITTED[name]()
        self.rank_ic = np.empty(0)

    def run(self) -> FloatArray:
        """Return forecasts, shape (T, N); NaN where there is none."""
        market, self.inside = self.market, 0.0
        made = walk_forward(
            market.features, market.labels, self.model, market.validation, seed=SEED
        )
        self.rank_ic = made.paths[0].rank_ic
        return made.values

    def _time_boosting(self) -> XGBoost:
        def clock(work: Callable[..., Any]) -> Callable[..., Any]:
            def timed(*args: Any) -> Any:
                start = time.perf_counter()
                made = work(*args)
                self.inside += time.perf_counter() - start
                return made

            return timed

        class Clocked(XGBoost):
            def train(self, *args: Any) -> Any:
                fitted = clock(super().train)(*args)
                fitted.predict = clock(fitted.predict)
                return fitted

        return Clocked()


class Views:
    """Slices of one array: rows that have a feature, dates ascending; a column is contiguous."""

    def __init__(self, name: str, market: Market) -> None:
        self.name, self.market = name, market
        wide = np.stack([*market.features.values()])  # (K, T, N)
        self.there = np.isfinite(wide).any(axis=0)
        self.X = np.ascontiguousarray(wide[:, self.there]).T  # (R, K)
        self.y = market.target[self.there]
        self.begin = np.append(0, np.cumsum(self.there.sum(axis=1)))

    def run(self) -> FloatArray:
        """Return forecasts, shape (T, N); NaN where there is none."""
        work = self._boost if self.name == "xgboost" else self._fit
        flat = np.full(len(self.y), np.nan)
        for fold in self.market.folds:
            test = self._span(fold.start, fold.stop)
            flat[test] = work(fold, self.X[test])
        forecasts = np.full(self.there.shape, np.nan)
        forecasts[self.there] = flat
        return forecasts

    def _span(self, start: int, stop: int) -> slice:
        return slice(self.begin[start], self.begin[stop])

    def _learn(self, start: int, stop: int) -> tuple[FloatArray, FloatArray]:
        """Features and target of the rows of dates that have a target."""
        span = self._span(start, stop)
        keep = np.isfinite(self.y[span])
        return self.X[span][keep], self.y[span][keep]

    def _fit(self, fold: Fold, test: FloatArray) -> FloatArray:
        from sklearn.preprocessing import StandardScaler

        X, y = self._learn(0, fold.known)
        medians, unit = np.nanmedian(X, axis=0), y.std()
        scaler = StandardScaler(copy=False)
        X = scaler.fit_transform(fill(X, medians))
        fitted = make_estimator(self.name).fit(X, y / unit)
        return fitted.predict(scaler.transform(fill(test.copy(order="F"), medians))) * unit

    def _boost(self, fold: Fold, test: FloatArray) -> FloatArray:
        """XGBoost with the engine's options, and its tail of the training's dates.

        Features are scaled with the engine's own roundings: a cut between two values that differ in
        the last bit alone would make another tree.
        """
        begin = fold.known - max(1, round(TAIL * fold.known))
        X, y = self._learn(0, count_known(self.market.ends, begin))
        tail, tail_y = self._learn(begin, fold.known)
        medians, unit = np.nanmedian(X, axis=0), y.std()
        mean, inverse = fill(X, medians).mean(axis=0), np.empty(X.shape[1])
        X -= mean
        for k, column in enumerate(X.T):
            inverse[k] = 1.0 / np.sqrt(column @ column / len(column))
        X *= inverse
        tail, test = (
            (fill(rows, medians) - mean) * inverse for rows in (tail, test.copy(order="F"))
        )
        model = XGBoost()
        booster = model.estimator(SEED)
        booster.set_params(
            base_score=float((y / unit).mean()), early_stopping_rounds=model.patience
        )
        booster.fit(X, y / unit, eval_set=[(tail, tail_y / unit)], verbose=False)
        return np.float64(booster.predict(test)) * unit


def fill(X: FloatArray, medians: FloatArray) -> FloatArray:
    """Fill in missing values in place."""
    for column, median in zip(X.T, medians, strict=True):
        column[np.isnan(column)] = median
    return X


class Frames:
    """Long frames, merged for each training, as they are written from day to day."""

    def __init__(self, name: str, market: Market) -> None:
        self.name, self.market = name, market
        labels = market.labels
        self.names = [*market.features]
        index = pd.MultiIndex.from_product([labels.dates, labels.symbols], names=["date", "symbol"])
        columns = {key: array.ravel() for key, array in market.features.items()}
        known = labels.end + EMBARGO
        known_on = labels.dates[np.minimum(known, len(known) - 1)].where(known < len(known))
        label = {"label": market.target.ravel(), "known": known_on.repeat(len(labels.symbols))}
        self.features = pd.DataFrame(columns, index).dropna(how="all").reset_index()
        self.labels = pd.DataFrame(label, index).reset_index()

    def run(self) -> FloatArray:
        """Return forecasts, shape (T, N); NaN where there is none."""
        dates, symbols = self.market.labels.dates, self.market.labels.symbols
        made = pd.concat([self._forecast(fold, dates) for fold in self.market.folds])
        wide = made.pivot(index="date", columns="symbol", values="forecast")
        forecasts: FloatArray = wide.reindex(index=dates, columns=[*symbols]).to_numpy()
        return forecasts

    def _forecast(self, fold: Fold, dates: pd.DatetimeIndex) -> pd.DataFrame:
        from sklearn.preprocessing import StandardScaler

        data = self.features.merge(self.labels, on=["date", "symbol"], how="left")
        train = data[data["known"] < dates[fold.start]].dropna(subset=["label"])
        last = dates[fold.stop - 1]
        test = data[(data["date"] >= dates[fold.start]) & (data["date"] <= last)]
        medians, unit = train[self.names].median(), train["label"].std(ddof=0)
        scaler = StandardScaler()
        X = scaler.fit_transform(train[self.names].fillna(medians))
        fitted = make_estimator(self.name).fit(X, train["label"] / unit)
        ahead = scaler.transform(test[self.names].fillna(medians))
        return test[["date", "symbol"]].assign(forecast=fitted.predict(ahead) * unit)

    def rank_by_date(self, forecasts: FloatArray) -> FloatArray:
        """Rank ICs of forecasts, date by date, shape (T,): the engine scores its own as it goes."""
        labels = self.market.labels
        names = ["forecast", "label"]
        frame = self.labels.assign(forecast=forecasts.ravel()).dropna(subset=names)
        frame[names] = frame.groupby("date")[names].rank()
        daily = frame.groupby("date")[names].corr().xs("forecast", level=1)["label"]
        ranked: FloatArray = daily.reindex(labels.dates).to_numpy()
        return ranked


KINDS = {"engine": Engine, "views": Views, "frames": Frames}


def measure_times(task: dict[str, Any]) -> dict[str, Any]:
    """Time each way in turn, after a first round that warms up; keep the first forecasts."""
    market = Market.simulated(task["symbols"], task["days"])
    ways = {way: KINDS[way](task["model"], market) for way in task["ways"]}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    inside: list[float] = []
    first: dict[str, FloatArray] = {}
    for number in range(1 + task["rounds"]):
        for way, made in ways.items():
            if number > 2 and seconds[way][0] > LONG:
                continue
            gc.collect()
            start = time.perf_counter()
            forecasts = made.run()
            seconds[way].append(time.perf_counter() - start)
            if way == "engine":
                inside.append(made.inside)
            first.setdefault(way, forecasts)
    for way, forecasts in first.items():
        np.save(Path(task["folder"]) / f"{task['model']} {way}.npy", forecasts)
    later = {way: taken[1:] or taken for way, taken in seconds.items()}
    found = {"seconds": later, "inside": inside[1:] or inside}
    return found | (score(ways, first["frames"]) if "frames" in ways else {})


def score(ways: dict[str, Any], forecasts: FloatArray) -> dict[str, Any]:
    """Time the daily rank ICs of frames, and hold them against the engine's."""
    start = time.perf_counter()
    daily = ways["frames"].rank_by_date(forecasts)
    seconds = time.perf_counter() - start
    ours = ways["engine"].rank_ic
    known = np.isfinite(ours)
    apart = float(np.abs(daily - ours)[known].max()) if (known == np.isfinite(daily)).all() else 1.0
    return {"scoring": seconds, "scores_apart": apart}


def measure_memory(task: dict[str, Any]) -> dict[str, Any]:
    """Measure what one run takes beyond its input, in bytes, after a small one for the imports."""
    market = Market.simulated(task["symbols"], task["days"])
    KINDS[task["way"]](task["model"], Market.simulated(*SMALL)).run()
    made = KINDS[task["way"]](task["model"], market)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # a new high-water mark: Linux alone
    before = read_status("VmRSS")
    made.run()
    return {"extra": read_status("VmHWM") - before, "matrix": market.nbytes}


def read_status(name: str) -> int:
    """Bytes of a line of the process's status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])
