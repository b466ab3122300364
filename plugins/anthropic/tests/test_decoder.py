"""Replies read: events in whatever shape they come, edited where a relay wants it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replies import BODY, STREAM, block
from tollhouse import Edit, ProviderError
from tollhouse.framing import sse
from tollhouse.neutral import Delta, End, Happening, Opaque, PartEnd, PartStart, Thinking, ToolCall, fold
from tollhouse.reply import Event, Tape
from tollhouse_anthropic.count import CountDecoder
from tollhouse_anthropic.decoder import MessageDecoder


def read(stream: bytes) -> list[Happening]:
    decoder = MessageDecoder()
    return [happening for raw in sse.Splitter().feed(stream) for happening in decoder.feed(raw)]


def told(reading: Any, raw: bytes) -> str | None:
    """The kind of error that reading ends with, if any."""
    try:
        reading(raw)
    except ProviderError as error:
        return error.kind
    return None


def test_a_stream_is_its_parts() -> None:
    answer = fold(read(STREAM))
    thought, text, first, second = answer.choices[0].parts
    assert isinstance(thought, Thinking)
    assert (thought.text, thought.signature) == ("hm", "sig")
    assert text.text == "hello"  # type: ignore[union-attr]
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.arguments, second.arguments) == ('{"a": 1}', "{}")
    assert (answer.choices[0].finish, answer.choices[0].finish_raw) == ("tool_calls", "tool_use")
    assert answer.usage is not None
    assert answer.usage.buckets() == {"input": 3, "cache_read": 2, "output": 9}


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.replace(b"\n", b"\r\n"),
        lambda s: b"\n".join(line for line in s.split(b"\n") if not line.startswith(b"event:")),
    ],
)
def test_other_line_ends_and_missing_names_mean_the_same(change: Any) -> None:
    stream = change(STREAM)
    assert fold(read(stream)) == fold(read(STREAM))
    kinds, plain = MessageDecoder(), MessageDecoder()
    assert [kinds.sniff(raw).kind for raw in sse.Splitter().feed(stream)] == [
        plain.sniff(raw).kind for raw in sse.Splitter().feed(STREAM)
    ]


def test_the_first_content_is_what_somebody_can_see() -> None:
    decoder = MessageDecoder()
    kinds = [decoder.sniff(raw).kind for raw in sse.Splitter().feed(STREAM)]
    assert kinds[:4] == ["lifecycle", "lifecycle", "lifecycle", "content"]
    assert kinds[-2:] == ["usage", "end"]
    call = sse.Splitter().feed(block(0, {"type": "tool_use", "id": "c", "name": "f", "input": {}}))[0]
    assert decoder.sniff(call).kind == "content"


def test_a_stream_without_its_stop_is_cut() -> None:
    decoder = MessageDecoder()
    for raw in sse.Splitter().feed(STREAM)[:-1]:
        decoder.sniff(raw)
    with pytest.raises(ProviderError) as caught:
        decoder.finish()
    assert caught.value.kind == "cut"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', "overloaded"),
        (b'{"error":{"message":"m"}}', "server"),
        (b"{", "bad_reply"),
        (b"[]", "bad_reply"),
        (b'{"type":"content_block_start","content_block":3}', "bad_reply"),
    ],
)
def test_an_error_and_garbage_are_error_frames(data: bytes, kind: str) -> None:
    raw = sse.frame(data)
    frame = MessageDecoder().sniff(raw)
    assert frame.kind == "error"
    assert frame.error is not None
    assert frame.error.kind == kind
    with pytest.raises(ProviderError) as caught:
        fold(MessageDecoder().feed(raw))
    assert caught.value.kind == kind


@pytest.mark.parametrize("data", [b'{"type":"brand_new","x":1}', b'{"type":"ping"}', b'{"type":"content_block_stop"}'])
def test_what_is_not_known_is_no_error(data: bytes) -> None:
    assert MessageDecoder().sniff(sse.frame(data)).kind == "lifecycle"
    assert MessageDecoder().feed(sse.frame(data)) == []
    assert MessageDecoder().feed(b": comment\n\n") == []


def test_a_delta_of_no_block_is_garbage() -> None:
    with pytest.raises(ProviderError):
        MessageDecoder().feed(
            block(0, {"type": "text"}, {"type": "text_delta", "text": "x"}).split(b"\n\n")[1] + b"\n\n"
        )


def test_an_opaque_block_is_kept_back_until_it_is_whole() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    grown = [{"type": "input_json_delta", "partial_json": text} for text in ('{"q"', ": 1.50}")]
    start, end = read(block(0, use, *grown))
    assert isinstance(start, PartStart)
    assert isinstance(end, PartEnd)
    assert start.opaque is not None
    assert bytes(start.opaque.raw) == b'{"type":"server_tool_use","id":"s","name":"web_search","input":{"q": 1.50}}'
    [part] = fold([start, end]).choices[0].parts
    assert isinstance(part, Opaque)
    compaction = read(block(0, {"type": "compaction", "content": None}, {"type": "compaction_delta", "content": "sum"}))
    assert isinstance(compaction[0], PartStart)
    assert compaction[0].opaque is not None
    assert msgspec.json.decode(compaction[0].opaque.raw) == {"type": "compaction", "content": "sum"}


def test_a_block_that_is_whole_at_once_is_read() -> None:
    happenings = [
        *read(block(0, {"type": "text", "text": "hi"})),
        *read(block(0, {"type": "thinking", "thinking": "hm", "signature": "s"})),
        *read(block(0, {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}})),
        *read(block(0, {"type": "redacted_thinking", "data": "blob"})),
    ]
    said = [happening for happening in happenings if isinstance(happening, Delta)]
    assert [(delta.text, delta.signature, delta.opaque) for delta in said] == [
        ("hi", "", ""),
        ("hm", "", ""),
        ("", "s", ""),
        ('{"a":1}', "", ""),
        ("", "", "blob"),
    ]


def test_an_edited_stream_says_the_edit_and_keeps_everything_else() -> None:
    tape, written = Tape(MessageDecoder()), []
    for raw in sse.Splitter().feed(STREAM):
        event = tape.event(tape.decoder.sniff(raw)).edited(lambda delta: delta.text.replace("l", "*"))
        assert event.frame is not None
        written.append(event.frame.raw)
    assert fold(read(b"".join(written))).choices[0].parts[1].text == "he**o"  # type: ignore[union-attr]
    changed = [raw for raw, new in zip(sse.Splitter().feed(STREAM), written, strict=True) if raw != new]
    assert len(changed) == 1


def test_an_edited_body_keeps_its_arguments_json() -> None:
    body = {**BODY, "content": [*BODY["content"], {"type": "tool_use", "id": "c", "name": "f", "input": {"a": "hi"}}]}
    decoder = MessageDecoder()
    frame = decoder.whole(msgspec.json.encode(body))
    edited = Event(frame, whole=decoder).edited(lambda delta: delta.text.replace("hi", "**"))
    assert edited.frame is not None
    said = msgspec.json.decode(edited.frame.raw)
    assert [block.get("text") or block["input"] for block in said["content"]] == ["**", {"a": "**"}]
    assert MessageDecoder().patch(b'{"input":1}', [Edit(("input",), "no json")]) == b'{"input":"no json"}'


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"content":3}', b'{"content":[3]}', b'{"content":[{"type":3}]}'])
def test_a_body_that_is_no_message_is_told(raw: bytes) -> None:
    assert told(MessageDecoder().unfold, raw) in (None, "bad_reply")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_told(raw: bytes) -> None:
    assert MessageDecoder().sniff(raw).raw == raw
    for decoder in (MessageDecoder(), CountDecoder()):
        for reading in (decoder.feed, decoder.unfold, decoder.whole):
            assert told(reading, raw) in (None, "bad_reply")


def test_a_count_is_a_body_and_nothing_else() -> None:
    decoder = CountDecoder()
    assert [type(one) for one in decoder.unfold(b'{"input_tokens":3}')][-1] is End
    assert decoder.whole(b'{"type":"error","error":{"type":"api_error","message":"m"}}').kind == "error"
    assert decoder.sniff(b"data: {}\n\n").kind == "error"
    with pytest.raises(ProviderError):
        decoder.finish()
