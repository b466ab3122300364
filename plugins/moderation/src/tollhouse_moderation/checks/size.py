"""How much a text may say."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract import Direction, Finding, Subject
from ..settings import Rule


class Size:
    """Counts characters: of the input those of users and tools, of a reply those of one choice."""

    on: tuple[Direction, ...] = ("input",)
    threshold = 1.0

    def __init__(self, rule: Rule) -> None:
        if rule.limit is None:
            raise ValueError('the check "size" needs limit = CHARACTERS.')
        self._limit = rule.limit

    async def judge(self, subject: Subject) -> Sequence[Finding]:
        """A finding when there are more than `limit`."""
        length = len(subject.text)
        return [Finding(self._limit, length, "SIZE")] if length > self._limit else []
