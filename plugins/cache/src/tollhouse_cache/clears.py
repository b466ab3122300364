"""What was cleared: rules that every worker reads from the store, and holds each entry against before it is used."""

from __future__ import annotations

import logging
from hashlib import blake2b

import msgspec
from msgspec import Struct
from tollhouse import Store

from .entry import ALL, Label
from .settings import LONGEST

log = logging.getLogger("tollhouse.cache")

LOG = "cache:clears"
MOST = 10_000
"""Rules that are remembered; older ones become one that clears all that is as old as they are."""

PAGE = 500

LONG = 100
"""Characters beyond which a tag goes by its hash in the store."""


class Clear(Struct, frozen=True):
    """Entries with this tag that are as old as `before`, in unix seconds, or older are not used any more."""

    tag: str
    before: float


class Clears:
    """The rules this process knows. An entry is held against them by its own time, so that one that was under way
    when its tag was cleared is caught too."""

    def __init__(self) -> None:
        self._before: dict[str, float] = {}
        self._after = ""

    def allow(self, label: Label) -> bool:
        """Whether an entry may still be used."""
        before = self._before
        return not before or all(label.at > before[tag] for tag in label.tags if tag in before)

    def learn(self, rule: Clear) -> None:
        """Keep to a rule from now on."""
        before = self._before
        before[rule.tag] = max(rule.before, before.pop(rule.tag, 0.0))
        while len(before) > MOST:
            oldest = next(iter(before))
            before[ALL] = max(before.pop(oldest), before.get(ALL, 0.0))

    async def catch_up(self, store: Store) -> list[Clear]:
        """What was cleared since the last time; the caller learns it. Raises StoreError."""
        news: list[Clear] = []
        while True:
            page = await store.read(LOG, self._after, PAGE)
            for id_, data in page:
                self._after = id_
                try:
                    rule = msgspec.json.decode(data, type=Clear)
                except msgspec.DecodeError:
                    log.error("an unreadable clearing of the cache is passed over: %.100r", data)
                    continue
                news.append(rule)
            if len(page) < PAGE:
                return news


async def clear(store: Store, rule: Clear, now: float) -> None:
    """Clear entries in all workers, which follow within half a second, and in the store at once. `now` is unix
    seconds. Raises StoreError: then it is not certain that anything was cleared."""
    await store.append(LOG, [msgspec.json.encode(rule)])
    if rule.before >= now:
        await store.drop(tag=store_tag(rule.tag))
    await store.trim(LOG, now - LONGEST - 86400.0)


def store_tag(tag: str) -> str:
    """An entry's tag as the store knows it, which takes names of a bounded length."""
    return f"cache:{tag}" if len(tag) <= LONG else f"cache#{blake2b(tag.encode(), digest_size=32).hexdigest()}"
