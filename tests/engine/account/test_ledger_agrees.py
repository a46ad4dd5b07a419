"""The ledger against one kept by hand in plain Python, in 500 random markets.

Weights, NaNs, caps, bands, tranches, delistings long and short, fills at close and open, ruin,
thin cash, zero and missing volume, calendar gaps, extreme costs. And what must hold whatever
happens: vectorbt's books agree, symbols may stand in any order, an account may be saved.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from cases import decide_of, random_setting, setting_of
from ledger import Refused, run

import engine
from engine.account import account as reader
from engine.account import second, simulate
from engine.account.carry import Carried
from engine.account.charges import charge
from engine.account.ledger import Journal, State, TooDear, advance
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.account.rows import market
from engine.account.tally import Tally
from engine.bars.delisting import Outcomes
from engine.plugins.portfolios import QuantileLongShort

CASES, BLOCK = 500, 25
NEAR = 1e-9


@dataclass(frozen=True, eq=False)
class Charged(engine.Cost):
    """The rates of a case."""

    name: ClassVar[str] = "charged"
    case: Any = None

    def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
        c = self.case
        return {
            k: engine.Terms(c["fixed"][k], c["coefficient"][k], c["exponent"][k])
            for k in c["fixed"]
        }

    def holding(self, panel: engine.Panel) -> Mapping[str, engine.Holding]:
        c = self.case
        return {"carry": engine.Holding(c["carry_long"], c["carry_short"], c["carry_cash"])}


class Run:
    """A case, run by the engine; symbols in the order of their names."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case, close = case, case["close"]
        length, count = close.shape
        long_short = case.get("long_short", {})
        self.panel = engine.Panel(
            dates=pd.DatetimeIndex(case["dates"]).tz_localize("UTC"),
            symbols=tuple(case["symbols"]),
            fields={"close": close, "open": case["open"]},
            member=long_short.get("member"),
        )
        last = np.where(np.isfinite(close), np.arange(length)[:, None], -1).max(axis=0)
        ended = (last >= 0) & (length - 1 - last >= case["after"])
        self.outcomes = Outcomes(
            ended & (np.arange(length)[:, None] > last),
            np.where(ended, last + case["after"], length),
            case["r_long"],
            case["r_short"],
        )
        self.market = market(self.panel, self.outcomes, Backtest(fill=case["fill"]), case["cap"])
        self.charges = charge(Charged(case), self.panel)
        self.journal = Journal.blank((length, count), case.get("weights"))
        self.tally = Tally()

    def decide(self, start: int = 0) -> Any:
        if "weights" in self.case:
            return None
        fields = dict(self.case["long_short"])
        signal, exposure = fields.pop("score"), fields.pop("exposure")
        fields.pop("member")
        ties = fields.pop("ties")
        if fields["max_turnover"] == np.inf:
            fields["max_turnover"] = None
        portfolio = QuantileLongShort(**fields)
        return Plan(portfolio, signal, exposure, ties).decide(self.panel, self.tally, start)

    def opened(self) -> State:
        return State.open(self.panel.symbols, self.case["capital"])

    def whole(self) -> State:
        return advance(self.opened(), self.market, self.charges, self.journal, decide=self.decide())

    def part(self, state: State, start: int, stop: int) -> State:
        cut = [getattr(self.journal, f.name)[start:stop] for f in dataclasses.fields(self.journal)]
        return advance(
            state,
            self.market.between(start, stop),
            self.charges.between(start, stop),
            Journal(*cut),
            decide=self.decide(start),
        )

    def account(self, state: State) -> reader.Account:
        carried = Carried.nothing(len(self.panel.dates))
        return reader.read(
            self.journal, self.market, self.charges, carried, state, self.case["capital"]
        )


def sorted_case(seed: int) -> dict[str, Any]:
    """A random case with its symbols in their order, as the engine lays them."""
    case = random_setting(seed)
    order = np.argsort(case["symbols"])
    return in_order(case, order)


def in_order(case: dict[str, Any], order: Any) -> dict[str, Any]:
    count = len(order)

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: moved(one) for key, one in value.items()}
        if isinstance(value, list):
            return [value[i] for i in order]
        if isinstance(value, np.ndarray) and value.ndim == 2:
            return value[:, order].copy()
        return value

    out = {key: moved(value) for key, value in case.items()}
    for key in ("r_long", "r_short"):
        assert len(case[key]) == count
        out[key] = case[key][order]
    return out


@pytest.mark.parametrize(
    "block",
    [*range(4), *(pytest.param(b, marks=pytest.mark.long) for b in range(4, CASES // BLOCK))],
)
def test_the_books_agree_with_those_kept_by_hand(block):
    """Equity, shares, what was paid and earned, the row of a ruin or of a refusal."""
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        case = sorted_case(seed)
        ours = Run(case)
        try:
            days = run(setting_of(case), decide_of(case))
        except Refused as refused:
            with pytest.raises(TooDear, match=rf"\({refused.row}, "):
                ours.whole()
            continue
        state = ours.whole()
        account = ours.account(state)
        equity = np.array([day.equity for day in days])
        scale = NEAR * np.maximum(np.abs(equity), case["capital"])[:, None]
        assert (np.abs(account.equity - equity) <= scale[:, 0]).all(), seed
        ruin = next((t for t, day in enumerate(days) if day.ruined), len(days))
        assert account.bankrupt_on == (ours.panel.dates[ruin] if ruin < len(days) else None), seed
        alive = slice(0, ruin)
        flow, price = (np.array([getattr(d, k) for d in days]) for k in ("flow", "price"))
        ours_value = ours.journal.flow * np.where(price > 0.0, price, 1.0)
        difference = np.abs(ours_value - flow * price)[alive]
        assert (difference <= scale[alive]).all(), seed
        before = np.concatenate([[case["capital"]], equity[:-1]])[alive]
        for name in case["fixed"]:
            theirs = np.array([day.paid[name] for day in days])[alive]
            assert np.allclose(account.costs[name][alive] * before, theirs, 0, scale[alive, 0])
        earned = (account.interest - account.costs["carry"])[alive] * before
        theirs = np.array([day.carry for day in days])[alive]
        assert (np.abs(earned - theirs) <= scale[alive, 0]).all(), seed
        check_whatever_happens(ours, account)


def check_whatever_happens(ours: Run, account: reader.Account) -> None:
    """Identities of the account, and vectorbt's books."""
    second.book(ours.journal, ours.market, ours.charges, account.state, ours.case["capital"])
    assert (account.gross >= account.net).all()
    taken = sum(np.maximum(paid, 0.0) for paid in account.costs.values()) + account.delisting
    np.testing.assert_allclose(account.gross - account.net, taken, atol=1e-15)
    lost = sum(account.unfilled.values())
    assert (account.asked >= 0.0).all()
    assert min(part.min() for part in account.unfilled.values()) >= -1e-12
    assert lost.sum() <= account.asked.sum() + 1e-9
    frame = account.frame().drop(columns="timestamp").to_numpy()
    assert np.isfinite(frame).all()


@pytest.mark.parametrize("seed", range(0, CASES, 13))
def test_the_order_of_the_symbols_changes_no_bit(seed):
    """A market laid out in another order gives the same account, to the last bit."""
    case = sorted_case(seed)
    order = np.random.default_rng(seed).permutation(len(case["symbols"]))
    ours = Run(case)
    plan = case.get("weights")
    if plan is None:
        fields = dict(case["long_short"])
        signal, exposure = fields.pop("score"), fields.pop("exposure")
        del fields["member"], fields["max_turnover"]
        ties = fields.pop("ties")
        plan = Plan(QuantileLongShort(**fields), signal, exposure, ties)
    other = dataclasses.replace(plan, signal=plan.signal[:, order]) if isinstance(
        plan, Plan
    ) else plan[:, order]  # fmt: skip
    config = Backtest(initial_capital=case["capital"], fill=case["fill"], engine="fast")
    flat = Flat(case)
    try:
        one = simulate(plan, ours.panel, flat, config)
    except engine.ConfigError:
        pytest.skip("an order of this market costs more than it is worth")
    two = simulate(other, ours.panel.take(order), flat, config)
    assert two.equity.tobytes() == one.equity.tobytes()
    assert two.net.tobytes() == one.net.tobytes()
    assert two.realised.tobytes() == np.ascontiguousarray(one.realised[:, order]).tobytes()
    np.testing.assert_array_equal(two.targets, one.targets[:, order])


@dataclass(frozen=True, eq=False)
class Flat(engine.Cost):
    """Costs of a case that know their symbols, in whatever order they stand."""

    name: ClassVar[str] = "flat"
    case: Any = None

    def _of(self, panel: engine.Panel, array: Any) -> Any:
        place = {symbol: i for i, symbol in enumerate(self.case["symbols"])}
        return array[:, [place[symbol] for symbol in panel.symbols]]

    def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
        c = self.case
        return {
            k: engine.Terms(
                self._of(panel, c["fixed"][k]),
                self._of(panel, c["coefficient"][k]),
                c["exponent"][k],
            )
            for k in c["fixed"]
        }

    def holding(self, panel: engine.Panel) -> Mapping[str, engine.Holding]:
        c = self.case
        long, short = self._of(panel, c["carry_long"]), self._of(panel, c["carry_short"])
        return {"carry": engine.Holding(long, short, c["carry_cash"])}

    def max_order(self, panel: engine.Panel) -> Any:
        return self._of(panel, self.case["cap"])


@pytest.mark.parametrize("seed", range(0, CASES, 13))
def test_an_account_that_is_saved_and_gone_on_with_has_the_same_bytes(seed, tmp_path):
    """In three parts, saved and loaded between them, with what the portfolio remembers."""
    case = sorted_case(seed)
    whole, parts = Run(case), Run(case)
    try:
        end = whole.whole()
    except TooDear:
        pytest.skip("an order of this market costs more than it is worth")
    rows = len(case["days"])
    state = parts.opened()
    for start, stop in ((0, rows // 3), (rows // 3, rows // 2), (rows // 2, rows)):
        state.save(tmp_path)
        state = parts.part(State.load(tmp_path), start, stop)
    for name in ("flow", "entries", "targets"):
        assert getattr(parts.journal, name).tobytes() == getattr(whole.journal, name).tobytes(), (
            name
        )
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    state.save(tmp_path / "a")
    end.save(tmp_path / "b")
    assert (tmp_path / "a/state.json").read_bytes() == (tmp_path / "b/state.json").read_bytes()
    with np.load(tmp_path / "a/state.npz") as a, np.load(tmp_path / "b/state.npz") as b:
        assert sorted(a.files) == sorted(b.files)
        assert all(a[name].tobytes() == b[name].tobytes() for name in a.files)


def test_a_folder_without_an_account_is_refused(tmp_path):
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(engine.DataError, match="holds no account"):
        State.load(tmp_path)
