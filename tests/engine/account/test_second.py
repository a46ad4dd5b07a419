"""vectorbt books the ledger's orders once more, and a difference stops the run."""

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import NAN, panel_of
from markets import Free, random_panel, random_weights

import engine
from engine.account import second, simulate
from engine.account.account import Account
from engine.account.options import Backtest
from engine.plugins.costs.standard import Standard


def run(how: str, seed: int = 4) -> Account:
    panel = random_panel(seed)
    weights = random_weights(seed, panel.shape)
    return simulate(weights, panel, Standard(cash_rate=0.03), Backtest(engine=how))


def test_vectorbt_and_fast_give_the_same_account(monkeypatch):
    """To the last bit, and only one of them asks vectorbt."""
    asked = []
    booked = second._book_orders
    monkeypatch.setattr(second, "_book_orders", lambda *args: asked.append("") or booked(*args))
    one, two = run("fast"), run("vectorbt")
    assert len(asked) == 1
    for name in ("equity", "net", "gross", "realised", "traded", "interest", "delisting"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes(), name
    pd.testing.assert_frame_equal(one.orders, two.orders, check_exact=True)


def test_vectorbt_is_the_default():
    assert Backtest().engine == "vectorbt"


SCRIPT = """
import sys
import numpy as np, pandas as pd
import engine
from engine.account import Backtest, simulate
from engine.plugins.costs.standard import Standard
dates = pd.bdate_range("2020-01-01", periods=5, tz="UTC")
panel = engine.Panel(dates=dates, symbols=("A",), fields={"close": np.full((5, 1), 10.0)})
account = simulate(np.full((5, 1), 0.5), panel, Standard(), Backtest(engine=sys.argv[1]))
print(len(account.orders) > 0, "vectorbt" in sys.modules)
"""


@pytest.mark.parametrize(("how", "imported"), [("fast", "False"), ("vectorbt", "True")])
def test_fast_does_not_import_vectorbt(how, imported):
    command = [sys.executable, "-c", SCRIPT, how]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", imported]


def amiss(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let vectorbt get one order on row 2 with something else than the ledger booked."""
    booked = second._book_orders

    def other(size: Any, price: Any, rate: Any, mark: Any, cash: float) -> Any:
        changed = {"size": size.copy(), "price": price.copy(), "rate": rate.copy()}
        changed[what][2, 1] += 0.01
        return booked(changed["size"], changed["price"], changed["rate"], mark, cash)

    monkeypatch.setattr(second, "_book_orders", other)


@pytest.mark.parametrize(
    ("what", "fee", "told"),
    [("size", 0.0, "shares"), ("rate", 0.0, "fees"), ("price", 0.0, "price profit")],
)
def test_one_order_that_differs_stops_the_run(what, fee, told, monkeypatch):
    """It says what differs, from which date on, and what leaves vectorbt out."""
    amiss(what, monkeypatch)
    panel = panel_of(np.full((5, 2), 10.0))
    weights = np.array([[0.3, NAN], [NAN, 0.3], [NAN, NAN], [0.0, 0.1], [NAN, NAN]])
    message = (
        rf"the ledger and vectorbt differ in {told} from 2020-01-03 on, by .* fault of the engine; "
        r"backtest\.engine=fast leaves vectorbt out"
    )
    with pytest.raises(engine.EngineError, match=message):
        simulate(weights, panel, Free(fee=fee), Backtest(initial_capital=1000.0))
    simulate(weights, panel, Free(fee=fee), Backtest(initial_capital=1000.0, engine="fast"))


def test_an_account_without_an_order_has_nothing_to_compare():
    account = simulate(np.full((3, 1), NAN), panel_of(np.ones((3, 1))), Free(), Backtest())
    assert account.orders.empty
    np.testing.assert_array_equal(account.net, 0.0)
