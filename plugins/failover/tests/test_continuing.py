"""Streams that break off, and go on elsewhere where that was asked for."""

import asyncio

import msgspec
import pytest
from outage import config
from tollhouse import ProviderError, Usage
from tollhouse.events import RequestEnded
from tollhouse.neutral import Delta, PartEnd, PartStart
from tollhouse.testing import Client

TEXT = config("[failover]\ncontinue_streams = true\n")


def speaks(house, *answers):
    """The providers' answers, one a call; None breaks off there. Remembers what was asked."""
    asked, queue = [], list(answers)

    async def generate(self, request):
        asked.append((self.name, request.body))
        for piece in queue.pop(0):
            if piece is None:
                raise ProviderError("The upstream's reply broke off.", kind="cut", code="upstream_cut")
            yield piece

    house.world.plugin.generate = generate
    return asked


USED = Usage(input=7, output=3)


def test_a_stream_of_text_goes_on_at_another_target_from_what_was_said(tell, words):
    async def story(house):
        asked = speaks(house, ["Once upon", " a ", None], ["time, the end.", USED])
        answer = await house.chat("two", stream=True, max_tokens=100)
        return answer, asked, house.events(RequestEnded)

    answer, asked, ended = tell(TEXT, {}, story)
    assert words(answer.body) == "Once upon a time, the end."
    assert b"[DONE]" in answer.body
    assert b'"error"' not in answer.body
    assert answer.body.count(b'"finish_reason":"stop"') == 1
    ids = {msgspec.json.decode(line[6:])["id"] for line in answer.body.split(b"\n") if line.startswith(b"data: {")}
    assert len(ids) == 1
    assert [name for name, _ in asked] == ["a", "b"]
    last = asked[1][1].messages[-1]
    assert (last.role, last.parts[0].text) == ("assistant", "Once upon a ")
    assert asked[1][1].max_output == 100 - 3
    child, parent = ended
    assert (child.origin, child.outcome, child.target, child.key) == ("submit:failover", "completed", "b/x", "k")
    assert (parent.outcome, parent.labels) == ("completed", {"failover": "continued"})
    assert any("b/x continued the stream" in words for who, words in parent.notes)
    assert child.tokens == {"input": 7, "output": 3}
    assert parent.tokens["input"] >= 1
    assert parent.tokens["output"] >= 3, "what was delivered before the break is booked to the first target"


def test_both_halves_are_in_the_ledger(tell):
    async def story(house):
        speaks(house, ["Once upon", None], [" a time.", USED])
        await house.chat("two", stream=True)
        await asyncio.sleep(0.1)  # rows are written while the last bytes are on their way
        rows = await house.gateway.store.rows(0, 4e9)
        return {(row.target, row.outcome, row.usage_source) for row in rows}

    rows = tell(TEXT, {}, story)
    assert rows == {("a/x", "completed", "estimate"), ("b/x", "completed", "upstream")}


def test_the_break_counts_against_the_target(tell):
    async def story(house):
        for _ in range(5):
            speaks(house, ["Once upon", None], [" a time.", USED])
            await house.chat("two", stream=True)
        return house.changes()

    assert tell(TEXT, {}, story) == [("down", "a/x")]


def test_callers_of_another_dialect_read_a_well_formed_stream_too(tell):
    async def story(house):
        speaks(house, ["Once upon", None], [" a time.", USED])
        body = {"model": "two", "stream": True, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
        return await Client(house.gateway).post("/v1/messages", body, {"anthropic-version": "2023-06-01"})

    answer = tell(TEXT, {}, story)
    events = [msgspec.json.decode(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
    said = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(said) == "Once upon a time."


def thought():
    return [PartStart(index=0, kind="thinking"), Delta(index=0, text="hm"), PartEnd(index=0)]


def call():
    return [
        PartStart(index=0, kind="text"),
        Delta(index=0, text="Let me"),
        PartEnd(index=0),
        PartStart(index=1, kind="tool_call", id="c1", name="f"),
        Delta(index=1, text="{"),
    ]


@pytest.mark.parametrize("said", [[*thought(), None], [*call(), None]])
def test_thoughts_and_tools_are_not_continued_and_the_caller_hears_the_error(tell, said):
    async def story(house):
        asked = speaks(house, said, ["more", USED])
        answer = await house.chat("two", stream=True)
        return answer.body, len(asked), house.notes()

    body, asked, notes = tell(TEXT, {}, story)
    assert b'"error"' in body
    assert b"[DONE]" not in body
    assert asked == 1
    assert "was not continued" in notes[-1]


def test_a_continuation_that_breaks_off_is_continued_once_more_and_then_it_is_an_error(tell, words):
    text = config("[failover]\ncontinue_streams = true\n[models.three]\ntargets = ['a/x', 'b/x', 'c/x']")

    async def story(house):
        first = speaks(house, ["1 ", None], ["2 ", None], ["3", USED])
        good = await house.chat("three", stream=True)
        second = speaks(house, ["1 ", None], ["2 ", None], ["3", None], ["4", USED])
        bad = await house.chat("three", stream=True)
        return good.body, [name for name, _ in first], bad.body, [name for name, _ in second]

    good, first, bad, second = tell(text, {}, story)
    assert words(good) == "1 2 3"
    assert first == ["a", "b", "c"]
    assert words(bad) == "1 2 3"
    assert b'"error"' in bad
    assert second == ["a", "b", "c"]


def test_levels_may_switch_it_off_and_whole_answers_fail_over_as_ever(tell, words):
    text = config("[failover]\ncontinue_streams = true\n[defaults]\nfailover.continue_streams = false")

    async def story(house):
        speaks(house, ["Once", None], ["more", USED])
        streamed = await house.chat("two", stream=True)
        speaks(house, ["Once", None], ["more", USED])
        whole = await house.chat("two")
        return streamed.body, whole

    streamed, whole = tell(text, {}, story)
    assert b'"error"' in streamed
    assert words(whole.body) == "more"


def test_a_caller_who_leaves_ends_the_continuation(tell):
    async def story(house):
        left = asyncio.Event()
        calls = []

        async def generate(self, request):
            calls.append(self.name)
            yield "word "
            if len(calls) == 1:
                raise ProviderError("gone", kind="cut")
            try:
                await asyncio.sleep(100)
            finally:
                left.set()

        house.world.plugin.generate = generate
        body = {"model": "two", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        async with Client(house.gateway).stream("/v1/chat/completions", body) as stream:
            async for _ in stream.chunks():
                if len(calls) == 2:
                    break
        await asyncio.wait_for(left.wait(), 50)
        await asyncio.sleep(0.1)
        return len(house.gateway.in_flight), calls

    assert tell(TEXT, {}, story) == (0, ["a", "b"])
