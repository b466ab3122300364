"""Endpoints where nobody authenticates: a plugin may vouch for who asks, and callers of models stay anonymous."""

import pytest
from tollhouse import Endpoint, Principal, Rejected, hookimpl
from tollhouse.front.response import whole
from tollhouse.testing import Client, gateway, run

CONFIG = 'plugins = ["anthropic", "openai"]\nproviders.simulator = { ttft = "off", tokens_per_second = 0 }\n'


class Rooms:
    """One endpoint of each level; each says who came in."""

    @hookimpl
    def endpoints(self):
        async def app(scope, receive, send):
            await whole(send, 200, {}, scope["tollhouse.principal"].key.encode())

        return [Endpoint(f"/rooms/{level}", app, access=level) for level in ("caller", "viewer", "admin")]


class Porter:
    """Vouches for who has the word."""

    @hookimpl
    async def vouch(self, exchange):
        word = exchange.headers.get("authorization", "")
        if word == "Bearer troll":
            raise Rejected("No trolls.", status=403, code="no_trolls")
        return Principal(key="guest", access="viewer") if word == "Bearer please" else None


class Guard:
    """Authenticates everybody as a mere caller."""

    @hookimpl
    async def authenticate(self, exchange):
        return Principal(key="anybody")


async def status(plugins, level, word):
    async with gateway(CONFIG, *plugins) as gate:
        response = await Client(gate).get(f"/rooms/{level}", {"authorization": f"Bearer {word}"})
        return response.status, response.body


@pytest.mark.parametrize(
    ("level", "word", "expected"),
    [
        ("caller", "", (200, b"")),
        ("caller", "please", (200, b"guest")),
        ("viewer", "please", (200, b"guest")),
        ("viewer", "", 401),
        ("admin", "please", 403),
        ("caller", "troll", 403),
    ],
)
def test_who_is_vouched_for_reaches_what_they_may(level, word, expected):
    got = run(status((Rooms, Porter), level, word))
    assert got == expected if isinstance(expected, tuple) else got[0] == expected


def test_nobody_is_asked_to_vouch_where_somebody_authenticates():
    assert run(status((Rooms, Porter, Guard), "viewer", "please"))[0] == 403
    assert run(status((Rooms, Porter, Guard), "caller", "please")) == (200, b"anybody")


def test_without_either_nobody_reaches_more_than_callers_may():
    assert run(status((Rooms,), "viewer", "please"))[0] == 403
    assert run(status((Rooms,), "caller", "please")) == (200, b"")


def test_an_error_of_an_endpoint_that_no_dialect_knows_is_in_no_dialect():
    async def work():
        async with gateway(CONFIG, Rooms, Porter) as gate:
            return (await Client(gate).get("/rooms/viewer")).json()

    assert run(work())["error"]["code"] == "invalid_api_key"
