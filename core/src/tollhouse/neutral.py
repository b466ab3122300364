"""The neutral form: nobody's wire format, the common meaning of every dialect's requests and replies.

A dialect decodes into it and encodes from it. It is a view: when both sides speak the same dialect the bytes
pass untouched, and edits made here are patches of those bytes, because every part remembers its JSON path.
What a dialect does not know stays in `extra`, tagged with where it came from; order is kept everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from msgspec import Raw, Struct

from .errors import ProviderError
from .usage import Usage

Path: TypeAlias = tuple[str | int, ...]
"""A JSON path from the document's root: ("messages", 0, "content")."""


class Extra(Struct, frozen=True):
    """Fields the neutral form does not know, as received from `dialect`."""

    dialect: str
    fields: dict[str, Raw]


class Node(Struct, kw_only=True):
    """What every part of a request has in common."""

    path: Path = ()
    """Where its editable text stands in the caller's body; empty when it was made here."""
    extra: Extra | None = None


class Text(Node, tag="text"):
    """Plain text."""

    text: str


class Media(Node, tag="media"):
    """An image, audio clip, video or document, by reference; the core never fetches a URL."""

    kind: Literal["image", "audio", "video", "document"]
    media_type: str = ""
    url: str = ""
    inline: str = ""
    """Base64 as received."""
    file_id: str = ""
    """Bound to the caller who owns the file."""
    name: str = ""
    detail: str = ""


class Thinking(Node, tag="thinking"):
    """A model's reasoning. `signature` and `opaque` belong to `origin` (`provider/model`) and go back only there."""

    text: str = ""
    signature: str = ""
    opaque: str = ""
    origin: str = ""


class ToolCall(Node, tag="tool_call"):
    """A call the model asks for. `arguments` is the raw string as received; it may be invalid JSON."""

    id: str
    name: str
    arguments: str


class ToolResult(Node, tag="tool_result"):
    """What a tool answered."""

    call_id: str
    parts: list[Text | Media] = []
    error: bool = False


class Refusal(Node, tag="refusal"):
    """The model's own words for declining."""

    text: str


class Opaque(Node, tag="opaque"):
    """A part only its own dialect understands: server-side tools, citations, encrypted items."""

    kind: str
    raw: Raw
    dialect: str


Part: TypeAlias = Text | Media | Thinking | ToolCall | ToolResult | Refusal | Opaque


class Message(Node):
    """One turn as the caller sent it. System text is a message with the role `system` or `developer`."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    parts: list[Part]
    name: str = ""


class Tool(Node):
    """A function the model may call; `schema` is its JSON Schema as received."""

    name: str
    description: str = ""
    schema: Raw = Raw(b"{}")
    strict: bool | None = None


class Format(Struct, kw_only=True):
    """Structured output asked for: any JSON object, or one that fits `schema`."""

    kind: Literal["json", "schema"]
    name: str = ""
    schema: Raw = Raw(b"{}")
    strict: bool | None = None


class Chat(Node):
    """A conversation to continue. None means that the caller said nothing."""

    messages: list[Message]
    tools: list[Tool] = []
    tool_choice: str | None = None
    """`auto`, `none`, `required`, or `tool:NAME`."""
    parallel_tools: bool | None = None
    max_output: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = []
    seed: int | None = None
    n: int = 1
    format: Format | None = None
    effort: str | None = None
    """Reasoning effort: `none`, `minimal`, `low`, `medium`, `high` or a dialect's own word."""
    thinking_budget: int | None = None
    """Reasoning tokens at most."""
    user: str = ""


class Embed(Node):
    """Texts (or token lists) to turn into vectors."""

    inputs: list[str] | list[list[int]]
    dimensions: int | None = None
    encoding: str = "float"
    """`float` or `base64`."""
    user: str = ""


Body: TypeAlias = Chat | Embed


# Replies: a stream is these, in order; a body is their fold.

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "filter", "error", "other", "missing"]
"""`missing` is the absence of a reason; it is never turned into `stop`."""


class Start(Struct, kw_only=True, tag="start"):
    """The reply begins. `id` is the upstream's; `created` unix seconds."""

    id: str = ""
    model: str = ""
    created: int = 0
    extra: Extra | None = None


class PartStart(Struct, kw_only=True, tag="part_start"):
    """A part begins. `index` counts the parts of one choice from 0 and is never used twice."""

    index: int
    kind: Literal["text", "thinking", "tool_call", "refusal", "opaque"]
    choice: int = 0
    id: str = ""
    name: str = ""
    opaque: Opaque | None = None
    """The whole of a part of that kind; no delta follows."""
    extra: Extra | None = None
    """What only the upstream's dialect says of the part from its beginning."""


class Delta(Struct, kw_only=True, tag="delta"):
    """More of a part: its text, or a tool call's arguments. `path` is where it stands in the frame's JSON."""

    index: int
    text: str
    choice: int = 0
    path: Path = ()
    signature: str = ""
    opaque: str = ""
    """Encrypted reasoning, of a part of that kind."""


class PartEnd(Struct, kw_only=True, tag="part_end"):
    """A part is complete. `extra` is what only the upstream's dialect came to say of it, citations above all."""

    index: int
    choice: int = 0
    extra: Extra | None = None


class Finish(Struct, kw_only=True, tag="finish"):
    """A choice is complete; `raw` is the upstream's own word, `extra` what only its dialect says of the end."""

    reason: FinishReason
    raw: str = ""
    choice: int = 0
    extra: Extra | None = None


class Used(Struct, kw_only=True, tag="used"):
    """Usage so far; the last non-null of each bucket wins."""

    usage: Usage


class Vectors(Struct, kw_only=True, tag="vectors"):
    """Embeddings in the inputs' order."""

    vectors: list[list[float]]


class Listing(Struct, kw_only=True, tag="listing"):
    """The models this caller may use."""

    models: list[str]


class Failed(Struct, kw_only=True, tag="failed"):
    """The upstream reports an error inside its reply."""

    error: ProviderError


class End(Struct, kw_only=True, tag="end"):
    """The terminal event was seen."""


Happening: TypeAlias = Start | PartStart | Delta | PartEnd | Finish | Used | Vectors | Listing | Failed | End
"""One neutral event of a reply."""


class Choice(Struct, kw_only=True):
    """One answer of a folded reply."""

    parts: list[Part] = []
    finish: FinishReason = "missing"
    finish_raw: str = ""
    extra: Extra | None = None


class Answer(Struct, kw_only=True):
    """A whole reply: the fold of its events."""

    id: str = ""
    model: str = ""
    created: int = 0
    choices: list[Choice] = []
    usage: Usage | None = None
    vectors: list[list[float]] = []
    complete: bool = False
    """Whether the terminal event was seen."""


def fold(happenings: Iterable[Happening]) -> Answer:
    """The whole reply that these events say. Raises the error of a `Failed`."""
    answer = Answer()
    parts: dict[tuple[int, int], Any] = {}

    def choice(number: int) -> Choice:
        while len(answer.choices) <= number:
            answer.choices.append(Choice())
        return answer.choices[number]

    for happening in happenings:
        match happening:
            case Start(id=id_, model=model, created=created):
                answer.id, answer.model, answer.created = id_, model, created
            case PartStart(kind="tool_call"):
                call = ToolCall(id=happening.id, name=happening.name, arguments="", extra=happening.extra)
                parts[happening.choice, happening.index] = call
                choice(happening.choice).parts.append(call)
            case PartStart(opaque=Opaque() as opaque):
                parts[happening.choice, happening.index] = opaque
                choice(happening.choice).parts.append(opaque)
            case PartStart(kind=kind):
                part = {"text": Text, "thinking": Thinking, "refusal": Refusal}.get(kind, Text)(text="")
                parts[happening.choice, happening.index] = part
                choice(happening.choice).parts.append(part)
            case Delta():
                grown = parts[happening.choice, happening.index]
                if isinstance(grown, ToolCall):
                    grown.arguments += happening.text
                elif not isinstance(grown, Opaque):
                    grown.text += happening.text
                if isinstance(grown, Thinking):
                    grown.signature += happening.signature
                    grown.opaque += happening.opaque
            case PartEnd(extra=Extra() as extra):
                parts[happening.choice, happening.index].extra = extra
            case Finish():
                ended = choice(happening.choice)
                ended.finish, ended.finish_raw, ended.extra = happening.reason, happening.raw, happening.extra
            case Used(usage=usage):
                answer.usage = answer.usage.merged(usage) if answer.usage else usage
            case Vectors(vectors=vectors):
                answer.vectors = vectors
            case Failed(error=error):
                raise error
            case End():
                answer.complete = True
            case _:
                pass
    return answer
