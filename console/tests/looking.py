"""Opens the console on a server and reads its screen back as text."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import asynccontextmanager
from html import unescape

from fake_admin import KEY, NOW
from tollhouse_console.access import Access
from tollhouse_console.ui.app import Console

_TEXT = re.compile(r'<text[^>]*\bx="([\d.]+)"[^>]*\by="([\d.]+)"[^>]*>(.*?)</text>')
CELL = 12.2
"""Width of a cell in Rich's SVG."""


def shown(app) -> list[str]:
    """The lines on the screen, from the exported picture: what Textual paints, without colours."""
    height = app.size.height
    rows = {}
    for x, y, text in _TEXT.findall(app.export_screenshot().split("</style>")[-1]):
        if float(y) > 15:
            rows.setdefault(float(y), []).append((round(float(x) / CELL), unescape(text).replace("\xa0", " ")))
    grid = [""] * height
    for y, parts in rows.items():
        number = round((y - 20) / 24.4)
        if 0 <= number < height:
            line = ""
            for x, text in sorted(parts):
                line = line.ljust(x) + text
            grid[number] = line.rstrip()
    return grid


def text(app) -> str:
    """The screen as one text."""
    return "\n".join(shown(app))


async def until(pilot, true, seconds=10.0):
    """Wait until something holds; fails with the screen when it does not."""
    last = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < last, f"it did not come true:\n{text(pilot.app)}"
        await pilot.pause(0.02)


async def until_shown(pilot, words, seconds=10.0):
    """Wait until the screen holds these words."""
    await until(pilot, lambda: words in text(pilot.app), seconds)


@asynccontextmanager
async def opened(fake, size=(100, 30), *, key=KEY, live=True, **more):
    """The console on a server, its clock standing still; waits until it is live and has figures."""
    more.setdefault("clock", lambda: NOW)
    app = Console(Access(fake.url, key), utc=True, **more)
    async with app.run_test(size=size, notifications=True) as pilot:
        if live:
            await until(pilot, lambda: app.house.line.word == "live" and app.house.answer("state").value)
            await until(pilot, lambda: app.house.traffic.known and app.house.answer("budgets").word != "loading")
        yield pilot, app


async def press(pilot, *keys):
    """Keys, one after the other, with time to act after the last."""
    await pilot.press(*keys)
    await pilot.pause()


def run(work, seconds=30.0):
    """Run a test's coroutine."""

    async def bounded():
        async with asyncio.timeout(seconds):
            return await work

    return asyncio.run(bounded())
