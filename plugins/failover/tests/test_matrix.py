"""Every fault, streamed or not, in every dialect, over real sockets: what callers see and what upstreams get.

The table in the README is what this finds; `python plugins/failover/tests/test_matrix.py` writes it.
"""

import json
import socket
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tollhouse.testing import Served

pytestmark = pytest.mark.slow

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- matrix: written by tests/test_matrix.py -->\n", "<!-- end of matrix -->"

FAULTS = {
    "no connection": "",
    "400": "status=400",
    "401": "status=401",
    "403": "status=403",
    "404": "status=404",
    "409": "status=409",
    "429, retry-after 2 s": "status=429&retry_after=2",
    "500": "status=500",
    "503": "status=503",
    "no answer": "stall",
    "a page of HTML": "malformed",
    "an error before the first token": "error_after=0",
    "an error after 3 tokens": "error_after=3",
    "silence after 3 tokens": "stall_after=3",
    "an end after 3 tokens": "cut_after=3",
}
NAMES = {fault: f"f{number}" for number, fault in enumerate(FAULTS)}
DIALECTS = ("openai", "anthropic", "gemini")
TEXT = "one two three four five six"

COUNTS = '''
"""Counts what arrives, by model."""

import msgspec
from tollhouse import Endpoint, hookimpl
from tollhouse.front.response import whole


class Counts:
    def __init__(self):
        self.seen = {}

    @hookimpl
    async def admit(self, exchange):
        self.seen[exchange.model] = self.seen.get(exchange.model, 0) + 1

    @hookimpl
    def endpoints(self):
        async def counts(scope, receive, send):
            await whole(send, 200, {"content-type": "application/json"}, msgspec.json.encode(self.seen))

        return [Endpoint("/counts", counts, access="public")]
'''


def _upstream() -> str:
    """Models that fail by name, one of each dialect, kind of call and fault so that arrivals can be told apart."""
    models = []
    for call in _calls():
        models.append(f'bad-{call} = ["simulator/echo?{FAULTS[_fault(call)] or "status=500"}"]')
        models.append(f'good-{call} = ["simulator/echo"]')
    listed = "\n".join(models)
    plugins = ", ".join(f'"{name}"' for name in (*DIALECTS, "./counts.py"))
    return f"""
plugins = [{plugins}]
providers.simulator = {{ ttft = "off", tokens_per_second = 0 }}
server.engine = "uvicorn"
[models]
{listed}
"""


def _gateway(url: str) -> str:
    providers, models = [], []
    for dialect in DIALECTS:
        base = f"{url}/v1" if dialect == "openai" else url
        providers += [
            f'[providers.{dialect}-dead]\nkind = "{dialect}"\nbase_url = "http://127.0.0.1:{_closed()}"',
        ]
        providers += [
            f'[providers.{dialect}-{place}]\nkind = "{dialect}"\nbase_url = "{base}"\napi_key = "sk-fake-{place}"'
            for place in ("first", "second")
        ]
    for call in _calls():
        dialect = call.partition("-")[0]
        first = "first" if FAULTS[_fault(call)] else "dead"
        models.append(f'{call} = ["{dialect}-{first}/bad-{call}", "{dialect}-second/good-{call}"]')
    plugins = ", ".join(f'"{name}"' for name in (*DIALECTS, "failover"))
    return "\n".join(
        [
            f"plugins = [{plugins}]",
            'server.engine = "uvicorn"',
            '[timeouts]\nfirst_byte = "2s"\nidle = "2s"',
            '[failover]\nbreaker = "off"',
            *providers,
            "[models]",
            *models,
        ]
    )


def _closed() -> int:
    """A port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _calls() -> Iterator[str]:
    for dialect in DIALECTS:
        for stream in ("whole", "stream"):
            for name in NAMES.values():
                yield f"{dialect}-{stream}-{name}"


def _fault(call: str) -> str:
    return next(fault for fault, name in NAMES.items() if name == call.rpartition("-")[2])


def _ask(client: httpx.Client, url: str, call: str) -> tuple[int, str]:
    """The status, and what was said: all, part or none of the text, and whether an error was among it."""
    dialect, stream = call.split("-")[0], call.split("-")[1] == "stream"
    if dialect == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        path, body = f"/v1beta/models/{call}:{verb}", {"contents": [{"role": "user", "parts": [{"text": TEXT}]}]}
    else:
        path = "/v1/chat/completions" if dialect == "openai" else "/v1/messages"
        body = {"model": call, "messages": [{"role": "user", "content": TEXT}], "stream": stream, "max_tokens": 100}
    headers = {"anthropic-version": "2023-06-01"} if dialect == "anthropic" else {}
    answer = client.post(url + path, json=body, headers=headers)
    texts, failed = [], answer.status_code >= 400
    if answer.status_code == 200 and stream:
        for line in answer.text.splitlines():
            if line.startswith("data: {"):
                event = json.loads(line[6:])
                failed = failed or "error" in event or event.get("type") == "error"
                texts += _texts(event)
    elif answer.status_code == 200:
        texts = _texts(answer.json())
    said = "".join(texts)
    words = "all of it" if said == TEXT else "its beginning" if said and TEXT.startswith(said) else said or "nothing"
    return answer.status_code, "the answer" if words == "all of it" and not failed else _error(words, failed)


def _error(words: str, failed: bool) -> str:
    if words == "nothing":
        return "an error" if failed else "nothing"
    return f"{words}, then an error" if failed else f"{words} as if it were all"


def _texts(value: object) -> list[str]:
    """Every text of the model in a body or event of any of the dialects."""
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if not isinstance(value, dict):
        return []
    found = [value[name] for name in ("text", "content") if isinstance(value.get(name), str)]
    return found + [text for one in value.values() if isinstance(one, dict | list) for text in _texts(one)]


def _cells(folder: Path) -> dict[str, tuple[int, str, int, int]]:
    """By call: status, what was said, arrivals at the first target and at the second."""
    for name in ("up", "gate"):
        (folder / name).mkdir()
    (folder / "up" / "counts.py").write_text(COUNTS)
    with (
        Served(folder / "up", _upstream()) as up,
        Served(folder / "gate", _gateway(up.url)) as gate,
        httpx.Client(timeout=60) as client,
        ThreadPoolExecutor(16) as pool,
    ):
        calls = list(_calls())
        seen = dict(zip(calls, pool.map(lambda call: _ask(client, gate.url, call), calls), strict=True))
        counts = client.get(f"{up.url}/counts").json()
    return {call: (*seen[call], counts.get(f"bad-{call}", 0), counts.get(f"good-{call}", 0)) for call in calls}


def _table(cells: dict[str, tuple[int, str, int, int]]) -> str:
    lines = [
        "| the first target's fault | not streamed: the caller gets | asked | streamed: the caller gets | asked |",
        "|---|---|---|---|---|",
    ]
    for fault, name in NAMES.items():
        row = [fault]
        for stream in ("whole", "stream"):
            found = [cells[f"{dialect}-{stream}-{name}"] for dialect in DIALECTS]
            row.append(" or ".join(dict.fromkeys(f"{status}, {said}" for status, said, _, _ in found)))
            row.append(" or ".join(dict.fromkeys(f"{first} + {second}" for _, _, first, second in found)))
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _shown() -> str:
    return README.read_text().partition(BEGIN)[2].partition(END)[0]


def test_the_matrix_of_faults_is_the_one_in_the_readme(tmp_path):
    cells = _cells(tmp_path)
    assert _table(cells) == _shown()
    for call, (status, said, first, second) in cells.items():
        fault = _fault(call)
        assert first == (1 if FAULTS[fault] else 0), call
        assert second == (1 if said == "the answer" else 0), call
        after_content = call.split("-")[1] == "stream" and "after 3" in fault
        assert said == (
            "its beginning, then an error" if after_content else "an error" if fault == "400" else "the answer"
        )
        assert status == (400 if fault == "400" else 200)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        table = _table(_cells(Path(folder)))
    before, _, rest = README.read_text().partition(BEGIN)
    README.write_text(before + BEGIN + table + END + rest.partition(END)[2])
    sys.stdout.write(table)
