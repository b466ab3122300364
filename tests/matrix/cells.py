"""Runs one cell of the matrix: a caller's dialect, a provider and a row, whole and streamed, through a real gateway."""

import asyncio
import json
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass

from answering import CACHED, INPUT, OUTPUT, answer, says, spoken
from asking import ask
from carrying import carries
from hearing import hear
from tollhouse import hookimpl
from tollhouse.testing import Client, Upstream, gateway
from tollhouse.testing.upstream import Script

KEY = "sk-fake-upstream-canary-0123456789"

CONFIG = """
plugins = ["openai", "anthropic", "gemini", "bedrock"]
max_attempts = 1

[providers.chat]
kind = "openai"
base_url = "{url}/v1"
api_key = "{key}"
responses = "no"
completions = false

[providers.openai]
base_url = "{url}/v1"
api_key = "{key}"
responses = "first"

[providers.anthropic]
base_url = "{url}"
api_key = "{key}"

[providers.gemini]
base_url = "{url}/v1beta"
api_key = "{key}"

[providers.bedrock]
base_url = "{url}"
region = "eu-west-1"
api_key = "{key}"

[models]
chat = ["chat/gpt-5"]
openai = ["openai/gpt-5"]
anthropic = ["anthropic/claude-sonnet-4-5"]
gemini = ["gemini/gemini-2.5-flash"]
bedrock = ["bedrock/eu.anthropic.claude-sonnet-4-5-v1:0"]
later_claude = ["anthropic/claude-opus-4-8"]
later_gemini = ["gemini/gemini-3-pro-preview"]
"""

PROVIDERS = {
    "chat": "a host of chat completions",
    "openai": "OpenAI, all APIs",
    "anthropic": "Anthropic",
    "gemini": "Gemini",
    "bedrock": "Bedrock",
}
"""The columns."""

FINISHES = {
    "openai": {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "filter": "content_filter"},
    "openai_completions": {"stop": "stop", "length": "length", "filter": "content_filter"},
    "openai_responses": {
        "stop": "completed",
        "tool_calls": "completed",
        "length": "incomplete: max_output_tokens",
        "filter": "incomplete: content_filter",
    },
    "anthropic": {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filter": "refusal"},
    "gemini": {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "filter": "SAFETY"},
    "bedrock": {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "filter": "content_filtered",
    },
}
"""The word each SDK must read for an end."""


@dataclass(frozen=True)
class Cell:
    """How it went. `kind` is exact, adapted, dropped, refused or n/a."""

    kind: str
    lines: tuple = ()

    def __str__(self):
        said = "; ".join(re.sub(r"^\w+ (\S+): ", r"`\1` ", line) for line in self.lines)
        return f"{self.kind}: {said}" if said else self.kind


class Watches:
    """Keeps the receipts, as any plugin may."""

    name = "watches"

    def __init__(self):
        self.lines = ()

    @hookimpl
    def observe(self, attempt):
        self.lines = tuple(attempt.receipt.lines) if attempt.receipt else ()


class Stage:
    """One gateway and one upstream on a real socket, for any number of exchanges, on a loop of their own."""

    def __enter__(self):
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.watches = Watches()
        self._answer = lambda request: Script(500)
        self._runner.run(self._open())
        self._base = {}
        return self

    def __exit__(self, *_):
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _open(self):
        self.up = await self._stack.enter_async_context(Upstream(lambda request: self._answer(request)))
        made = await self._stack.enter_async_context(gateway(CONFIG.format(url=self.up.url, key=KEY), self.watches))
        self._client = Client(made)

    def exchange(self, asked, reply):
        """Send what `ask` made while the upstream answers with `reply(request)`; gives the caller's response."""
        path, headers, body = asked
        self._answer, self.watches.lines = reply, ()
        self.up.requests.clear()
        response = self._runner.run(asyncio.wait_for(self._client.post(path, body, headers), 30))
        assert KEY.encode() not in response.body
        assert KEY not in str(response.headers)
        return response

    def cell(self, dialect, provider, row):
        """The outcome of a cell. Fails when anything is lost without a line on the receipt, when a stream fares
        otherwise than a whole reply, or when the caller's SDK does not read what the upstream said."""
        whole = self._run(dialect, provider, row, False)
        if row not in ("embeddings", "count"):
            streamed = self._run(dialect, provider, row, True)
            assert streamed == whole, "streamed and whole fare alike"
        return whole

    def _run(self, dialect, provider, row, streamed):
        thought = None
        if row == "thoughts_back":
            thought = self._thought(dialect, provider)
        asked = ask(dialect, row, provider, streamed, thought) if row != "thoughts_back" or thought else None
        if asked is None:
            return Cell("n/a")
        response = self.exchange(asked, lambda request: answer(row, request))
        if response.status >= 400:
            assert response.status == 400, response.body
            assert self.up.requests == []
            return Cell("refused")
        [request] = self.up.requests
        upstream = spoken(request.path)
        if upstream == dialect:
            assert not self.watches.lines
        lines = self._lines(dialect, provider, row)
        self._check(dialect, row, streamed, response)
        if not carries(row, upstream, request.json()):
            assert lines, f"{row} is lost without a line: {request.body!r}"
            return Cell("dropped", lines)
        return Cell("adapted" if lines else "exact", lines)

    def _thought(self, dialect, provider):
        """The caller's own copy of a reply with a thought in it; None where it is told none, or without a mark."""
        first = ask(dialect, "thinking", provider)
        if first is None:
            return None
        if dialect == "openai_responses":
            first[2]["include"] = ["reasoning.encrypted_content"]
        response = self.exchange(first, lambda request: answer("thinking", request))
        assert response.status == 200, response.body
        return json.loads(response.body)

    def _lines(self, dialect, provider, row):
        """The receipt's entries, less what already a plain text costs this pair."""
        said = tuple(_short(line) for line in self.watches.lines)
        if row == "text":
            self._base[dialect, provider] = said
        elif (dialect, provider) not in self._base:
            self._run(dialect, provider, "text", False)
        base = self._base[dialect, provider]
        return tuple(dict.fromkeys(line for line in said if line not in base or row == "text"))

    def _check(self, dialect, row, streamed, response):
        task = {"embeddings": "embed", "count": "count"}.get(row, "chat")
        headers = {"content-type": response.headers["content-type"]}
        heard = hear(dialect, response.body, headers=headers, streamed=streamed, task=task)
        assert heard.error is None, heard.error
        if task == "embed":
            assert heard.vectors == [[0.5, 0.0], [0.5, 1.0]]
            return
        if task == "count":
            assert heard.count == 5
            return
        parts = says(row)
        assert heard.text == "".join(part[1] for part in parts if part[0] == "text")
        assert heard.calls == [(part[1], part[2]) for part in parts if part[0] == "call"]
        assert heard.thoughts == "".join(part[1] for part in parts if part[0] == "thought")
        assert (heard.input, heard.output) == (INPUT, OUTPUT)
        end = {"length": "length", "filter": "filter"}.get(row, "tool_calls" if heard.calls else "stop")
        assert heard.finish == FINISHES[dialect][end]
        assert heard.choices == (2 if row == "n" else 1)
        if row == "usage":
            assert re.search(rb'"\w*[cC]ache\w*":\s?%d\b' % CACHED, response.body)


def _short(line):
    """`dropped=messages[0].parts[1]:reason` as `messages[].parts[]: reason`, with what kind it is of."""
    kind, _, rest = line.partition("=")
    path, _, reason = rest.partition(":")
    return f"{kind} {re.sub(r'[0-9]+', '', path)}: {reason}"
