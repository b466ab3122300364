"""Replies read: what each frame counts as, what it says, and when a stream is complete."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from tollhouse import Event, ProviderError
from tollhouse.framing import sse
from tollhouse.neutral import (
    Answer,
    End,
    Extra,
    Failed,
    Finish,
    Happening,
    Opaque,
    Text,
    Thinking,
    ToolCall,
    Vectors,
    fold,
)
from tollhouse.reply import Tape
from tollhouse_gemini import GeminiDialect
from tollhouse_gemini.decoder import ChatDecoder

DIALECT = GeminiDialect()
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


def event(value: Any) -> bytes:
    return sse.frame(msgspec.json.encode(value))


def chunk(*parts: Any, reason: Any = None, index: int = 0, **more: Any) -> bytes:
    said: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index}
    if reason:
        said["finishReason"] = reason
    return event({"candidates": [said], "modelVersion": "m", "responseId": "r-1_x", **more})


def call(name: str, args: Any = None, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, **({} if args is None else {"args": args}), **more}}


def feed(*raws: bytes) -> list[Happening]:
    decoder = ChatDecoder()
    return [happening for raw in raws for happening in decoder.feed(raw)]


def folded(*raws: bytes) -> Answer:
    return fold(feed(*raws))


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b": keep going\n\n", "lifecycle"),
        (chunk(), "lifecycle"),
        (chunk({"text": ""}), "lifecycle"),
        (chunk({"text": None}), "lifecycle"),
        (chunk({"text": "", "thoughtSignature": "c2ln"}), "lifecycle"),
        (event({"candidates": [{"content": {"role": "model"}}]}), "lifecycle"),
        (chunk({"text": ""}, usageMetadata=USAGE), "lifecycle"),
        (event({"usageMetadata": {"trafficType": "ON_DEMAND"}}), "lifecycle"),
        (event({"usageMetadata": USAGE}), "usage"),
        (chunk({"text": "x"}), "content"),
        (chunk({"text": "x", "thought": True}), "content"),
        (chunk(call("f")), "content"),
        (chunk({"executableCode": {"code": "1"}}), "content"),
        (chunk({"inlineData": {"data": "aGk="}}), "content"),
        (chunk(reason="STOP"), "content"),
        (chunk(reason=1), "content"),
        (event({"promptFeedback": {"blockReason": "SAFETY"}}), "content"),
        (event({"promptFeedback": {"safetyRatings": []}}), "lifecycle"),
        (chunk({"text": "x"}, usageMetadata=USAGE), "content"),
        (event({"error": {"message": "no", "code": 503}}), "error"),
        (event({"error": {}}), "lifecycle"),
        (b"data: <html>\n\n", "error"),
        (b"data: [DONE]\n\n", "error"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "error"),
        (event({"candidates": 3}), "error"),
        (chunk("x"), "error"),
    ],
)
def test_a_frame_counts_as(raw: bytes, kind: str) -> None:
    frame = ChatDecoder().sniff(raw)
    assert frame.kind == kind
    assert frame.raw is raw
    assert (frame.error is not None) == (kind == "error")
    assert (frame.usage is not None) == (b'"totalTokenCount"' in raw)


@given(st.binary() | st.binary().map(lambda b: b"data: " + b + b"\n\n"))
def test_sniffing_never_raises(raw: bytes) -> None:
    assert ChatDecoder().sniff(raw).raw is raw


NAMES = [
    "candidates", "content", "parts", "text", "functionCall", "name", "args", "partialArgs", "jsonPath", "stringValue",
    "willContinue", "usageMetadata", "error", "finishReason", "index", "promptFeedback", "blockReason", "embedding",
    "values", "thoughtSignature", "thought", "totalTokens",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "$.a[1]", "STOP"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_called_a_bad_reply(value: Any) -> None:
    for said in (value, {"candidates": [value]}, {"candidates": [{"content": {"parts": [value]}}]}):
        raw = msgspec.json.encode(said)
        assert ChatDecoder().sniff(sse.frame(raw)).kind
        for task in ("chat", "embed", "count"):
            for read in ("unfold", "whole"):
                with suppress(ProviderError):
                    getattr(DIALECT.decoder(task), read)(raw)
        with suppress(ProviderError):
            fold(ChatDecoder().feed(sse.frame(raw)))


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        ({"message": "m", "code": 503, "status": "UNAVAILABLE"}, 503, "overloaded", "UNAVAILABLE"),
        ({"message": "m", "status": "RESOURCE_EXHAUSTED"}, 429, "rate_limit", "RESOURCE_EXHAUSTED"),
        ({"message": "m", "code": 400, "status": "INVALID_ARGUMENT"}, 400, "invalid", "INVALID_ARGUMENT"),
        ({"message": "m", "code": 403, "status": "PERMISSION_DENIED"}, 403, "credentials", "PERMISSION_DENIED"),
        ({"message": "m", "code": 7}, 500, "server", None),
        ({"message": "m"}, 500, "server", None),
    ],
)
def test_an_error_in_the_stream_keeps_its_words_and_its_status(
    error: Any, status: int, kind: str, code: str | None
) -> None:
    seen = ChatDecoder().sniff(event({"error": error})).error
    assert seen is not None
    assert (seen.message, seen.status, seen.kind, seen.code) == ("m", status, kind, code)
    [failed] = feed(event({"error": error}))
    assert isinstance(failed, Failed)
    assert failed.error.status == status


@pytest.mark.parametrize(
    ("raws", "complete"),
    [
        ([chunk({"text": "x"}), chunk({"text": ""}, reason="STOP")], True),
        ([chunk({"text": "x"}, reason="MAX_TOKENS")], True),
        ([chunk({"text": "x"}, reason="STOP"), chunk({"text": "y"}, reason="STOP")], True),
        ([chunk({"text": "x"}, index=0), chunk({"text": "x"}, index=1), chunk(reason="STOP", index=0)], False),
        ([event({"promptFeedback": {"blockReason": "SAFETY"}})], True),
        ([chunk({"text": "x"})], False),
        ([chunk({"text": "x"}, reason="FINISH_REASON_UNSPECIFIED")], False),
        ([event({"usageMetadata": USAGE})], False),
        ([], False),
        ([b": only comments\n\n"], False),
    ],
)
@pytest.mark.parametrize("how", ["sniff", "feed"])
def test_a_stream_is_complete_with_all_its_finish_reasons(raws: list[bytes], complete: bool, how: str) -> None:
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
        chunk({"text": "hm", "thought": True}),
        chunk({"text": "a"}),
        chunk({"text": "b"}),
        chunk(call("f", {"x": 1}), call("g")),
        chunk({"executableCode": {}}),
        chunk({"text": ""}, reason="STOP"),
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
        ("PartEnd", 2),
        ("PartStart", 3),
        ("Delta", 3),
        ("PartEnd", 3),
        ("PartStart", 4),
        ("PartEnd", 4),
        ("Finish", None),
        ("End", None),
    ]


def test_a_folded_stream_has_its_parts() -> None:
    answer = folded(
        chunk({"text": "hm", "thought": True}),
        chunk({"text": "a"}),
        chunk({**call("f", {"a": 1}), "thoughtSignature": "c2ln"}, call("g", id="given")),
        chunk({"executableCode": {"code": "1"}}),
        chunk(reason="STOP", usageMetadata=USAGE),
    )
    assert answer.choices[0].parts == [
        Thinking(text="hm"),
        Text(text="a"),
        Thinking(signature="gemini:c2ln"),
        ToolCall(id="gemini-r1x-0-f", name="f", arguments='{"a":1}'),
        ToolCall(id="given", name="g", arguments="{}"),
        Opaque(
            kind="executableCode",
            raw=Raw(b'{"executableCode":{"code":"1"}}'),
            dialect="gemini",
            path=("candidates", 0, "content", "parts", 0),
        ),
    ]
    assert (answer.id, answer.model, answer.complete) == ("r-1_x", "m", True)
    assert (answer.choices[0].finish, answer.choices[0].finish_raw) == ("tool_calls", "STOP")
    assert answer.usage is not None
    assert answer.usage.total == 5


def test_a_signature_belongs_to_the_thought_before_its_call() -> None:
    answer = folded(chunk({"text": "hm", "thought": True}), chunk({**call("f"), "thoughtSignature": "c2ln"}))
    assert answer.choices[0].parts[0] == Thinking(text="hm", signature="gemini:c2ln")


def test_a_signature_at_the_end_of_a_text_is_the_same_streamed_or_not() -> None:
    stream = folded(chunk({"text": "a"}), chunk({"text": "", "thoughtSignature": "c2ln"}, reason="STOP"))
    body = folded(chunk({"text": "a", "thoughtSignature": "c2ln"}, reason="STOP"))
    assert stream == body
    assert body.choices[0].parts == [Text(text="a"), Thinking(signature="gemini:c2ln")]


def test_arguments_in_pieces_are_put_together() -> None:
    def pieces(*said: dict[str, Any], more: bool = True, **function: Any) -> bytes:
        return chunk({"functionCall": {**function, "partialArgs": list(said), "willContinue": more}})

    answer = folded(
        chunk(call("f", willContinue=True)),
        pieces({"jsonPath": "$.city", "stringValue": "Ro", "willContinue": True}),
        pieces({"jsonPath": "$.city", "stringValue": "me"}),
        pieces({"jsonPath": "$.list[1].n", "numberValue": 2}, {"jsonPath": "$.list[0]", "boolValue": True}),
        pieces({"jsonPath": "$['odd key']", "nullValue": "NULL_VALUE"}),
        chunk({"functionCall": {}}),
        chunk(call("g"), {"functionCall": {}}),
        pieces({"jsonPath": "$.a", "stringValue": "b"}, more=False, name="h"),
        chunk(call("cut", willContinue=True)),
        chunk(reason="STOP"),
    )
    said = [(part.name, msgspec.json.decode(part.arguments)) for part in answer.choices[0].parts]  # type: ignore[union-attr]
    assert said == [
        ("f", {"city": "Rome", "list": [True, {"n": 2}], "odd key": None}),
        ("g", {}),
        ("h", {"a": "b"}),
        ("cut", {}),
    ]


def test_candidates_are_kept_apart() -> None:
    answer = folded(chunk({"text": "a"}, index=0), chunk({"text": "b"}, index=1), chunk({"text": "a"}, index=0))
    assert [choice.parts for choice in answer.choices] == [[Text(text="aa")], [Text(text="b")]]


def test_a_blocked_prompt_is_a_filtered_choice() -> None:
    answer = folded(event({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": USAGE}))
    assert (answer.choices[0].finish, answer.choices[0].finish_raw) == ("filter", "PROHIBITED_CONTENT")
    assert answer.complete


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        (1, "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "filter"),
        ("RECITATION", "filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("LANGUAGE", "other"),
        ("NEWEST_WORD", "other"),
        (77, "other"),
    ],
)
def test_finish_reasons(word: Any, reason: str) -> None:
    assert folded(chunk({"text": "a"}, reason=word)).choices[0].finish == reason


def test_what_a_candidate_says_beside_its_content_is_kept() -> None:
    raw = event({"candidates": [{"finishReason": "STOP", "groundingMetadata": {"a": [1.50]}}]})
    [finish] = [h for h in feed(raw) if isinstance(h, Finish)]
    assert finish.extra == Extra("gemini", {"groundingMetadata": Raw(b'{"a":[1.5]}')})


def test_the_end_is_told_once() -> None:
    happenings = feed(chunk({"text": "x"}, reason="STOP"), chunk({"text": "y"}, reason="STOP"))
    assert [type(h) for h in happenings].count(End) == 1
    assert [type(h) for h in happenings].count(Finish) == 1
    assert fold(happenings).choices[0].parts == [Text(text="x"), Text(text="y")]


@pytest.mark.parametrize(
    "part",
    [
        {"text": "secret"},
        {"text": "secret", "thought": True},
        call("f", {"a": "secret"}),
    ],
)
def test_an_edited_event_says_the_new_words_and_none_of_the_old(part: dict[str, Any]) -> None:
    raw = b"event: x\n" + chunk(part, avgLogprobs=1.25)
    decoder = ChatDecoder()
    tape = Tape(decoder)
    edited = tape.event(decoder.sniff(raw)).edited(lambda said: said.text.replace("secret", "***"))
    assert edited.frame is not None
    assert b"secret" not in edited.frame.raw
    assert b"***" in edited.frame.raw
    assert b'"avgLogprobs":1.25' in edited.frame.raw
    assert edited.frame.raw.startswith(b"event: x\ndata: ")
    assert fold(feed(edited.frame.raw)) == fold([*edited.happenings])


def test_arguments_edited_into_plain_words_stay_an_object() -> None:
    decoder = ChatDecoder()
    event_ = Tape(decoder).event(decoder.sniff(chunk(call("f", {"a": 1})))).edited(lambda said: "gone")
    assert event_.frame is not None
    said = msgspec.json.decode(sse.data(event_.frame.raw))
    assert said["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == {"output": "gone"}


BODY = {
    "candidates": [
        {
            "content": {
                "parts": [{"text": "hm", "thought": True}, {"text": "ab"}, call("f", {"x": [1.5]})],
                "role": "model",
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": USAGE,
    "modelVersion": "m",
    "responseId": "r-1_x",
}


def test_a_body_is_the_fold_of_its_stream() -> None:
    stream = folded(
        chunk({"text": "h", "thought": True}),
        chunk({"text": "m", "thought": True}),
        chunk({"text": "a"}),
        chunk({"text": "b"}),
        chunk(call("f", {"x": [1.5]})),
        chunk({"text": ""}, reason="STOP", usageMetadata=USAGE),
    )
    assert fold(ChatDecoder().unfold(msgspec.json.encode(BODY))) == stream


def test_an_edited_body_says_the_new_words() -> None:
    raw = msgspec.json.encode(BODY)
    decoder = ChatDecoder()
    edited = Event(decoder.whole(raw), whole=decoder).edited(lambda said: said.text.upper())
    assert edited.frame is not None
    parts = msgspec.json.decode(edited.frame.raw)["candidates"][0]["content"]["parts"]
    assert [part.get("text") for part in parts] == ["HM", "AB", None]
    assert parts[2]["functionCall"]["args"] == {"X": [1.5]}


def test_a_body_without_a_finish_reason_has_none() -> None:
    answer = fold(ChatDecoder().unfold(b'{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}'))
    assert answer.complete
    assert answer.choices[0].finish == "missing"


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", b'{"candidates": 3}', b'{"candidates": [', b'{"x": 1}'])
@pytest.mark.parametrize("task", ["chat", "embed"])
def test_a_body_that_is_no_reply_is_a_bad_one(raw: bytes, task: str) -> None:
    with pytest.raises(ProviderError) as caught:
        DIALECT.decoder(task).whole(raw)
    assert caught.value.kind == "bad_reply"


@pytest.mark.parametrize("task", ["chat", "embed", "count"])
def test_an_error_in_a_body_is_an_error_frame(task: str) -> None:
    decoder = DIALECT.decoder(task)
    frame = decoder.whole(b'{"error":{"message":"busy","code":503}}')
    assert frame.error is not None
    assert (frame.error.status, frame.error.kind) == (503, "overloaded")
    [failed] = decoder.unfold(frame.raw)
    assert isinstance(failed, Failed)


@pytest.mark.parametrize(
    ("body", "vectors"),
    [
        ({"embedding": {"values": [0.5, 1]}}, [[0.5, 1.0]]),
        ({"embeddings": [{"values": [0.5]}, {"values": [1.5]}], "usageMetadata": USAGE}, [[0.5], [1.5]]),
        ({"embeddings": []}, []),
    ],
)
def test_embeddings_are_read_in_order(body: Any, vectors: Any) -> None:
    happenings = DIALECT.decoder("embed").unfold(msgspec.json.encode(body))
    assert fold(happenings).vectors == vectors
    assert isinstance(happenings[1], Vectors)
    assert (fold(happenings).usage is not None) == ("usageMetadata" in body)


@pytest.mark.parametrize("task", ["embed", "count"])
def test_what_is_never_streamed_is_a_bad_reply_as_a_stream(task: str) -> None:
    decoder = DIALECT.decoder(task)
    assert decoder.sniff(b"data: {}\n\n").kind == "error"
    with pytest.raises(ProviderError):
        decoder.feed(b"data: {}\n\n")
    with pytest.raises(ProviderError):
        decoder.finish()


def test_a_count_is_no_usage() -> None:
    decoder = DIALECT.decoder("count")
    frame = decoder.whole(b'{"totalTokens": 31, "promptTokensDetails": []}')
    assert (frame.kind, frame.usage) == ("end", None)
    assert decoder.unfold(frame.raw) == [End()]
    with pytest.raises(ProviderError):
        decoder.whole(b'{"totalTokens": "x"}')
