"""A substituted tree to `Config`: the core's tables typed, the plugins' kept raw, all cross-checked."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from .convert import Walk, shown_kind
from .models import read_models
from .problems import join
from .schema import CORE_KEYS, RESERVED, Config, Key, Provider, Team, TimeoutsOver
from .suggest import did_you_mean

_PLUGIN = re.compile(r"[a-z][a-z0-9_]*\Z")
_SIMPLE = ("server", "store", "timeouts", "undeclared_models", "max_attempts", "strict", "transport")
_TOP = ("plugins", "undeclared_models", "default_provider", "max_attempts", "strict", "transport")


class ProviderKeys(Struct, frozen=True, kw_only=True):
    """The core's keys of `[providers.X]`."""

    kind: Annotated[str, Meta(min_length=1)] = ""
    timeouts: TimeoutsOver = TimeoutsOver()


class TeamKeys(Struct, frozen=True, kw_only=True):
    """The core's keys of `[teams.X]`."""

    models: tuple[str, ...] | None = None


class KeyKeys(Struct, frozen=True, kw_only=True):
    """The core's keys of `[keys.X]`."""

    secret: Annotated[str, Meta(min_length=1)]
    team: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    expires: Annotated[datetime, Meta(tz=True)] | None = None


def read_config(tree: dict[str, Any], walk: Walk) -> Config | None:
    """The tree as Config; None, with problems noted, when something is wrong."""
    types = {field.name: field.type for field in msgspec.structs.fields(Config)}
    made: dict[str, Any] = {name: walk.build(types[name], tree[name], name) for name in _SIMPLE if name in tree}
    made["plugins"] = _plugins(tree.get("plugins", []), walk)
    made["providers"] = providers = _providers(tree, walk)
    made["models"] = models = read_models(tree.get("models", {}), providers, walk)
    made["default_provider"] = _default_provider(tree, providers, walk)
    made["defaults"] = _table(tree, "defaults", walk)
    declared = tree["models"] if isinstance(tree.get("models"), dict) else models
    open_models = not declared or tree.get("undeclared_models") is True
    known = _Known(declared, providers if open_models else ())
    made["teams"] = teams = _teams(tree, known, walk)
    made["keys"] = _keys(tree, known, teams, walk)
    for name, value in tree.items():
        if name not in RESERVED and not isinstance(value, dict):
            walk.problems.add("unknown setting.", path=join("", name), hint=did_you_mean(name, _TOP))
    return None if walk.problems else Config(**made)


class _Known:
    """The models that a list of allowed ones may name."""

    def __init__(self, models: Collection[str], providers: Collection[str]) -> None:
        self.models, self.providers = models, providers

    def check(self, names: tuple[str, ...] | None, path: str, walk: Walk) -> None:
        for index, name in enumerate(names or ()):
            provider, slash, model = name.partition("/")
            if "*" in name or name in self.models or (slash and model and provider in self.providers):
                continue
            at = join(path, index)
            hint = did_you_mean(name, self.models, what="Models")
            walk.problems.add(f"unknown model {walk.said(name, at)}.", path=at, hint=hint)


def _plugins(raw: object, walk: Walk) -> tuple[str, ...]:
    names: tuple[str, ...] = walk.build(tuple[str, ...], raw, "plugins") or ()
    for index, name in enumerate(names):
        path = join("plugins", index)
        if name is None:
            continue
        said = walk.said(name, path)
        if name in names[:index]:
            walk.problems.add(f"{said} is listed twice.", path=path)
        if name.endswith(".py"):
            if not name.startswith(("./", "../", "/")):
                walk.problems.add("a file is written with its folder.", path=path, hint=f'Write "./{name}".')
        elif not _PLUGIN.match(name):
            plain = name.lower().replace("-", "_")
            hint = f'Did you mean "{plain}"?' if _PLUGIN.match(plain) else 'A file is written "./file.py".'
            message = f'{said} is no plugin name: those are lower-case letters, digits and "_".'
            walk.problems.add(message, path=path, hint=hint)
    return names


def _table(tree: dict[str, Any], name: str, walk: Walk) -> dict[str, Any]:
    value = tree.get(name, {})
    if isinstance(value, dict):
        return value
    walk.problems.add(f"must be a table, not {shown_kind(value)}.", path=name)
    return {}


def _split(tree: dict[str, Any], name: str, cls: type[Any], walk: Walk) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Each table below `name` as its core keys in a `cls` (None if one is wrong) and the rest."""
    split: dict[str, tuple[Any, dict[str, Any]]] = {}
    for key, value in _table(tree, name, walk).items():
        path = join(name, key)
        if not isinstance(value, dict):
            walk.problems.add(f"must be a table, not {shown_kind(value)}.", path=path)
            split[key] = (None, {})
            continue
        core = {k: v for k, v in value.items() if k in CORE_KEYS[name]}
        rest = {k: v for k, v in value.items() if k not in core}
        split[key] = (walk.build(cls, core, path), rest)
    return split


def _providers(tree: dict[str, Any], walk: Walk) -> dict[str, Provider]:
    providers = {}
    for name, (core, rest) in _split(tree, "providers", ProviderKeys, walk).items():
        if "/" in name or not name:
            walk.problems.add('a provider\'s name has no "/" and is not empty.', path=join("providers", name))
        core = core or ProviderKeys()
        providers[name] = Provider(name=name, kind=core.kind or name, timeouts=core.timeouts, settings=rest)
    return providers


def _default_provider(tree: dict[str, Any], providers: dict[str, Provider], walk: Walk) -> str:
    name: str = walk.build(str, tree.get("default_provider", ""), "default_provider") or ""
    if name and name not in providers:
        hint = did_you_mean(name, providers, what="Providers")
        said = walk.said(name, "default_provider")
        walk.problems.add(f"unknown provider {said}.", path="default_provider", hint=hint)
    return name or next(iter(providers), "")


def _teams(tree: dict[str, Any], known: _Known, walk: Walk) -> dict[str, Team]:
    teams = {}
    for name, (core, rest) in _split(tree, "teams", TeamKeys, walk).items():
        core = core or TeamKeys()
        known.check(core.models, join(join("teams", name), "models"), walk)
        teams[name] = Team(name=name, models=core.models, settings=rest)
    return teams


def _keys(tree: dict[str, Any], known: _Known, teams: dict[str, Team], walk: Walk) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    for name, (core, rest) in _split(tree, "keys", KeyKeys, walk).items():
        path = join("keys", name)
        if core is None:
            continue
        if core.team and core.team not in teams:
            at = join(path, "team")
            hint = did_you_mean(core.team, teams, what="Teams")
            walk.problems.add(f"unknown team {walk.said(core.team, at)}.", path=at, hint=hint)
        for other in keys.values():
            if other.secret == core.secret:
                walk.problems.add(f'has the same secret as the key "{other.name}".', path=join(path, "secret"))
                break
        known.check(core.models, join(path, "models"), walk)
        keys[name] = Key(name=name, settings=rest, **msgspec.structs.asdict(core))
    return keys
