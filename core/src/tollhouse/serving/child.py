"""A worker's process, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from .channel import Channel
from .source import Source
from .welcome import Welcome


class Child:
    """A process that was started to serve, or only to check. It drains by itself when this process is gone."""

    def __init__(self, process: asyncio.subprocess.Process, channel: Channel, text: str) -> None:
        self.process, self._channel = process, channel
        self.text = text
        """The configuration it began with."""
        self.began = time.monotonic()

    @property
    def pid(self) -> int:
        """The process' id."""
        return self.process.pid

    @classmethod
    async def start(
        cls, source: Source, text: str, listeners: Sequence[socket.socket] = (), do: Literal["start", "check"] = "start"
    ) -> Child:
        """Start a process: a fresh interpreter, which inherits the listeners and nothing else."""
        ours, theirs = socket.socketpair()
        numbers = [one.fileno() for one in listeners]
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "tollhouse.serving.process", str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), *numbers],
                process_group=0,  # what a terminal sends to its group is the supervisor's to forward
            )
        child = cls(process, await Channel.over(ours), text)
        await child._channel.tell(do=do, source=source, text=text, listeners=numbers)
        return child

    async def ready(self) -> Welcome | str:
        """Wait until it serves, or has checked; why not, if it does not."""
        answer = await self._channel.hear()
        if answer is None:
            return f"it ended {ending(await self.process.wait())} before it served."
        if answer["did"] == "refused":
            return str(answer["why"])
        return msgspec.convert(answer.get("welcome", {"models": [], "plugins": []}), Welcome)

    async def reload(self, text: str) -> str:
        """Have it serve by a new configuration: empty when it does, else why not. One at a time."""
        await self._channel.tell(do="reload", text=text)
        answer: dict[str, Any] = await self._channel.hear() or {}
        return str(answer.get("why", "")) if answer.get("did") == "refused" else ""

    async def drain(self) -> None:
        """Have it take no new work and end."""
        await self._channel.tell(do="drain")

    async def cut(self) -> None:
        """Have it end at once."""
        await self._channel.tell(do="cut")

    async def ended(self) -> int:
        """Wait for its end: the exit code, negative for a signal."""
        code = await self.process.wait()
        self._channel.close()
        return code

    def kill(self) -> None:
        """End it by force."""
        if self.process.returncode is None:
            self.process.kill()


def ending(code: int) -> str:
    """An exit code in words."""
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
