"""Who asks, of what, under which policies, and every field of the question: change one, and it is another key."""

import msgspec
import pytest
from caching import Oracle, tell, verdict
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import fields, replace
from tollhouse import Principal
from tollhouse.config import parse
from tollhouse.neutral import (
    Chat,
    Embed,
    Extra,
    Format,
    Media,
    Message,
    Opaque,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from tollhouse_cache.canon import IGNORED, canonical
from tollhouse_cache.key import tenant
from tollhouse_cache.unfit import BEYOND, STATE

names = st.text(max_size=6)
paths = st.lists(names | st.integers(0, 3), max_size=2).map(tuple)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
raws = values.map(lambda value: Raw(msgspec.json.encode(value)))
known = IGNORED | {"cache_control"}
extras = st.none() | st.builds(
    Extra,
    dialect=st.sampled_from(["openai", "anthropic"]),
    fields=st.dictionaries(names.filter(lambda name: name not in known), raws, min_size=1, max_size=2),
)
common = {"path": paths, "extra": extras}
texts = st.builds(Text, text=names, **common)
media = st.builds(Media, kind=st.sampled_from(["image", "audio"]), url=names, inline=names, **common)
parts = st.one_of(
    texts,
    media,
    st.builds(Thinking, text=names, signature=names, **common),
    st.builds(ToolCall, id=names, name=names, arguments=names, **common),
    st.builds(ToolResult, call_id=names, parts=st.lists(texts | media, max_size=2), error=st.booleans(), **common),
    st.builds(Refusal, text=names, **common),
    st.builds(Opaque, kind=names, raw=raws, dialect=names, **common),
)
messages = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    parts=st.lists(parts, max_size=3),
    name=names,
    **common,
)
tools = st.builds(Tool, name=names, description=names, schema=raws, strict=st.none() | st.booleans(), **common)
chats = st.builds(
    Chat,
    messages=st.lists(messages, max_size=3),
    tools=st.lists(tools, max_size=2),
    tool_choice=st.none() | names,
    parallel_tools=st.none() | st.booleans(),
    max_output=st.none() | st.integers(0, 9),
    temperature=st.none() | st.sampled_from([0.0, 0.5, 1.0]),
    top_p=st.none() | st.sampled_from([0.0, 1.0]),
    top_k=st.none() | st.integers(0, 3),
    stop=st.lists(names, max_size=2),
    seed=st.none() | st.integers(0, 3),
    n=st.integers(1, 3),
    format=st.none() | st.builds(Format, kind=st.sampled_from(["json", "schema"]), name=names, schema=raws),
    effort=st.none() | names,
    thinking_budget=st.none() | st.integers(0, 3),
    user=names,
    **common,
)
OWN = {"path", "user"}


def places(node, at=()):
    """Every field of a request's neutral form, but for those that change no answer: the way there, and its value."""
    for one in fields(type(node)):
        if one.name in OWN:
            continue
        value = getattr(node, one.name)
        yield (*at, one.name), value
        if isinstance(value, msgspec.Struct) and not isinstance(value, Extra):
            yield from places(value, (*at, one.name))
        for number, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, msgspec.Struct):
                yield from places(item, (*at, one.name, number))


def changed(node, way, value):
    """A copy whose field at `way` is `value`."""
    first, *rest = way
    if isinstance(first, int):
        return [*node[:first], changed(node[first], rest, value) if rest else value, *node[first + 1 :]]
    inner = getattr(node, first)
    return replace(node, **{first: changed(inner, rest, value) if rest else value})


def other(value, name):
    """Another value for a field."""
    match value:
        case bool():
            return not value
        case str():
            return "user" if value == "system" else value + "~"
        case Raw():
            return Raw(b'{"another": ' + bytes(value) + b"}")
        case int() | float():
            return value + 1
        case list():
            return [*value, *(value[:1] or [other_item(name)])]
        case Extra():
            return replace(value, fields={**value.fields, "~": Raw(b"1")})
        case Format():
            return None
        case _:
            return {"extra": Extra("openai", {"~": Raw(b"1")}), "format": Format(kind="json")}.get(name, new(name))


def other_item(name):
    made = {"messages": Message(role="user", parts=[]), "parts": Text(text="~"), "tools": Tool(name="~")}
    return made.get(name, "~")


def new(name):
    """A value for a field that said nothing."""
    if name in ("tool_choice", "effort"):
        return "~"
    if name in ("parallel_tools", "strict"):
        return True
    return 1.5 if name in ("temperature", "top_p") else 5


@settings(max_examples=60)
@given(chats, st.data())
def test_changing_any_field_changes_the_key(chat, data):
    way, value = data.draw(st.sampled_from(list(places(chat))))
    assert canonical(changed(chat, way, other(value, way[-1]))) != canonical(chat), way


@settings(max_examples=40)
@given(chats)
def test_where_something_stood_and_who_asked_does_not(chat):
    def bare(node):
        said = {}
        for one in fields(type(node)):
            value = getattr(node, one.name)
            if isinstance(value, msgspec.Struct) and not isinstance(value, Extra):
                value = bare(value)
            elif isinstance(value, list):
                value = [bare(item) if isinstance(item, msgspec.Struct) else item for item in value]
            said[one.name] = () if one.name == "path" else "" if one.name == "user" else value
        return type(node)(**said)

    assert canonical(bare(chat)) == canonical(chat)


@settings(max_examples=40)
@given(chats)
def test_spaces_and_the_order_of_names_in_raw_json_do_not(chat):
    def spread(raw):
        def turned(value):
            if isinstance(value, dict):
                return {name: turned(value[name]) for name in reversed(value)}
            return [turned(item) for item in value] if isinstance(value, list) else value

        return Raw(msgspec.json.format(msgspec.json.encode(turned(msgspec.json.decode(raw))), indent=3))

    respaced = replace(chat, tools=[replace(tool, schema=spread(tool.schema)) for tool in chat.tools])
    assert canonical(respaced) == canonical(chat)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(sorted(known)), raws, min_size=1), chats)
def test_fields_that_change_no_answer_are_left_out(ignored, chat):
    left = chat.extra.fields if chat.extra else {}
    dialect = chat.extra.dialect if chat.extra else "openai"
    assert canonical(replace(chat, extra=Extra(dialect, {**left, **ignored}))) == canonical(chat)


@given(st.lists(names, max_size=3), st.none() | st.integers(1, 3), st.sampled_from(["float", "base64"]))
def test_embeddings_differ_by_input_length_and_encoding(inputs, dimensions, encoding):
    one = Embed(inputs=inputs, dimensions=dimensions, encoding=encoding)
    assert canonical(one) == canonical(replace(one, user="x"))
    for changed_ in (
        replace(one, inputs=[*inputs, "x"]),
        replace(one, dimensions=9),
        replace(one, encoding="other"),
        Chat(messages=[]),
    ):
        assert canonical(changed_) != canonical(one)


people = st.builds(Principal, key=st.sampled_from(["", "a", "b"]), team=st.sampled_from(["", "a", "b"]), user=names)


@given(people, people)
def test_who_shares_is_the_team_else_the_key_else_everybody_who_has_neither(one, two):
    shared = tenant(one, "team") == tenant(two, "team")
    if one.team or two.team:
        assert shared == (one.team == two.team)
    else:
        assert shared == ((one.key, one.user) == (two.key, two.user))
    assert (tenant(one, "key") == tenant(two, "key")) == ((one.key, one.user) == (two.key, two.user))
    assert tenant(one, "all") == tenant(two, "all")
    assert tenant(one, "all") != tenant(one, "key")


def test_tenants_do_not_read_each_others_entries():
    async def story(house):
        seen = [verdict(await house.chat(who=who)) for who in ("a/t", "b/t", "a/u", "a", "t", "b", "//x", "//y", "")]
        entries = {(await house.chat(who=who)).headers["x-tollhouse-cache-entry"] for who in ("a/t", "a/u", "a", "t")}
        assert len(entries) == 4
        return seen

    assert tell(story) == ["miss", "hit", *["miss"] * 7]
    assert tell(story_of_keys, "[cache]\nshare = 'key'") == ["miss", "miss", "hit", "miss"]
    assert tell(story_of_keys, "[cache]\nshare = 'all'") == ["miss", "hit", "hit", "hit"]


async def story_of_keys(house):
    return [verdict(await house.chat(who=who)) for who in ("a/t", "b/t", "a/t", "c")]


@pytest.mark.parametrize(
    "said",
    [
        {"model": "n"},
        {"temperature": 0.5},
        {"reasoning_effort": "low"},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"something_new": 1},
        {"max_tokens": 5},
        {"n": 2},
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]},
        {"messages": [{"role": "user", "content": "hi "}]},
    ],
)
def test_another_question_is_another_entry(said):
    async def story(house):
        await house.chat()
        return verdict(await house.chat(**said)), verdict(await house.chat(**said)), len(Oracle.asked)

    assert tell(story) == ("miss", "hit", 2)


@pytest.mark.parametrize(
    "said", [{"user": "u"}, {"metadata": {"a": "b"}}, {"service_tier": "flex"}, {"stream": True}, {"store": False}]
)
def test_what_changes_no_answer_is_the_same_entry(said):
    async def story(house):
        await house.chat()
        return verdict(await house.chat(**said))

    assert tell(story) == "hit"


def test_beta_headers_and_what_plugins_vary_by_are_part_of_the_key():
    async def story(house):
        beta = {"anthropic-beta": "context-1m"}
        return await house.verdicts(
            house.message(), house.message(headers=beta), house.message(headers=beta), house.message()
        )

    assert tell(story) == ["miss", "miss", "hit", "hit"]


def test_a_file_belongs_to_its_owner_even_within_a_team():
    content = [{"type": "file", "file": {"file_id": "file-1"}}, {"type": "text", "text": "hi"}]

    async def story(house):
        async def ask(who):
            return verdict(await house.chat(who=who, messages=[{"role": "user", "content": content[::-1]}]))

        return [await ask("a/t"), await ask("b/t"), await ask("a/t")]

    assert tell(story) == ["miss", "miss", "hit"]


def test_a_prompt_to_be_continued_is_not_the_message_that_says_the_same():
    async def story(house):
        completion = {"model": "m", "prompt": "hi"}
        first = await house.chat()
        second = await house.client().post("/v1/completions", completion)
        third = await house.client().post("/v1/completions", completion)
        return [verdict(one) for one in (first, second, third)]

    assert tell(story) == ["miss", "miss", "hit"]


def test_other_targets_behind_a_name_are_another_entry():
    async def story(house):
        await house.chat()
        text = 'plugins = ["openai"]\n[providers]\noracle = {}\n[models]\nm = ["oracle/z"]\n[store]\nurl = "memory:"'
        await house.gateway.reload(parse(text, {}, path=house.gateway.edition.loaded.path))
        return verdict(await house.chat())

    assert tell(story) == "miss"


@pytest.mark.parametrize("name", [*STATE, *BEYOND])
def test_state_elsewhere_and_replies_beyond_the_neutral_form_are_not_cached(name):
    async def story(house):
        return await house.verdicts(house.chat(**{name: "x"}), house.chat(**{name: "x"}))

    assert tell(story) == ["bypass", "bypass"]
