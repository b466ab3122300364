"""Replays recordings: what the SDK reads straight from one, and what it reads through a gateway before it."""

import asyncio
import random
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx2
import msgspec
import openai
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from tollhouse import hookimpl
from tollhouse.testing import Client, Upstream, gateway
from tollhouse.testing.corpus import recordings
from tollhouse.testing.upstream import Script

PRESETS = {
    "alibaba",
    "cerebras",
    "deepseek",
    "groq",
    "huggingface",
    "mistral",
    "moonshot",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "together",
    "voyage",
    "xai",
    "zai",
}
"""Providers of the recordings that are served by a kind of their own; the others by `openai`."""
SILENT = {"mistral", "perplexity"}
"""Kinds that are not asked for usage in streams."""
ALL = [
    r
    for r in recordings("chat_completions", "embeddings", kinds=("json", "sse", "chunks"))
    if not r.path().startswith("/api/embeddings")
]
"""All of this dialect; Ollama's own embeddings are of another."""


@dataclass
class Heard:
    """What the SDK made of a reply."""

    whole: dict | None = None
    chunks: list[dict] = field(default_factory=list)
    error: openai.APIError | None = None

    @property
    def failure(self):
        """An error's class, status and body."""
        error = self.error
        return error and (type(error), getattr(error, "status_code", None), error.body)


@dataclass(frozen=True)
class Place:
    """The provider a recording is replayed from, as configured before the gateway."""

    name: str
    kind: str
    base: str
    version: str = ""
    model: str = ""

    def table(self, url):
        if self.kind == "azure":
            where = f'endpoint = "{url}"\napi_version = "{self.version}"'
        else:
            where = f'base_url = "{url}{self.base}"'
        return f'[providers.{self.name}]\nkind = "{self.kind}"\n{where}\napi_key = "sk-fake"\n'


def place(recording):
    """Where a recording's request went."""
    path = recording.path() or ("/v1/embeddings" if recording.endpoint == "embeddings" else "/v1/chat/completions")
    path, _, query = path.partition("?")
    if found := re.match(r"/openai/deployments/([^/]+)/", path):
        version = query.removeprefix("api-version=") or "2024-10-21"
        return Place(f"azure-{version}", "azure", "", version, found[1])
    base = re.sub(r"/(chat/completions|embeddings)$", "", path)
    kind = recording.provider if recording.provider in PRESETS else "openai"
    return Place(recording.provider + re.sub(r"\W", "-", base), kind, base)


def config(url):
    """A provider for every place."""
    tables = {(p := place(recording)).name: p.table(url) for recording in ALL}
    return 'plugins = ["openai"]\nmax_attempts = 1\n' + "".join(tables.values())


def body_of(recording, asked=None):
    """The recorded request's body, or a plain one; `asked` says whether a stream asks for its usage."""
    raw = recording.request()
    if raw is not None:
        body = msgspec.json.decode(raw)
    elif recording.endpoint == "embeddings":
        body = {"model": "some-model", "input": "hi"}
    else:
        body = {"model": "some-model", "messages": [{"role": "user", "content": "hi"}]}
        if recording.kind != "json":
            body["stream"] = True
    if asked is not None:
        body.pop("stream_options", None)
        if asked:
            body["stream_options"] = {"include_usage": True}
    return body


def chunks_of(data, seed):
    """The bytes cut at random places."""
    chance = random.Random(seed)
    cuts = sorted({chance.randrange(1, len(data)) for _ in range(chance.randrange(1, 40))}) if len(data) > 1 else []
    return [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def script(recording, pieces=None):
    """The recorded reply as an upstream's, whole or in pieces."""
    kind = "application/json" if recording.kind == "json" else "text/event-stream; charset=utf-8"
    data = reply_of(recording)
    return Script(recording.status, {"content-type": kind}, data if pieces is None else pieces)


def reply_of(recording):
    """The recorded bytes. What was kept without its framing gets the end it had on the wire."""
    return recording.reply() + (b"data: [DONE]\n\n" if recording.kind == "chunks" else b"")


async def listen(client, recording, body):
    """Ask as the SDK does, and hear the answer to its end."""
    heard = Heard()
    try:
        if recording.endpoint == "embeddings":
            answer = await client.post("/embeddings", body=body, cast_to=CreateEmbeddingResponse)
            heard.whole = answer.model_dump()
        elif body.get("stream"):
            stream = await client.post(
                "/chat/completions",
                body=body,
                cast_to=ChatCompletionChunk,
                stream=True,
                stream_cls=openai.AsyncStream[ChatCompletionChunk],
            )
            async for chunk in stream:
                heard.chunks.append(chunk.model_dump())
        else:
            answer = await client.post("/chat/completions", body=body, cast_to=ChatCompletion)
            heard.whole = answer.model_dump()
    except openai.APIError as error:
        heard.error = error
    return heard


def sdk(transport, url="http://gateway/v1"):
    """The SDK's client on a transport."""
    http = httpx2.AsyncClient(transport=transport)
    return openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0, http_client=http)


class Straight(httpx2.AsyncBaseTransport):
    """Answers with the recording."""

    def __init__(self, recording):
        self._script = script(recording)

    async def handle_async_request(self, request):
        return httpx2.Response(self._script.status, headers=dict(self._script.headers), content=self._script.body)


class Through(httpx2.AsyncBaseTransport):
    """Answers with what the gateway says."""

    def __init__(self, made):
        self._client = Client(made)

    async def handle_async_request(self, request):
        sent = await request.aread()
        async with self._client.stream(request.url.path, sent, {"content-type": "application/json"}) as stream:
            read = [chunk async for chunk in stream.chunks()]
            assert stream.finished

            async def again():
                for chunk in read:
                    yield chunk

            return httpx2.Response(stream.status, headers=stream.headers, content=again())


class Watches:
    """Keeps every attempt, as any plugin may observe it."""

    name = "watches"

    def __init__(self):
        self.attempts, self.outcomes = [], []

    @hookimpl
    def observe(self, attempt):
        self.attempts.append(attempt)

    @hookimpl
    async def settle(self, exchange):
        self.outcomes.append(exchange.outcome)


class Stage:
    """One gateway before one upstream on a real socket, on a loop of their own, for any number of replays."""

    def __enter__(self):
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.watches = Watches()
        self._script = Script()
        self._runner.run(self._open())
        return self

    def __exit__(self, *_):
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _open(self):
        self.up = await self._stack.enter_async_context(Upstream(lambda request: self._script))
        self.gateway = await self._stack.enter_async_context(gateway(config(self.up.url), self.watches))
        self._through = await self._stack.enter_async_context(sdk(Through(self.gateway)))

    def straight(self, recording, body):
        """What the SDK reads from the recording."""

        async def hear():
            async with sdk(Straight(recording)) as client:
                return await listen(client, recording, body)

        return self._runner.run(hear())

    def through(self, recording, body, pieces):
        """What the SDK reads through the gateway, from an upstream that sends these pieces one by one."""
        self.up.requests.clear()
        self.watches.attempts.clear()
        self.watches.outcomes.clear()
        self._script = script(recording, [part for piece in pieces for part in (piece, 0.0)])
        at = place(recording)
        body = {**body, "model": f"{at.name}/{at.model or body['model']}"}
        return self._runner.run(asyncio.wait_for(listen(self._through, recording, body), 60))
