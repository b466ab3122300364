"""Replies read: messages classified, decoded and edited."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from said import BODY, EVENTS, STREAM, call, delta, stop
from tollhouse import Edit, ProviderError
from tollhouse.neutral import Delta, Failed, Opaque, PartStart, Text, Thinking, ToolCall, fold
from tollhouse_bedrock import BedrockDialect
from tollhouse_bedrock.eventstream import Splitter, event, exception, payload, read

DIALECT = BedrockDialect()


def fed(*messages: bytes) -> Any:
    decoder = DIALECT.decoder("chat")
    return fold([happening for raw in messages for happening in decoder.feed(raw)])


def test_a_stream_folds_to_what_its_body_says() -> None:
    streamed, whole = fed(*EVENTS), fold(DIALECT.decoder("chat").unfold(json.dumps(BODY).encode()))
    for answer in (streamed, whole):
        assert [type(part) for part in answer.choices[0].parts] == [Thinking, Text, ToolCall]
        thought, text, call_ = answer.choices[0].parts
        assert (thought.text, thought.signature, text.text) == ("hm", "sig", "hello")
        assert (call_.id, call_.name, json.loads(call_.arguments)) == ("tooluse_1", "f", {"a": 1})
        assert (answer.choices[0].finish, answer.choices[0].finish_raw) == ("tool_calls", "tool_use")
        assert answer.complete
    assert streamed.usage.buckets() == whole.usage.buckets()


def test_messages_are_told_apart() -> None:
    decoder = DIALECT.decoder("chat")
    kinds = [decoder.sniff(raw).kind for raw in EVENTS]
    content, aside = "content", "lifecycle"
    assert kinds == [
        *(aside, content, content, content, aside, content, content, aside),
        *(content, content, content, aside, aside, "end"),
    ]
    decoder.finish()


def test_a_stream_is_cut_until_its_stop() -> None:
    for n in range(len(EVENTS) - 2):
        decoder = DIALECT.decoder("chat")
        for raw in EVENTS[: n + 1]:
            decoder.sniff(raw)
        with pytest.raises(ProviderError) as caught:
            decoder.finish()
        assert caught.value.kind == "cut"


def test_an_exception_is_an_error_with_its_kind() -> None:
    for name, kind, status in (
        ("throttlingException", "rate_limit", 429),
        ("validationException", "invalid", 400),
        ("modelStreamErrorException", "server", 424),
        ("modelTimeoutException", "timeout", 408),
        ("internalServerException", "server", 500),
        ("serviceUnavailableException", "overloaded", 503),
        ("somethingNewException", "server", 500),
    ):
        raw = exception(name, message="no")
        for error in (DIALECT.decoder("chat").sniff(raw).error, _failed(raw)):
            assert error is not None
            assert (error.kind, error.status, error.message) == (kind, status, "no")


def _failed(raw: bytes) -> ProviderError:
    [failed] = DIALECT.decoder("chat").feed(raw)
    assert isinstance(failed, Failed)
    return failed.error


def test_a_call_without_arguments_has_an_empty_object_of_them() -> None:
    for pieces in ((), (delta(0, {"toolUse": {"input": ""}}),)):
        [part] = fed(call(0), *pieces, stop(0)).choices[0].parts
        assert part.arguments == "{}"


def test_blocks_may_overlap_and_need_no_stop() -> None:
    answer = fed(
        delta(0, {"text": "a"}),
        call(1),
        delta(0, {"text": "b"}),
        delta(1, {"toolUse": {"input": "{}"}}),
        event("messageStop", stopReason="end_turn"),
    )
    assert [getattr(part, "text", None) for part in answer.choices[0].parts] == ["ab", None]


def test_citations_stay_with_their_text() -> None:
    [part] = fed(delta(0, {"text": "x"}), delta(0, {"citation": {"title": "t"}}), stop(0)).choices[0].parts
    assert json.loads(bytes(part.extra.fields["citationsContent"])) == {"citations": [{"title": "t"}]}


def test_encrypted_reasoning_is_the_text_that_anthropic_would_give() -> None:
    [part] = fed(delta(0, {"reasoningContent": {"redactedContent": "RXVZQg=="}}), stop(0)).choices[0].parts
    assert part.opaque == "EuYB"
    [part] = fed(delta(0, {"reasoningContent": {"redactedContent": "/////w=="}}), stop(0)).choices[0].parts
    assert part.opaque == "bedrock://///w=="


def test_what_is_none_of_ours_is_opaque_and_whole() -> None:
    server = {"toolUse": {"toolUseId": "s", "name": "n", "type": "server_tool_use"}}
    answer = {"toolResult": {"toolUseId": "s", "type": "nova_grounding_result", "status": "success"}}
    parts = (
        fed(
            event("contentBlockStart", contentBlockIndex=0, start=server),
            delta(0, {"toolUse": {"input": '{"q":'}}),
            delta(0, {"toolUse": {"input": "1}"}}),
            stop(0),
            event("contentBlockStart", contentBlockIndex=1, start=answer),
            delta(1, {"toolResult": [{"json": {"a": 1}}]}),
            delta(1, {"toolResult": [{"text": "b"}]}),
            stop(1),
            event("contentBlockStart", contentBlockIndex=2, start={"image": {"format": "png"}}),
            delta(2, {"image": {"source": {"bytes": "aGk="}}}),
            stop(2),
        )
        .choices[0]
        .parts
    )
    assert all(isinstance(part, Opaque) for part in parts)
    assert [json.loads(bytes(part.raw)) for part in parts] == [
        {"toolUse": {**server["toolUse"], "input": {"q": 1}}},
        {"toolResult": {**answer["toolResult"], "content": [{"json": {"a": 1}}, {"text": "b"}]}},
        {"image": {"format": "png", "source": {"bytes": "aGk="}}},
    ]


def test_a_delta_is_edited_in_its_message_and_nothing_else_changes() -> None:
    for raw in EVENTS:
        decoder = DIALECT.decoder("chat")
        if b"toolUse" in raw and b"delta" in raw:
            decoder.feed(call(2))
        for one in decoder.feed(raw):
            if isinstance(one, Delta) and one.path:
                edited = decoder.patch(raw, [Edit(one.path, "new")])
                assert read(edited).name == "contentBlockDelta"
                before, after = json.loads(payload(raw)), json.loads(payload(edited))
                assert before.pop("delta") != after.pop("delta")
                assert before == after
                assert b'"new"' in edited


def test_a_body_is_edited_in_place() -> None:
    raw = json.dumps(BODY).encode()
    decoder = DIALECT.decoder("chat")
    edits = [Edit(one.path, '{"b":2}') for one in decoder.unfold(raw) if isinstance(one, Delta) and one.path]
    said = json.loads(decoder.patch(raw, edits))["output"]["message"]["content"]
    assert said[0]["reasoningContent"]["reasoningText"] == {"text": '{"b":2}', "signature": "sig"}
    assert (said[1]["text"], said[2]["toolUse"]["input"]) == ('{"b":2}', {"b": 2})


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b'{"output": 1}', b'{"output": {"message": {"content": [1]}}}', b'{"output": {}}', b"\xff"],
)
def test_a_body_that_is_no_reply_is_a_bad_one(raw: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        DIALECT.decoder("chat").unfold(raw)
    assert caught.value.kind == "bad_reply"


def test_an_error_in_a_good_response_is_one() -> None:
    frame = DIALECT.decoder("chat").whole(b'{"message": "oh"}')
    assert frame.error is not None
    assert frame.error.message == "oh"


@given(
    st.sampled_from(
        ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["start", "delta", "toolUse", "text", "input", "usage", "reasoningContent", "stopReason"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ),
)
def test_whatever_an_event_says_is_read_or_a_bad_reply(name: str, value: Any) -> None:
    raw = event(name, **(value if isinstance(value, dict) else {"start": value, "delta": value, "usage": value}))
    decoder = DIALECT.decoder("chat")
    decoder.sniff(raw)
    kind = "bad_reply"
    try:
        fold(decoder.feed(raw))
    except ProviderError as error:
        kind = error.kind
    assert kind == "bad_reply"


@pytest.mark.parametrize("field", ["text", "signature", "input", "toolUseId", "name", "stopReason", "inputTokens"])
def test_no_field_of_a_stream_is_ignored(field: str) -> None:
    """A stream in which one field says something else folds to another reply."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: (99 if isinstance(inner, int) else inner + "!") if name == field else changed(inner)
                for name, inner in value.items()
            }
        return value

    other = [
        event(read(raw).name, **changed(json.loads(payload(raw)))) if f'"{field}"'.encode() in raw else raw
        for raw in Splitter().feed(STREAM)
    ]
    assert fed(*other) != fed(*EVENTS)


def test_counts_are_read() -> None:
    decoder = DIALECT.decoder("count")
    assert decoder.whole(b'{"inputTokens": 3}').usage is None
    answer = fold(decoder.unfold(b'{"inputTokens": 3}'))
    assert answer.usage is not None
    assert answer.usage.input == 3
    for raw in (b"{}", b"[]", b"{"):
        with pytest.raises(ProviderError):
            decoder.whole(raw)
    with pytest.raises(ProviderError):
        decoder.finish()


def test_an_opaque_block_of_a_body_keeps_its_bytes() -> None:
    body = {**BODY, "output": {"message": {"content": [{"image": {"format": "png", "source": {"bytes": "aGk="}}}]}}}
    [start] = [h for h in DIALECT.decoder("chat").unfold(json.dumps(body).encode()) if isinstance(h, PartStart)]
    assert start.opaque is not None
    assert json.loads(bytes(start.opaque.raw)) == {"image": {"format": "png", "source": {"bytes": "aGk="}}}
