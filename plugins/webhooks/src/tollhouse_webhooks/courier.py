"""Carries one message to one receiver over HTTP: connects to the address it looked up, follows no redirect."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime

from tollhouse import ProviderError
from tollhouse.config import DurationOrOff, Timeouts
from tollhouse.transport import Call, Response
from tollhouse.transport.http1 import Http1Transport

from .guard import Door, Resolve
from .letter import Letter
from .schedule import Outcome
from .settings import Webhook
from .shapes import post

READ = 64 * 1024
"""Bytes of an answer that are read, and thrown away, so that the connection can be used again."""

IDLE = 8
"""Connections that are kept for the next message."""

GONE = 410


class Courier:
    """Delivers to one webhook; its connections are its own, so that none is reused that another webhook's `allow`
    let through. Close it."""

    def __init__(self, webhook: Webhook, time: Callable[[], float], resolve: Resolve | None = None) -> None:
        self._webhook, self._time = webhook, time
        self._transport = Http1Transport(kept_idle=IDLE, dial=Door(webhook.allow, resolve).dial)

    async def deliver(self, letter: Letter) -> Outcome:
        """One delivery, within the webhook's timeout. Never raises."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        status, wait, why = 0, None, ""
        try:
            async with asyncio.timeout(float(self._webhook.timeout)):
                status, wait = await self._post(letter)
        except TimeoutError:
            why = f"no answer within {self._webhook.timeout.spoken()}"
        except ProviderError as error:
            why = error.message
        seconds = loop.time() - began
        ok = 200 <= status < 300
        if not ok and not why:
            why = f"answered {status}" + (", a redirect, which is not followed" if 300 <= status < 400 else "")
        return Outcome(ok, status, why, wait, seconds, gone=status == GONE)

    async def close(self) -> None:
        """Drop every connection."""
        await self._transport.close()

    async def _post(self, letter: Letter) -> tuple[int, float | None]:
        now = self._time()
        body, headers = post(self._webhook, letter, now)
        connect = Timeouts(connect=DurationOrOff(float(self._webhook.timeout)))
        response = await self._transport.open(Call("POST", str(self._webhook.url), headers, body, connect))
        try:
            with suppress(ProviderError, TimeoutError):
                await _read(response)
        finally:
            await response.close()
        return response.status, retry_after(response.headers.get("retry-after", ""), now)


async def _read(response: Response) -> None:
    async with asyncio.timeout(1.0):
        await response.read(READ)


def retry_after(value: str, now: float) -> float | None:
    """The seconds a Retry-After header asks for (RFC 9110, 10.2.3: a number, or a date); None when it is neither."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
