"""Who gets in at all, and what the core holds them to."""

from __future__ import annotations

import pytest
from parts import BODY, CHAT, asks, config
from tollhouse import ConfigError, Endpoint, Principal, Rejected, hookimpl
from tollhouse.config import parse
from tollhouse.dialect import Request
from tollhouse.journey import Collected
from tollhouse.testing import Client, Upstream, gateway, run

OPEN = 'plugins = ["openai"]\n[server]\nlisten = "{listen}"\n{more}\n'


class Lets:
    """Lets in whom it was made with."""

    name = "lets"

    def __init__(self, principal=None, error=None):
        self.principal, self.error, self.editions = principal, error, []

    @hookimpl
    async def startup(self, gateway, edition):
        self.editions.append((edition.number, gateway.edition.number))

    @hookimpl
    async def authenticate(self, exchange):
        if self.error:
            raise self.error
        return self.principal

    @hookimpl
    def endpoints(self):
        async def app(scope, receive, send):
            raise Rejected(f"Asked as {scope['tollhouse.request_id']}.", status=409, code="busy")

        return [Endpoint("/busy", app, ("GET",), "caller")]


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "10.1.2.3:80", "gate.example:80"])
def test_a_gateway_others_can_reach_asks_who_is_calling_or_is_told_not_to(listen):
    async def ask(more, *plugins):
        async with gateway(OPEN.format(listen=listen, more=more), *plugins):
            return True

    with pytest.raises(ConfigError, match=r"server\.listen: .* can be reached from other machines.*open_to_everyone"):
        run(ask(""))
    assert run(ask("open_to_everyone = true"))
    assert run(ask("", Lets()))


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0", "localhost:0"])
def test_a_gateway_only_this_machine_reaches_is_open(listen):
    async def ask():
        async with gateway(OPEN.format(listen=listen, more="")):
            return True

    assert run(ask())


def test_a_plugin_is_told_which_configuration_starts_also_at_a_reload(tmp_path):
    async def ask():
        lets = Lets(Principal(key="a"))
        async with gateway('plugins = ["openai"]', lets) as made:
            await made.reload(parse('plugins = ["openai"]', {}, path=tmp_path / "gateway.toml"))
        return lets.editions

    assert run(ask()) == [(1, 1), (2, 1)]


def test_routes_and_dialects_hold_for_what_is_submitted_too():
    async def ask():
        async with Upstream() as up:
            up.answer(BODY)
            async with gateway(config(up.url)) as made:
                dialect = made.edition.dialects["openai"]
                route = next(route for route in dialect.routes if route.task == "chat")
                request: Request = dialect.request(b'{"model": "m", "messages": []}', route)
                sinks = [Collected() for _ in range(2)]
                limits = ({"routes": ("embed",)}, {"dialects": ("anthropic",)})
                for sink, limit in zip(sinks, limits, strict=True):
                    await made.submit(request, Principal(key="a", **limit), sink, origin="test")
                return [sink.status for sink in sinks], up.requests

    assert run(ask()) == ([403, 403], [])


def test_what_an_endpoint_refuses_is_worded_by_the_core_with_the_requests_id():
    async def ask():
        async with gateway('plugins = ["openai"]', Lets(Principal(key="a"))) as made:
            return await Client(made).get("/busy", {"x-request-id": "ask-7"})

    answer = run(ask())
    assert (answer.status, answer.json()["error"]["code"]) == (409, "busy")
    assert answer.json()["error"]["message"] == "Asked as ask-7."
    assert answer.headers["x-request-id"] == "ask-7"


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError("boom"), 500), (Rejected("No.", status=503, code="away", retry_after=2), 503)]
)
def test_a_failing_authentication_lets_nobody_reach_an_endpoint_or_a_model(error, status):
    async def ask():
        async with Upstream() as up:
            up.answer(BODY)
            async with gateway(config(up.url), Lets(error=error)) as made:
                answers = [await Client(made).get("/busy"), await Client(made).post(CHAT, asks("m"))]
            return [answer.status for answer in answers], [b"boom" in answer.body for answer in answers], up.requests

    assert run(ask()) == ([status, status], [False, False], [])
