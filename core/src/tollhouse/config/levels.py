"""What models, teams, keys and the defaults say to each plugin: defaults < model < team < key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from ..errors import ConfigError
from .convert import Walk
from .problems import Problems, join
from .schema import CORE_KEYS, Config, Settings
from .suggest import did_you_mean

LevelName = Literal["defaults", "model", "team", "key"]


@dataclass(frozen=True, slots=True)
class PluginSchema:
    """What a plugin declares: the type of its own table (a Struct), and of its key at every level (any).

    None means that it has no table, or no say at levels.
    """

    settings: Any = None
    level: Any = None


class Scoped(NamedTuple):
    """What one level says: `name` is the model's, team's or key's ("" for the defaults)."""

    level: LevelName
    name: str
    value: Any


class Said(NamedTuple):
    """A level's word with the raw value it was read from and its path."""

    scoped: Scoped
    raw: Any
    path: str


@dataclass(slots=True)
class _Voices:
    """All that is said to one plugin; the caches hold combinations of names that say something."""

    said: dict[tuple[LevelName, str], Said] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)
    teams: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    chains: dict[tuple[str, str, str], tuple[Scoped, ...]] = field(default_factory=dict)
    merged: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def which(self, model: str, team: str, key: str) -> tuple[str, str, str]:
        """The names that say something, so that strangers share one place in the caches."""
        return (
            model if model in self.models else "",
            team if team in self.teams else "",
            key if key in self.keys else "",
        )

    def chain(self, which: tuple[str, str, str]) -> list[Said]:
        """Who speaks, weakest first."""
        places: tuple[tuple[LevelName, str], ...] = (
            ("model", which[0]),
            ("team", which[1]),
            ("key", which[2]),
        )
        asked = [("defaults", ""), *((level, name) for level, name in places if name)]
        return [self.said[place] for place in asked if place in self.said]


class Levels:
    """Every level's settings by plugin, read once; what is asked for on a request's way is a few dict hits.

    Names that the configuration does not know (a model nobody declared, a key made at run time) say nothing.
    """

    def __init__(
        self,
        config: Config,
        schemas: Mapping[str, PluginSchema],
        *,
        env: Mapping[str, tuple[str, ...]] | None = None,
        installed: Collection[str] = (),
    ) -> None:
        """Reads all levels; raises ConfigError or ConfigErrors.

        `env` and `installed` serve the errors, as for `validate` and `bind`.
        """
        self._voices = {name: _Voices() for name in schemas}
        self._schemas, self._installed = schemas, installed
        problems = Problems()
        walk = Walk(problems, env or {})
        for level, name, path, settings, core in _tables(config):
            for plugin, raw in settings.items():
                self._read(walk, plugin, Said(Scoped(level, name, None), raw, join(path, plugin)), core)
        problems.check()
        for voices in self._voices.values():
            _try_merges(config, voices, problems)
        problems.check()

    def resolve(self, plugin: str, *, model: str = "", team: str = "", key: str = "") -> tuple[Scoped, ...]:
        """What each level says to a loaded plugin, weakest first; levels that say nothing are left out."""
        voices = self._voices[plugin]
        which = voices.which(model, team, key)
        chain = voices.chains.get(which)
        if chain is None:
            chain = voices.chains[which] = tuple(said.scoped for said in voices.chain(which))
        return chain

    def merged(self, plugin: str, *, model: str = "", team: str = "", key: str = "") -> Any:
        """What holds for a loaded plugin when the last level wins, tables merged field by field.

        None when no level says anything.
        """
        voices = self._voices[plugin]
        which = voices.which(model, team, key)
        if which not in voices.merged:
            voices.merged[which] = _merge(voices.chain(which))
        return voices.merged[which]

    def said(self) -> Iterator[Said]:
        """All that any level says to any plugin."""
        for voices in self._voices.values():
            yield from voices.said.values()

    def takes(self, plugin: str) -> bool:
        """Whether a plugin of this name is loaded and has a say at levels."""
        return plugin in self._schemas and self._schemas[plugin].level is not None

    def read(self, plugin: str, raw: Any, *, key: str, team: str = "") -> Said:
        """What a key made at run time says to a plugin, read as it would be at `[keys.X]` of the file but for the
        environment; belongs into `Principal.settings`. Raises ConfigError or ConfigErrors with paths below
        `keys.<key>.<plugin>`, also when it contradicts what the defaults, a model or the key's team say."""
        problems = Problems()
        said = Said(Scoped("key", key, None), raw, join(join("keys", key), plugin))
        value = self._typed(Walk(problems, {}), plugin, said, CORE_KEYS["keys"])
        problems.check()
        voices = self._voices[plugin]
        for model in ("", *sorted(voices.models)):
            chain = voices.chain(voices.which(model, team, ""))
            try:
                overlay(_merge(chain), value, raw)
            except (ValueError, TypeError) as error:
                others = ", ".join(other.path for other in chain)
                raise ConfigError(str(error), path=said.path, hint=f"Together with {others}.") from None
        return said._replace(scoped=said.scoped._replace(value=value))

    def _read(self, walk: Walk, plugin: str, said: Said, core: tuple[str, ...]) -> None:
        before = len(walk.problems.errors)
        value = self._typed(walk, plugin, said, core)
        if len(walk.problems.errors) == before:
            voices, scoped = self._voices[plugin], said.scoped
            voices.said[scoped.level, scoped.name] = said._replace(scoped=scoped._replace(value=value))
            names = {"model": voices.models, "team": voices.teams, "key": voices.keys}.get(scoped.level, set())
            names.add(scoped.name)

    def _typed(self, walk: Walk, plugin: str, said: Said, core: tuple[str, ...]) -> Any:
        """The raw value by the plugin's type; None, with problems noted, when something is wrong."""
        schemas = self._schemas
        if plugin not in schemas:
            takers = (name for name, schema in schemas.items() if schema.level is not None)
            hint = did_you_mean(plugin, [*core, *takers])
            if plugin in self._installed:
                hint = f'Add "{plugin}" to plugins = [...].'
            walk.problems.add("is neither a setting here nor a loaded plugin.", path=said.path, hint=hint)
            return None
        if schemas[plugin].level is None:
            why = f"the plugin {plugin} takes no settings here."
            hint = f"Write them in [{plugin}]." if schemas[plugin].settings is not None else ""
            walk.problems.add(why, path=said.path, hint=hint)
            return None
        return walk.build(schemas[plugin].level, said.raw, said.path)


def _tables(config: Config) -> Iterator[tuple[LevelName, str, str, Settings, tuple[str, ...]]]:
    yield "defaults", "", "defaults", config.defaults, ()
    for model in config.models.values():
        yield "model", model.name, join("models", model.name), model.settings, CORE_KEYS["models"]
    for team in config.teams.values():
        yield "team", team.name, join("teams", team.name), team.settings, CORE_KEYS["teams"]
    for key in config.keys.values():
        yield "key", key.name, join("keys", key.name), key.settings, CORE_KEYS["keys"]


def _merge(chain: list[Said]) -> Any:
    value: Any = None
    for said in chain:
        value = overlay(value, said.scoped.value, said.raw)
    return value


def overlay(base: Any, over: Any, raw: Any) -> Any:
    """`over` on top of `base`: of equal Structs and of tables only what `raw`, its source, says."""
    if isinstance(over, msgspec.Struct) and type(base) is type(over) and isinstance(raw, dict):
        said = {
            one.name: overlay(getattr(base, one.name), getattr(over, one.name), raw[one.encode_name])
            for one in msgspec.structs.fields(over)
            if one.encode_name in raw
        }
        kept = {name: getattr(base, name) for name in base.__struct_fields__}
        return type(base)(**(kept | said))
    if isinstance(base, dict) and isinstance(over, dict) and isinstance(raw, dict):
        return base | {key: overlay(base.get(key), value, raw.get(key)) for key, value in over.items()}
    return over


def _try_merges(config: Config, voices: _Voices, problems: Problems) -> None:
    """Merge what can meet, so that a Struct's own checks (`__post_init__`) fail now and not in a request."""
    if not any(isinstance(said.scoped.value, msgspec.Struct) for said in voices.said.values()):
        return
    callers = {
        ("", ""),
        *((team, "") for team in voices.teams),
        *((k.team, k.name) for k in config.keys.values()),
    }
    for which in sorted({voices.which(model, *caller) for model in ("", *voices.models) for caller in callers}):
        chain = voices.chain(which)
        try:
            voices.merged[which] = _merge(chain)
        except (ValueError, TypeError) as error:
            others = ", ".join(said.path for said in chain[:-1])
            problems.add(str(error), path=chain[-1].path, hint=f"Together with {others}.")
