"""A kept message says what the reply said, in as few events as can be, and comes out of the store as it went in."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from tollhouse import Usage
from tollhouse.neutral import (
    Delta,
    End,
    Extra,
    Finish,
    Opaque,
    PartEnd,
    PartStart,
    Start,
    Used,
    Vectors,
    fold,
)
from tollhouse_cache.entry import Entry, made, unpacked
from tollhouse_cache.flight import joined
from tollhouse_cache.message import decode, encode, message, why_not
from tollhouse_cache.squeeze import squeeze, unsqueeze

words = st.text(max_size=8)
extras = st.none() | st.builds(Extra, dialect=words, fields=st.dictionaries(words, st.just(Raw(b'{"a": [1, null]}'))))
usages = st.builds(
    Usage,
    input=st.none() | st.integers(0, 9),
    output=st.none() | st.integers(0, 9),
    reasoning=st.none() | st.integers(0, 9),
    raw=st.sampled_from([Raw(b""), Raw(b'{"x": 1}')]),
)


@st.composite
def replies(draw):
    """The events of a stream, its parts interleaved as an upstream may."""
    out = [draw(st.builds(Start, id=words, model=words, created=st.integers(0, 9), extra=extras))]
    kinds = st.sampled_from(["text", "thinking", "tool_call", "refusal", "opaque"])
    open_ = {}
    for index, (choice, kind) in enumerate(draw(st.lists(st.tuples(st.integers(0, 2), kinds), max_size=5))):
        opaque = Opaque(kind="k", raw=Raw(b'{"b": 2}'), dialect="d") if kind == "opaque" else None
        out.append(PartStart(index=index, kind=kind, choice=choice, id=draw(words), name=draw(words), opaque=opaque))
        open_[index] = choice, kind
        for spoken in draw(st.lists(st.sampled_from(sorted(open_)), max_size=4)):
            said, what = open_[spoken]
            if what == "opaque":
                continue
            more = {"signature": draw(words)} if what == "thinking" else {}
            out.append(Delta(index=spoken, choice=said, text=draw(words), path=("x", 1), **more))
        if draw(st.booleans()):
            out.append(Used(usage=draw(usages)))
    for index, (choice, _) in open_.items():
        out.append(PartEnd(index=index, choice=choice, extra=draw(extras)))
    for choice in sorted({choice for choice, _ in open_.values()}):
        out.append(Finish(reason="stop", raw=draw(words), choice=choice, extra=draw(extras)))
    return [*out, End()]


def same(one, other):
    """Whether two folded replies say the same; where the text of a part stood is nobody's business."""
    return msgspec.structs.asdict(one) == msgspec.structs.asdict(other)


@settings(max_examples=50)
@given(replies())
def test_a_message_folds_to_what_the_reply_folds_to(reply):
    said = message(reply)
    assert same(fold(said), fold(reply))
    assert message(said) == said
    assert len(said) <= len(reply) + 1


@settings(max_examples=50)
@given(replies())
def test_a_message_comes_out_of_an_entry_as_it_went_in(reply):
    said = message(reply)
    assert same(fold(decode(encode(said))), fold(said))
    entry = made(said, at=5.5, ttl=60.0, tags=["model:m"], cost=7)
    again = unpacked(entry.packed())
    assert again == entry
    assert same(fold(again.message()), fold(said))
    assert again.label.tags == ("all", f"entry:{again.label.id}", "model:m")


@settings(max_examples=50)
@given(replies())
def test_what_a_late_reader_hears_at_once_is_the_same(reply):
    assert same(fold(joined(reply)), fold(reply))
    assert len(joined(reply)) <= len(reply)
    assert joined(joined(reply)) == joined(reply)


def test_vectors_are_kept_to_the_last_digit():
    said = message([Start(model="e"), Vectors(vectors=[[0.1, 1e-9, -3.0]]), Used(usage=Usage(input=2)), End()])
    assert fold(decode(encode(said))).vectors == [[0.1, 1e-9, -3.0]]
    assert why_not(said) == ""


def test_text_written_into_a_part_nobody_began_is_kept():
    assert fold(message([Delta(index=0, text="a"), Finish(reason="stop"), End()])).choices[0].parts[0].text == "a"


@pytest.mark.parametrize("reason", ["length", "filter", "error", "other", "missing"])
def test_only_what_was_said_to_its_end_is_kept(reason):
    part = [PartStart(index=0, kind="text"), Delta(index=0, text="a"), PartEnd(index=0)]
    assert why_not(message([*part, Finish(reason="stop")])) == ""
    assert why_not(message([*part, Finish(reason="stop"), Finish(reason=reason, choice=1)])) != ""
    assert why_not(message(part)) != ""


@given(st.binary(max_size=3000) | st.text(min_size=1, max_size=300).map(lambda text: text.encode() * 2048))
def test_what_is_squeezed_comes_out_whole(data):
    kept, squeezed = squeeze(data)
    assert len(kept) <= len(data)
    assert squeezed == (kept != data)
    if squeezed:
        assert unsqueeze(kept, len(data)) == data
        for size in (len(data) - 1, len(data) + 1):
            with pytest.raises(ValueError, match="not what was compressed"):
                unsqueeze(kept, size)
        with pytest.raises(ValueError, match="not what was compressed"):
            unsqueeze(kept[:-1], len(data))


@given(st.binary(max_size=60))
def test_bytes_of_something_else_are_no_entry(data):
    assert unpacked(data) is None or data.startswith(b"\x01")
    entry = made([End()], at=0.0, ttl=1.0, tags=(), cost=0).packed()
    assert unpacked(b"\x02" + entry[1:]) is None
    assert unpacked(b"\x01" + data + b"\n") is None or isinstance(unpacked(b"\x01" + data + b"\n"), Entry)
