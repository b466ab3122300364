"""Finding and loading plugins: only what gateway.toml lists, from entry points or from a file on disk."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any

from .config.suggest import did_you_mean
from .errors import ConfigError
from .hookspec import PROJECT, hookimpl
from .provider import SimpleProvider

PLUGINS = "tollhouse.plugins"
PROVIDERS = "tollhouse.providers"
"""Kinds of provider by name, pointing at the plugin class that offers them."""


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin class and where it comes from. `distribution` is its name, or the file's path."""

    name: str
    make: Any
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class _Entry:
    point: EntryPoint
    distribution: Distribution


class Catalog:
    """What is installed, read once; nothing is imported until it is loaded by name."""

    def __init__(self, folder: Path = Path()) -> None:
        self.folder = folder
        """Where relative plugin paths start: the folder of gateway.toml."""
        self._entries: dict[str, dict[str, list[_Entry]]] = {PLUGINS: {}, PROVIDERS: {}}
        seen: set[tuple[str, str, str]] = set()
        for distribution in distributions():
            for point in distribution.entry_points:
                mark = (point.group, point.name, distribution.name)
                if point.group in self._entries and mark not in seen:
                    seen.add(mark)
                    entries = self._entries[point.group].setdefault(point.name, [])
                    entries.append(_Entry(point, distribution))

    @property
    def installed(self) -> list[str]:
        """Names of the installed plugins."""
        return sorted(self._entries[PLUGINS])

    def plugin(self, name: str, path: str) -> Found:
        """Load a plugin listed at the setting `path`: an entry point's name or a `./file.py`.
        Raises ConfigError when it is missing, provided twice, or cannot be imported."""
        if name.endswith(".py") or "/" in name:
            return self._from_file(name, path)
        if name not in self._entries[PLUGINS]:
            raise ConfigError(
                f'the plugin "{name}" is not installed.',
                path=path,
                hint=f"{did_you_mean(name, self.installed, what='Installed')} "
                f"Or install it: pip install tollhouse-{name.replace('_', '-')}",
            )
        return self._load(PLUGINS, name, path)

    def provider(self, kind: str, path: str) -> Found:
        """Load the plugin that offers a kind of provider: the one of that name, or the one that says it does."""
        if kind in self._entries[PLUGINS]:
            return self._load(PLUGINS, kind, path)
        offered = self._entries[PROVIDERS].get(kind)
        if not offered:
            known = sorted({*self._entries[PLUGINS], *self._entries[PROVIDERS]})
            raise ConfigError(
                f'no installed plugin offers the provider "{kind}".',
                path=path,
                hint=f"{did_you_mean(kind, known, what='Installed')} Set `kind` when the name is your own, list a "
                f'"./file.py" in plugins, or install one: pip install tollhouse-{kind.replace("_", "-")}',
            )
        value = offered[0].point.value
        for name, entries in self._entries[PLUGINS].items():
            if any(entry.point.value == value for entry in entries):
                return self._load(PLUGINS, name, path)
        raise ConfigError(
            f'the provider "{kind}" points at {value}, which is no plugin: its distribution '
            f"{offered[0].distribution.name} must list it under {PLUGINS} too.",
            path=path,
        )

    def _load(self, group: str, name: str, path: str) -> Found:
        entries = self._entries[group][name]
        if len(entries) > 1:
            owners = " and ".join(sorted(entry.distribution.name for entry in entries))
            raise ConfigError(
                f'the plugin "{name}" is provided twice, by {owners}.',
                path=path,
                hint="Uninstall one of them.",
            )
        entry = entries[0]
        try:
            loaded = entry.point.load()
        except Exception as error:
            raise ConfigError(
                f'the plugin "{name}" of {entry.distribution.name} cannot be imported: {type(error).__name__}: {error}',
                path=path,
            ) from error
        return Found(name, as_plugin(name, loaded, path), entry.distribution.name, entry.distribution.version)

    def _from_file(self, name: str, path: str) -> Found:
        file = (self.folder / name).resolve()
        plugin_name = file.stem
        if not file.is_file():
            raise ConfigError(f"there is no file {name} beside gateway.toml.", path=path)
        spec = importlib.util.spec_from_file_location(f"tollhouse_file_{plugin_name}", file)
        if spec is None or spec.loader is None:
            raise ConfigError(f"{name} is not a Python file.", path=path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise ConfigError(f"{name} cannot be imported: {type(error).__name__}: {error}", path=path) from error
        classes = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__]
        fitting = [c for c in classes if is_plugin(c)]
        if len(fitting) != 1:
            raise ConfigError(
                f"{name} must define exactly one plugin class, but it defines {len(fitting)}.",
                path=path,
                hint="A plugin class has methods marked @hookimpl, or is a SimpleProvider.",
            )
        return Found(plugin_name, as_plugin(plugin_name, fitting[0], path), str(file), "file")


def is_plugin(candidate: type) -> bool:
    """Whether a class can be a plugin: it implements a hook, or is a provider of level one."""
    return issubclass(candidate, SimpleProvider) or any(
        hasattr(value, f"{PROJECT}_impl") for value in vars(candidate).values()
    )


def as_plugin(name: str, loaded: Any, path: str) -> type:
    """The plugin class for what was loaded: a SimpleProvider becomes a plugin that offers it as the kind `name`.
    Raises ConfigError for anything that is not a class."""
    if not inspect.isclass(loaded):
        raise ConfigError(f'the plugin "{name}" must be a class, but is {loaded!r}.', path=path)
    if not issubclass(loaded, SimpleProvider):
        return loaded
    kind = loaded

    class Offers:
        """A plugin that offers one provider of level one."""

        @hookimpl
        def providers(self) -> dict[str, type]:
            return {name: kind}

    return Offers
