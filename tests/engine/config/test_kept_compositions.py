"""Compositions that are kept: the same as those that are made anew, and never an older one."""

import os

import pytest
from omegaconf import OmegaConf

from engine.config import compose_config, kept
from engine.core.errors import ConfigError

BUNDLE = "+bundle=ai_tech_core"
CASES = [
    [BUNDLE],
    [BUNDLE, "costs.spread_bps=3", "portfolio.gross=0.5"],
    [BUNDLE, "costs=standard", "portfolio=mean_variance", "portfolio.max_weight=0.2"],
    [BUNDLE, '+factors.mine="rank(close)"', "~observers.log", "hydra.run.dir=elsewhere"],
    [BUNDLE, "exposure={calm: 0.5}", "+source.columns.close=last"],
]


@pytest.fixture(autouse=True)
def _none_kept(monkeypatch):
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())


def text(words):
    """A composition as text, with the flags that say which keys may be added."""
    config = compose_config(words)
    flags = [OmegaConf.is_struct(config[key]) for key in ("source", "factors", "exposure")]
    return OmegaConf.to_yaml(config), flags, OmegaConf.is_struct(config)


@pytest.mark.parametrize("words", CASES)
def test_a_second_composition_is_the_first(words):
    first = text(words)
    assert kept._kept
    assert text(words) == first


def test_values_do_not_show_in_other_compositions_of_the_same_files():
    fresh = text([BUNDLE])
    text([BUNDLE, "costs.spread_bps=3", "seed=11"])
    config = compose_config([BUNDLE])
    config.costs.spread_bps = 4.0
    assert len(kept._kept) == 1
    assert text([BUNDLE]) == fresh
    assert compose_config([BUNDLE, "seed=12"]).seed == 12


def test_other_choices_are_other_files():
    compose_config([BUNDLE])
    assert compose_config([BUNDLE, "backtest=next_open"]).backtest.fill == "open"
    assert compose_config([BUNDLE]).backtest.fill == "close"


def test_a_file_that_is_changed_comes_or_goes_is_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "conf" / "label" / "mine.yaml"
    file.parent.mkdir(parents=True)
    words = [BUNDLE, "label=mine"]
    for horizon in (5, 6):  # files of one size
        file.write_text(f"name: forward_return\nhorizon: {horizon}\n")
        assert compose_config(words).label.horizon == horizon
    (tmp_path / "conf" / "bundle").mkdir()
    above = tmp_path / "conf" / "bundle" / "ai_tech_core.yaml"
    above.write_text("# @package _global_\nbundle: {name: other}\n")
    assert compose_config([BUNDLE]).bundle.name == "other"
    above.unlink()
    assert compose_config([BUNDLE]).bundle.name == "ai_tech_core"
    file.unlink()
    with pytest.raises(ConfigError, match="label=mine: no such label"):
        compose_config(words)


def test_a_file_behind_a_link_is_seen_and_links_in_a_circle_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "there"
    there.mkdir()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "label").symlink_to(there)
    (there / "round").symlink_to(tmp_path / "conf")
    (there / "nowhere.yaml").symlink_to(tmp_path / "missing.yaml")
    for horizon in (5, 6):
        (there / "mine.yaml").write_text(f"name: forward_return\nhorizon: {horizon}\n")
        assert compose_config([BUNDLE, "label=mine"]).label.horizon == horizon


def test_what_the_environment_chooses_is_asked_for_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "bundle").mkdir(parents=True)
    (tmp_path / "conf" / "bundle" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /backtest: ${oc.env:HOW}\nbundle: {name: m}\n"
    )
    for how, fill in (("next_open", "open"), ("next_close", "close")):
        monkeypatch.setenv("HOW", how)
        assert compose_config(["+bundle=mine"]).backtest.fill == fill


def test_only_so_many_are_kept(monkeypatch):
    monkeypatch.setattr(kept, "MOST", 2)
    for name in ("ridge", "lasso", "elastic_net"):
        compose_config([BUNDLE, f"model={name}"])
    assert len(kept._kept) == 2


def test_with_too_many_files_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(kept, "FILES", 3)
    compose_config([BUNDLE])
    assert not kept._kept


def test_a_folder_that_cannot_be_read_is_left_out(tmp_path):
    assert [*kept._walk(os.fspath(tmp_path / "missing"), set())] == []
