"""One worker's metrics: opened by its first configuration with them, closed by its last."""

from __future__ import annotations

import asyncio
import platform
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version

from tollhouse.edition import Edition
from tollhouse.events import Event
from tollhouse.exchange import Exchange
from tollhouse.gateway import Gateway
from tollhouse.measuring import measure as measure_hooks

from . import families, process
from .book import Book
from .counting import Counting
from .families import FAMILIES
from .page import Page
from .shared import Folder, server_folder
from .text import joined, text

SLOTS = 1 << 18
"""Values a worker has room for: 2 MiB, of which only what is used is taken."""
BEAT = 1.0
"""Seconds after which figures that no event tells are written down for the other workers."""


class Worker:
    """Counts what its process' events say, and tells what all workers of the server counted."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._began = gateway.clock.time()
        self._editions = 0
        self._folder: Folder | None = None
        self._counting: Counting | None = None
        self._number = 0
        self._end: list[Callable[[], object]] = []

    async def open(self, edition: Edition, limit: int, *, by_team: bool, hooks: bool) -> None:
        """Count for this configuration too. Raises OSError."""
        if self._counting is None:
            page = await asyncio.to_thread(self._page, edition.config.server.workers > 1)
            book = Book(page)
            self._counting = Counting(book, limit, by_team=by_team)
            if self._folder is not None:
                self._adopt(self._folder, book)
                self._end.append(self._gateway.spawn(self._beat, name="metrics").cancel)
            self._end.append(self._gateway.feed.listen(self._hear))
            book.set(families.BUILD, (version("tollhouse-core"), platform.python_version()), 1.0)
            book.set(families.WORKERS, (), 1.0)
            book.set(families.EDITION, (), float(edition.number))
        self._editions += 1
        self._counting.by_team = by_team
        self._counting.learn(edition)
        if hooks:
            measure_hooks(edition.chain)
        self._refresh()

    async def close(self) -> None:
        """One configuration less."""
        self._editions -= 1
        if self._editions or self._counting is None:
            return
        self._refresh()
        for end in self._end:
            end()
        page, self._counting = self._counting.book.page, None
        self._end.clear()
        if self._folder is None:
            page.close()
        else:
            await asyncio.to_thread(self._folder.close, page)
            self._folder = None

    async def text(self) -> bytes:
        """The page for Prometheus. Raises OSError when the other workers' pages cannot be read."""
        self._refresh()
        return await asyncio.to_thread(self._text)

    def _page(self, shared: bool) -> Page:
        if not shared:
            return Page(SLOTS)
        self._folder = Folder(server_folder())
        with self._folder.locked(alone=True):
            return Page(SLOTS, self._folder.path)

    @staticmethod
    def _adopt(folder: Folder, book: Book) -> None:
        """Count on from what workers that ended had counted, and take their pages away."""
        with folder.locked(alone=True):
            for sibling in folder.siblings(book.page.token):
                if sibling.alive:
                    continue
                for name, labels, values in sibling.read():
                    if FAMILIES[name].kind != "gauge":
                        book.adopt(FAMILIES[name], labels, values)
                sibling.forget()

    def _text(self) -> bytes:
        counting = self._counting
        if counting is None:
            return b""
        pages = [(True, counting.book.page.read())]
        if self._folder is not None:
            with self._folder.locked(alone=False):
                siblings = self._folder.siblings(counting.book.page.token)
                pages += [(one.alive, one.read()) for one in siblings]
        return text(joined(pages))

    def _hear(self, event: Event) -> None:
        if self._counting is not None:
            self._counting.hear(event)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self._refresh()

    def _refresh(self) -> None:
        """Write down what no event tells."""
        if self._counting is None:
            return
        book = self._counting.book
        process.measure(book, self._began)
        book.set(families.STORE_UP, (), float(self._gateway.store.healthy))
        states = Counter(map(_state, self._gateway.in_flight))
        for state in ("waiting", "upstream", "answering"):
            book.set(families.IN_FLIGHT, (state,), float(states[state]))
        edition = self._gateway.edition
        if edition.number != self._number:
            self._number = edition.number
            book.forget(edition.number)
        for hook, step in edition.chain.steps().items():
            for call in step.calls:
                if call.calls:
                    book.advance(families.HOOK_CALLS, (call.plugin, hook), call.calls, edition.number)
                    book.advance(families.HOOK_SECONDS, (call.plugin, hook), call.seconds, edition.number)


def _state(exchange: Exchange) -> str:
    """How far an exchange under way has come."""
    if exchange.commit == "content":
        return "answering"
    return "upstream" if exchange.attempts else "waiting"
