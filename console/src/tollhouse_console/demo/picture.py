"""A picture of the console as it watches the demo, for READMEs: an SVG of the traffic with one request in full."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from ..access import Access
from ..ui.app import Console
from ..ui.traffic import Traffic

SIZE = (140, 38)
PATIENCE = 60
"""Half seconds to wait for a request that failed over."""
WARMING = 40.0
"""Seconds the demo runs before the picture when nothing else is asked for."""


def take(access: Access, path: Path, *, theme: str = "", seconds: float = 0.0) -> int:
    """Watch for so many seconds without a terminal, open a request that failed over, and write the picture."""
    app = Console(access, theme=theme, utc=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    said: list[str] = []

    async def drive(pilot: Pilot[Any]) -> None:
        await asyncio.sleep(seconds or WARMING)
        traffic = app.query_one(Traffic)
        for _ in range(PATIENCE):
            rows = traffic.house.traffic.shown()[2:17]
            if found := [row for row in rows if row.attempts > 1 and not row.running]:
                traffic.house.traffic.pause(True)
                traffic.table.choose(found[0].id)
                app.run_verb("detail")
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(2)
        said.append(app.export_screenshot(title="tollhouse console"))
        app.exit()

    app.run(headless=True, size=SIZE, auto_pilot=drive)
    path.write_text("".join(said))
    return app.return_code or 0
