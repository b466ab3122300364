"""What telemetry costs: `python tests/benchmarks/telemetry.py`, about a minute, prints a table.

Every call is a chat of about 1 KB through the whole front of a gateway, in this process and without sockets; the
provider answers at once, so that what is left is the gateway's own work. `none` is the same without telemetry, its
ledger in memory: the ratios are to it, within one round. CPU is this process's own, the threads that send spans
included; the collector is another process.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from typing import Any

from cache import BODY, FRAMES, Instant, Offers, asks
from tollhouse.testing import Client, gateway

COLLECTOR = """
import http.server
class Takes(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Takes)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
ROWS = [
    ("none", "", ""),
    ("metrics", "metrics", ""),
    ("metrics, hooks measured", "metrics", "[metrics]\nhooks = true\n"),
    ("tracing, every request", "tracing", '[tracing]\nendpoint = "{collector}"\n'),
    ("tracing, one request of a hundred", "tracing", '[tracing]\nendpoint = "{collector}"\nratio = 0.01\n'),
    ("tracing, with content", "tracing", '[tracing]\nendpoint = "{collector}"\ncontent = true\n'),
]


async def rate(plugin: str, more: str, seconds: float, *, stream: bool) -> float:
    """Calls by second of CPU time."""
    listed = ", ".join(f'"{name}"' for name in ("openai", plugin) if name)
    text = f'plugins = [{listed}]\n[providers]\ninstant = {{}}\n[models]\nm = ["instant/x"]\n{more}'
    text += '\n[store]\nurl = "memory:"\n'
    body, size = asks("once", stream=stream), len(b"".join(FRAMES)) if stream else len(BODY)
    async with gateway(text, Offers) as made:
        client = Client(made)

        async def call() -> None:
            answer = await client.post("/v1/chat/completions", body)
            assert answer.status == 200
            assert len(answer.body) > size // 2

        for _ in range(20):
            await call()
        count, cpu, until = 0, time.process_time(), time.monotonic() + seconds
        while time.monotonic() < until:
            await call()
            count += 1
        assert Instant.asked >= count
    return count / (time.process_time() - cpu)


async def measured(collector: str, seconds: float, rounds: int) -> None:
    """The table."""
    figures: dict[tuple[str, bool], list[float]] = {}
    for _ in range(rounds):
        for name, plugin, more in ROWS:
            for stream in (False, True):
                figure = await rate(plugin, more.replace("{collector}", collector), seconds, stream=stream)
                figures.setdefault((name, stream), []).append(figure)
    print("| telemetry | whole: calls by CPU second | x none | streamed: calls by CPU second | x none |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, _, _ in ROWS:
        cells: list[Any] = []
        for stream in (False, True):
            pairs = zip(figures[name, stream], figures["none", stream], strict=True)
            cells += [f"{statistics.median(figures[name, stream]):.0f}"]
            cells += [f"{statistics.median(one / other for one, other in pairs):.2f}"]
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each kind of call")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    collector = subprocess.Popen([sys.executable, "-c", COLLECTOR], stdout=subprocess.PIPE, text=True)
    try:
        assert collector.stdout is not None
        port = int(collector.stdout.readline())
        asyncio.run(measured(f"http://127.0.0.1:{port}/v1/traces", args.seconds, args.rounds))
    finally:
        collector.terminate()
        collector.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
