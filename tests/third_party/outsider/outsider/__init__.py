"""A stranger's plugins, one of every kind and of a kind of their own, and a command."""

import engine
from outsider.drawdown import Alarm, Drawdown
from outsider.flat import Flat
from outsider.range_position import RangePosition
from outsider.rank_weights import RankWeights
from outsider.robust import Robust
from outsider.storm import Storm
from outsider.tracker import Tracker
from outsider.ts_range import TsRange
from outsider.waves import Waves
from outsider.week_reversal import WeekReversal


@engine.hookimpl
def register_kinds() -> list[type[engine.Kind]]:
    return [Alarm]


@engine.hookimpl
def register_alarms() -> list[type[Alarm]]:
    return [Drawdown]


@engine.hookimpl
def register_sources() -> list[type[engine.Source]]:
    return [Waves]


@engine.hookimpl
def register_operators() -> list[type[engine.Operator]]:
    return [TsRange]


@engine.hookimpl
def register_factors() -> list[type[engine.Factor]]:
    return [WeekReversal, RangePosition]


@engine.hookimpl
def register_regimes() -> list[type[engine.Regime]]:
    return [Storm]


@engine.hookimpl
def register_models() -> list[type[engine.Model]]:
    return [Robust]


@engine.hookimpl
def register_portfolios() -> list[type[engine.Portfolio]]:
    return [RankWeights]


@engine.hookimpl
def register_costs() -> list[type[engine.Cost]]:
    return [Flat]


@engine.hookimpl
def register_observers() -> list[type[engine.Observer]]:
    return [Tracker]


@engine.hookimpl
def register_commands() -> list[engine.Command]:
    return [
        engine.Command(
            "tracked", "outsider.tracked:tracked", "RUN [--top N]  the slowest stages of a run"
        )
    ]
