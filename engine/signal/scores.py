"""The signal: a bundle of weighted factors becomes one score per date and symbol, `mf_score`.

For each date by itself, over the members that have a bar:

1. clip each factor's tails (`winsorize`);
2. put the factors on one scale (`transform`);
3. take out what sectors or other factors explain (`neutralize`);
4. multiply by direction and weight, and add up; `missing` says what an absent factor means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.core.errors import ConfigError, did_you_mean
from engine.core.groups import Codes, Grouping, find_labels, runs
from engine.core.options import Options, option
from engine.core.panel import BoolArray, FloatArray, Panel
from engine.expr import rounding
from engine.kernels.ranks import average_ranks

MARKET_BETA = "beta_252"  # the column that `market_beta` stands for
SIGN = {"positive": 1.0, "negative": -1.0}
BLOCK = 1 << 17  # cells scored at once
TOLERANCE = 1e-6  # of the sum of the weights: decimal fractions do not add up exactly


@dataclass(frozen=True)
class BundleFactor:
    """One factor of a bundle.

    Parameters
    ----------
    name : str
        A column of the factor set, or a forecast.
    weight : float
        Its share of the score, >= 0.
    direction : {"positive", "negative"}
        Whether high values are good or bad.
    """

    name: str
    weight: float
    direction: str = "positive"


@dataclass(frozen=True, kw_only=True)
class Scoring(Options):
    """How factors are put together to a score; the conf group ``scoring``.

    `winsorize_method` clips to the nearest inner order statistic, as
    ``scipy.stats.mstats.winsorize`` does (nothing is clipped below 1 / limit symbols); or to
    linearly interpolated quantiles, as ``numpy.quantile`` gives them. A z-score is the deviation
    from the mean over the standard deviation (n - 1); ranks are average ranks, spread evenly
    inside (-0.5, 0.5). A cross-section that is constant, but for rounding, carries no score: NaN.
    `neutralize` takes the residual of each date's least squares on the columns, with a constant.
    A symbol that lacks all factors never gets a score.
    """

    winsorize: bool = option(True, "clip each factor's tails")
    winsorize_limits: list[float] = option(
        [0.01, 0.99], "where the tails begin, in each date's cross-section", unit="quantiles"
    )
    winsorize_method: str = option(
        "clip_to_order_statistics",
        "what the tails are clipped to",
        choices=("clip_to_order_statistics", "interpolated"),
    )
    transform: str = option("zscore", "common scale", choices=("zscore", "rank", "none"))
    neutralize: list[str] = option(
        [], "sector, market_beta (the factor beta_252) or factor columns, taken out of the score"
    )
    missing: str = option(
        "renormalize",
        "a symbol that lacks a factor: weight its others more, give it no score, or score 0 on it",
        choices=("renormalize", "drop", "zero"),
    )


@dataclass(frozen=True)
class Bundle(Scoring):
    """Which factors make the score, and how they are put together.

    Parameters
    ----------
    name : str
        Written into reports.
    factors : list of BundleFactor
        Weights sum to 1.

    Raises
    ------
    ConfigError
        When the values do not make a bundle.
    """

    config_key: ClassVar[str] = "bundle"

    name: str = option("bundle", "written into reports")
    factors: list[BundleFactor] = option([], "of a factor set, or forecasts; weights sum to 1")

    def __post_init__(self) -> None:
        _refuse_factors(self.factors)
        limits = self.winsorize_limits
        if len(limits) != 2 or not 0.0 <= limits[0] < limits[1] <= 1.0:
            raise ConfigError(
                f"bundle.winsorize_limits={limits}: write two rising quantiles, such as "
                "[0.01, 0.99]"
            )
        for name in self.neutralize:
            if any(factor.name == _column(name) for factor in self.factors):
                raise ConfigError(
                    f"bundle.neutralize: {name!r} is in bundle.factors too, and nothing is left "
                    "of a factor without itself: take it out of one of them"
                )


def score(bundle: Bundle, columns: Mapping[str, FloatArray], panel: Panel) -> FloatArray:
    """Return the bundle's score.

    Parameters
    ----------
    bundle : Bundle
    columns : mapping of str to float array, shape (T, N)
        Factors and forecasts by name.
    panel : Panel
        Its members that have a bar are scored; its groups hold ``sector``.

    Returns
    -------
    float array, shape (T, N)
        NaN for symbols without a score. Each row depends on that row alone.

    Raises
    ------
    ConfigError
        When nothing produces a column that the bundle names, or sectors are not known.
    """
    for factor in bundle.factors:
        _require("factors", factor.name, columns)
    eligible = panel.member & panel.present
    residual = _neutralizer(bundle.neutralize, columns, panel)
    total, known = np.zeros(panel.shape), np.zeros(panel.shape)
    complete = eligible.copy()
    for factor in bundle.factors:
        values, weight = columns[factor.name], SIGN[factor.direction] * factor.weight
        for rows in _cut(panel.shape):
            part = np.where(eligible[rows] & np.isfinite(values[rows]), values[rows], np.nan)
            if bundle.winsorize:
                part = _winsorize(part, bundle.winsorize_limits, bundle.winsorize_method)
            part = residual(_transform(part, bundle.transform), rows)
            has = np.isfinite(part)
            total[rows][has] += weight * part[has]
            known[rows][has] += factor.weight
            complete[rows] &= has
    return _assemble(total, known, complete, bundle.missing)


def _cut(shape: tuple[int, ...]) -> list[slice]:
    """Rows, some at a time: what is made of them on the way stays near a core."""
    step = max(BLOCK // max(shape[1], 1), 1)
    return [slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step)]


def _assemble(
    total: FloatArray, known: FloatArray, complete: BoolArray, missing: str
) -> FloatArray:
    """The score from the weighted sum and the weight that it found."""
    out = np.full(total.shape, np.nan)
    if missing == "renormalize":
        # dividing a full score by its rounded sum of weights would only add noise
        full = complete | (np.abs(known - 1.0) <= TOLERANCE)
        np.divide(total, known, out=out, where=known > 0)
        return np.where(full, total, out)
    scored = complete if missing == "drop" else known > 0
    return np.where(scored, total, out)


def _winsorize(values: FloatArray, limits: list[float], method: str) -> FloatArray:
    """Each row with its tails clipped; NaN stays."""
    ordered = np.sort(values, axis=1)  # NaN last
    n = np.isfinite(values).sum(axis=1)
    last = np.maximum(n - 1, 0)
    bounds = []
    for limit, upper in zip(limits, (False, True), strict=True):
        if method == "interpolated":
            place = last * limit
        else:  # the number cut on each side; 10 * (1 - 0.9) must be 1
            cut = np.floor(n * (1.0 - limit if upper else limit) + 1e-9)
            place = np.clip(last - cut if upper else cut, 0, last)
        below = np.floor(place).astype(np.intp)
        above = np.minimum(below + 1, last)
        low, high = (
            np.take_along_axis(ordered, at[:, None], axis=1)[:, 0] for at in (below, above)
        )
        bounds.append(low + (place - below) * (high - low))
    lowest, highest = bounds
    clipped: FloatArray = np.clip(values, lowest[:, None], highest[:, None])
    return clipped


def _transform(values: FloatArray, transform: str) -> FloatArray:
    if transform == "none":
        return values
    known = np.isfinite(values)
    n = known.sum(axis=1, keepdims=True)
    high = np.max(values, axis=1, keepdims=True, where=known, initial=-np.inf)
    low = np.min(values, axis=1, keepdims=True, where=known, initial=np.inf)
    level = np.maximum(np.abs(high), np.abs(low))
    varies = known & (high - low > rounding(values) * level)  # a variance would round
    if transform == "rank":
        return np.where(varies, (average_ranks(values) - 0.5) / np.maximum(n, 1) - 0.5, np.nan)
    centred = _demean(values)
    variance = np.sum(np.square(centred), axis=1, keepdims=True, where=known)
    deviation = np.sqrt(variance / np.maximum(n - 1, 1))
    scaled: FloatArray = np.full(values.shape, np.nan)
    np.divide(centred, deviation, out=scaled, where=varies)
    return scaled


def _demean(values: FloatArray, groups: FloatArray | None = None) -> FloatArray:
    """Deviations from the row's mean, or from the means of its groups (one-hot, (N, G))."""
    known = np.isfinite(values)
    onehot = np.ones((values.shape[1], 1)) if groups is None else groups
    count = known.astype(np.float64) @ onehot
    # not `@`: BLAS rounds a row by its place in the array, so by how many dates come after it
    mean = np.einsum("tn,ng->tg", np.where(known, values, 0.0), onehot) / np.maximum(count, 1.0)
    deviations: FloatArray = values - mean @ onehot.T
    return deviations


def _neutralizer(
    names: list[str], columns: Mapping[str, FloatArray], panel: Panel
) -> Callable[[FloatArray, slice], FloatArray]:
    """What takes the parts explained by `names` out of some rows of a (T, N) array."""
    if not names:
        return lambda values, rows: values
    sectors = _sectors(panel) if "sector" in names else None
    others = [_column(name) for name in names if name != "sector"]
    for name, column in zip((n for n in names if n != "sector"), others, strict=True):
        if name == "market_beta" and column not in columns:
            raise ConfigError(
                f"bundle.neutralize: 'market_beta' needs the factor {column!r}: add it to the "
                "factor set, or name a beta that the set has"
            )
        _require("neutralize", column, columns)
    regressors = [columns[column] for column in others]
    if sectors is None:
        return lambda values, rows: _residual(values, [r[rows] for r in regressors], None)

    def residual(values: FloatArray, rows: slice) -> FloatArray:
        others = [r[rows] for r in regressors]
        parts = [
            _residual(values[some], [r[some] for r in others], _onehot(groups))
            for some, groups in runs(sectors, rows.start, rows.stop)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return residual


def _residual(
    values: FloatArray, regressors: list[FloatArray], groups: FloatArray | None
) -> FloatArray:
    """Residuals of each row's least squares on dummies and regressors.

    The dummies go first, by demeaning both sides; then the small normal equations of what is
    left (Frisch & Waugh 1933). Regressors have unit length there, so that scale cannot hurt.
    A date without degrees of freedom is NaN: its residuals would be rounding.
    """
    known = np.isfinite(values)
    for regressor in regressors:
        known &= np.isfinite(regressor)
    onehot = np.ones((values.shape[1], 1)) if groups is None else groups
    dummies = (known.astype(np.float64) @ onehot > 0).sum(axis=1)
    known &= (known.sum(axis=1) > dummies + len(regressors))[:, None]
    rest = _demean(np.where(known, values, np.nan), groups)
    if regressors:
        y = np.where(known, rest, 0.0)
        X = np.stack(
            [_unit(_demean(np.where(known, r, np.nan), groups), known) for r in regressors], 2
        )
        gram = np.einsum("tnk,tnl->tkl", X, X)
        moment = np.einsum("tnk,tn->tk", X, y)
        slope = np.einsum("tkl,tl->tk", np.linalg.pinv(gram, rcond=1e-12, hermitian=True), moment)
        rest = y - np.einsum("tnk,tk->tn", X, slope)
    return np.where(known, rest, np.nan)


def _unit(values: FloatArray, known: BoolArray) -> FloatArray:
    values = np.where(known, values, 0.0)
    length = np.sqrt(np.einsum("tn,tn->t", values, values))
    scaled: FloatArray = values / np.where(length > 0, length, 1.0)[:, None]
    return scaled


def _sectors(panel: Panel) -> Grouping:
    """The sectors; the symbols without a label are a group of their own."""
    sectors = panel.groups.get("sector", ())
    if not any(find_labels(sectors)):
        raise ConfigError(
            "bundle.neutralize: 'sector' is not known for any symbol: add universe.tags.sector, "
            "or leave it out"
        )
    return sectors


def _onehot(groups: Codes) -> FloatArray:
    """1 where a symbol (N) is of a group (G), else 0, shape (N, G)."""
    made: FloatArray = (groups[:, None] == np.arange(groups.max(initial=0) + 1)).astype(np.float64)
    return made


def _column(name: str) -> str:
    return MARKET_BETA if name == "market_beta" else name


def _require(key: str, name: str, columns: Mapping[str, FloatArray]) -> None:
    if name not in columns:
        raise ConfigError(f"bundle.{key}: nothing produces {name!r}; {did_you_mean(name, columns)}")


def _refuse_factors(factors: list[BundleFactor]) -> None:
    if not factors:
        raise ConfigError(
            "bundle.factors: is empty; list factors, such as "
            "{name: returns_12m, weight: 1.0, direction: positive}"
        )
    for place, factor in enumerate(factors):
        if factor.direction not in SIGN:
            hint = did_you_mean(factor.direction, SIGN)
            raise ConfigError(
                f"bundle.factors: {factor.name} has direction {factor.direction!r}; {hint}"
            )
        if not np.isfinite(factor.weight):
            raise ConfigError(
                f"bundle.factors: {factor.name} has weight {factor.weight}: write one from 0 to 1"
            )
        if factor.weight < 0.0:
            raise ConfigError(
                f"bundle.factors: {factor.name} has weight {factor.weight:g}: write "
                f"{abs(factor.weight):g} and turn its direction round"
            )
        if any(factor.name == other.name for other in factors[:place]):
            raise ConfigError(f"bundle.factors: {factor.name!r} comes twice: leave one out")
    total = sum(factor.weight for factor in factors)
    if not abs(total - 1.0) <= TOLERANCE:
        shown = ", ".join(f"{factor.name} {factor.weight:g}" for factor in factors)
        raise ConfigError(f"bundle.factors: weights sum to {total:.6g}, not 1: {shown}")
