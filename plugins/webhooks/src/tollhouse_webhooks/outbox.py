"""The outbox of each webhook in the store: what waits, and beside it what was given up."""

from __future__ import annotations

from tollhouse import Store

from .letter import Letter, packed, unpacked

_PORTION = 100
_LOOKING = 5.0
"""Seconds that dead letters are out of others' sight while they are looked at."""

_TURNS = 1000


def queue_of(name: str) -> str:
    """The queue of a webhook."""
    return f"webhooks:{name}"


async def put_in(store: Store, hold: str, names: list[str], letter: Letter) -> bool:
    """Put a message into the queues of these webhooks, once for this `hold`; whether it was the first time."""
    if not names:
        return False
    data = packed(letter)
    return (await store.settle(hold, {}, mail=[(queue_of(name), data) for name in names])).first


async def bury(store: Store, name: str, before: float) -> None:
    """Delete dead letters about what happened before a unix time; others stay."""
    grave = f"{queue_of(name)}:dead"
    for _ in range(_TURNS):
        mails = await store.take(grave, _PORTION, _LOOKING)
        old = [mail.id for mail in mails if unpacked(mail.data).at < before]
        if old:
            await store.done(grave, old)
        if len(mails) < _PORTION:
            return


async def raise_dead(store: Store, name: str, salt: str) -> int:
    """Put the dead letters of a webhook back into its queue; how many. Of those that are looked at just now, some
    may be left."""
    grave, count = f"{queue_of(name)}:dead", 0
    for _ in range(_TURNS):
        mails = await store.take(grave, _PORTION, _LOOKING)
        for mail in mails:
            letter = unpacked(mail.data)
            await put_in(store, f"mail:{letter.id}:{salt}:{mail.id}", [name], letter)
        await store.done(grave, [mail.id for mail in mails])
        count += len(mails)
        if len(mails) < _PORTION:
            return count
    return count
