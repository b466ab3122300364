"""Every key, by where it works."""

from __future__ import annotations

from ..text import Span, fit
from ..verbs import VERBS, Verb, shown
from .header import SCREENS
from .page import Page

FILTERS = (
    ("team:blue key:ci user:anna@*", "words; * stands for anything, a,b for either"),
    ("status:>=400  status:5xx", "numbers; also ttft:>500ms seconds:>2s cost:>0.01 output:>1k"),
    ("is:error is:running is:unpriced", "also ended, stream, failover, cached, blocked"),
    ('-model:gpt* timeout "no room"', "- turns a term around; free text is looked for everywhere"),
)


def page(screen: str, room: int) -> Page:
    """The keys of this screen, those of everywhere, those of the other screens, and the filter language."""
    found = Page()
    title = {name: said for name, said, _ in SCREENS}
    groups = [(title[screen], [verb for verb in VERBS if verb.works(screen) and verb.screens])]
    groups.append(("Everywhere", [verb for verb in VERBS if not verb.screens]))
    for name, said, _ in SCREENS:
        if name != screen:
            groups.append((said, [verb for verb in VERBS if name in verb.screens and len(verb.screens) < 4]))
    for said, verbs in groups:
        if verbs:
            found.section(said, room)
            found.lines += [_verb(verb) for verb in verbs]
    found.section("Filters", room)
    for example, meaning in FILTERS:
        found.add([Span(f" {fit(example, 32)} ", "accent"), Span(meaning)])
    return found


def _verb(verb: Verb) -> list[Span]:
    keys = " ".join(shown(key) for key in verb.keys)
    return [Span(f" {fit(keys, 12)} ", "accent"), Span(verb.says)]
