"""The configuration: what serves, what the file on disk would change, whether a text would do, and the reload."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from tollhouse.config import Loaded, PluginSchema, bind, enc_hook, explain, load, parse
from tollhouse.config.problems import join
from tollhouse.config.secret import MASK, masked, secret_name
from tollhouse.edition import Edition
from tollhouse.errors import ConfigError
from tollhouse.gateway import Gateway
from tollhouse.plugins import Found

from .settings_shapes import Change, ConfigLine

Flat = dict[str, Any]


def lines(edition: Edition) -> list[ConfigLine]:
    """Every resolved value, secrets masked."""
    return [ConfigLine(path=one.path, value=one.value, origin=one.origin) for one in explain(edition.bound)]


async def reload(gateway: Gateway) -> None:
    """Read the file again and serve by it. Raises ConfigError, and the old configuration keeps serving."""
    if gateway.reread is not None:
        await gateway.reread()
        return
    await gateway.reload(load(gateway.edition.loaded.path, os.environ))


def check(edition: Edition, text: str) -> None:
    """Whether a text would do as gateway.toml: raises ConfigError with what is wrong.

    Nothing new is imported, opened or looked up for it: of plugins only those that are loaded already are asked for
    their settings, and of the environment only what the serving file names can be had."""
    known = {name: os.environ[name] for names in edition.loaded.env.values() for name in names if name in os.environ}
    loaded = parse(text, known, path=edition.loaded.path)
    schemas = {one.name: _schema(one.found) for one in edition.plugged}
    places = {one.found.name: one.found for one in edition.plugged}
    for index, name in enumerate(loaded.config.plugins):
        if name not in edition.loaded.config.plugins and name not in places:
            raise ConfigError(
                f'the plugin "{name[:100]}" is not loaded, and a posted text loads none.',
                path=join("plugins", index),
                hint="Write it into the file; `tollhouse check` there reads it with its plugins.",
            )
    kinds = {
        kind: getattr(make, "Settings", None)
        for _, offered in edition.chain["providers"].gather(edition.gateway)
        for kind, make in offered.items()
    }
    bind(loaded, schemas, kinds)


def difference(edition: Edition) -> list[Change]:
    """What the file on disk says otherwise than what serves. Raises ConfigError when it cannot be read."""
    serving = edition.loaded
    on_disk = load(serving.path, os.environ)
    old, new = dict(_flat(serving)), dict(_flat(on_disk))
    if "server.listen" not in serving.lines and "server.listen" not in on_disk.lines:
        old.pop("server.listen", None)  # where it listens was then said on the command line, above any file
        new.pop("server.listen", None)
    changed = []
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            changed.append(Change(path=path, old=_shown(path, old, serving), new=_shown(path, new, on_disk)))
    return changed


def _schema(found: Found) -> PluginSchema:
    return PluginSchema(getattr(found.make, "Settings", None), getattr(found.make, "Level", None))


def _flat(loaded: Loaded) -> Iterator[tuple[str, Any]]:
    """Every value that the file or a default says, by its path."""
    core: Mapping[str, Any] = msgspec.to_builtins(loaded.config, enc_hook=enc_hook)
    yield from _values("", core)
    yield from _values("", loaded.tables)


def _values(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            # what plugins are told in a table of the core's lies one level deeper in its type than in the file
            if key == "settings" and path.partition(".")[0] in ("providers", "models", "teams", "keys"):
                yield from _values(path, item) if item else ()
            else:
                yield from _values(join(path, str(key)), item)
    elif path:
        yield path, value


def _shown(path: str, values: Flat, loaded: Loaded) -> str | None:
    if path not in values:
        return None
    value = values[path]
    if secret_name(path) and value not in ("", [], (), None):
        return MASK
    return _text(value, path in loaded.env)


def _text(value: Any, from_env: bool) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(one, from_env) for one in value)}]"
    if isinstance(value, str):
        return f'"{masked(value, from_env=from_env)}"'
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)
