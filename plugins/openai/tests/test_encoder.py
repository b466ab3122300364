"""Replies written: bodies and streams that OpenAI's SDKs read, whatever the events came from."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import ProviderError, Rejected, Request, Usage
from tollhouse.framing import sse
from tollhouse.neutral import (
    Delta,
    Embed,
    End,
    Failed,
    Finish,
    Happening,
    Listing,
    PartEnd,
    PartStart,
    Start,
    Used,
    Vectors,
    fold,
)
from tollhouse_openai import OpenAIDialect
from tollhouse_openai.decoder import ChatDecoder
from tollhouse_openai.embeddings import EmbedDecoder
from tollhouse_openai.strip import without_null_usage

DIALECT = OpenAIDialect(clock=lambda: 7.0)
ROUTES = {route.path: route for route in DIALECT.routes}
CHAT = ROUTES["/v1/chat/completions"]
START = Start(id="msg_1", model="claude", created=5)
TEXT: list[Happening] = [
    START,
    PartStart(index=0, kind="text"),
    Delta(index=0, text="he"),
    Delta(index=0, text="llo"),
    PartEnd(index=0),
    Used(usage=Usage(input=3, cache_read=2, output=4, reasoning=1)),
    Finish(reason="stop", raw="end_turn"),
    End(),
]


def asked(*, stream: bool = True, usage: bool = False, path: str = "/v1/chat/completions", body: Any = None) -> Request:
    route = ROUTES[path]
    return Request(b"", dialect=DIALECT, route=route, model="m", stream=stream, wants_usage=usage, body=body)


def written(happenings: list[Happening], **how: Any) -> bytes:
    encoder = DIALECT.encoder(asked(**how))
    return encoder.feed(happenings) + encoder.finish()


def chunks(stream: bytes) -> list[Any]:
    events = sse.Splitter().feed(stream)
    return [msgspec.json.decode(sse.data(raw)) for raw in events if sse.data(raw) != b"[DONE]"]


def test_a_stream_begins_with_the_role_and_ends_with_done() -> None:
    stream = written(TEXT)
    said = chunks(stream)
    assert [chunk["choices"][0]["delta"] for chunk in said] == [
        {"role": "assistant", "content": "he"},
        {"content": "llo"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in said] == [None, None, "stop"]
    assert {(chunk["id"], chunk["model"], chunk["created"]) for chunk in said} == {("msg_1", "claude", 5)}
    assert not any("usage" in chunk for chunk in said)
    assert stream.endswith(b"data: [DONE]\n\n")
    assert stream.count(b"[DONE]") == 1


def test_a_caller_who_asked_gets_one_usage_chunk_and_null_before() -> None:
    *before, last = chunks(written(TEXT, usage=True))
    assert all(chunk["usage"] is None for chunk in before)
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 5,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


def test_a_tool_call_says_its_id_and_name_once() -> None:
    stream = written(
        [
            START,
            PartStart(index=0, kind="text"),
            Delta(index=0, text="x"),
            PartEnd(index=0),
            PartStart(index=1, kind="tool_call", id="a", name="f"),
            Delta(index=1, text="{"),
            Delta(index=1, text="}"),
            PartEnd(index=1),
            PartStart(index=2, kind="tool_call", id="b", name="g"),
            PartEnd(index=2),
            Finish(reason="tool_calls"),
            End(),
        ]
    )
    calls = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in chunks(stream)[1:-1]]
    assert calls == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": "{"}},
        {"index": 0, "function": {"arguments": "}"}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
    ]


def test_an_absent_reason_is_never_a_stop() -> None:
    for reason, word in (("missing", None), ("other", "pause_turn"), ("error", "error"), ("filter", "content_filter")):
        stream = written(
            [START, PartStart(index=0, kind="text"), Delta(index=0, text="x"), Finish(reason=reason, raw="pause_turn")]
        )  # type: ignore[arg-type]
        assert [c["choices"][0]["finish_reason"] for c in chunks(stream) if c["choices"][0]["finish_reason"]] == (
            [word] if word else []
        )


@st.composite
def replies(draw: st.DrawFn) -> list[Happening]:
    out: list[Happening] = [START]
    for choice in range(draw(st.integers(1, 2))):
        for index in range(draw(st.integers(0, 4))):
            kind = draw(st.sampled_from(["thinking", "text", "refusal", "tool_call"]))
            out.append(PartStart(index=index, kind=kind, choice=choice, id=f"t{index}", name="f"))
            out += [
                Delta(index=index, text=text, choice=choice) for text in draw(st.lists(st.text(max_size=5), max_size=3))
            ]
            out.append(PartEnd(index=index, choice=choice))
        if draw(st.booleans()):
            out.append(Finish(reason=draw(st.sampled_from(["stop", "length", "tool_calls", "filter"])), choice=choice))
    return [*out, Used(usage=Usage(input=1, output=2)), End()]


def texts(happenings: list[Happening]) -> Any:
    """What is said by kind; neighbours of one kind run together on this wire."""
    said: dict[Any, Any] = {}
    for number, choice in enumerate(fold(happenings).choices):
        for part in choice.parts:
            kind = type(part).__name__
            key = (number, kind, getattr(part, "id", ""))
            said[key] = said.get(key, "") + (getattr(part, "text", "") or getattr(part, "arguments", ""))
    return {key: text for key, text in said.items() if text or key[1] == "ToolCall"}


@given(replies(), st.booleans())
def test_any_reply_streamed_reads_back(happenings: list[Happening], usage: bool) -> None:
    decoder, again = ChatDecoder(), []
    for raw in sse.Splitter().feed(written(happenings, usage=usage)):
        assert decoder.sniff(raw).kind != "error"
        again += decoder.feed(raw)
    decoder.finish()
    assert texts(again) == texts(happenings)
    before = {n: choice.finish for n, choice in enumerate(fold(happenings).choices) if choice.finish != "missing"}
    after = {n: choice.finish for n, choice in enumerate(fold(again).choices) if choice.finish != "missing"}
    assert after == before


@given(replies())
def test_any_reply_as_a_body_reads_back(happenings: list[Happening]) -> None:
    again = ChatDecoder().unfold(written(happenings, stream=False))
    assert texts(again) == texts(happenings)
    assert fold(again).usage == Usage(input=1, output=2, raw=fold(again).usage.raw)  # type: ignore[union-attr]


def test_a_body_is_one_completion() -> None:
    body = msgspec.json.decode(written(TEXT, stream=False))
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hello", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert (body["id"], body["object"], body["created"], body["model"]) == ("msg_1", "chat.completion", 5, "claude")
    assert body["usage"]["total_tokens"] == 10


def test_a_reply_without_an_id_gets_one() -> None:
    body = msgspec.json.decode(written([Finish(reason="stop")], stream=False))
    assert (body["id"], body["created"], body["model"]) == ("chatcmpl-6acfc0", 7, "m")


@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_among_the_events_is_raised(stream: bool) -> None:
    with pytest.raises(ProviderError):
        written([START, Failed(error=ProviderError("no", kind="server"))], stream=stream)


def test_an_error_ends_the_stream_without_done_or_reason() -> None:
    encoder = DIALECT.encoder(asked())
    encoder.feed(TEXT[:3])
    error = ProviderError("no", kind="overloaded", type="overloaded_error", code="c")
    assert encoder.error(error, "req_1") == (
        b'data: {"error":{"message":"no","type":"overloaded_error","param":null,"code":"c"}}\n\n'
    )
    assert encoder.finish() == b""
    assert encoder.error(error, "req_1") == b""


def chunk(text: str, tail: str) -> bytes:
    return b'data: {"id":"up","created":3,"model":"m2","choices":[{"index":0,"delta":{"content":"%s"}}]%s}\n\n' % (
        text.encode(),
        tail.encode(),
    )


@pytest.mark.parametrize(
    ("tail", "left"),
    [
        (',"usage":null', ""),
        (',"usage":null,"obfuscation":"x"', ',"obfuscation":"x"'),
        (', "usage": null', ""),
        (',"usage":null,"x":{"usage":null}', ',"x":{"usage":null}'),
        (',"x":{"a":1,"usage":null}', ',"x":{"a":1,"usage":null}'),
        (',"x":{"a":1,"usage":null},"usage":null', ',"x":{"a":1,"usage":null}'),
        (',"obfuscation":"}"', ',"obfuscation":"}"'),
        (',"usage":null,"obfuscation":"}"', ',"obfuscation":"}"'),
        (',"usage":{"prompt_tokens":1}', ',"usage":{"prompt_tokens":1}'),
        (',"x":"\\",\\"usage\\":null"', ',"x":"\\",\\"usage\\":null"'),
        ("", ""),
    ],
)
def test_an_empty_usage_nobody_asked_for_goes_and_nothing_else(tail: str, left: str) -> None:
    assert without_null_usage(chunk("x", tail)) == chunk("x", left)


def test_an_empty_usage_in_first_place_goes_too() -> None:
    assert without_null_usage(b'data: {"usage":null,"choices":[]}\n\n') == b'data: {"choices":[]}\n\n'


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_is_mistaken_for_usage(text: str) -> None:
    value = {"choices": [{"delta": {"content": text + ',"usage":null}'}}], "usage": None, "o": text}
    raw = sse.frame(msgspec.json.encode(value))
    left = without_null_usage(raw)
    del value["usage"]
    assert msgspec.json.decode(sse.data(left)) == value


def test_events_made_here_speak_under_the_forwarded_id() -> None:
    encoder, decoder = DIALECT.encoder(asked()), ChatDecoder()
    first = chunk("a", "")
    passed = encoder.passes(decoder.sniff(first))
    made = encoder.feed([Delta(index=0, text="b")])
    assert passed == first
    [said] = chunks(made)
    assert (said["id"], said["model"], said["created"]) == ("up", "m2", 3)
    assert said["choices"][0]["delta"] == {"content": "b"}
    assert encoder.finish() == b"data: [DONE]\n\n"


def test_a_held_back_argument_goes_to_the_call_it_belongs_to() -> None:
    encoder, decoder = DIALECT.encoder(asked()), ChatDecoder()
    calls = [{"index": 2, "id": "c", "function": {"name": "f", "arguments": "{"}}]
    raw = sse.frame(msgspec.json.encode({"id": "up", "choices": [{"index": 0, "delta": {"tool_calls": calls}}]}))
    encoder.passes(decoder.sniff(raw))
    [delta] = [h for h in decoder.feed(raw) if isinstance(h, Delta)]
    [said] = chunks(encoder.feed([Delta(index=delta.index, text="}", path=delta.path)]))
    assert said["choices"][0]["delta"] == {"tool_calls": [{"index": 2, "function": {"arguments": "}"}}]}


def test_a_forwarded_done_is_not_said_twice() -> None:
    encoder, decoder = DIALECT.encoder(asked()), ChatDecoder()
    assert encoder.passes(decoder.sniff(b"data: [DONE]\n\n")) == b"data: [DONE]\n\n"
    assert encoder.finish() == b""


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_are_written_as_asked(encoding: str) -> None:
    body = Embed(inputs=["x"], encoding=encoding)
    happenings = [Start(model="e"), Vectors(vectors=[[0.5, 1.0]]), Used(usage=Usage(input=3)), End()]
    raw = written(happenings, stream=False, path="/v1/embeddings", body=body)
    said = msgspec.json.decode(raw)
    assert said["model"] == "e"
    assert said["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert isinstance(said["data"][0]["embedding"], str if encoding == "base64" else list)
    assert [h.vectors for h in EmbedDecoder().unfold(raw) if isinstance(h, Vectors)] == [[[0.5, 1.0]]]


def test_models_are_a_list_or_one_of_it() -> None:
    listed = msgspec.json.decode(written([Listing(models=["a", "b"])], stream=False, path="/v1/models"))
    assert [model["id"] for model in listed["data"]] == ["a", "b"]
    one = msgspec.json.decode(written([Listing(models=["a"])], stream=False, path="/v1/models/{rest}"))
    assert one == {"id": "a", "object": "model", "created": 0, "owned_by": "tollhouse"}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/models"])
def test_blanks_and_comments_keep_a_connection_alive(path: str) -> None:
    body = DIALECT.encoder(asked(stream=False, path=path))
    assert body.keepalive() + body.error(Rejected("no"), "r") == (
        b' {"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}'
    )
    assert DIALECT.encoder(asked()).keepalive() == b": keepalive\n\n"
