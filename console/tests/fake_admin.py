"""A small server that speaks the admin API and a chat, with data that never changes by itself."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

NOW = 1_793_462_531.0
"""2026-10-31 16:02:11 UTC."""
KEY = "sk-fake-admin"
NANO = 1_000_000_000


def record(number, **more):
    made = {
        "id": f"ex-{number}",
        "request_id": f"req-{number}",
        "at": NOW - 60 + number,
        "state": "ended",
        "dialect": "openai",
        "task": "chat",
        "model": "smart",
        "target": "anthropic/claude-sonnet",
        "key": "ci",
        "user": "",
        "team": "search",
        "tags": [],
        "origin": "http",
        "stream": True,
        "status": 200,
        "outcome": "completed",
        "code": "",
        "seconds": 2.9,
        "ttft": 0.61,
        "tokens_per_second": 139.0,
        "tokens": {"input": 1588, "cache_read": 512, "output": 318},
        "input": 2100,
        "output": 318,
        "cost": 11_100_000,
        "saved": 0,
        "attempts": 1,
        "cache": "miss",
        "labels": {"cache": "miss"},
        "worker": "w1",
    }
    return {**made, **more}


RECORDS = [
    record(1),
    record(2, model="fast", target="openai/gpt-4o-mini", key="anna", team="web", seconds=1.1, ttft=0.3, cost=200_000),
    record(3, model="fast", target="gemini/gemini-flash", key="anna", team="web", attempts=2, ttft=1.2, cost=300_000),
    record(
        4,
        model="embed",
        target="",
        key="nightly",
        team="batch",
        status=429,
        outcome="rejected",
        code="rate_limit_exceeded",
        ttft=None,
        seconds=0.004,
        tokens={},
        input=0,
        output=0,
        cost=0,
        cache="",
    ),
    record(
        5,
        status=502,
        outcome="failed",
        code="upstream_error",
        ttft=None,
        seconds=3.4,
        cost=0,
        tokens={},
        input=0,
        output=0,
        attempts=2,
        cache="",
    ),
    record(
        6,
        outcome="answered",
        cache="hit",
        labels={"cache": "hit"},
        cost=0,
        saved=11_100_000,
        target="",
        ttft=0.002,
        seconds=0.003,
    ),
    record(7, cost=None, model="local", target="ollama/llama", key="", user="", team=""),
    record(
        8,
        state="running",
        status=0,
        outcome="",
        seconds=0.9,
        ttft=0.4,
        output=61,
        tokens={},
        input=None,
        cost=None,
        model="fast",
        target="openai/gpt-4o-mini",
        key="anna",
        team="web",
    ),
]

DETAIL = {
    "phases": {"authenticate": 0.0001, "admit": 0.0003, "route": 0.0001, "hold": 0.0004},
    "attempts": [
        {
            "number": 1,
            "target": "openai/gpt-4o-mini",
            "state": "failed",
            "status": 503,
            "error": "overloaded",
            "started": 0.001,
            "seconds": 0.52,
            "why": "failover: 503, next in models.fast",
        },
        {
            "number": 2,
            "target": "gemini/gemini-flash",
            "state": "won",
            "status": 200,
            "error": "",
            "started": 0.53,
            "first_content": 0.68,
            "seconds": 2.37,
            "tokens": {"input": 840, "output": 240},
            "cost": 300_000,
        },
    ],
    "notes": [["failover", "openai/gpt-4o-mini answered 503; the next target was tried"], ["budget", "$0.0009 held"]],
    "held": {"cost": 900_000},
    "translation": "adapted; dropped=logit_bias",
    "price": {"source": "genai-prices 2026-10"},
}

TARGETS = [
    {
        "target": "anthropic/claude-sonnet",
        "provider": "anthropic",
        "model": "claude-sonnet",
        "state": "up",
        "breaker": {"state": "closed", "until": None, "why": ""},
        "in_flight": 12,
        "requests": 812,
        "error_ratio": 0.004,
        "ttft_p50": 0.38,
        "ttft_p95": 1.9,
        "ttft_series": [0.3, 0.4, None, 0.5, 0.9, 0.4] * 5,
        "last_error": None,
        "drained_by": None,
    },
    {
        "target": "openai/gpt-4o-mini",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "state": "down",
        "breaker": {"state": "open", "until": NOW + 12, "why": "5 failures in 30 s"},
        "in_flight": 0,
        "requests": 97,
        "error_ratio": 0.52,
        "ttft_p50": 0.21,
        "ttft_p95": 0.8,
        "ttft_series": [0.2] * 20 + [None] * 10,
        "last_error": "503 overloaded",
        "drained_by": None,
    },
    {
        "target": "gemini/gemini-flash",
        "provider": "gemini",
        "model": "gemini-flash",
        "state": "drained",
        "breaker": None,
        "in_flight": 1,
        "requests": 40,
        "error_ratio": 0.0,
        "ttft_p50": 0.5,
        "ttft_p95": 1.1,
        "ttft_series": [],
        "last_error": None,
        "drained_by": "key:root",
    },
]

HOUR = NOW // 3600 * 3600


def spend(by):
    def row(values, requests, cost, unpriced=0, saved=0):
        return {
            "by": values,
            "requests": requests,
            "input": 1000,
            "output": 500,
            "cost": cost * NANO // 100,
            "unpriced": unpriced,
            "saved": saved * NANO // 100,
        }

    if by == "team,key":
        return [
            row(["search", "ci"], 900, 2900, 0, 310),
            row(["web", "anna"], 400, 1000, 12),
            row(["batch", "nightly"], 80, 220),
        ]
    if by == "hour":
        return [row([int(HOUR - 3600 * back)], 30, 500 - back * 20) for back in range(17)]
    names = {"model": ["smart", "fast", "local"], "team": ["search", "web", "batch"], "key": ["ci", "anna", "nightly"]}
    rows = []
    for back in range(20):
        for number, name in enumerate(names[by.partition(",")[2]]):
            rows.append(row([int(HOUR - 3600 * back), name], 10, (200 - back * 7) // (number + 1), number == 2, number))
    return rows


ANSWERS = {
    "state": {
        "at": NOW,
        "name": "tollhouse",
        "version": "0.1.0",
        "edition": 3,
        "started_at": NOW - 7200,
        "uptime": 7200,
        "health": {"word": "degraded", "why": ["openai/gpt-4o-mini is down"]},
        "store": {"up": True, "url": "sqlite:x"},
        "workers": [
            {"id": "w1", "pid": 1, "node": "a", "in_flight": 20},
            {"id": "w2", "pid": 2, "node": "b", "in_flight": 17},
        ],
        "rates": {
            "window": 60,
            "requests_per_second": 142.0,
            "error_ratio": 0.004,
            "in_flight": 37,
            "ttft_p50": 0.38,
            "ttft_p95": 1.9,
            "output_tokens_per_second": 2100,
            "cache_hit_ratio": 0.31,
        },
        "today": {"cost": 4120 * NANO // 100, "saved": 310 * NANO // 100, "unpriced": 12, "requests": 1380},
        "plugins": ["openai", "auth"],
    },
    "targets": {"items": TARGETS, "next": ""},
    "breakers": {"items": []},
    "models": {"items": [{"name": "smart", "targets": ["anthropic/claude-sonnet"]}, {"name": "fast", "targets": []}]},
    "budgets": {
        "budgets": [
            {
                "name": "$120 a day",
                "scope": {},
                "budget": "120 USD/day",
                "period": "day",
                "limit": 120 * NANO,
                "used": 4120 * NANO // 100,
                "remaining": 7880 * NANO // 100,
                "resets_at": NOW // 86400 * 86400 + 86400,
                "shadow": False,
            },
            {
                "name": "$10 a day",
                "scope": {"team": "web"},
                "budget": "10 USD/day",
                "period": "day",
                "limit": 10 * NANO,
                "used": 10 * NANO,
                "remaining": 0,
                "resets_at": NOW // 86400 * 86400 + 86400,
                "shadow": False,
            },
            {
                "name": "trial",
                "scope": {"key": "ci"},
                "budget": "5 USD total",
                "period": "total",
                "limit": 5 * NANO,
                "used": 1 * NANO,
                "remaining": 4 * NANO,
                "resets_at": None,
                "shadow": True,
            },
        ]
    },
    "keys": {
        "keys": [
            {
                "name": "ci",
                "origin": "file",
                "state": "active",
                "role": "member",
                "team": "search",
                "user": "",
                "tags": [],
                "models": ["smart", "fast"],
                "expires": None,
            },
            {
                "name": "anna",
                "origin": "store",
                "state": "active",
                "role": "member",
                "team": "web",
                "user": "anna@example.org",
                "models": None,
                "expires": "2027-01-31T00:00:00Z",
            },
            {
                "name": "old",
                "origin": "store",
                "state": "revoked",
                "role": "viewer",
                "team": "",
                "user": "",
                "models": None,
                "expires": None,
            },
        ],
        "next": "",
    },
    "limits": {
        "limits": [
            {
                "key": "rate_limit:a",
                "name": "60 requests/minute of key ci",
                "measure": "requests",
                "used": 51,
                "limit": 60,
                "remaining": 9,
                "resets_in": 42.0,
                "shadow": False,
                "waiting": 2,
            },
            {
                "key": "rate_limit:b",
                "name": "2M tokens/minute of team batch",
                "measure": "tokens",
                "used": 2_000_000,
                "limit": 2_000_000,
                "remaining": 0,
                "resets_in": 12.0,
                "shadow": False,
                "waiting": 0,
            },
        ]
    },
    "queue": {"waiting": 2, "lines": [{"key": "rate_limit:a", "waiting": 2, "longest": 1.2, "callers": {"key ci": 2}}]},
    "plugins": {
        "plugins": [
            {"name": "openai", "distribution": "tollhouse-openai", "version": "0.1.0", "hooks": ["dialects"]},
            {"name": "auth", "distribution": "tollhouse-auth", "version": "0.1.0", "hooks": ["authenticate", "admit"]},
        ],
        "hooks": [
            {
                "hook": "authenticate",
                "plugin": "auth",
                "order": 0,
                "calls": 1380,
                "seconds": 0.02,
                "errors": 0,
                "policy": "closed",
                "limit": 1.0,
            },
            {
                "hook": "ended",
                "plugin": "audit_log",
                "order": 1,
                "calls": 1380,
                "seconds": 0.4,
                "errors": 3,
                "policy": "open",
                "limit": 5.0,
            },
        ],
    },
    "config": {
        "lines": [
            {"path": "server.listen", "value": "127.0.0.1:8080", "origin": "gateway.toml:3"},
            {"path": "max_attempts", "value": "4", "origin": "default"},
        ],
        "file": "gateway.toml",
        "edition": 3,
    },
    "config/diff": {"changed": [{"path": "max_attempts", "old": "4", "new": "6"}]},
    "audit": {
        "items": [{"id": "1", "at": NOW - 500, "who": "key:root", "action": "drain", "what": "gemini/gemini-flash"}]
    },
}


class Fake:
    """`with Fake() as fake`: `fake.url` serves `fake.answers`; `fake.emit(kind, event)` goes to every follower, and
    `fake.asked` is what was posted."""

    def __init__(self, **answers):
        self.answers = {**json.loads(json.dumps(ANSWERS)), **answers}
        self.records = [dict(one) for one in RECORDS]
        self.asked = []
        self.followers = []
        self.absent = set()
        self.refuse = False
        self._number = 0

    def __enter__(self):
        routes = [
            Route("/admin/v1/events", self._events),
            Route("/admin/v1/{path:path}", self._admin, methods=["GET", "POST"]),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        for _ in range(1000):
            if self.server.started:
                break
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self.drop()
        self.thread.join(10)

    def drop(self):
        """End every feed."""
        for loop, queue in list(self.followers):
            loop.call_soon_threadsafe(queue.put_nowait, None)

    def emit(self, kind, **event):
        """Send an event."""
        self._number += 1
        data = json.dumps({"at": NOW, "type": kind, "worker": "w1", **event})
        text = f"id: {self._number}\nevent: {kind}\ndata: {data}\n\n"
        for loop, queue in self.followers:
            loop.call_soon_threadsafe(queue.put_nowait, text)

    def _let_in(self, request):
        return not self.refuse and request.headers.get("authorization") == f"Bearer {KEY}"

    def _error(self, status, code, message):
        return JSONResponse({"error": {"message": message, "code": code, "type": "x"}}, status)

    async def _events(self, request):
        if not self._let_in(request):
            return self._error(401, "invalid_key", "This admin key is not known.")
        queue = asyncio.Queue()
        entry = (asyncio.get_running_loop(), queue)
        self.followers.append(entry)

        async def lines():
            try:
                yield ": hello\n\n"
                while (text := await queue.get()) is not None:
                    yield text
            finally:
                self.followers.remove(entry)

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def _admin(self, request):
        path = request.path_params["path"]
        if not self._let_in(request):
            return self._error(401, "invalid_key", "This admin key is not known.")
        if path in self.absent:
            return self._error(404, "not_found", "Nothing is here.")
        if request.method == "POST":
            body = json.loads(await request.body() or b"{}")
            self.asked.append((path, body))
            if path == "keys" or path.endswith("/rotate"):
                return JSONResponse({"name": body.get("name", "anna"), "secret": "th-fake-secret-0001"})
            if path == "config/reload":
                return JSONResponse({"edition": 4})
            return JSONResponse({"ok": True}, 202 if path.endswith("/cancel") else 200)
        if path == "requests":
            return JSONResponse({"items": list(reversed(self.records)), "next": ""})
        if path.startswith("requests/"):
            found = [one for one in self.records if path[9:] in (one["id"], one["request_id"])]
            return JSONResponse({**found[0], **DETAIL}) if found else self._error(404, "not_found", "No such request.")
        if path == "spend":
            return JSONResponse({"items": spend(request.query_params["by"]) if self.answers["budgets"] else []})
        if path not in self.answers:
            return self._error(404, "not_found", "Nothing is here.")
        return JSONResponse(self.answers[path])

    async def _chat(self, request):
        body = await request.json()
        self.asked.append(("chat", {**body, "key": request.headers.get("authorization", "")}))

        async def chunks():
            for word in ("Plain ", "words ", "come ", "back."):
                yield f"data: {json.dumps({'choices': [{'delta': {'content': word}}]})}\n\n"
            yield f"data: {json.dumps({'choices': [], 'usage': {'prompt_tokens': 9, 'completion_tokens': 4}})}\n\n"
            yield "data: [DONE]\n\n"

        headers = {"x-request-id": "req-1", "x-tollhouse-target": "anthropic/claude-sonnet"}
        return StreamingResponse(chunks(), media_type="text/event-stream", headers=headers)
