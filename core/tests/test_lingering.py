"""The end of a response whose request is still being sent."""

import asyncio

from tollhouse.front.lingering import Lingering
from tollhouse.testing import run

LAST = {"type": "http.response.body", "body": b"no", "more_body": False}


class Server:
    """Like a server: the end of a response waits until what was received has been taken."""

    def __init__(self, *pieces: dict[str, object]) -> None:
        self.waiting = list(pieces)
        self.sent: list[tuple[bytes, bool]] = []

    async def receive(self) -> dict[str, object]:
        if self.waiting:
            return self.waiting.pop(0)
        return await asyncio.Event().wait() or {}

    async def send(self, message: dict[str, object]) -> None:
        self.sent.append((bytes(message["body"]), bool(message["more_body"])))
        while self.waiting and not message["more_body"]:
            await asyncio.sleep(0)


def piece(more: bool) -> dict[str, object]:
    return {"type": "http.request", "body": b"x", "more_body": more}


def test_what_was_not_read_is_thrown_away_before_the_response_ends():
    server = Server(piece(True), piece(True), piece(False))
    run(Lingering(server.receive, server.send).send(LAST))
    assert server.sent == [(b"no", True), (b"", False)]
    assert server.waiting == []


def test_a_body_that_was_read_to_its_end_delays_nothing():
    async def scenario() -> None:
        lingering = Lingering(server.receive, server.send)
        await lingering.receive()
        await lingering.send(LAST)

    server = Server(piece(False))
    run(scenario())
    assert server.sent == [(b"no", False)]


def test_a_caller_who_goes_on_and_on_is_cut_off():
    class Endless(Server):
        async def receive(self) -> dict[str, object]:
            await asyncio.sleep(0)
            return piece(True)

    server = Endless()
    run(Lingering(server.receive, server.send, seconds=0.05).send(LAST))
    assert server.sent[-1] == (b"", False)


def test_a_caller_who_leaves_is_not_waited_for():
    server = Server(piece(True), {"type": "http.disconnect"})
    run(Lingering(server.receive, server.send).send(LAST), 5)
    assert server.sent[-1] == (b"", False)
