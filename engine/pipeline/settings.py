"""From the composed configuration to typed settings: every mistake in it shows here.

Nothing is computed before all of it has been understood, and no file but that of the universe's
members, which is configuration too, has been read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine.account import Backtest
from engine.bars import Delisting, Policy, resolve_members
from engine.bars.inspect import Thresholds
from engine.core.errors import ConfigError, FormulaError, did_you_mean
from engine.core.fields import about, mapping, structure
from engine.core.kinds import (
    KINDS,
    Cost,
    Factor,
    Kind,
    Model,
    Observer,
    Portfolio,
    Regime,
    Source,
    Store,
    groups,
)
from engine.core.options import Options, in_yaml, option
from engine.core.periods import Time
from engine.core.places import user_trials
from engine.core.universe import Universe
from engine.forecasts import Label, Validation, list_forecasts
from engine.plugin import Registry, advice, calling
from engine.signal import Bundle, Decision
from engine.study import TooGood

log = logging.getLogger(__name__)
T = TypeVar("T")
AUTO = "auto"
DIALECT = "_dialect_"  # of a factor set: the dialect of its formulas, and no factor
NOTES = ("about", "source")  # what a factor set says about a factor beside its definition


@dataclass(frozen=True)
class Drawing(Options):
    """What the report stage writes beside metrics, parquet and manifest."""

    config_key: ClassVar[str] = "report"

    name: str = option("full", "written into the manifest")
    figures: bool = option(True, "draw report.html and report*.png; about 2 s and 3 MB a run")


@dataclass(frozen=True)
class Counted(Options):
    """Where runs are counted as trials."""

    config_key: ClassVar[str] = "trials"

    path: str | None = option(
        AUTO,
        "the ledger in which every run is counted; auto is $ALPHA_ENGINE_TRIALS, or "
        "outputs/trials.sqlite where you type, wherever the run's folder is; null counts nothing",
    )

    @property
    def file(self) -> Path | None:
        """The ledger; None where nothing is counted."""
        if self.path == AUTO:
            return user_trials()
        return Path(self.path).expanduser().absolute() if self.path else None


@dataclass(frozen=True)
class Auditing(Options):
    """Whether a run asks itself for look-ahead before its report is drawn."""

    config_key: ClassVar[str] = "audit"

    name: str = option("none", "written into the manifest")
    cuts: int = option(
        0, "dates on which the rows are cut and all that was decided by then compared", ge=0
    )


@dataclass(frozen=True)
class Choice(Options):
    """Which distributions' plugins a run may use, and how long a call of them may take."""

    config_key: ClassVar[str] = "plugins"

    disable: list[str] = option([], "distributions whose plugins are left out")
    only: list[str] | None = option(
        None, "the only distributions to use, beside the built-ins; null is all"
    )
    timeout_s: float | None = option(
        None,
        "that one call of a plugin that is no built-in may take; null is no limit",
        unit="seconds",
        gt=0,
    )


@dataclass(frozen=True)
class Settings:
    """A run's configuration, typed; one field per conf group."""

    universe: Universe
    source: Source
    time: Time
    bars: Policy
    check: Thresholds
    factors: dict[str, Factor]
    label: Label
    regime: Regime
    exposure: dict[str, float]
    model: Model
    validation: Validation
    bundle: Bundle
    portfolio: Portfolio
    costs: Cost
    backtest: Backtest
    decision: Decision
    delisting: Delisting
    too_good: TooGood
    report: Drawing
    audit: Auditing
    store: Store
    trials: Counted
    guests: dict[str, Kind]  # of kinds that distributions have brought, by group
    observers: tuple[Observer, ...]
    strict_observers: bool
    seed: int

    def at(self, key: str) -> Any:
        """The value of a configuration key, such as ``decision.share``."""
        value: Any = self
        for name in key.split("."):
            value = getattr(value, name)
        return value

    @property
    def forecasts(self) -> tuple[str, ...]:
        """Names of the model's forecasts, as bundles call them."""
        return list_forecasts(self.model, self.label.horizon)

    @property
    def needs_model(self) -> bool:
        """Whether the bundle holds a forecast that only the model can produce."""
        wanted = {factor.name for factor in self.bundle.factors} & {*self.forecasts}
        return bool(wanted - {*self.factors})  # a set may bring it from a file


def read(config: DictConfig, registry: Registry) -> Settings:
    """Return the settings; raise ConfigError naming the key, the value and what to type."""
    resolve(config)
    if config.get("bundle") is None:
        raise ConfigError("no bundle is chosen: add +bundle=NAME, such as +bundle=ai_tech_core_ml")
    _refuse_unknown(config, registry)

    def take(cls: type[T], key: str) -> T:
        return structure(cls, config.get(key), key)

    chosen: dict[str, Any] = {
        key: registry.build(kind, config.get(key), key)
        for key, kind in registry.groups.items()
        if kind in KINDS or key in config
    }
    settings = Settings(
        **{key: chosen.pop(key) for key in groups()},
        guests=chosen,
        universe=resolve_members(take(Universe, "universe")),
        time=take(Time, "time"),
        bars=take(Policy, "bars"),
        check=take(Thresholds, "check"),
        factors=factor_set(config.get("factors"), registry),
        label=take(Label, "label"),
        exposure=_exposure(config.get("exposure")),
        validation=take(Validation, "validation"),
        bundle=take(Bundle, "bundle"),
        backtest=take(Backtest, "backtest"),
        decision=take(Decision, "decision"),
        delisting=take(Delisting, "delisting"),
        too_good=structure(TooGood, _limits(config.get("too_good")), "too_good"),
        report=take(Drawing, "report"),
        trials=take(Counted, "trials"),
        audit=take(Auditing, "audit"),
        observers=tuple(
            registry.build("observer", node, f"observers.{key}")
            for key, node in _items(config.get("observers"), "observers")
        ),
        strict_observers=_truth(config.get("strict_observers")),
        seed=_seed(config.get("seed")),
    )
    _refuse_mismatches(settings)
    _tell_mean(settings)
    for line in filter(None, [advice("cost", type(settings.costs))]):
        log.warning(line)
    return settings


def resolve(config: DictConfig) -> None:
    """Fill in what refers to other keys; ConfigError names one that leads nowhere."""
    for name in map(str, config):  # a list in place of keys leaves what refers to them nowhere
        if isinstance(config._get_node(name), ListConfig):
            mapping(config._get_node(name), name)
    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        place = error.full_key or next(_find_unresolved(config, ""), "")
        raise ConfigError(f"{place}: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        place = next(_find_unresolved(config, ""), "")
        raise ConfigError(f"{place}: this refers to itself; write a value") from error


def _find_unresolved(node: Any, key: str) -> Iterator[str]:
    """The keys whose interpolations lead nowhere."""
    for name in node if isinstance(node, DictConfig) else range(len(node)):
        place, child = f"{key}.{name!s}".lstrip("."), node._get_node(name)
        if child._is_interpolation():
            try:
                child._dereference_node()
            except (OmegaConfBaseException, RecursionError):
                yield place
        elif isinstance(child, (DictConfig, ListConfig)) and not child._is_none():
            yield from _find_unresolved(child, place)


def choose_plugins(config: DictConfig, registry: Registry) -> Registry:
    """What the node ``plugins`` leaves of a registry."""
    try:
        node = config.get("plugins")
    except OmegaConfBaseException as error:
        raise ConfigError(about(error, "plugins")) from error
    choice = structure(Choice, node, "plugins")
    return registry.limit(choice.disable, choice.only)


def _refuse_unknown(config: DictConfig, registry: Registry) -> None:
    known = [*(each.name for each in fields(Settings)), "plugins", "hydra", *registry.groups]
    known.remove("guests")
    for key in map(str, config):
        if key not in known:
            raise ConfigError(f"{key}: no such key; {did_you_mean(key, known)}")


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"strict_observers={in_yaml(value)}: write true or false")
    return value


def factor_set(node: Any, registry: Registry) -> dict[str, Factor]:
    """Every factor of a set, built, by name; ConfigError names the key that cannot be."""
    if not isinstance(node, DictConfig):
        raise ConfigError(f"factors={in_yaml(node)}: no set; choose factors=core_ta_price")
    built = {}
    _refuse_dialect(OmegaConf.select(node, DIALECT, throw_on_missing=False))
    for name in map(str, node):
        if name == DIALECT:
            continue
        try:
            entry = node[name]
        except OmegaConfBaseException as error:
            raise ConfigError(about(error, f"factors.{name}")) from error
        if isinstance(entry, str):  # `+factors.mine="rank(close)"`
            entry = OmegaConf.create({"name": "formula", "formula": entry})
        entry = _add_dialect(entry, node.get(DIALECT))
        try:
            built[name] = registry.build("factor", entry, f"factors.{name}", ignore=NOTES)
        except FormulaError as error:
            raise FormulaError(f"factors.{name}: {error}") from None
    if not built:
        raise ConfigError("factors: the set is empty; choose factors=core_ta_price")
    return built


def _refuse_dialect(dialect: Any) -> None:
    from engine.expr import DIALECTS

    if dialect is not None and dialect not in DIALECTS:
        hint = did_you_mean(str(dialect), DIALECTS)
        raise ConfigError(f"factors.{DIALECT}={dialect}: no such dialect; {hint}")


def _add_dialect(entry: Any, dialect: Any) -> Any:
    """A formula's entry with the set's dialect, where it has none and its text no ``$``."""
    if dialect is None or not isinstance(entry, DictConfig) or entry.get("name") != "formula":
        return entry
    if "dialect" in entry or "$" in str(entry.get("formula")):
        return entry
    return OmegaConf.merge(entry, {"dialect": dialect})


def _limits(node: Any) -> Any:
    """The node ``too_good``; null is no limit at all."""
    return {"ic": None, "sharpe": None} if node is None else node


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ConfigError(f"seed={in_yaml(value)}: write a whole number from 0 to {2**32 - 1}")
    return value


def _items(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """The keys of a node, and their values; ConfigError names one that has none."""
    for name in mapping(node, key):
        try:
            yield str(name), node[name]
        except OmegaConfBaseException as error:
            raise ConfigError(about(error, f"{key}.{name}")) from error


def _exposure(node: Any) -> dict[str, float]:
    exposure = {}
    for state, value in _items(node, "exposure"):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 10:
            raise ConfigError(f"exposure.{state}={in_yaml(value)}: write a multiplier from 0 to 10")
        exposure[str(state)] = float(value)
    return exposure


def _tell_mean(settings: Settings) -> None:
    """Say what a bundle that was made for one model takes of models side by side."""
    own, *apart = settings.forecasts
    if apart and any(factor.name == own for factor in settings.bundle.factors):
        log.warning(
            f"model={settings.model.name}: the bundle takes {own}, the plain mean of "
            f"{', '.join(apart)}; name those in bundle.factors to take them one by one"
        )


def _refuse_mismatches(settings: Settings) -> None:
    """What no single part can know."""
    produced = [*settings.factors, *settings.forecasts]
    for factor in settings.bundle.factors:
        if factor.name not in produced:
            raise ConfigError(
                f"bundle.factors: nothing produces {factor.name!r}; "
                f"{did_you_mean(factor.name, produced)}"
            )
    with calling(settings.regime, f"regime {settings.regime.name!r}"):
        states = settings.regime.states
    for state in states:
        if state not in settings.exposure:
            raise ConfigError(
                f"exposure: no entry for the regime {state!r}; add +exposure.{state}=1.0"
            )
