"""What moderation tells: typed events for the console, metrics and webhooks; never the text."""

from __future__ import annotations

from tollhouse.events import Event


class ModerationEvent(Event, frozen=True, kw_only=True):
    """What both say."""

    id: str
    """The exchange."""
    rule: str
    check: str
    action: str
    direction: str
    result: str
    """`matched` or `not_run`."""
    kinds: tuple[str, ...] = ()
    """What was found."""
    score: float = 0.0
    """The highest score."""
    why: str = ""
    """Why it did not run."""
    key: str = ""
    team: str = ""
    model: str = ""


class ModerationVerdict(ModerationEvent, tag="moderation.verdict", frozen=True, kw_only=True):
    """A rule found something, or did not run, and the exchange went on."""


class ModerationBlocked(ModerationEvent, tag="moderation.blocked", frozen=True, kw_only=True):
    """A rule ended the exchange."""
