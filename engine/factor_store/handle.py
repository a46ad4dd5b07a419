"""The library of factors of a configuration: what `engine.store` returns, and the prompt uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from engine.core.errors import ConfigError
from engine.core.text import quote
from engine.expr import Formula
from engine.factors import How
from engine.library import (
    Definition,
    Done,
    Library,
    Read,
    Registered,
    Shown,
    Wrong,
    read_date,
    to_node,
)

if TYPE_CHECKING:
    from engine.core.keeping import OpenStore, Store
    from engine.core.panel import Panel
    from engine.plugin import Registry

HANDED = "source=panel"  # what a factor remembers of handed bars
OF_STORE = ("store", "+store")
NOTHING = (
    "nothing is kept with store=none, nor with an empty ALPHA_ENGINE_STORE: name a folder with "
    "store=local store.path=DIR"
)


def store(
    overrides: Sequence[str] = (),
    *,
    path: str | Path | None = None,
    bars: pd.DataFrame | None = None,
) -> FactorStore:
    """Open the library of factors: registered once, computed once, read ever after.

    Parameters
    ----------
    overrides : sequence of str
        What says where bars come from, as for `engine.run`, such as ``["source=parquet",
        "source.path=bars.parquet"]``, and which store, such as ``store=local``.
    path : path, optional
        The store's folder; by default that of the configuration.
    bars : pandas.DataFrame, optional
        The bars, instead of a source's, as for `engine.run`. Hand over all of them each time:
        what is new or was changed is found.

    Returns
    -------
    FactorStore
        With ``register``, ``list``, ``show``, ``remove``, ``update`` and ``read``; a context that
        closes it.

    Raises
    ------
    ConfigError
        The configuration keeps nothing, or the folder cannot be written.
    DataError
        The folder lies on a network mount, or its catalogue is damaged.
    """
    words = list(overrides)
    if path is not None:
        words.append(f"store.path={quote(str(Path(path).absolute()))}")
    return FactorStore(words, bars=bars)


@dataclass
class FactorStore:
    """The library of a configuration.

    Parameters
    ----------
    overrides : sequence of str
    bars : pandas.DataFrame, optional
    how : How
    """

    overrides: Sequence[str]
    bars: pd.DataFrame | None = None
    how: How = field(default_factory=How)

    def __post_init__(self) -> None:
        from engine.config import compose_config
        from engine.pipeline import choose_plugins, job, resolve
        from engine.plugin import installed, seconds

        own = [word for word in self.overrides if _is_of_store(word) or word.startswith("plugins")]
        self.words = [word for word in self.overrides if not _is_of_store(word)]
        if self.bars is not None and HANDED not in self.words:
            self.words.append(HANDED)
        config = job(compose_config(own))
        resolve(config)
        self.registry: Registry = choose_plugins(config, installed())
        self._timeout = seconds(config.plugins.get("timeout_s"))
        self.plugin: Store = self.registry.build("store", config.store, "store")
        opened = self.plugin.open()
        if opened is None:
            raise ConfigError(NOTHING)
        self.store: OpenStore = opened
        self.library = Library(self.store, self.registry, self.how)
        self._panels: dict[tuple[str, ...], tuple[Panel, str]] = {}

    def __enter__(self) -> FactorStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the store go; what was read stays."""
        self.store.close()

    def register(
        self,
        name: str,
        formula: str | None = None,
        *,
        description: str = "",
        category: str = "",
        frequency: str = "daily",
        unit: str = "",
        dialect: str | None = None,
        dtype: str = "float64",
        missing: str | None = None,
        later: bool = False,
        replacing: bool = False,
    ) -> Sequence[Done]:
        """Put factors into the library, and compute their history.

        Parameters
        ----------
        name : str
            Of the factor. Without a `formula`: a factor set (``alpha101``), one of a set
            (``alpha101.alpha012``), a YAML file of factors, or a plugin.
        formula : str, optional
        description, category, unit : str
        frequency : {"daily", "weekly", "monthly"}
            A weekly or monthly factor has a value on the last date of each week or month, and has
            it once the next one has begun.
        dialect : str, optional
            Of the formula.
        dtype : {"float64", "float32"}
        missing : {"raise", "warn"}, optional
            Whether a formula may do without what the bars lack; by default each says so itself.
        later : bool
            Leave the computing to `update`.
        replacing : bool
            Let it stand in the place of a factor of the same name.

        Returns
        -------
        list of Done
            What was computed; empty with `later`.

        Raises
        ------
        ConfigError
            A name cannot be one, or is another factor's.
        FormulaError
            The formula cannot be read.
        DataError
            The bars cannot be used.
        """
        with self._ready():
            about = Definition(
                {}, description, category, frequency, unit, dtype, tuple(self._fix_words())
            )
            definitions = self._define(name, formula, dialect, missing, about)
            return self._register(definitions, later, replacing)

    def _define(
        self,
        name: str,
        formula: str | None,
        dialect: str | None,
        missing: str | None,
        about: Definition,
    ) -> dict[str, Definition]:
        from engine.pipeline import find_factors

        own = {} if missing is None else {"missing": missing}
        if formula is not None:
            node = {"name": "formula", "formula": formula, "dialect": dialect or "auto", **own}
            return {name: replace(about, node=to_node(self.library.build(name, node)))}
        found = find_factors(name, self.words, self.registry)
        return {
            each: replace(
                about,
                node=to_node(factor) | (own if isinstance(factor, Formula) else {}),
                description=about.description or said,
                category=about.category or name.partition(".")[0],
            )
            for each, (factor, said) in found.items()
        }

    def _register(
        self, definitions: dict[str, Definition], later: bool, replacing: bool
    ) -> Sequence[Done]:
        before = self.library.factors()
        self.library.register(definitions, replacing)
        try:
            return [] if later else self._update([*definitions], None)
        except BaseException:  # what cannot be computed is not registered either
            self.library.restore(before, definitions)
            raise

    def list(self) -> dict[str, Registered]:
        """Return the registered factors, by name."""
        return self.library.factors()

    def show(self, name: str) -> Shown:
        """Return what is known of a factor, and what is kept of it.

        Raises
        ------
        ConfigError
            It is not registered.
        """
        return self.library.show(name)

    def remove(self, *names: str) -> None:
        """Take factors out; what was kept stays readable as of earlier commits.

        Raises
        ------
        ConfigError
            One is not registered, or another one names it.
        """
        self.library.remove(names)

    def update(self, names: Sequence[str] | None = None, to: str | None = None) -> Sequence[Done]:
        """Compute what is missing of factors, and only that.

        Parameters
        ----------
        names : sequence of str, optional
            By default all.
        to : str, optional
            The last date; by default the bars' last.

        Returns
        -------
        list of Done
            What was done to each factor, and why.

        Raises
        ------
        ConfigError
            One is not registered.
        DataError
            The bars cannot be used, or end before those that are kept.
        """
        with self._ready():
            return self._update(names, to)

    def _update(self, names: Sequence[str] | None, to: str | None) -> Sequence[Done]:
        known = self.library.factors()
        chosen = [*known] if names is None else list(names)
        by_words: dict[tuple[str, ...], Any] = {}
        for name in chosen:
            words = self.library.find(name).words if name not in known else known[name].words
            by_words.setdefault((*words, *self._choose_new(words)), []).append(name)
        done: dict[str, Done] = {}
        for origin, some in by_words.items():
            panel, market = self._lay_out(origin)
            told = self.library.update(some, _cut(panel, to), market)
            done |= {each.name: each for each in told}
        fold = getattr(self.store, "fold", None)
        if fold is not None and any(each.dates for each in done.values()):
            fold()  # many files of a few dates into few
        return [done[name] for name in dict.fromkeys(chosen)]

    def read(
        self,
        *names: str,
        first: str | None = None,
        last: str | None = None,
        symbols: Sequence[str] | None = None,
        date: str | None = None,
        as_of: int | None = None,
    ) -> Read:
        """Read values; nothing is computed.

        Parameters
        ----------
        *names : str
        first, last : str, optional
            Dates, both with them.
        symbols : sequence of str, optional
        date : str, optional
            This one alone.
        as_of : int, optional
            A commit: what was kept then.

        Returns
        -------
        Read
            With ``wide(name)``, ``long()``, ``columns()``, ``to_polars()``, ``to_arrow()``.

        Raises
        ------
        ConfigError
            A factor is not registered, has no values yet, or there is no such symbol.
        DataError
            The bars have no date in the span.
        """
        return self.library.read(names, first, last, symbols, date, as_of)

    def verify(self, names: Sequence[str] | None = None) -> Sequence[Wrong]:
        """Compute factors again from the kept bars, and compare bit for bit.

        Parameters
        ----------
        names : sequence of str, optional
            By default all.
        """
        with self._ready():
            return self.library.verify([*self.library.factors()] if names is None else names)

    @contextmanager
    def _ready(self) -> Iterator[None]:
        """With the plugins' operators at hand, and strangers' code guarded."""
        from engine.expr import using
        from engine.plugin import Guard, guarding

        with using(self.registry), guarding(Guard(timeout=self._timeout)):
            yield

    def _choose_new(self, words: Sequence[str]) -> Sequence[str]:
        """Overrides that were not given when a factor was registered."""
        return [word for word in self._fix_words() if word not in words]

    def _fix_words(self) -> Sequence[str]:
        """The words that say what the bars are, with absolute paths."""
        from engine.config import compose_config
        from engine.pipeline import fix_paths, job, resolve

        if not self.words:
            return []
        config = job(compose_config(self.words))
        resolve(config)
        return fix_paths(self.words, config, self.registry)

    def _lay_out(self, words: tuple[str, ...]) -> tuple[Panel, str]:
        """The bars of a configuration, and where they come from."""
        if words not in self._panels:
            from engine.bars import Handed
            from engine.config import compose_config
            from engine.pipeline import describe_origin, job, read_part

            config = job(compose_config(list(words)))
            market = describe_origin(config, self.registry)
            part = read_part(config, self.registry)
            if self.bars is not None:
                part = replace(part, source=Handed.of(self.bars, part.source))
            panel, _ = part.lay_out()
            self._panels[words] = panel, market
        return self._panels[words]


def _cut(panel: Panel, to: str | None) -> Panel:
    """The panel up to a date that was typed."""
    last = read_date(to, "--to")
    if last is None:
        return panel
    stop = int(panel.dates.searchsorted(last.normalize() + pd.Timedelta(days=1), "left"))
    if not stop:
        raise ConfigError(f"--to {to}: the bars begin on {panel.dates[0]:%Y-%m-%d}")
    return panel.cut(stop)


def _is_of_store(word: str) -> bool:
    return word.partition("=")[0].partition(".")[0] in OF_STORE
