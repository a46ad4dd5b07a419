"""Random accounts: what the market did, what was decided, and a long/short book kept by hand."""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from ledger import Decide, Setting, Targets, _plain, fixed_targets


@dataclass
class LongShort:
    """The best names long and the worst short, as one decision a close; call it once a row."""

    score: Any  # (T, N)
    close: Any  # (T, N), NaN = no bar
    member: Any  # (T, N) bool
    symbols: Sequence[str]
    exposure: Any  # (T,), NaN = nothing is decided
    dates: Sequence[Any]  # (T,), written as YYYY-MM-DD by str()
    quantile: float
    gross: float
    net: float = 0.0
    tranches: int = 1
    rebalance: str = "daily"  # daily, monthly, weekly or every_n
    every: int = 1  # rows, for every_n
    no_trade_band: float = 0.0
    max_turnover: float = math.inf
    max_weight: float = math.inf
    min_names: int = 1
    ties: str = "split"  # or symbol
    share: float = 0.5  # of the names that traded in the 20 rows before: fewer decide nothing
    memory: list[list[float]] = field(default_factory=list)
    asked: int = -1  # rows since the first with a score, of those that decide at all
    period: Any = None  # the month or week of the last decision

    def __post_init__(self) -> None:
        self.score, self.close = _plain(self.score), _plain(self.close)
        self.exposure = _plain(self.exposure)
        self.days = [datetime.date.fromisoformat(str(day)[:10]) for day in self.dates]

    def __call__(self, t: int, held: list[float], equity: float) -> Targets | None:
        """Targets by name, None = no order; None alone = no decision."""
        names = range(len(held))
        bar = [math.isfinite(close) for close in self.close[t]]
        able = [
            bar[i] and math.isfinite(self.score[t][i]) and bool(self.member[t][i]) for i in names
        ]
        if not self.crowded(t) or not self.turn(t):
            return None
        pick = self.pick(t, [i for i in names if able[i]])
        if pick is None:
            return None
        self.memory = [*self.memory, pick][-self.tranches :]
        target: list[float | None] = [0.0 for _ in names]
        for i in names:
            if able[i]:
                mean = math.fsum(one[i] for one in self.memory) / len(self.memory)
                target[i] = mean * self.exposure[t]
        known = [math.isfinite(self.score[t][i]) or not self.member[t][i] for i in names]
        frozen = [held[i] != 0 and not (bar[i] and known[i]) for i in names]
        budgeted = self.within_sides(
            target, [h if f else 0.0 for h, f in zip(held, frozen, strict=True)]
        )
        target = [max(-self.max_weight, min(self.max_weight, w)) for w in budgeted]
        for i in names:
            near = abs((target[i] or 0.0) - held[i]) <= self.no_trade_band
            if frozen[i]:
                target[i] = None if self.member[t][i] else 0.0
            elif self.no_trade_band > 0 and near and target[i] != 0 and held[i] != 0:
                target[i] = None
        trades = {i: w - held[i] for i, w in enumerate(target) if w is not None}
        total = math.fsum(map(abs, trades.values()))
        if total > self.max_turnover:
            for i, trade in trades.items():
                target[i] = held[i] + trade * self.max_turnover / total
        return target

    def crowded(self, t: int) -> bool:
        """Whether enough of the names that traded in the 20 rows before have a bar."""
        rows = self.close[max(0, t - 20) : t]
        lately = [i for i in range(len(self.symbols)) if any(math.isfinite(row[i]) for row in rows)]
        trading = [i for i in lately if math.isfinite(self.close[t][i])]
        return len(trading) >= self.share * len(lately)

    def turn(self, t: int) -> bool:
        """Whether row t is one to decide on."""
        if self.asked < 0 and not any(map(math.isfinite, self.score[t])):
            return False
        self.asked += 1
        if not math.isfinite(self.exposure[t]):
            return False
        if self.rebalance in ("daily", "every_n"):
            return self.rebalance == "daily" or self.asked % self.every == 0
        day, last = self.days[t], self.period
        monthly = self.rebalance == "monthly"
        self.period = (day.year, day.month) if monthly else day.isocalendar()[:2]
        return bool(self.period != last)

    def pick(self, t: int, able: list[int]) -> list[float] | None:
        """Equal weights of the two ends of the ranking; None with too few names a side.

        Names with one score are a group, which fills what is left of a side; what it would fill
        on the other side is taken off.
        """
        k = math.floor(self.quantile * len(able) + 1e-9)
        score = self.score[t]
        out = [0.0 for _ in self.symbols]
        sides = {1: 0, -1: 0}
        for value in {score[i] for i in able}:
            group = sorted((i for i in able if score[i] == value), key=lambda i: self.symbols[i])
            better = sum(score[i] > value for i in able)
            worse = sum(score[i] < value for i in able)
            filled = [min(max(k - before, 0), len(group)) for before in (better, worse)]
            net = filled[0] - filled[1]
            if net == 0:
                continue
            sign = 1 if net > 0 else -1
            weight = sign * (self.gross + sign * self.net) / 2 / k
            if self.ties == "split":
                part, taken = abs(net) / len(group), group
            else:
                part, taken = 1.0, group[:net] if net > 0 else group[net:]
            sides[sign] += len(taken)
            for i in taken:
                out[i] = weight * part
        return out if min(sides.values()) >= self.min_names else None

    @staticmethod
    def within_sides(target: Targets, frozen: list[float]) -> list[float]:
        """Targets (N,) shrunk so that each side, with what is frozen on it, keeps its total."""
        out = [w or 0.0 for w in target]
        for sign in (1.0, -1.0):
            side = math.fsum(sign * w for w in out if sign * w > 0)
            stuck = math.fsum(sign * h for h in frozen if sign * h > 0)
            if side > 0 and stuck > 0:
                part = max(0.0, side - stuck) / side
                out = [w * part if sign * w > 0 else w for w in out]
        return out


def setting_of(case: dict[str, Any]) -> Setting:
    """The ledger's inputs of a random case."""
    return Setting(**{one.name: case[one.name] for one in fields(Setting)})


def decide_of(case: dict[str, Any]) -> Decide:
    """The decision of a random case, fresh: `weights` looked up, or a `LongShort`."""
    if case["kind"] == "weights":
        return fixed_targets(case["weights"])
    shared = {key: case[key] for key in ("close", "symbols", "dates")}
    return LongShort(**shared, **case["long_short"])


def random_setting(seed: int) -> dict[str, Any]:
    """One of endless random cases: plain arrays, numbers and words under clear names.

    The keys are `Setting`'s fields (`cap` is `participation * volume`, inf where the volume is
    missing), `symbols`, `dates` (datetime64[D]), `volume`, `participation` (inf = no caps), and
    `kind`: "weights" with `weights` (T, N), row t decided at the close of t, NaN = no order; or
    "long_short" with `long_short`, the fields of `LongShort` that are not the market's.
    """
    rng = np.random.default_rng(seed)
    rows, names = int(rng.integers(30, 121)), int(rng.integers(2, 13))
    gaps = rng.choice([1, 1, 1, 1, 3, 4, 10, int(rng.integers(2, 10))], rows)
    days = np.where(np.arange(rows) > 0, gaps, 0)
    case: dict[str, Any] = {
        "days": days.astype(float),
        "dates": np.datetime64("2019-12-20") + days.cumsum().astype("timedelta64[D]"),
        "symbols": [f"S{n:02d}" for n in rng.permutation(names)],
        "capital": float(10.0 ** rng.uniform(4, 8)),
        "fill": str(rng.choice(["close", "open"])),
        "after": int(rng.choice([1, 3, 5, 10])),
        "r_long": rng.choice([0.0, -0.3, -1.0], names),
        "r_short": rng.choice([0.0, -0.3, -1.0], names),
        "kind": str(rng.choice(["weights", "weights", "long_short"])),
    }
    case |= _random_prices(rng, rows, names)
    case |= _random_caps(rng, case["close"], case["capital"])
    case |= _random_costs(rng, rows, names, case["capital"])
    if case["kind"] == "weights":
        return case | {"weights": _random_weights(rng, rows, names)}
    return case | {"long_short": _random_long_short(rng, rows, names)}


def _random_prices(rng: np.random.Generator, rows: int, names: int) -> dict[str, Any]:
    """Bars with jumps, late listings, suspensions and ends; the first column always has a bar."""
    moves = rng.normal(0.0, rng.choice([0.01, 0.04]), (rows, names))
    jump = rng.random((rows, names)) < rng.choice([0.0, 0.01, 0.03])
    moves += jump * np.log(rng.choice([5.0, 1.5, 0.5, 0.1], (rows, names)))
    close = rng.uniform(1.0, 300.0, names) * np.exp(moves.cumsum(axis=0))
    split = rng.random((rows, names))  # how much of the row's move comes before its open
    first = close * np.exp(-split * moves + rng.normal(0.0, 0.005, (rows, names)))
    row = np.arange(rows)[:, None]
    late = np.where(rng.random(names) < 0.3, rng.integers(0, rows // 3, names), 0)
    end = np.where(rng.random(names) < 0.35, rng.integers(rows // 2, rows, names), rows)
    gone = (row < late) | (row >= end)
    for _ in range(int(rng.choice([0, names, 3 * names]))):
        start, length, i = rng.integers(0, rows), rng.integers(1, 9), rng.integers(0, names)
        gone[start : start + length, i] = True
    gone[:, 0] = False
    missing = rng.random((rows, names)) < rng.choice([0.0, 0.1])
    return {
        "close": np.where(gone, np.nan, close),
        "open": np.where(gone | missing, np.nan, first),
    }


def _random_caps(rng: np.random.Generator, close: Any, capital: float) -> dict[str, Any]:
    """Volumes, some zero and some missing, and caps that are none, loose, tight or very tight."""
    size = float(rng.choice([np.inf, np.inf, 10.0, 0.3, 0.02]))  # a cap's value in capitals
    participation = float("inf") if size == np.inf else 0.1
    worth = capital if size == np.inf else size * capital
    volume = np.floor(worth / close * rng.lognormal(0.0, 0.7, close.shape) / 0.1)
    kind = rng.random(close.shape)
    volume = np.where(kind < 0.05, 0.0, np.where(kind > 0.95, np.nan, volume))
    volume = np.where(np.isfinite(close), volume, np.nan)
    none = np.full(close.shape, np.inf)
    cap = none if size == np.inf else np.where(np.isnan(volume), np.inf, 0.1 * volume)
    return {"volume": volume, "participation": participation, "cap": cap}


def _random_costs(
    rng: np.random.Generator, rows: int, names: int, capital: float
) -> dict[str, Any]:
    """Fees up to 30 %, an impact of up to 50 % on one capital's value, carry of any sign."""
    shape = (rows, names)
    fee, impact = rng.choice([0.0, 0.001, 0.01, 0.3]), rng.choice([0.0, 0.001, 0.05, 0.5])
    power = float(rng.choice([0.5, 0.6, 1.0]))
    none, carry = np.zeros(shape), rng.choice([0.0, 0.0003, 0.003])
    return {
        "fixed": {
            "fees": fee * rng.random(shape),
            "spread": 0.1 * fee * rng.random(shape),
            "impact": none,
        },
        "coefficient": {
            "fees": none,
            "spread": none,
            "impact": impact * rng.random(shape) / capital**power,
        },
        "exponent": {"fees": 1.0, "spread": 1.0, "impact": power},
        "carry_long": carry * rng.uniform(-1.0, 1.0, shape),
        "carry_short": carry * rng.uniform(-1.0, 0.3, shape),
        "carry_cash": carry * rng.uniform(-1.0, 1.0, rows),
    }


def _random_weights(rng: np.random.Generator, rows: int, names: int) -> Any:
    """Targets with zeros, rows and cells that say nothing; at times long alone and thin in cash."""
    gross = rng.choice([0.5, 1.0, 2.0, 6.0], rows, p=rng.dirichlet([1.0, 2.0, 1.0, 0.3]))
    out = rng.exponential(1.0, (rows, names))
    if rng.random() < 0.6:
        out *= rng.choice([-1.0, 1.0], (rows, names))
    else:
        gross = rng.choice([0.9, 1.0, 1.5], rows)  # no short pays for what is bought
    out[rng.random((rows, names)) < 0.2] = 0.0
    total = np.abs(out).sum(axis=1, keepdims=True)
    out *= gross[:, None] / np.where(total > 0, total, 1.0)
    out[rng.random((rows, names)) < rng.choice([0.0, 0.3])] = np.nan
    out[rng.random(rows) < rng.choice([0.0, 0.5, 0.9])] = np.nan
    return out


def _random_long_short(rng: np.random.Generator, rows: int, names: int) -> dict[str, Any]:
    """A signal with ties and holes, changing members, and options of every sort."""
    score = rng.normal(0.0, 1.0, (rows, names)).round(int(rng.choice([0, 1, 6])))
    score[rng.random((rows, names)) < 0.1] = np.nan
    score[: int(rng.integers(0, 6))] = np.nan
    spells = rng.random((rows // 10 + 1, names)) < rng.choice([0.7, 1.0])
    exposure = rng.choice([1.0, 1.0, 0.6, 0.0, np.nan], rows, p=[0.4, 0.4, 0.1, 0.05, 0.05])
    gross = float(rng.choice([0.5, 1.0, 2.0]))
    return {
        "score": score,
        "member": np.repeat(spells, 10, axis=0)[:rows],
        "exposure": exposure if rng.random() < 0.5 else np.ones(rows),
        "quantile": float(rng.choice([0.2, 0.34, 0.5, 0.5])),
        "gross": gross,
        "net": min(gross, 2.0 - gross) * float(rng.choice([0.0, 0.0, 0.5, 1.0, -1.0])),
        "tranches": int(rng.integers(1, 5)),
        "rebalance": str(rng.choice(["daily", "monthly", "weekly", "every_n"])),
        "every": int(rng.integers(1, 11)),
        "no_trade_band": float(rng.choice([0.0, 0.01, 0.1])),
        "max_turnover": float(rng.choice([np.inf, np.inf, 1.0, 0.2])),
        "max_weight": 1.0,
        "ties": str(rng.choice(["split", "symbol"])),
    }
