"""The models: what each of them answers to a conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import msgspec
from tollhouse import ProviderError
from tollhouse.neutral import Chat, Message, Text, Tool, ToolResult

from .counting import split
from .demo import THOUGHTS, demo
from .prose import lorem
from .scalars import Unsatisfiable
from .schema import instance
from .script import Draft, Take

_THOUGHTS_BY_EFFORT = {"none": 0, "minimal": 1, "low": 2, "medium": 4, "high": len(THOUGHTS)}


def compose(model: str, chat: Chat, random: Random, tokens: int) -> Take:
    """One choice of a model's answer, as long as the caller allows; `tokens` is the length of lorem's prose.
    Raises ProviderError when what is asked for cannot be made."""
    drafts = _thoughts(chat, random) if model == "thinker" else []
    called = _called(model, chat)
    if called:
        take = Take([*drafts, *(_call(tool, random) for tool in called)], "tool_calls")
    else:
        pieces = _VOICES[model](chat, random, tokens) if chat.format is None else _formatted(model, chat, random)
        take = Take([*drafts, Draft("text", pieces)])
        take.stop_at(chat.stop)
    if chat.max_output is not None:
        take.limit(chat.max_output)
    return take


def question(chat: Chat) -> str:
    """The text of the last message the user wrote; empty when there is none."""
    for message in reversed(chat.messages):
        texts = [part.text for part in message.parts if isinstance(part, Text)]
        if message.role == "user" and texts:
            return "\n".join(texts)
    return ""


def _echo(chat: Chat, random: Random, tokens: int) -> list[str]:
    return split(question(chat) or "There is no message from the user to repeat.")


def _lorem(chat: Chat, random: Random, tokens: int) -> list[str]:
    return lorem(random, tokens)


def _demo(chat: Chat, random: Random, tokens: int) -> list[str]:
    return demo(random, question(chat))


def _tools(chat: Chat, random: Random, tokens: int) -> list[str]:
    results = _results(chat.messages)
    if not results:
        return split("Offer me tools, and I will call them.")
    texts = [part.text for result in results for part in result.parts if isinstance(part, Text)]
    return split(f"The tools answered: {'; '.join(texts) or 'nothing in words'}.")


_VOICES: dict[str, Callable[[Chat, Random, int], list[str]]] = {
    "echo": _echo,
    "lorem": _lorem,
    "demo": _demo,
    "thinker": _demo,
    "tools": _tools,
}
MODELS = (*_VOICES, "embed")
"""The models there are; the last one makes vectors, the others talk."""


def _thoughts(chat: Chat, random: Random) -> list[Draft]:
    count = _THOUGHTS_BY_EFFORT.get(chat.effort or "", _THOUGHTS_BY_EFFORT["medium"])
    pieces = split("".join(THOUGHTS[:count]))[: chat.thinking_budget]
    return [Draft("thinking", pieces, signature=f"{random.getrandbits(128):032x}")] if pieces else []


def _called(model: str, chat: Chat) -> list[Tool]:
    """The tools to call: the named one, one when the caller insists, and up to two when `tools` may."""
    choice = chat.tool_choice or "auto"
    if choice.startswith("tool:"):
        named = [tool for tool in chat.tools if tool.name == choice.removeprefix("tool:")]
        if not named:
            raise _impossible(f'tool_choice names the tool "{choice.removeprefix("tool:")}", which is not offered.')
        return named[:1]
    calls = model == "tools" and choice == "auto" and not _results(chat.messages)
    if choice != "required" and not calls:
        return []
    return chat.tools[: 2 if model == "tools" and chat.parallel_tools is not False else 1]


def _results(messages: Sequence[Message]) -> list[ToolResult]:
    """The tools' results that wait for an answer: those at the end of the conversation."""
    results: list[ToolResult] = []
    for message in reversed(messages):
        here = [part for part in message.parts if isinstance(part, ToolResult)]
        if not here:
            break
        results = here + results
    return results


def _call(tool: Tool, random: Random) -> Draft:
    schema = _schema(tool.schema, tool.name)
    fitting = {"type": "object", **schema} if isinstance(schema, dict) else schema
    arguments = _json(fitting, random, tool.name)
    return Draft("tool_call", split(arguments), id=f"call_{random.getrandbits(96):024x}", name=tool.name)


def _formatted(model: str, chat: Chat, random: Random) -> list[str]:
    """The answer as JSON: an instance of the schema, or an object around the text."""
    assert chat.format is not None
    if chat.format.kind == "schema":
        name = chat.format.name or "the answer"
        return split(_json(_schema(chat.format.schema, name), random, name))
    text = "".join(_VOICES[model](chat, random, 40))
    return split(msgspec.json.encode({"answer": text}).decode())


def _schema(raw: msgspec.Raw, name: str) -> object:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise _impossible(f"the schema of {name} is not JSON.", "invalid_json_schema") from error


def _json(schema: object, random: Random, name: str) -> str:
    try:
        return msgspec.json.encode(instance(schema, random)).decode()
    except Unsatisfiable as error:
        raise _impossible(f"nothing fits the schema of {name}: {error}", "invalid_json_schema") from error


def _impossible(message: str, code: str = "invalid_request") -> ProviderError:
    return ProviderError(message, kind="invalid", status=400, code=code)
