"""`[models]`: lists of targets read, names of other models expanded, cycles and unknown names refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from .convert import Walk, shown_kind
from .problems import join
from .schema import CORE_KEYS, Model, TargetEntry, TimeoutsOver
from .suggest import closest, did_you_mean, listing


class Entry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of `targets` as written."""

    target: str
    """`provider/model`, or the name of another model."""
    weight: Annotated[float, Meta(ge=0)] = 1.0
    """Share for plugins that spread by weight; default 1."""


def read_models(raw: object, providers: Collection[str], walk: Walk) -> dict[str, Model]:
    """The table as Models by name; problems go to the walk, and a model with one is left out."""
    if not isinstance(raw, dict):
        walk.problems.add(f"must be a table, not {shown_kind(raw)}.", path="models")
        return {}
    expand = _Expansion(providers, walk)
    tables = {name: _table(value, join("models", name), walk) for name, value in raw.items()}
    for name, table in tables.items():
        head = name.partition("/")[0]
        if "/" in name and head in providers:
            why = f'a name that begins with the provider "{head}" already addresses that provider.'
            walk.problems.add(why, path=join("models", name), hint="Give the model another name.")
        expand.entries[name] = expand.read(name, table["targets"]) if table is not None else None
    models = {}
    for name, table in tables.items():
        if table is None or (targets := expand.targets(name)) is None:
            continue
        timeouts = walk.build(TimeoutsOver, table.get("timeouts", {}), join(join("models", name), "timeouts"))
        strict = walk.build(bool | None, table.get("strict"), join(join("models", name), "strict"))
        settings = {key: value for key, value in table.items() if key not in CORE_KEYS["models"]}
        models[name] = Model(
            name=name, targets=targets, timeouts=timeouts or TimeoutsOver(), strict=strict, settings=settings
        )
    return models


def _table(value: object, path: str, walk: Walk) -> dict[str, Any] | None:
    if isinstance(value, list):
        return {"targets": value}
    if not isinstance(value, dict):
        hint = f"Write [{walk.said(value, path)}]." if isinstance(value, str) else ""
        walk.problems.add(f"must be a list of targets or a table, not {shown_kind(value)}.", path=path, hint=hint)
        return None
    if not isinstance(value.get("targets"), list):
        if "targets" in value:
            walk.problems.add(f"must be a list, not {shown_kind(value['targets'])}.", path=join(path, "targets"))
        else:
            slip = closest("targets", value)
            hint = f'Did you mean "targets" instead of "{slip}"?' if slip else 'Write targets = ["provider/model"].'
            walk.problems.add("is required.", path=join(path, "targets"), hint=hint)
        return None
    return value


class _Expansion:
    """Entries by model, and the depth-first walk that turns them into targets."""

    def __init__(self, providers: Collection[str], walk: Walk) -> None:
        self.providers, self.walk = providers, walk
        self.entries: dict[str, list[tuple[str, Entry]] | None] = {}
        self.done: dict[str, tuple[TargetEntry, ...] | None] = {}

    def read(self, name: str, raw: Any) -> list[tuple[str, Entry]] | None:
        """The entries of a model with their paths; None when one is wrong."""
        path = join("models", name)
        if not raw:
            self.walk.problems.add("needs at least one target.", path=path)
            return None
        entries: list[tuple[str, Entry]] = []
        inner = join(path, "targets")
        for index, item in enumerate(raw):
            where = join(inner, index)
            if isinstance(item, str):
                entries.append((where, Entry(target=item)))
            elif isinstance(item, dict):
                if (entry := self.walk.build(Entry, item, where)) is not None:
                    entries.append((where, entry))
            else:
                self.walk.problems.add(f'must be "provider/model" or a table, not {shown_kind(item)}.', path=where)
        return entries if len(entries) == len(raw) else None

    def targets(self, name: str, above: tuple[str, ...] = ()) -> tuple[TargetEntry, ...] | None:
        """All targets of a model, each once; None when it has a problem (noted once)."""
        if name in self.done:
            return self.done[name]
        merged: dict[tuple[str, str], TargetEntry] | None = {}
        for path, entry in self.entries.get(name) or ():
            found = self._entry(path, entry, (*above, name))
            if found is None or merged is None:
                merged = None
                continue
            for target in found:
                seen = merged.get((target.provider, target.model))
                if seen is not None:
                    target = msgspec.structs.replace(seen, weight=seen.weight + target.weight)
                merged[target.provider, target.model] = target
        self.done[name] = tuple(merged.values()) if merged else None
        return self.done[name]

    def _entry(self, path: str, entry: Entry, above: tuple[str, ...]) -> tuple[TargetEntry, ...] | None:
        if entry.target in above:
            ring = " -> ".join((*above[above.index(entry.target) :], entry.target))
            self.walk.problems.add(f"models name each other in a circle: {ring}.", path=path)
            return None
        if entry.target in self.entries:
            return self._inner(entry, above)
        provider, slash, model = entry.target.partition("/")
        if slash and provider in self.providers:
            if model:
                return (TargetEntry(provider=provider, model=model, weight=entry.weight),)
            self.walk.problems.add("names a provider but no model.", path=path)
            return None
        if slash:
            hint = did_you_mean(provider, self.providers, what="Providers")
            self.walk.problems.add(f"unknown provider {self.walk.said(provider, path)}.", path=path, hint=hint)
            return None
        hint = self._hint(entry.target, above[-1])
        self.walk.problems.add(f"unknown model {self.walk.said(entry.target, path)}.", path=path, hint=hint)
        return None

    def _inner(self, entry: Entry, above: tuple[str, ...]) -> tuple[TargetEntry, ...] | None:
        found = self.targets(entry.target, above)
        if not found:
            return None
        whole = sum(target.weight for target in found) or 1.0
        return tuple(
            msgspec.structs.replace(t, weight=entry.weight * t.weight / whole, via=(entry.target, *t.via))
            for t in found
        )

    def _hint(self, word: str, asking: str) -> str:
        others = [name for name in self.entries if name != asking]
        if near := closest(word, others):
            return f'Did you mean "{near}"?'
        if word in self.providers:
            return f'Write the model too: "{word}/...".'
        return f'{listing("Models", others)} Or write "provider/model".'
