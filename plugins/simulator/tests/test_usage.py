"""Counting tokens, and the prompt cache."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from tollhouse.neutral import Chat, Format, Media, Message, Opaque, Text, Tool, ToolCall, ToolResult
from tollhouse_simulator.counting import Prefixes, prompt, split
from tollhouse_simulator.prose import lorem


@given(st.text())
def test_the_tokens_of_a_text_join_to_the_text(text):
    assert "".join(split(text)) == text


def test_a_token_is_eight_letters_or_one_mark_with_the_space_before():
    assert split("Hello, tollhouses!  ") == ["Hello", ",", " tollhous", "es", "!", "  "]


@given(st.integers(1, 300), st.randoms(use_true_random=False))
def test_prose_has_exactly_the_tokens_asked_for(tokens, random):
    pieces = lorem(random, tokens)
    assert len(pieces) == tokens
    assert split("".join(pieces)) == pieces


def test_everything_in_a_prompt_counts():
    parts = [
        Text(text="one two"),
        Media(kind="image", url="https://example.com/a.png"),
        ToolCall(id="1", name="look", arguments="{}"),
        ToolResult(call_id="1", parts=[Text(text="three"), Media(kind="image", inline="aGk=")]),
        Opaque(kind="search", raw=Raw(b"four"), dialect="other"),
    ]
    chat = Chat(messages=[Message(role="user", parts=parts)])
    assert len(prompt(chat)) == 1 + 2 + 85 + 3 + 1 + 85 + 1
    chat.tools = [Tool(name="five", description="six", schema=Raw(b"{}"))]
    chat.format = Format(kind="schema", name="seven", schema=Raw(b"{}"))
    assert len(prompt(chat)) == 1 + 2 + 85 + 3 + 1 + 85 + 1 + 4 + 3


def test_usage_does_not_depend_on_streaming(account):
    assert account().answer("Write.", "lorem", stream=True).usage == account().answer("Write.", "lorem").usage


def test_usage_comes_once_between_the_last_finish_and_the_end(account):
    kinds = [type(event).__name__ for event in account().events(Chat(messages=[], n=2), "lorem")]
    assert kinds[-4:] == ["Finish", "Finish", "Used", "End"]
    assert kinds.count("Used") == 1


def test_a_repeated_long_prefix_is_read_from_the_cache(account):
    simulator = account(cached_prefix=256)
    instructions = Message(role="system", parts=[Text(text="word " * 1000)])

    def ask(text):
        return simulator.answer(Chat(messages=[instructions, Message(role="user", parts=[Text(text=text)])])).usage

    first, second = ask("one"), ask("two")
    assert (first.input, first.cache_read) == (1004, 0)
    assert (second.input, second.cache_read) == (1004 - 896, 896)
    assert first.total_input == second.total_input


def test_a_short_prompt_is_never_cached(account):
    simulator = account()
    usages = [simulator.answer("Hello").usage for _ in range(2)]
    assert [usage.cache_read for usage in usages] == [0, 0]


def test_a_provider_without_a_cache_reports_none(account):
    assert account(cached_prefix=0).answer("Hello").usage.cache_read is None


def test_a_prefix_that_differs_at_the_start_is_not_cached():
    prefixes = Prefixes(128)
    tokens = ["a"] * 1000
    prefixes.read(tokens)
    assert prefixes.read(["b", *tokens]) == 0
    assert prefixes.read([*tokens[:300], "b", *tokens]) == 256


def test_the_cache_forgets_the_oldest_when_it_is_full(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tollhouse_simulator.counting._BLOCKS", 4)
    prefixes = Prefixes(128)
    first, second = ["a"] * 256, ["b"] * 512
    prefixes.read(first)
    assert prefixes.read(first) == 256
    prefixes.read(second)
    assert prefixes.read(first) == 0
