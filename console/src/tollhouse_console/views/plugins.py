"""What is loaded and what it costs: plugins, hooks, the configuration that serves, and who changed what."""

from __future__ import annotations

from typing import Any

from .. import figures
from ..model.house import House
from ..text import Line, Span, clean, crop, fit
from .columns import Column, layout, row, titles
from .page import Page, missing, words


def _average(one: dict[str, Any]) -> str:
    calls = int(one.get("calls") or 0)
    return figures.seconds(float(one.get("seconds") or 0) / calls) if calls else figures.NONE


HOOKS: list[Column[dict[str, Any]]] = [
    Column("HOOK", 14, lambda one: (clean(one.get("hook")), ""), grow=1, most=22),
    Column("PLUGIN", 12, lambda one: (clean(one.get("plugin")), "bold"), grow=1, most=22),
    Column("CALLS", 7, lambda one: (figures.count(one.get("calls")), ""), right=True),
    Column("A CALL", 8, lambda one: (_average(one), ""), right=True),
    Column("IN ALL", 8, lambda one: (figures.seconds(one.get("seconds")), "dim"), rank=2, right=True),
    Column(
        "ERRORS", 6, lambda one: (figures.count(one.get("errors")), "bad" if one.get("errors") else "dim"), right=True
    ),
    Column("IF IT FAILS", 11, lambda one: (clean(one.get("policy")), "dim"), rank=1),
    Column("LIMIT", 7, lambda one: (_limit(one.get("limit")), "dim"), rank=3, right=True),
]


def page(house: House, room: int) -> Page:
    """What a reload would change, plugins, hooks, the configuration, and the audit."""
    found = Page()
    _file(found, house, room)
    gap = missing(house.answer("plugins"), "admin", "plugins", room)
    plugins, hooks = house.items("plugins", "plugins"), house.items("plugins", "hooks")
    found.section("Plugins", room, f"{len(plugins)} loaded" if plugins else "")
    if gap is not None:
        found.add(*gap)
    for one in plugins:
        hooked = ", ".join(clean(hook) for hook in one.get("hooks") or ())
        name = fit(clean(one.get("name")), 14)
        version = fit(f"{clean(one.get('distribution'))} {clean(one.get('version'))}", 30 if room > 90 else 22)
        found.add(crop([Span(f" {name} ", "bold"), Span(version, "dim"), Span(f"  {hooked}")], room))
    called = [one for one in hooks if one.get("calls")]
    if called:
        idle = f", {len(hooks) - len(called)} never called" if len(called) < len(hooks) else ""
        found.section("Hooks", room, f"what each costs, the dearest first{idle}")
        shape = layout(HOOKS, room - 2)
        found.add([Span(" "), *titles(shape)])
        for one in sorted(called, key=lambda one: (-int(one.get("errors") or 0), -float(one.get("seconds") or 0))):
            found.add([Span(" "), *row(shape, one)])
    _configuration(found, house, room)
    _audit(found, house, room)
    return found


def _limit(value: Any) -> str:
    """A time limit; 0 is none."""
    return figures.seconds(value) if value and isinstance(value, int | float) else figures.NONE


def _file(found: Page, house: House, room: int) -> None:
    found.section("File", room, "v checks, L loads")
    if (gap := missing(house.answer("config/diff"), "admin", "differences", room)) is not None:
        found.add(*gap)
        return
    changed = house.items("config/diff", "changed")
    if house.answer("config/diff").word == "failed":
        found.add(*words(f"✗ The file cannot be loaded: {house.answer('config/diff').trouble}", room, "bad"))
    elif changed:
        found.add(
            *words(
                f"! The file differs from what serves in {figures.many(len(changed), 'place')}; L loads it:",
                room,
                "warn",
            )
        )
        for one in changed:
            found.add(*change(one, room))
    else:
        found.add(*words("✓ The file says what serves.", room, "good"))


def _configuration(found: Page, house: House, room: int) -> None:
    config = house.value("config")
    found.section(
        "Configuration", room, f"edition {config.get('edition')} of {clean(config.get('file'))}" if config else ""
    )
    if (gap := missing(house.answer("config"), "admin", "configuration", room)) is not None:
        found.add(*gap)
        return
    width = min(44, room // 2)
    for one in house.items("config", "lines"):
        origin = clean(one.get("origin"))
        path = fit(clean(one.get("path")), width)
        found.add(crop([Span(f" {path} "), Span(clean(one.get("value")), "accent"), Span(f"  {origin}", "dim")], room))


def change(one: dict[str, Any], room: int) -> list[Line]:
    """A setting that differs, old and new."""
    return [
        crop([Span(f"   {clean(one.get('path'))}", "bold")], room),
        crop([Span(f"     - {_value(one.get('old'))}", "bad")], room),
        crop([Span(f"     + {_value(one.get('new'))}", "good")], room),
    ]


def _value(value: Any) -> str:
    return "(absent)" if value is None else clean(value)


def _audit(found: Page, house: House, room: int) -> None:
    found.section("Who changed what", room)
    if (gap := missing(house.answer("audit?limit=20"), "admin", "changes", room)) is not None:
        found.add(*gap)
        return
    items = house.items("audit?limit=20")
    for one in items:
        at, who = figures.moment(one.get("at"), house.utc), clean(one.get("who"))
        said = f"{clean(one.get('action'))} {clean(one.get('what'))}"
        found.add(crop([Span(f" {at} ", "dim"), Span(fit(who, 18), "bold"), Span(f" {said}")], room))
    if not items:
        found.add(*words("Nobody changed anything.", room, "dim"))
