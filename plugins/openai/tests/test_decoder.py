"""Replies read: what each frame counts as, what it says, and when a stream is complete."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Edit, Event, ProviderError
from tollhouse.framing import sse
from tollhouse.neutral import Answer, Delta, Failed, Happening, PartEnd, Text, Thinking, ToolCall, Vectors, fold
from tollhouse.reply import Tape
from tollhouse_openai import OpenAIDialect
from tollhouse_openai.decoder import ChatDecoder
from tollhouse_openai.embeddings import EmbedDecoder


def event(value: Any) -> bytes:
    return sse.frame(msgspec.json.encode(value))


def chunk(delta: dict[str, Any] | None = None, reason: str | None = None, choice: int = 0, **more: Any) -> bytes:
    said = {"index": choice, "delta": delta or {}, "finish_reason": reason}
    return event({"id": "c1", "created": 7, "model": "m", "choices": [said], **more})


def call(index: int | None, id_: str = "", name: str = "", arguments: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {"function": {"arguments": arguments}}
    if index is not None:
        said["index"] = index
    if id_:
        said["id"] = id_
        said["function"]["name"] = name
    return {"tool_calls": [said]}


DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def feed(*raws: bytes) -> list[Happening]:
    decoder = ChatDecoder()
    return [happening for raw in raws for happening in decoder.feed(raw)]


def folded(*raws: bytes) -> Answer:
    return fold(feed(*raws))


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b": keep going\n\n", "lifecycle"),
        (chunk({"role": "assistant"}), "lifecycle"),
        (chunk({"role": "assistant", "content": ""}), "lifecycle"),
        (chunk({"content": None, "tool_calls": []}), "lifecycle"),
        (event({"choices": [], "prompt_filter_results": []}), "lifecycle"),
        (chunk({"content": "x"}), "content"),
        (chunk({"content": [{"type": "text", "text": "x"}]}), "content"),
        (chunk({"reasoning": "x"}), "content"),
        (chunk({"reasoning_content": "x"}), "content"),
        (chunk({"refusal": "x"}), "content"),
        (chunk(call(0, "c", "f")), "content"),
        (chunk({"function_call": {"name": "f"}}), "content"),
        (chunk({"audio": {"id": "a"}}), "content"),
        (chunk({}, "stop"), "content"),
        (chunk({"content": "x"}, usage=USAGE), "content"),
        (chunk({}, usage=USAGE), "lifecycle"),
        (event({"choices": [], "usage": USAGE}), "usage"),
        (DONE, "end"),
        (b"data:[DONE]\r\n\r\n", "end"),
        (event({"error": {"message": "no"}}), "error"),
        (event({"error": "no"}), "error"),
        (event({"object": "error", "message": "no", "code": 500}), "error"),
        (b"event: error\n" + event({"error": {"message": "no"}}), "error"),
        (chunk({}, "error", error={"code": 529, "message": "no"}), "error"),
        (b"data: <html>\n\n", "error"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "error"),
        (b'data: {"choices": 3}\n\n', "error"),
    ],
)
def test_a_frame_counts_as(raw: bytes, kind: str) -> None:
    frame = ChatDecoder().sniff(raw)
    assert frame.kind == kind
    assert frame.raw is raw
    assert (frame.error is not None) == (kind == "error")
    assert (frame.usage is not None) == (b'"usage"' in raw)


@given(st.binary() | st.binary().map(lambda b: b"data: " + b + b"\n\n"))
def test_sniffing_never_raises(raw: bytes) -> None:
    assert ChatDecoder().sniff(raw).raw is raw


NAMES = ["choices", "delta", "message", "content", "tool_calls", "function", "usage", "error", "finish_reason", "index"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "error"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*NAMES, "object", "audio"]), inner),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_called_a_bad_reply(value: Any) -> None:
    raw = msgspec.json.encode(value)
    assert ChatDecoder().sniff(sse.frame(raw)).kind
    for read in (lambda: ChatDecoder().feed(sse.frame(raw)), lambda: ChatDecoder().unfold(raw)):
        with suppress(ProviderError):
            read()
    for decoder in (ChatDecoder(), EmbedDecoder()):
        with suppress(ProviderError):
            decoder.whole(raw)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"message": "m", "type": "overloaded_error"}, 529, "overloaded"),
        ({"message": "m", "code": 429}, 429, "rate_limit"),
        ({"message": "m", "code": "rate_limit_exceeded"}, 429, "rate_limit"),
        ({"message": "m", "type": "invalid_request_error"}, 400, "invalid"),
        ({"message": "m", "code": "invalid_api_key"}, 401, "credentials"),
        ({"message": "m"}, 500, "server"),
        ({"message": "m", "code": 7}, 500, "server"),
    ],
)
def test_an_error_in_the_stream_keeps_its_words_and_gets_a_status(error: Any, status: int, kind: str) -> None:
    seen = ChatDecoder().sniff(event({"error": error})).error
    assert seen is not None
    assert (seen.message, seen.status, seen.kind) == ("m", status, kind)
    assert seen.type == error.get("type")
    assert seen.code == (str(error["code"]) if "code" in error else None)
    [failed] = feed(event({"error": error}))
    assert isinstance(failed, Failed)
    assert failed.error.status == status


@pytest.mark.parametrize(
    ("raws", "complete"),
    [
        ([chunk({"content": "x"}), DONE], True),
        ([chunk({"content": "x"}), chunk({}, "stop")], True),
        ([chunk({"content": "x"}, "length")], True),
        ([chunk({"content": "x"}, choice=0), chunk({"content": "x"}, choice=1), chunk({}, "stop", 0)], False),
        ([chunk({"content": "x"})], False),
        ([], False),
        ([b": only comments\n\n"], False),
    ],
)
@pytest.mark.parametrize("how", ["sniff", "feed"])
def test_a_stream_is_complete_with_done_or_all_its_finish_reasons(raws: list[bytes], complete: bool, how: str) -> None:
    decoder = ChatDecoder()
    for raw in raws:
        getattr(decoder, how)(raw)
    if complete:
        decoder.finish()
        return
    with pytest.raises(ProviderError) as caught:
        decoder.finish()
    assert caught.value.kind == "cut"


def test_parts_are_numbered_once_and_ended_before_the_next() -> None:
    happenings = feed(
        chunk({"reasoning": "hm"}),
        chunk({"content": "a"}),
        chunk({"content": "b"}),
        chunk(call(0, "c1", "f", "{")),
        chunk(call(0, arguments="}")),
        chunk(call(1, "c2", "g")),
        chunk({"content": "z"}),
        chunk({}, "tool_calls"),
        chunk({}, "tool_calls"),
        DONE,
    )
    words = [(type(h).__name__, getattr(h, "index", None)) for h in happenings]
    assert words == [
        ("Start", None),
        ("PartStart", 0),
        ("Delta", 0),
        ("PartEnd", 0),
        ("PartStart", 1),
        ("Delta", 1),
        ("Delta", 1),
        ("PartEnd", 1),
        ("PartStart", 2),
        ("Delta", 2),
        ("Delta", 2),
        ("PartEnd", 2),
        ("PartStart", 3),
        ("PartEnd", 3),
        ("PartStart", 4),
        ("Delta", 4),
        ("PartEnd", 4),
        ("Finish", None),
        ("End", None),
    ]


def test_a_folded_stream_has_its_parts() -> None:
    answer = folded(
        chunk({"role": "assistant", "reasoning_content": "hm"}),
        chunk({"content": "a"}),
        chunk(call(0, "c1", "f", '{"a"')),
        chunk(call(0, arguments=":1}")),
        chunk({}, "tool_calls"),
        event({"choices": [], "usage": USAGE}),
        DONE,
    )
    assert answer.choices[0].parts == [
        Thinking(text="hm"),
        Text(text="a"),
        ToolCall(id="c1", name="f", arguments='{"a":1}'),
    ]
    assert (answer.id, answer.model, answer.created, answer.complete) == ("c1", "m", 7, True)
    assert answer.choices[0].finish == "tool_calls"
    assert answer.usage is not None
    assert answer.usage.total == 5


def test_calls_without_an_index_begin_with_each_id() -> None:
    answer = folded(
        chunk(call(None, "a", "f", "1")), chunk(call(None, arguments="2")), chunk(call(None, "b", "g", "3"))
    )
    assert answer.choices[0].parts == [
        ToolCall(id="a", name="f", arguments="12"),
        ToolCall(id="b", name="g", arguments="3"),
    ]


def test_interleaved_calls_keep_their_arguments_apart() -> None:
    answer = folded(chunk(call(0, "a", "f", "1")), chunk(call(1, "b", "g", "2")), chunk(call(0, arguments="1")))
    assert [part.arguments for part in answer.choices[0].parts if isinstance(part, ToolCall)] == ["11", "2"]


def test_an_old_function_call_is_a_tool_call() -> None:
    answer = folded(
        chunk({"function_call": {"name": "f", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
        chunk({}, "function_call"),
    )
    assert answer.choices[0].parts == [ToolCall(id="", name="f", arguments="{}")]
    assert (answer.choices[0].finish, answer.choices[0].finish_raw) == ("tool_calls", "function_call")


def test_fields_that_a_host_writes_empty_call_nothing() -> None:
    nothing = {"function_call": {"name": "", "arguments": ""}, "tool_calls": None}
    assert folded(chunk({"content": "hi", **nothing}), DONE).choices[0].parts == [Text(text="hi")]
    function = {"name": "f", "arguments": "{}"}
    both = {"id": "a", "type": "function", "custom": {"name": "", "input": ""}, "function": function}
    answer = folded(chunk({**nothing, "tool_calls": [both]}), DONE)
    assert answer.choices[0].parts == [ToolCall(id="a", name="f", arguments="{}")]


def test_choices_are_kept_apart() -> None:
    answer = folded(
        chunk({"content": "a"}, choice=0), chunk({"content": "b"}, choice=1), chunk({"content": "a"}, choice=0)
    )
    assert [choice.parts for choice in answer.choices] == [[Text(text="aa")], [Text(text="b")]]


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "secret"},
        {"reasoning_content": "secret"},
        {"reasoning": "secret"},
        {"refusal": "secret"},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "secret"}]}]},
        {"content": [{"type": "text", "text": "secret"}]},
        {"audio": {"transcript": "secret"}},
        call(3, "c", "f", "secret"),
        {"reasoning": "secret", "reasoning_content": "secret", "reasoning_details": [{"text": "secret"}]},
    ],
)
def test_an_edited_event_says_the_new_words_and_none_of_the_old(delta: dict[str, Any]) -> None:
    raw = b"event: x\n" + chunk(delta, logprobs=1.50)
    decoder = ChatDecoder()
    tape = Tape(decoder)
    edited = tape.event(decoder.sniff(raw)).edited(lambda said: said.text.replace("secret", "***"))
    assert edited.frame is not None
    assert b"secret" not in edited.frame.raw
    assert b"***" in edited.frame.raw
    assert b'"logprobs":1.50' in edited.frame.raw or b'"logprobs":1.5' in edited.frame.raw
    assert edited.frame.raw.startswith(b"event: x\ndata: ")
    assert fold(feed(edited.frame.raw)) == fold([*edited.happenings])


BODY = {
    "id": "c1",
    "created": 7,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "reasoning_content": "hm",
                "content": "ab",
                "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": USAGE,
}


def test_a_body_is_the_fold_of_its_stream() -> None:
    stream = folded(
        chunk({"role": "assistant", "reasoning_content": "h"}),
        chunk({"reasoning_content": "m"}),
        chunk({"content": "a"}),
        chunk({"content": "b"}),
        chunk(call(0, "t", "f", "{")),
        chunk(call(0, arguments="}")),
        chunk({}, "tool_calls"),
        event({"choices": [], "usage": USAGE}),
        DONE,
    )
    assert fold(ChatDecoder().unfold(msgspec.json.encode(BODY))) == stream


def test_an_edited_body_says_the_new_words() -> None:
    raw = msgspec.json.encode(BODY)
    decoder = ChatDecoder()
    edited = Event(decoder.whole(raw), whole=decoder).edited(lambda said: said.text.upper())
    assert edited.frame is not None
    message = msgspec.json.decode(edited.frame.raw)["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("HM", "AB")


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", b'{"choices": 3}', b'{"choices": [', b'{"detail": "x"}'])
@pytest.mark.parametrize("decoder", [ChatDecoder, EmbedDecoder])
def test_a_body_that_is_no_reply_is_a_bad_one(raw: bytes, decoder: type[ChatDecoder | EmbedDecoder]) -> None:
    with pytest.raises(ProviderError) as caught:
        decoder().whole(raw)
    assert caught.value.kind == "bad_reply"


def test_an_error_in_a_body_is_an_error_frame() -> None:
    for decoder in (ChatDecoder(), EmbedDecoder()):
        frame = decoder.whole(b'{"error":{"message":"busy","code":503}}')
        assert frame.error is not None
        assert (frame.error.status, frame.error.kind) == (503, "overloaded")
        [failed] = decoder.unfold(frame.raw)
        assert isinstance(failed, Failed)


def test_embeddings_are_read_in_order_from_numbers_or_base64() -> None:
    said = {"data": [{"index": 1, "embedding": "AAAAPwAAgD8="}, {"index": 0, "embedding": [0.25, 1]}], "model": "m"}
    happenings = OpenAIDialect().decoder("embed").unfold(msgspec.json.encode(said))
    assert [h.vectors for h in happenings if isinstance(h, Vectors)] == [[[0.25, 1.0], [0.5, 1.0]]]


@pytest.mark.parametrize("vector", ["not base64", "AAA=", {"a": 1}, None])
def test_embeddings_that_cannot_be_read_are_a_bad_reply(vector: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        EmbedDecoder().unfold(msgspec.json.encode({"data": [{"index": 0, "embedding": vector}]}))
    assert caught.value.kind == "bad_reply"


def test_calls_that_are_mixed_stay_open_until_they_are_whole() -> None:
    happenings = feed(
        chunk(call(0, "c1", "f")),
        chunk(call(1, "c2", "g")),
        chunk(call(0, arguments='{"a":')),
        chunk(call(1, arguments='{"b":')),
        chunk(call(0, arguments="1}")),
        chunk(call(1, arguments="2}")),
        chunk(call(2, "c3", "h", "{}")),
        chunk(call(2, arguments=" ")),
        chunk({}, "tool_calls"),
        DONE,
    )
    ended: set[int] = set()
    for happening in happenings:
        if isinstance(happening, Delta | PartEnd):
            assert happening.index not in ended
        if isinstance(happening, PartEnd):
            ended.add(happening.index)
    assert ended == {0, 1, 2}
    [choice] = fold(happenings).choices
    said = [part.arguments for part in choice.parts if isinstance(part, ToolCall)]
    assert said == ['{"a":1}', '{"b":2}', "{} "]


def test_a_call_whose_arguments_are_whole_ends_when_the_next_begins() -> None:
    happenings = feed(chunk(call(0, "c1", "f", '{"a":{}}')), chunk(call(1, "c2", "g", "{}")))
    words = [(type(h).__name__, getattr(h, "index", None)) for h in happenings]
    assert words.index(("PartEnd", 0)) < words.index(("PartStart", 1))


def test_an_edited_text_takes_its_log_probabilities_along() -> None:
    told = {"content": [{"token": "secret", "logprob": -1}]}
    raw = event({"choices": [{"index": 0, "delta": {"content": "secret"}, "logprobs": told}]})
    patched = ChatDecoder().patch(raw, [Edit(("choices", 0, "delta", "content"), "***")])
    assert b"secret" not in patched
