"""The properties of each kind: what the kit and the trial of an operator are made of."""

from __future__ import annotations

from engine.checks.cost import cost_checks
from engine.checks.factor import factor_checks
from engine.checks.inputs import Inputs
from engine.checks.model import model_checks
from engine.checks.odd import make_odd
from engine.checks.operator import operator_checks
from engine.checks.panels import small_panel
from engine.checks.plugin import check_config
from engine.checks.probe import Probe
from engine.checks.regime import regime_checks
from engine.checks.same import Result, Results, where
from engine.checks.source import source_checks
from engine.checks.store import store_checks
from engine.checks.verdict import Broken, Check, Verdict, judge, judge_all, refuse_broken

__all__ = [
    "Broken",
    "Check",
    "Inputs",
    "Probe",
    "Result",
    "Results",
    "Verdict",
    "check_config",
    "cost_checks",
    "factor_checks",
    "judge",
    "judge_all",
    "make_odd",
    "model_checks",
    "operator_checks",
    "refuse_broken",
    "regime_checks",
    "small_panel",
    "source_checks",
    "store_checks",
    "where",
]
