"""Every plugin's README says what it does, its settings, its hooks and its errors, all of them."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
from codes import codes
from readme import ROOT, rows, sections, words
from tollhouse import wire
from tollhouse.config import fields
from tollhouse.hookspec import PROJECT

PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
SECTIONS = ["What it does", "Settings", "Hooks", "Errors"]

plugins = pytest.mark.parametrize("folder", PLUGINS, ids=lambda path: path.name)


def declared(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project


def plugin_class(folder: Path) -> type:
    """The class that the plugin's entry point names; one without anything for a member that brings a store only."""
    offered = declared(folder)["entry-points"]
    if "tollhouse.plugins" not in offered and "tollhouse.stores" in offered:
        return object
    module, _, name = offered["tollhouse.plugins"][folder.name].partition(":")
    found: type = getattr(importlib.import_module(module), name)
    return found


def implemented(folder: Path) -> dict[str, Any]:
    """The plugin's hooks: name and function."""
    functions = inspect.getmembers(plugin_class(folder), inspect.isfunction)
    return {name: function for name, function in functions if hasattr(function, f"{PROJECT}_impl")}


def gathered(folder: Path, hook: str) -> Any:
    """What a hook of a plugin with default settings returns that needs no gateway; nothing when it has none."""
    if hook not in implemented(folder):
        return ()
    made = plugin_class(folder)
    settings = getattr(made, "Settings", None)
    function = getattr(made(settings()) if settings else made(), hook)
    return function(*(None for _ in inspect.signature(function).parameters))


def kinds(folder: Path) -> dict[str, Any]:
    """The kinds of provider a plugin offers."""
    return dict(gathered(folder, "providers"))


def by_name(declared: Any) -> Any:
    """What a plugin declares; of one whose table holds tables by name, the type of these."""
    return get_args(declared)[1] if get_origin(declared) is dict else declared


def settings(folder: Path) -> dict[str, str]:
    """Every setting of a plugin, its level and its providers, with its default."""
    made = plugin_class(folder)
    structs = [by_name(getattr(made, "Settings", None)), getattr(made, "Level", None)]
    structs += [getattr(kind, "Settings", None) for kind in kinds(folder).values()]
    typed = [one for one in structs if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    return {one.name: one.default for struct in typed for one in fields(struct)}


@plugins
def test_it_has_the_four_sections_in_their_order(folder):
    assert [title for title in sections(folder / "README.md") if title in SECTIONS] == SECTIONS


@plugins
def test_it_names_every_setting_with_its_default(folder):
    table = {row[0].strip("`"): " | ".join(row) for row in rows(sections(folder / "README.md")["Settings"])}
    for name, default in settings(folder).items():
        assert name in table, f"{name} is not in a table of settings"
        same = {default, default.strip('"'), default.removesuffix(".0")}
        said = default in ("none", '""', "[]", "{}") or default in table[name] or same & words(table[name])
        assert said, f"the row of {name} does not say its default, {default}"


@plugins
def test_every_setting_says_what_it_means(folder):
    made = plugin_class(folder)
    for kind in (made, *kinds(folder).values()):
        if (struct := by_name(getattr(kind, "Settings", None))) is not None:
            assert [one.name for one in fields(struct) if not one.doc] == []


@plugins
def test_it_names_every_hook_it_implements_or_defines(folder):
    own = vars(getattr(plugin_class(folder), "hookspecs", None) or object)
    defined = {name for name, value in own.items() if hasattr(value, "tollhouse_step")}
    assert {*implemented(folder), *defined} <= words(sections(folder / "README.md")["Hooks"])


@plugins
def test_it_names_every_error_code(folder):
    missing = codes(folder / "src") - words(sections(folder / "README.md")["Errors"])
    assert missing == set()


@plugins
def test_it_names_every_kind_of_provider(folder):
    assert set(kinds(folder)) <= words((folder / "README.md").read_text())
    offered = declared(folder)["entry-points"]
    found = {*offered.get("tollhouse.plugins", {}), *offered.get("tollhouse.providers", {})}
    assert set(kinds(folder)) <= found, "a kind of another name than the plugin's must be a tollhouse.providers entry"


@plugins
def test_it_names_every_path_of_its_dialects(folder):
    text = (folder / "README.md").read_text()
    for route in (route for dialect in gathered(folder, "dialects") for route in dialect.routes):
        parts = re.split(r"{\w+(?::path)?}", route.path.removesuffix("{rest}"))
        assert re.search(r"[^/\s]+".join(map(re.escape, parts)), text), f"{route.path} is not there"


@plugins
def test_it_names_every_header_and_event_of_its_own(folder):
    source = "\n".join(path.read_text() for path in (folder / "src").rglob("*.py"))
    headers = set(re.findall(rf"\b{wire.PREFIX}[a-z0-9-]+", source)) - set(wire.OWN)
    events = set(re.findall(r"^class \w+\(\w*Event,.*?\btag=\"([\w.]+)\"", source, re.MULTILINE))
    assert headers | events <= words((folder / "README.md").read_text())


@plugins
def test_it_names_every_command(folder):
    names = declared(folder)["entry-points"].get("tollhouse.commands", {})
    assert {f"tollhouse {name}" for name in names} <= words((folder / "README.md").read_text())
