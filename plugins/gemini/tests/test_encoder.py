"""Replies written: bodies and streams that Google's SDK reads, whatever the events came from."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from tollhouse import ProviderError, Rejected, Request, Usage
from tollhouse.framing import sse
from tollhouse.neutral import (
    Answer,
    Delta,
    End,
    Extra,
    Failed,
    Finish,
    FinishReason,
    Happening,
    Listing,
    Opaque,
    PartEnd,
    PartStart,
    Start,
    Used,
    Vectors,
    fold,
)
from tollhouse_gemini import GeminiDialect
from tollhouse_gemini.decoder import ChatDecoder
from tollhouse_gemini.request import Asked

DIALECT = GeminiDialect()
ROUTES = {route.path: route for route in DIALECT.routes}
MODEL = "/v1beta/models/{model}:"
START = Start(id="chatcmpl-1", model="gpt", created=5)
TEXT: list[Happening] = [
    START,
    PartStart(index=0, kind="text"),
    Delta(index=0, text="he"),
    Delta(index=0, text="llo"),
    PartEnd(index=0),
    Used(usage=Usage(input=3, cache_read=2, output=4, reasoning=1)),
    Finish(reason="stop", raw="stop"),
    End(),
]


def asked(stream: bool = True, method: str = "generateContent", array: bool = False) -> Request:
    route = ROUTES[MODEL + ("streamGenerateContent" if stream else method)]
    request = Asked(b"", dialect=DIALECT, route=route, model="m", stream=stream)
    request.array = array
    return request


def written(happenings: list[Happening], stream: bool = True, array: bool = False) -> bytes:
    encoder = DIALECT.encoder(asked(stream, array=array))
    return encoder.feed(happenings) + encoder.finish()


def chunks(stream: bytes) -> list[Any]:
    return [msgspec.json.decode(sse.data(raw)) for raw in sse.Splitter().feed(stream)]


def parts(happenings: list[Happening]) -> list[Any]:
    whole = msgspec.json.decode(written(happenings, stream=False))
    streamed = [part for chunk in chunks(written(happenings)) for part in chunk["candidates"][0]["content"]["parts"]]
    assert [part for part in streamed if part != {"text": ""}] == whole["candidates"][0]["content"]["parts"]
    return streamed


def test_a_stream_ends_with_the_finish_reason_and_usage() -> None:
    said = chunks(written(TEXT))
    assert said == [
        {
            "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, **more, "index": 0}],
            **usage,
            "modelVersion": "gpt",
            "responseId": "chatcmpl-1",
        }
        for text, more, usage in [
            ("he", {}, {}),
            ("llo", {}, {}),
            (
                "",
                {"finishReason": "STOP"},
                {
                    "usageMetadata": {
                        "promptTokenCount": 5,
                        "cachedContentTokenCount": 2,
                        "candidatesTokenCount": 4,
                        "thoughtsTokenCount": 1,
                        "totalTokenCount": 10,
                    }
                },
            ),
        ]
    ]


def test_a_body_says_the_same_as_its_stream() -> None:
    said = msgspec.json.decode(written(TEXT, stream=False))
    assert said["candidates"] == [
        {"content": {"parts": [{"text": "hello"}], "role": "model"}, "finishReason": "STOP", "index": 0}
    ]
    assert said["usageMetadata"]["totalTokenCount"] == 10
    assert (said["modelVersion"], said["responseId"]) == ("gpt", "chatcmpl-1")


def test_a_stream_without_alt_sse_is_one_array() -> None:
    encoder = DIALECT.encoder(asked(array=True))
    out = [encoder.keepalive(), encoder.feed(TEXT[:3]), encoder.keepalive(), encoder.feed(TEXT[3:]), encoder.finish()]
    assert msgspec.json.decode(b"".join(out)) == chunks(written(TEXT))
    assert encoder.content_type == "application/json; charset=UTF-8"
    frame = ChatDecoder().sniff(b'data: {"candidates":[{"finishReason":"STOP"}]}\n\n')
    encoder = DIALECT.encoder(asked(array=True))
    comment = ChatDecoder().sniff(b": hi\n\n")
    assert encoder.passes(comment) + encoder.passes(frame) == b""
    assert encoder.finish() == b'[{"candidates":[{"finishReason":"STOP"}]}]'
    assert DIALECT.encoder(asked(array=True)).finish() == b"[]"
    encoder = DIALECT.encoder(asked(array=True))
    out = [encoder.feed(TEXT[:3]), encoder.error(ProviderError("m", kind="cut"), "r")]
    assert msgspec.json.decode(b"".join(out))[1]["error"]["code"] == 502


def test_calls_are_written_whole_and_in_order() -> None:
    happenings: list[Happening] = [
        START,
        PartStart(index=0, kind="text"),
        Delta(index=0, text="x"),
        PartStart(index=1, kind="tool_call", id="a", name="f"),
        PartStart(index=2, kind="tool_call", id="gemini-r-1-g", name="g"),
        Delta(index=1, text='{"a": '),
        Delta(index=2, text="{broken"),
        Delta(index=1, text="1.50}"),
        PartEnd(index=1),
        PartEnd(index=2),
        PartStart(index=3, kind="text"),
        Delta(index=3, text="z"),
        PartEnd(index=3),
        PartStart(index=4, kind="tool_call", id="c", name="h"),
        PartEnd(index=4),
        Finish(reason="tool_calls", raw="tool_calls"),
        End(),
    ]
    assert parts(happenings) == [
        {"text": "x"},
        {"functionCall": {"name": "f", "args": {"a": 1.5}, "id": "a"}},
        {"functionCall": {"name": "g", "args": {"arguments": "{broken"}}},
        {"text": "z"},
        {"functionCall": {"name": "h", "args": {}, "id": "c"}},
        {"text": ""},
    ]
    assert b'"args":{"a": 1.50}' in written(happenings)
    assert chunks(written(happenings))[-1]["candidates"][0]["finishReason"] == "STOP"


def test_signatures_stand_where_gemini_puts_them() -> None:
    happenings: list[Happening] = [
        PartStart(index=0, kind="thinking"),
        Delta(index=0, text="hm"),
        Delta(index=0, text="", signature="gemini:c2ln"),
        PartEnd(index=0),
        PartStart(index=1, kind="tool_call", id="a", name="f"),
        PartEnd(index=1),
        PartStart(index=2, kind="thinking"),
        Delta(index=2, text="so", signature="gemini:ZW5k"),
        PartEnd(index=2),
        PartStart(index=3, kind="text"),
        Delta(index=3, text="y"),
        PartEnd(index=3),
        Finish(reason="stop"),
        End(),
    ]
    whole = msgspec.json.decode(written(happenings, stream=False))["candidates"][0]["content"]["parts"]
    assert whole == [
        {"text": "hm", "thought": True},
        {"functionCall": {"name": "f", "args": {}, "id": "a"}, "thoughtSignature": "c2ln"},
        {"text": "so", "thought": True, "thoughtSignature": "ZW5k"},
        {"text": "y"},
    ]


def test_a_part_of_geminis_own_passes_and_anothers_does_not() -> None:
    def opaque(dialect: str) -> Happening:
        part = Opaque(kind="executableCode", raw=Raw(b'{"executableCode":{}}'), dialect=dialect)
        return PartStart(index=0, kind="opaque", opaque=part)

    assert b"executableCode" in written([opaque("gemini"), PartEnd(index=0), End()])
    assert b"executableCode" not in written([opaque("anthropic"), PartEnd(index=0), End()])


@pytest.mark.parametrize(
    ("reason", "raw", "word"),
    [
        ("missing", "", None),
        ("other", "pause_turn", "OTHER"),
        ("error", "error", "OTHER"),
        ("filter", "content_filter", "SAFETY"),
        ("filter", "RECITATION", "RECITATION"),
        ("length", "max_tokens", "MAX_TOKENS"),
    ],
)
def test_an_absent_reason_is_never_a_stop(reason: FinishReason, raw: str, word: str | None) -> None:
    happenings: list[Happening] = [*TEXT[:5], Finish(reason=reason, raw=raw), End()]
    assert chunks(written(happenings))[-1]["candidates"][0].get("finishReason") == word
    body = msgspec.json.decode(written(happenings, stream=False))
    assert body["candidates"][0].get("finishReason") == word


def test_what_gemini_said_beside_a_candidate_is_said_again() -> None:
    for dialect, said in (("gemini", True), ("anthropic", False)):
        extra = Extra(dialect, {"groundingMetadata": Raw(b"{}")})
        body = written([*TEXT[:5], Finish(reason="stop", extra=extra), End()], stream=False)
        assert (b"groundingMetadata" in body) == said


def test_a_failure_among_the_events_is_raised() -> None:
    for stream in (True, False):
        with pytest.raises(ProviderError):
            DIALECT.encoder(asked(stream)).feed([Failed(error=ProviderError("m", kind="cut"))])


def test_an_error_is_a_chunk_after_which_nothing_comes() -> None:
    encoder = DIALECT.encoder(asked())
    encoder.feed(TEXT[:3])
    [said] = chunks(encoder.error(ProviderError("m", kind="cut"), "r"))
    assert said["error"] == {
        "code": 502,
        "message": "m",
        "status": "UNAVAILABLE",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "UPSTREAM_CUT", "domain": "tollhouse"}
        ],
    }
    assert encoder.error(ProviderError("m", kind="cut"), "r") == b""
    assert encoder.finish() == b""


def test_an_upstreams_own_error_keeps_its_words_in_a_stream() -> None:
    raw = b'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE","x":1}}\n\n'
    error = ChatDecoder().sniff(raw).error
    assert error is not None
    assert DIALECT.encoder(asked()).error(error, "r") == raw


def test_the_last_forwarded_chunk_waits_for_the_end() -> None:
    first = b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"responseId":"r"}\n\n'
    late = b'data: {"usageMetadata":{"totalTokenCount":1}}\n\n'
    encoder, decoder = DIALECT.encoder(asked()), ChatDecoder()
    assert encoder.passes(decoder.sniff(first)) == b""
    assert encoder.passes(decoder.sniff(first)) == first
    assert encoder.passes(decoder.sniff(late)) == first + late
    assert encoder.finish() == b""
    encoder = DIALECT.encoder(asked())
    assert encoder.passes(decoder.sniff(first)) == b""
    between = encoder.feed([PartStart(index=9, kind="text"), Delta(index=9, text="more")])
    assert between.startswith(first)
    assert chunks(between)[1]["responseId"] == "r"
    assert encoder.finish() == b""


def test_words_made_between_forwarded_chunks_are_of_the_same_kind() -> None:
    forwarded = b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"responseId":"r","modelVersion":"v"}\n\n'
    encoder = DIALECT.encoder(asked())
    assert encoder.passes(ChatDecoder().sniff(forwarded)) == forwarded
    path = ("candidates", 0, "content", "parts", 0, "text")
    [said] = chunks(encoder.feed([Delta(index=0, text="b", path=path)]))
    assert said["candidates"][0]["content"]["parts"] == [{"text": "b"}]
    assert (said["responseId"], said["modelVersion"]) == ("r", "v")


def test_keepalives_mean_nothing() -> None:
    encoder = DIALECT.encoder(asked())
    assert sse.data(encoder.keepalive()) == b""
    body = DIALECT.encoder(asked(stream=False))
    body.feed(TEXT)
    assert msgspec.json.decode(body.keepalive() + body.finish())


def test_a_forwarded_body_is_its_own() -> None:
    for method, raw in (("generateContent", b'{"candidates":[]}'), ("embedContent", b'{"embedding":{}}')):
        encoder = DIALECT.encoder(asked(False, method))
        frame = DIALECT.decoder("embed" if "embed" in method else "chat").whole(raw)
        assert encoder.passes(frame) + encoder.finish() == raw
    counter = DIALECT.encoder(asked(False, "countTokens"))
    raw = b'{"totalTokens": 3}'
    assert counter.passes(DIALECT.decoder("count").whole(raw)) + counter.feed([End()]) + counter.finish() == raw
    with pytest.raises(ProviderError):
        counter.feed([Failed(error=ProviderError("m", kind="cut"))])


def test_embeddings_are_written_as_their_method_answers() -> None:
    happenings: list[Happening] = [START, Vectors(vectors=[[0.5, 1.0]]), Used(usage=Usage(input=3)), End()]
    for method, field, said in (
        ("embedContent", "embedding", {"values": [0.5, 1.0]}),
        ("batchEmbedContents", "embeddings", [{"values": [0.5, 1.0]}]),
    ):
        encoder = DIALECT.encoder(asked(False, method))
        body = msgspec.json.decode(encoder.feed(happenings) + encoder.finish())
        assert body == {field: said, "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}
        with pytest.raises(ProviderError):
            encoder.feed([Failed(error=ProviderError("m", kind="cut"))])


def test_models_are_listed_and_shown() -> None:
    for path, names in (("/v1beta/models", ["a", "b/c"]), ("/v1beta/models/{rest}", ["a"])):
        encoder = DIALECT.encoder(Request(b"", dialect=DIALECT, route=ROUTES[path]))
        encoder.feed([Listing(models=names), End()])
        said = msgspec.json.decode(encoder.finish())
        models = said["models"] if path.endswith("models") else [said]
        assert [model["name"] for model in models] == [f"models/{name}" for name in names]
        assert "generateContent" in models[0]["supportedGenerationMethods"]


@pytest.mark.parametrize("method", ["generateContent", "embedContent", "countTokens"])
def test_an_error_where_a_body_was_due_is_an_error_object(method: str) -> None:
    encoder = DIALECT.encoder(asked(False, method))
    said = msgspec.json.decode(encoder.keepalive() + encoder.error(Rejected("no", status=429, retry_after=2.5), "r"))
    assert (said["error"]["code"], said["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert said["error"]["details"][-1]["retryDelay"] == "2.5s"


KINDS = st.sampled_from(["text", "thinking", "tool_call", "refusal"])
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


@st.composite
def replies(draw: st.DrawFn) -> list[Happening]:
    """Any orderly reply, its tool arguments objects."""
    out: list[Happening] = [START]
    for choice in range(draw(st.integers(1, 2))):
        for index, kind in enumerate(draw(st.lists(KINDS, max_size=4))):
            out.append(PartStart(index=index, kind=kind, choice=choice, id=f"i{index}", name="f"))  # type: ignore[arg-type]
            texts = ['{"a":', "1}"] if kind == "tool_call" else draw(st.lists(WORDS, min_size=1, max_size=3))
            out += [Delta(index=index, text=text, choice=choice) for text in texts]
            if kind == "thinking" and draw(st.booleans()):
                out.append(Delta(index=index, text="", choice=choice, signature="gemini:c2ln"))
            out.append(PartEnd(index=index, choice=choice))
        out.append(Finish(reason=draw(st.sampled_from(["stop", "length", "filter"])), choice=choice))
    return [*out, Used(usage=Usage(input=3, output=2)), End()]


def said(answer: Answer) -> list[tuple[str, list[str]]]:
    """What a reply says and calls, choice by choice; refusals are text here."""
    out = []
    for choice in answer.choices:
        text = "".join(p.text for p in choice.parts if type(p).__name__ in ("Text", "Refusal"))  # type: ignore[union-attr]
        thought = "".join(p.text for p in choice.parts if type(p).__name__ == "Thinking")  # type: ignore[union-attr]
        calls = [p.arguments for p in choice.parts if type(p).__name__ == "ToolCall"]  # type: ignore[union-attr]
        out.append((text + "|" + thought, calls))
    return out


@given(replies())
def test_any_reply_streamed_or_not_reads_back_as_itself(happenings: list[Happening]) -> None:
    answer = fold(happenings)
    decoder = ChatDecoder()
    frames = sse.Splitter().feed(written(happenings))
    streamed = fold([happening for raw in frames for happening in decoder.feed(raw)])
    decoder.finish()
    whole = fold(ChatDecoder().unfold(written(happenings, stream=False)))
    assert said(streamed) == said(whole) == said(answer)
    assert [c.parts for c in streamed.choices] == [c.parts for c in whole.choices]
    assert streamed.usage == whole.usage
    assert [c.finish for c in whole.choices] == [
        "tool_calls" if c.finish == "stop" and calls else c.finish
        for c, (_, calls) in zip(answer.choices, said(answer), strict=True)
    ]


@given(st.lists(st.sampled_from(TEXT), max_size=8), st.booleans())
def test_events_in_any_order_make_valid_frames(happenings: list[Happening], array: bool) -> None:
    stream = written(happenings, array=array)
    if array:
        assert isinstance(msgspec.json.decode(stream), list)
    else:
        chunks(stream)
    assert msgspec.json.decode(written(happenings, stream=False))
