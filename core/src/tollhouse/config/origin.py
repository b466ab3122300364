"""Every resolved value with where it came from, secrets masked: what `tollhouse check` prints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from typing import Any, NamedTuple

import msgspec

from .load import Bound
from .problems import join
from .schema import RESERVED, Model, TimeoutsOver
from .secret import MASK, masked, secret_name
from .spoken import Spoken


class Line(NamedTuple):
    """One resolved value. `origin` is `gateway.toml:12`, `env NAME` or `default`."""

    path: str
    value: str
    """As TOML would write it, or MASK for a secret."""
    origin: str


def explain(bound: Bound) -> list[Line]:
    """All settings in the file's order of tables, defaults included."""
    return list(_Explanation(bound).lines())


class _Explanation:
    def __init__(self, bound: Bound) -> None:
        self.bound, self.loaded = bound, bound.loaded

    def lines(self) -> Iterator[Line]:
        config, said = self.loaded.config, {word.path: word.scoped.value for word in self.bound.levels.said()}
        for name in RESERVED:
            match name:
                case "providers":
                    for provider in config.providers.values():
                        path = join("providers", provider.name)
                        yield self.line(join(path, "kind"), provider.kind)
                        yield from self.over(provider.timeouts, path)
                        yield from self.value(path, self.bound.providers[provider.name], bare=True)
                case "models":
                    for model in config.models.values():
                        yield from self.model(model)
                        yield from self.levels(join("models", model.name), model.settings, said)
                case "teams" | "keys":
                    for one in getattr(config, name).values():
                        path = join(name, one.name)
                        for field in one.__struct_fields__[1:-1]:
                            yield self.line(join(path, field), getattr(one, field))
                        yield from self.levels(path, one.settings, said)
                case "defaults":
                    yield from self.levels(name, config.defaults, said)
                case _:
                    yield from self.value(name, getattr(config, name))
        for name, settings in self.bound.settings.items():
            yield from self.value(join("", name), settings)

    def model(self, model: Model) -> Iterator[Line]:
        path = join("models", model.name)
        targets = []
        for target in model.targets:
            notes = [f"weight {target.weight:g}"] if target.weight != 1 else []
            notes += [f"via {' > '.join(target.via)}"] if target.via else []
            targets.append(f"{target.provider}/{target.model}" + (f" ({', '.join(notes)})" if notes else ""))
        stated = join(path, "targets")
        yield self.line(stated if stated in self.loaded.lines else path, targets)
        yield from self.over(model.timeouts, path)

    def over(self, timeouts: TimeoutsOver, path: str) -> Iterator[Line]:
        for name in timeouts.__struct_fields__:
            if (value := getattr(timeouts, name)) is not None:
                yield self.line(join(join(path, "timeouts"), name), value)

    def levels(self, path: str, settings: dict[str, Any], said: dict[str, Any]) -> Iterator[Line]:
        for plugin in settings:
            inner = join(path, plugin)
            yield from self.value(inner, said[inner])

    def value(self, path: str, value: Any, *, secret: bool = False, bare: bool = False) -> Iterator[Line]:
        """Lines of a typed value; `bare` says that nothing is to be said about an empty one."""
        secret = secret or secret_name(path)
        items: Any = ()
        if isinstance(value, msgspec.Struct):
            items = [(one.encode_name, getattr(value, one.name)) for one in msgspec.structs.fields(value)]
        elif isinstance(value, dict):
            items = value.items()
        elif isinstance(value, list | tuple) and any(isinstance(item, msgspec.Struct | dict) for item in value):
            items = enumerate(value)
        elif not bare:
            yield self.line(path, value, secret=secret)
            return
        if not items and not bare:
            yield Line(path, "{}", self.origin(path))
        for key, item in items:
            yield from self.value(join(path, key), item, secret=secret)

    def line(self, path: str, value: Any, *, secret: bool = False) -> Line:
        return Line(path, self.text(path, value, secret or secret_name(path)), self.origin(path))

    def text(self, path: str, value: Any, secret: bool) -> str:
        if value is None:
            return "none"
        if secret and value not in ("", [], ()):
            return MASK
        if isinstance(value, list | tuple | set | frozenset):
            return f"[{', '.join(self.text(join(path, n), item, secret) for n, item in enumerate(value))}]"
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, Spoken):
            return f'"{value.spoken()}"'
        if isinstance(value, date | time):
            return value.isoformat()
        if isinstance(value, str):
            text = masked(value, from_env=path in self.loaded.env)
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        return str(value)

    def origin(self, path: str) -> str:
        inside = [names for at, names in self.loaded.env.items() if at == path or at.startswith(f"{path}[")]
        if inside:
            return "env " + ", ".join(dict.fromkeys(name for names in inside for name in names))
        line = self.loaded.lines.get(path)
        return f"{self.loaded.path.name}:{line}" if line else "default"
