"""The hook by which other plugins bring checks of their own."""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Mapping

from tollhouse import hookspec

from .contract import Maker


@hookspec("gather", sync=True)
def moderation_checks() -> Mapping[str, Maker]:
    """The checks this plugin offers, by the name that rules call them; gathered once a configuration."""
