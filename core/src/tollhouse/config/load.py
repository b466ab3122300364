"""gateway.toml from the file to typed values, in two phases around the loading of plugins.

`load` needs no plugin: it reads the file, puts in the environment and types the core's tables, which say what
plugins to load. `bind` is given what those plugins declare and reads their tables, levels and providers.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..errors import ConfigError
from .convert import Walk
from .env import Substitution
from .levels import Levels, PluginSchema
from .lines import line_numbers
from .problems import ConfigErrors, Problems, join
from .read import read_config
from .schema import CORE_KEYS, RESERVED, Config, Provider, Timeouts
from .suggest import closest, did_you_mean

LARGEST = 4 << 20
"""Bytes of the largest file that is read."""


@dataclass(frozen=True, repr=False)
class Loaded:
    """Phase one: the core's part typed, the plugins' tables raw."""

    path: Path
    """The file as it was asked for; relative plugin files are found beside it."""
    config: Config
    tables: Mapping[str, dict[str, Any]]
    """Plugins' own tables, raw, by name."""
    env: Mapping[str, tuple[str, ...]]
    """Paths of values that came from the environment, with the variables."""
    lines: Mapping[str, int]
    """Line of every path that stands in the file; inside inline tables and lists, the line these begin on."""


@dataclass(frozen=True, repr=False)
class Bound:
    """Phase two: everything typed and checked."""

    loaded: Loaded
    settings: Mapping[str, Any]
    """Each plugin's settings by its name; a plugin without settings is absent."""
    providers: Mapping[str, Any]
    """Each provider's settings by the provider's name; None for a kind that declares none."""
    levels: Levels

    @property
    def config(self) -> Config:
        """The core's part."""
        return self.loaded.config

    @cached_property
    def _timeouts(self) -> dict[tuple[str, str], Timeouts]:
        return {}

    def timeouts(self, provider: str, model: str = "") -> Timeouts:
        """The deadlines that hold for a provider and a declared model: `[timeouts]` < provider < model."""
        found = self._timeouts.get((provider, model))
        return found if found is not None else self._found_timeouts(provider, model)

    def _found_timeouts(self, provider: str, model: str) -> Timeouts:
        """Names that the file does not know share a place, or callers could fill the memory with theirs."""
        config = self.config
        known = (provider if provider in config.providers else "", model if model in config.models else "")
        if known not in self._timeouts:
            made = config.timeouts
            for source in (config.providers.get(known[0]), config.models.get(known[1])):
                made = source.timeouts.over(made) if source else made
            self._timeouts[known] = made
        return self._timeouts[known]


def load(path: str | Path, environ: Mapping[str, str]) -> Loaded:
    """Read the file; raises ConfigError, or ConfigErrors with all that was found, each with its path."""
    text = _text(Path(path))
    return parse(text, environ, path=path)


def parse(text: str, environ: Mapping[str, str], *, path: str | Path = "gateway.toml") -> Loaded:
    """`load` of a text; `path` names it in errors and is where plugin files are looked for."""
    path = Path(path)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(path, text, error) from None
    except RecursionError:
        raise ConfigError(f"{path} nests tables or lists too deeply.") from None
    problems = Problems()
    substitution = Substitution(environ)
    tree = substitution.apply(tree)
    substitution.report(problems)
    problems.check()
    config = read_config(tree, Walk(problems, substitution.used))
    problems.check()
    assert config is not None
    tables = {name: value for name, value in tree.items() if name not in RESERVED}
    return Loaded(path, config, tables, substitution.used, line_numbers(text, tree))


def bind(
    loaded: Loaded,
    schemas: Mapping[str, PluginSchema],
    providers: Mapping[str, type[Any] | None],
    *,
    installed: Collection[str] = (),
) -> Bound:
    """Type what belongs to plugins; raises ConfigError or ConfigErrors.

    `schemas` holds every loaded plugin by name, `providers` the settings Struct (or None) of every provider
    kind they bring. `installed` are further plugin names, for the hint to list one that is not loaded.
    """
    problems = Problems()
    walk = Walk(problems, loaded.env)
    for name in loaded.tables:
        if name not in schemas:
            problems.add(
                "is neither a core table nor a loaded plugin.",
                path=join("", name),
                hint=_stranger(name, schemas, installed),
            )
        elif schemas[name].settings is None:
            problems.add(f"the plugin {name} has no settings.", path=join("", name))
    settings = {
        name: walk.build(schema.settings, loaded.tables.get(name, {}), join("", name))
        for name, schema in schemas.items()
        if schema.settings is not None
    }
    upstreams = {name: _upstream(walk, one, providers) for name, one in loaded.config.providers.items()}
    levels = None
    try:
        levels = Levels(loaded.config, schemas, env=loaded.env, installed=installed)
    except ConfigErrors as errors:
        problems.errors.extend(errors.errors)
    except ConfigError as error:
        problems.errors.append(error)
    problems.check()
    assert levels is not None
    return Bound(loaded, settings, upstreams, levels)


class _Nothing(Struct, frozen=True):
    """The settings of a provider kind that declares none."""


def _upstream(walk: Walk, provider: Provider, kinds: Mapping[str, type[Any] | None]) -> Any:
    path, kind = join("providers", provider.name), provider.kind
    if kind not in kinds:
        where = path if kind == provider.name else join(path, "kind")
        hint = did_you_mean(kind, kinds, what="Known kinds")
        said = walk.said(kind, where)
        walk.problems.add(f"no loaded plugin has a provider of kind {said}.", path=where, hint=hint)
        return None
    made = walk.struct(kinds[kind] or _Nothing, provider.settings, path, also=CORE_KEYS["providers"])
    return None if isinstance(made, _Nothing) else made


def _stranger(name: str, schemas: Collection[str], installed: Collection[str]) -> str:
    if name in installed:
        return f'Add "{name}" to plugins = [...].'
    near = closest(name, [*RESERVED, *schemas, *installed])
    if near and near not in schemas and near not in RESERVED:
        return f'Did you mean "{near}"? Then add it to plugins = [...] too.'
    return did_you_mean(name, [*RESERVED, *schemas], what="Known tables")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist.", hint="Name another file with --config.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {(error.strerror or type(error).__name__).lower()}.") from None
    if len(data) > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST >> 20} MiB.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8.", hint="Save the file as UTF-8.") from None


_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


def _syntax(path: Path, text: str, error: tomllib.TOMLDecodeError) -> ConfigError:
    said = str(error)
    at = _AT.search(said)
    last = text.count("\n") + 1
    line, column = (at[1], at[2]) if at and at[1] else (last, len(text) - text.rfind("\n"))
    said = _AT.sub("", said)
    return ConfigError(f"{path}, line {line}, column {column}: not valid TOML: {said[:1].lower()}{said[1:]}.")
