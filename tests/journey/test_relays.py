"""Relays: edits are patches, inserted text is encoded in the stream's own terms, refusals and bugs are told apart."""

import asyncio

import msgspec
import pytest
from parts import BODY, CHAT, STREAM, WORDS, Observes, asks, chunk, config, words
from tollhouse import Event, Refused, Rejected, Reply, hookimpl
from tollhouse.neutral import Delta, End, Finish, PartEnd, PartStart, Start
from tollhouse.testing import Client, Upstream, gateway, run, sse


def through(answer, *plugins, body=None, stream=False, more="", calls=1):
    async def ask():
        observes = Observes()
        async with Upstream() as up:
            up.answer(answer)
            async with gateway(config(up.url, more=more), observes, *plugins) as made:
                responses = [await Client(made).post(CHAT, body or asks("m", stream=stream)) for _ in range(calls)]
            return responses[-1], observes, up

    return run(ask())


class Shouts:
    name = "shouts"

    @hookimpl
    async def relay(self, events):
        async for event in events:
            yield event.edited(lambda delta: delta.text.upper())


@pytest.mark.parametrize("stream", [False, True])
def test_untouched_replies_pass_byte_for_byte(stream):
    class Looks:
        name = "looks"
        text = ""

        @hookimpl
        async def relay(self, events):
            async for event in events:
                self.text += event.text
                yield event

    looks = Looks()
    asked = asks("m", stream=stream, **({"stream_options": {"include_usage": True}} if stream else {}))
    answer = STREAM if stream else msgspec.json.encode(BODY)
    response, _, _ = through(answer, looks, body=asked)
    assert response.body == answer
    assert looks.text == "Hello"


def test_what_we_asked_upstream_for_the_caller_never_sees():
    asked = [{**event, "usage": None} for event in (*WORDS, chunk(finish="stop"))]
    response, _, up = through(sse(*asked, chunk(usage={"prompt_tokens": 1, "completion_tokens": 1})), stream=True)
    assert up.requests[0].json()["stream_options"] == {"include_usage": True}
    assert response.body == sse(*WORDS, chunk(finish="stop"))


@pytest.mark.parametrize("stream", [False, True])
def test_an_edit_patches_the_text_and_leaves_every_other_byte(stream):
    answer = STREAM if stream else msgspec.json.encode(BODY)
    asked = asks("m", stream=stream, **({"stream_options": {"include_usage": True}} if stream else {}))
    response, _, _ = through(answer, Shouts(), body=asked)
    assert words(response.body) == "HELLO"
    assert response.body == answer.replace(b'"Hello"', b'"HELLO"').replace(b'"Hel"', b'"HEL"').replace(b'"lo"', b'"LO"')


def test_text_held_back_and_yielded_later_bears_the_streams_own_id():
    class Holds:
        name = "holds"

        @hookimpl
        async def relay(self, events):
            held = ""
            async for event in events:
                if event.deltas:
                    held += event.text
                    yield event.edited(lambda delta: "")
                elif any(isinstance(h, (Finish, End)) for h in event.happenings) and held:
                    yield Event(happenings=[Delta(index=0, text=held)])
                    held = ""
                    yield event
                else:
                    yield event

    response, _, _ = through(STREAM, Holds(), stream=True)
    assert words(response.body) == "Hello"
    lines = [msgspec.json.decode(line[6:]) for line in response.body.split(b"\n") if line.startswith(b"data: {")]
    assert {line["id"] for line in lines} == {"c1"}
    assert response.body.count(b"data: [DONE]") == 1


def test_a_bug_in_a_relay_is_a_500_and_names_the_plugin_only_in_the_log(caplog):
    class Broken:
        name = "broken"

        @hookimpl
        async def relay(self, events):
            async for event in events:
                raise KeyError("prompt text")
                yield event

    response, observes, _ = through(STREAM, Shouts(), Broken(), stream=True)
    assert response.status == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert b"broken" not in response.body
    assert observes.settled == [("failed", 500)]
    assert observes.attempts == [("a/x", "failed", "")]
    assert "plugin broken failed in relay: KeyError" in caplog.text


def test_a_refusal_after_content_ends_the_stream_in_an_error():
    class Refuses:
        name = "refuses"

        @hookimpl
        async def relay(self, events):
            async for event in events:
                if "lo" in event.text:
                    raise Refused("that may not be said", again=False)
                yield event

    response, observes, _ = through(STREAM, Refuses(), stream=True)
    assert response.status == 200
    assert words(response.body) == "Hel"
    assert b"that may not be said" in response.body
    assert b"data: [DONE]" not in response.body
    assert observes.settled == [("rejected", 400)]


def test_a_gate_is_awaited_before_the_first_content_leaves_and_may_reject():
    class Gates:
        name = "gates"

        def __init__(self, verdict):
            self.verdict = verdict

        @hookimpl
        async def admit(self, exchange):
            async def judge():
                await asyncio.sleep(0.05)
                if self.verdict:
                    raise self.verdict

            exchange.gate(judge())

    for stream in (False, True):
        answer = STREAM if stream else BODY
        response, observes, up = through(answer, Gates(None), stream=stream)
        assert words(response.body) == "Hello"
        response, observes, up = through(answer, Gates(Rejected("no", code="moderated")), stream=stream)
        assert response.status == 400
        assert response.json()["error"]["code"] == "moderated"
        assert observes.settled == [("rejected", 400)]
        assert len(up.requests) == 1
        response, observes, _ = through(answer, Gates(KeyError("bug")), stream=stream)
        assert response.status == 500
        assert observes.settled == [("failed", 500)]


def test_relays_are_closed_by_the_core_and_one_that_awaits_while_closing_is_told_off(caplog):
    closed = []

    class Tidy:
        name = "tidy"

        @hookimpl
        async def relay(self, events):
            try:
                async for event in events:
                    yield event
            finally:
                closed.append("tidy")

    class Untidy:
        name = "untidy"

        @hookimpl
        async def relay(self, events):
            try:
                async for event in events:
                    yield event
            finally:
                await asyncio.sleep(3600)

    class Stops:
        name = "stops"

        @hookimpl
        async def relay(self, events):
            async for event in events:
                yield event
                raise Refused("enough")

    response, _, _ = through(STREAM, Stops(), Tidy(), Untidy(), stream=True)
    assert b"enough" in response.body
    assert closed == ["tidy"]
    assert "awaits while it is closed" in caplog.text


def test_a_reply_made_here_is_encoded_for_the_caller_streamed_or_whole():
    class Cache:
        name = "cache"

        @hookimpl
        async def answer(self, exchange):
            async def happenings():
                yield Start(id="from-cache", model="x", created=5)
                yield PartStart(index=0, kind="text")
                yield Delta(index=0, text="Hel")
                yield Delta(index=0, text="lo")
                yield PartEnd(index=0)
                yield Finish(reason="stop", raw="stop")
                yield End()

            return Reply(happenings=happenings())

    for stream in (False, True):
        response, observes, up = through(BODY, Cache(), Shouts(), stream=stream)
        assert words(response.body) == "Hello", "a relay listed below the cache must not see its answers"
        assert observes.settled == [("answered", 200)]
        assert up.requests == []
        response, _, _ = through(BODY, Shouts(), Cache(), stream=stream)
        assert words(response.body) == "HELLO"


def test_a_stream_may_hold_back_only_so_much_before_its_first_content():
    comment = b": " + b"x" * 65_000 + b"\n\n"

    response, _, _ = through([comment] * 40 + [STREAM], stream=True)
    assert response.status == 200
    assert words(response.body) == "Hello"
