"""What the tests share: a receiver that checks signatures with the reference library, a clock, short ways to wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from standardwebhooks import Webhook
from tollhouse.testing import Upstream
from tollhouse.testing.upstream import Request, Script

SECRET = "whsec_" + "fakefake" * 5
OTHER = "whsec_" + "ekafekaf" * 5
START = 1_700_000_000.0

CHAT = "/v1/chat/completions"
BODY = {"model": "simulator/echo", "messages": [{"role": "user", "content": "hello"}]}

CONFIG = """
plugins = ["openai", "webhooks"]
providers.simulator = { ttft = "off", tokens_per_second = 0 }
[webhooks.ops]
url = "URL/hook"
secret = "SECRET"
allow = ["127.0.0.1"]
"""


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = START

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Receiver(Upstream):
    """Takes messages whose signature the reference library accepts, and refuses others with a 401."""

    def __init__(self, secret: str = SECRET) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.refused = 0
        self._webhook = Webhook(secret)
        self.then(self._take)

    def _take(self, request: Request) -> Script:
        try:
            message = self._webhook.verify(request.body, request.headers)
        except Exception:
            self.refused += 1
            return Script(401)
        self.messages.append(message)
        self.ids.append(request.headers["webhook-id"])
        return Script(204)

    def of(self, type_: str) -> list[dict[str, Any]]:
        """The data of the messages of a type."""
        return [message["data"] for message in self.messages if message["type"] == type_]


async def until(true: Callable[[], Any], seconds: float = 15.0) -> None:
    """Wait for something that happens by itself."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "what was waited for did not come"
        await asyncio.sleep(0.01)


def config(url: str, more: str = "") -> str:
    """A gateway with one webhook; `more` are further lines of its table, or tables."""
    return CONFIG.replace("URL", url).replace("SECRET", SECRET) + more
