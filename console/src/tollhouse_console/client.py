"""The admin API and the gateway's chat over HTTP, with every failure as one sentence for an operator."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any

import httpx

from .access import Access
from .sse import Message, Parser
from .text import clean

SILENCE = 35.0
"""Seconds without a byte after which a followed feed counts as lost; the gateway says something each 10."""


class Trouble(Exception):
    """The gateway did not do what was asked. `status` is 0 when it did not answer at all."""

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Client:
    """One gateway. Use as `async with`; every method raises Trouble. Close what `events` and `chat` give."""

    def __init__(self, access: Access, timeout: float = 10.0) -> None:
        self.access = access
        headers = {"authorization": f"Bearer {access.key}"} if access.key else {}
        self._http = httpx.AsyncClient(base_url=access.url, headers=headers, timeout=timeout, trust_env=False)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: str | int) -> Any:
        """The JSON of `/admin/v1/PATH`."""
        return await self._ask("GET", path, params=query or None)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What `/admin/v1/PATH` answers to this body."""
        return await self._ask("POST", path, json=dict(body or {}))

    async def events(self, after: str = "", types: str = "") -> AsyncGenerator[Message, None]:
        """Follow the feed, from after the event `after` where it is given. Ends by raising Trouble."""
        query = {name: value for name, value in (("after", after), ("types", types)) if value}
        timeout = httpx.Timeout(10.0, read=SILENCE)
        async with aclosing(self._stream("GET", "/admin/v1/events", params=query, timeout=timeout)) as messages:
            async for message in messages:
                yield message
        raise Trouble("the gateway ended the feed")

    async def chat(self, body: Mapping[str, Any], key: str = "") -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a streamed `/v1/chat/completions`, as the caller with this key, or with the admin's own.
        The first one is `{"headers": ...}`."""
        asked: dict[str, Any] = {"json": dict(body), "timeout": httpx.Timeout(10.0, read=600.0)}
        if key:
            asked["headers"] = {"authorization": f"Bearer {key}"}
        async with aclosing(self._stream("POST", "/v1/chat/completions", **asked)) as messages:
            async for message in messages:
                if message.name == "headers":
                    yield {"headers": json.loads(message.data)}
                elif message.data != "[DONE]" and isinstance(chunk := _read(message.data), dict):
                    if chunk.get("error"):
                        raise Trouble(*_error(chunk, 0))
                    yield chunk

    async def _stream(self, method: str, path: str, **asked: Any) -> AsyncGenerator[Message, None]:
        parser = Parser()
        try:
            async with self._http.stream(method, path, **asked) as answer:
                if answer.status_code >= 400:
                    await answer.aread()
                    raise _trouble(answer)
                yield Message("headers", json.dumps(dict(answer.headers)), "")
                async for piece in answer.aiter_bytes():
                    for message in parser.feed(piece):
                        yield message
        except httpx.HTTPError as error:
            raise Trouble(_why(error, self.access.url)) from error

    async def _ask(self, method: str, path: str, **asked: Any) -> Any:
        try:
            answer = await self._http.request(method, f"/admin/v1/{path}", **asked)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Trouble(_why(error, self.access.url)) from error
        if answer.status_code >= 400:
            raise _trouble(answer)
        found = _read(answer.text) if answer.content else {}
        if found is None:
            raise Trouble(f"/admin/v1/{path} answered something that is not JSON", answer.status_code)
        return found


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _trouble(answer: httpx.Response) -> Trouble:
    said = _read(answer.text)
    if answer.status_code == 401 and not (isinstance(said, dict) and said.get("error")):
        return Trouble("the admin key is not accepted", 401)
    return Trouble(*_error(said, answer.status_code))


def _error(said: Any, status: int) -> tuple[str, int, str]:
    error = said.get("error") if isinstance(said, dict) else None
    if isinstance(error, dict):
        return clean(error.get("message") or f"HTTP {status}"), status, clean(error.get("code") or "")
    return f"the gateway answered with HTTP {status}", status, ""


def _why(error: Exception, url: str) -> str:
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return f"nothing answers at {url}"
        case httpx.ReadTimeout():
            return f"{url} fell silent"
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return f"{url} is no address; write http://HOST:PORT"
        case _:
            return f"the connection to {url} broke"
