"""`tollhouse top`: one plain table that refreshes, for terminals, watch(1) and scripts."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

from . import figures
from .access import Access
from .client import Client, Trouble
from .model.health import cards
from .text import clean, fit

_CLEAR = "\x1b[H\x1b[J"


def run(access: Access, *, by: str, every: float, once: bool) -> int:
    """Print until interrupted, or once; returns the exit code."""
    try:
        return asyncio.run(_refresh(access, by, every, once))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


async def _refresh(access: Access, by: str, every: float, once: bool) -> int:
    met = False
    async with Client(access) as client:
        while True:
            try:
                lines = await table(client, by)
                met = True
            except Trouble as trouble:
                if once or not met:
                    print(f"tollhouse: {trouble}", file=sys.stderr)
                    return 1
                lines = [f"! {trouble}; again in {every:.0f} s"]
            terminal = sys.stdout.isatty()
            width = shutil.get_terminal_size().columns if terminal else 0
            text = "\n".join(fit(line, width).rstrip() if width else line for line in lines)
            print((_CLEAR if terminal and not once else "") + text, flush=True)
            if once:
                return 0
            await asyncio.sleep(every)


async def table(client: Client, by: str) -> list[str]:
    """The lines of one print: the gateway in a line, then a row each. Raises Trouble."""
    state = await client.get("state")
    lines = [summary(state), ""]
    if by == "target":
        return lines + _targets(await client.get("targets"))
    since = int(time.time() // 86_400) * 86_400
    return lines + _spend(await client.get("spend", by=by, since=since), by)


def summary(state: dict[str, Any]) -> str:
    """The gateway in a line."""
    rates, today = state.get("rates") or {}, state.get("today") or {}
    health = clean((state.get("health") or {}).get("word") or "unknown").upper()
    return (
        f"{clean(state.get('name') or 'tollhouse')}  {health}  {figures.rate(rates.get('requests_per_second'))} req/s  "
        f"ttft {figures.seconds(rates.get('ttft_p50'))}/{figures.seconds(rates.get('ttft_p95'))}  "
        f"err {figures.ratio(rates.get('error_ratio'))}  {figures.count(rates.get('in_flight'))} in flight  "
        f"{figures.money(today.get('cost'))} today, {figures.count(today.get('unpriced'))} unpriced"
    )


def _targets(answer: dict[str, Any]) -> list[str]:
    rows = [
        (card.target, card.word, figures.count(card.in_flight), figures.count(card.requests),
         figures.ratio(card.error_ratio), figures.seconds(card.ttft_p50), figures.seconds(card.ttft_p95),
         card.last_error)
        for card in cards(answer.get("items", ()))
    ]  # fmt: skip
    return columns(
        ("TARGET", "STATE", "FLIGHT", "REQUESTS", "ERRORS", "P50", "P95", "LAST ERROR"), rows, left=(0, 1, 7)
    )


def _spend(answer: dict[str, Any], by: str) -> list[str]:
    items = sorted(answer.get("items", ()), key=lambda item: (-int(item.get("cost") or 0), -int(item["requests"])))
    rows = [
        (clean(item["by"][0]) or "(none)", figures.count(item["requests"]), figures.count(item["input"]),
         figures.count(item["output"]), figures.money(item["cost"]), figures.money(item["saved"]),
         figures.count(item["unpriced"]))
        for item in items
    ]  # fmt: skip
    return columns((by.upper(), "REQUESTS", "IN", "OUT", "COST", "SAVED", "UNPRICED"), rows, left=(0,))


def columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], left: tuple[int, ...]) -> list[str]:
    """Rows in columns as wide as their widest cell, numbers to the right; a row `(none)` when there is none."""
    every = [head, *rows]
    widths = [max(len(row[number]) for row in every) for number in range(len(head))]
    lines = [
        "  ".join(fit(cell, widths[n], right=n not in left) for n, cell in enumerate(row)).rstrip() for row in every
    ]
    return lines if rows else [*lines, "(nothing yet)"]
