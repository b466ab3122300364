"""What is measured: nginx as the plainest proxy there is, and Tollhouse in its several forms."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

BASE = "nginx"
"""What the ratios are to."""

NOTHINGS = 8
"""Plugins that do nothing, of the targets named after them."""

NGINX = """
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 1000000;
    upstream up {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://up;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""

TOLLHOUSE = """
plugins = [{plugins}]
transport = "{transport}"

[server]
engine = "{engine}"
listen = "127.0.0.1:{port}"

[store]
ledger = {ledger}

[providers.up]
kind = "openai"
base_url = "http://127.0.0.1:{upstream}/v1"
api_key = "sk-unused"

[models]
m = ["up/x"]
"""

NOTHING = '''
"""Does nothing in every hook that most requests meet."""

from tollhouse import hookimpl


class Nothing:
    @hookimpl
    async def admit(self, exchange):
        pass

    @hookimpl
    async def route(self, exchange):
        return None

    @hookimpl
    async def dispatch(self, exchange, attempt):
        pass

    @hookimpl
    def observe(self, exchange, attempt):
        pass

    @hookimpl
    async def settle(self, exchange):
        pass
'''


@dataclass(frozen=True, slots=True)
class Launch:
    """How a target is started and asked."""

    command: list[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """Something between caller and upstream."""

    name: str
    what: str
    launch: Callable[[Path, int, int], Launch]
    """Writes what it needs into a folder, given its own port and the upstream's."""
    exact: bool = True
    """Whether answers come through byte for byte."""
    behind: bool = False
    """Whether it writes things down behind its answers, and may wait for a next request to go on with that."""


def first() -> tuple[list[Target], list[str]]:
    """nginx and Tollhouse as far as they are installed here, and words about what is not."""
    missing = []
    targets = []
    if shutil.which("nginx"):
        targets.append(Target(BASE, "plain proxy, one worker", _nginx))
    else:
        missing.append("nginx is not installed: there are no ratios")
    engines = ["hypercorn"]
    if find_spec("uvicorn"):
        engines.insert(0, "uvicorn")
    else:
        missing.append("uvicorn is not installed: only hypercorn is measured")
    for engine in engines:
        targets += [
            Target(f"bare-{engine}", 'plugins = ["openai"], no ledger', _tollhouse(engine)),
            Target(f"shipped-{engine}", "with its ledger, as it comes", _tollhouse(engine, ledger=True), behind=True),
            Target(f"nothing{NOTHINGS}-{engine}", f"bare with {NOTHINGS} plugins that do nothing", _nothing(engine)),
            Target(f"httpx-{engine}", 'bare with transport = "httpx"', _tollhouse(engine, transport="httpx")),
        ]
    return targets, missing


def _nginx(folder: Path, port: int, upstream: int) -> Launch:
    (folder / "nginx.conf").write_text(NGINX.format(port=port, upstream=upstream))
    return Launch(["nginx", "-e", "stderr", "-p", str(folder), "-c", "nginx.conf"])


def _tollhouse(
    engine: str, *, ledger: bool = False, transport: str = "http1", more: tuple[str, ...] = ()
) -> Callable[[Path, int, int], Launch]:
    def launch(folder: Path, port: int, upstream: int) -> Launch:
        (folder / "gateway.toml").write_text(
            TOLLHOUSE.format(
                plugins=", ".join(f'"{name}"' for name in ("openai", *more)),
                transport=transport,
                engine=engine,
                ledger=str(ledger).lower(),
                port=port,
                upstream=upstream,
            )
        )
        return Launch([sys.executable, "-m", "tollhouse", "serve"])

    return launch


def _nothing(engine: str) -> Callable[[Path, int, int], Launch]:
    names = [f"nothing{number}.py" for number in range(NOTHINGS)]
    plain = _tollhouse(engine, more=tuple(f"./{name}" for name in names))

    def launch(folder: Path, port: int, upstream: int) -> Launch:
        for name in names:
            (folder / name).write_text(NOTHING)
        return plain(folder, port, upstream)

    return launch
