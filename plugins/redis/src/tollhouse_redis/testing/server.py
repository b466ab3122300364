"""A Redis server of its own for a test: on a free port of 127.0.0.1, in a temporary folder, ended by its id."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

WITHIN = 20.0
"""Seconds until a server that does not start, end or do what it should counts as broken."""


class RedisServer:
    """`with RedisServer() as server`: `server.url` is what `[store] url` takes.

    Needs the programs `redis-server` and `redis-cli` (see `installed`). Its data, an append-only file included,
    survives `kill` and `stop` followed by `start`, and goes with the object. `options` are lines of redis.conf, later
    ones winning; `password` is asked of every client, and stands in the URL.
    """

    def __init__(self, *options: str, password: str = "") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tollhouse-redis-")
        self.folder = Path(self._folder.name)
        self.port = _free_port()
        self._options = ("appendonly yes", "appendfsync always", "save ''", *options)
        if password:
            self._options = (*self._options, f"requirepass {password}")
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def installed() -> bool:
        """Whether there is a `redis-server` to start, and a `redis-cli` to ask it."""
        return all(map(shutil.which, ("redis-server", "redis-cli")))

    @property
    def url(self) -> str:
        """Where it listens, with its password."""
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process, while it runs."""
        if self._process is None:
            raise AssertionError("this Redis server does not run")
        return self._process

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, and wait until it has loaded its data and answers."""
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", *self._options]
        (self.folder / "redis.conf").write_text("\n".join(lines) + "\n")
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", str(self.folder / "redis.conf")],
                stdout=log,
                stderr=log,
            )
        try:
            self.wait_until(self._answers)
        except AssertionError:
            self.stop()
            raise AssertionError(f"redis-server did not start:\n{(self.folder / 'redis.log').read_text()}") from None

    def stop(self) -> None:
        """End it in good order; nothing when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it by SIGKILL, as a crash does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it from answering, with its connections open, until `thaw`."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def command(self, *words: str | int | Path) -> str:
        """What `redis-cli` says about a command, without line end."""
        login = ["-a", self._password, "--no-auth-warning"] if self._password else []
        call = ["redis-cli", "-p", str(self.port), *login, *map(str, words)]
        return subprocess.run(call, check=True, capture_output=True, text=True).stdout.rstrip()

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait for something that the server does by itself. Raises AssertionError when it does not come, or the
        server ends."""
        until = time.monotonic() + WITHIN
        while not true():
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError("the Redis server ended, or did not do what was waited for")
            time.sleep(0.01)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        """Whether it does more than listen: it refuses commands while it still loads its data."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as line:
                line.sendall(b"PING\r\n")
                answer = line.recv(64)
        except OSError:
            return False
        return answer.startswith((b"+PONG", b"-NOAUTH"))


@contextlib.contextmanager
def redis_server(*options: str, password: str = "") -> Iterator[str]:
    """The URL of a server that runs as long as the block; see `RedisServer`."""
    with RedisServer(*options, password=password) as server:
        yield server.url


def _free_port() -> int:
    """One whose neighbour 10000 above, where nodes of a cluster talk, is a port too."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 55_536:
            return port
