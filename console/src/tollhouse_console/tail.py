"""`tollhouse tail`: events as lines for people, or as JSON for pipes, each written out at once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from . import figures
from .access import Access
from .client import Client, Trouble
from .filter import Filter, FilterError, parse
from .link import WAITS
from .model import record as records
from .model.house import incident
from .model.record import Record

REMEMBERED = 20_000
"""Requests under way whose beginning is remembered."""


def line(record: Record, utc: bool = False) -> str:
    """A request that ended, in one line with fixed places for what is always there."""
    route = f"{record.model} {'⇢' if record.attempts > 1 else '→'} {record.target}" if record.target else record.model
    cost = "unpriced" if record.cost is None else figures.money(record.cost)
    tokens = f"{figures.count(record.input)}/{figures.count(record.output)}"
    return (
        f"{figures.clock(record.at, utc)}  {record.status or '-':>3}  {record.caller:<20}  {route:<40}  "
        f"{figures.seconds(record.ttft):>6} {figures.seconds(record.seconds):>6}  {tokens:>11}  {cost:>9}  "
        f"{record.end}" + (f"  cache {record.cache}" if record.cache else "")
    )


class Lines:
    """Turns events into lines. With a filter only requests that fit are told, when they end."""

    def __init__(self, *, as_json: bool, filter: Filter, utc: bool) -> None:
        self._json, self._filter, self._utc = as_json, filter, utc
        self._open: OrderedDict[str, Record] = OrderedDict()

    def of(self, kind: str, event: dict[str, Any]) -> str | None:
        """The line of an event, None when it has none."""
        record = self._record(kind, event)
        if record is not None:
            if not self._filter.fits(record):
                return None
            return self._dump(kind, event) if self._json else line(record, self._utc)
        if self._filter:
            return None
        if self._json:
            return self._dump(kind, event)
        if kind.startswith(("request.", "attempt.")):
            return None
        told = incident(kind, event, time.time())
        return f"{figures.clock(told.at, self._utc)}  {'!' if told.grave else '·':>3}  {told.kind}  {told.words}"

    def _record(self, kind: str, event: dict[str, Any]) -> Record | None:
        """The record of a request that has just ended."""
        if kind == "request.started":
            self._open[str(event["id"])] = records.started(event)
            if len(self._open) > REMEMBERED:
                self._open.popitem(last=False)
        elif kind == "request.ended":
            record = self._open.pop(str(event["id"]), None) or Record(str(event["id"]))
            records.ended(record, event)
            return record
        return None

    def _dump(self, kind: str, event: dict[str, Any]) -> str:
        return json.dumps({"type": kind, **event}, ensure_ascii=False, separators=(",", ":"))


def run(access: Access, *, as_json: bool, filter: str, count: int, utc: bool) -> int:
    """Print until interrupted, the pipe's reader leaves, or `count` lines were told; returns the exit code."""
    try:
        lines = Lines(as_json=as_json, filter=parse(filter), utc=utc)
    except FilterError as error:
        print(f"tollhouse: --filter: {error}", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_follow(access, lines, count, lambda text: print(text, flush=True)))
    except BrokenPipeError:
        # The reader has what it wanted; what Python would still flush at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


async def _follow(access: Access, lines: Lines, count: int, say: Callable[[str], None]) -> int:
    after, tries, met, said = "", 0, False, 0
    async with Client(access) as client:
        while True:
            try:
                async with aclosing(client.events(after)) as messages:
                    async for message in messages:
                        if message.name == "headers":
                            met, tries = True, 0
                            continue
                        after = message.id or after
                        text = lines.of(message.name, json.loads(message.data))
                        if text is not None:
                            say(text)
                            said += 1
                            if said == count:
                                return 0
            except Trouble as trouble:
                if not met or trouble.status in (401, 403, 404):
                    print(f"tollhouse: {trouble}", file=sys.stderr)
                    return 1
                wait = WAITS[min(tries, len(WAITS) - 1)]
                tries += 1
                print(f"tollhouse: {trouble}; again in {wait:.0f} s", file=sys.stderr, flush=True)
                await asyncio.sleep(wait)
