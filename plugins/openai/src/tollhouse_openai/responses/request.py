"""The little of a request that routing needs, and what of it only one upstream can know."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct
from tollhouse import Dialect, Request, Route
from tollhouse.dialect import Edit
from tollhouse.json_fields import wrong
from tollhouse.json_guard import members
from tollhouse.json_patch import patch

from ..request import check_names, model_of, only
from .thoughts import foreign

_KNOWN = frozenset(
    {
        "background",
        "context_management",
        "conversation",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
"""OpenAI's fields: a request of nothing else needs no look at each name."""

_Limit = Annotated[int, Meta(ge=-(2**31), le=2**53)]


class _Head(Struct):
    model: str | None = None
    stream: bool | None = None
    max_output_tokens: _Limit | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    background: bool | None = None


class _Conversation(Struct):
    id: str = ""


class Bonds(Struct):
    """What ties a request to the account of one upstream."""

    previous_response_id: str | None = None
    conversation: str | _Conversation | None = None
    prompt: Raw = Raw(b"null")
    background: bool | None = None
    store: bool | None = None

    @property
    def conversation_id(self) -> str:
        """The conversation it goes on with; empty for none."""
        said = self.conversation
        return said.id if isinstance(said, _Conversation) else said or ""

    @property
    def kept(self) -> bool:
        """Whether the upstream keeps the response, so that its id may be asked for."""
        return self.store is not False or self.background is True

    def needs(self) -> str:
        """The field that only an upstream of this dialect, or even a certain account there, can understand."""
        said = {
            "previous_response_id": self.previous_response_id,
            "conversation": self.conversation_id,
            "background": self.background,
            "prompt": bytes(self.prompt) != b"null",
        }
        return next((name for name, value in said.items() if value), "")


_head = msgspec.json.Decoder(_Head)
_bonds = msgspec.json.Decoder(Bonds)


class Asked(Request):
    """A request of this dialect."""

    __slots__ = ("_bonds", "_bonds_of")

    @property
    def bonds(self) -> Bonds:
        """What ties it to one upstream, as its bytes are now. Raises `Rejected` (400)."""
        if getattr(self, "_bonds_of", None) is not self.raw:
            try:
                self._bonds = _bonds.decode(self.raw)
            except msgspec.ValidationError as error:
                raise wrong(str(error), ()) from None
            self._bonds_of = self.raw
        return self._bonds

    def copy(self) -> Request:
        """A request of its own."""
        return self.dialect.request(self.raw, self.route, self.tail)


def read_request(raw: bytes, route: Route, tail: str, dialect: Dialect) -> Request:
    """What routing needs. Raises `Rejected` (400) that names the field."""
    if route.body != "read":
        return Request(raw, dialect=dialect, route=route, tail=tail)
    try:
        fields = members(raw)
        if not _KNOWN.issuperset(fields):
            check_names(fields, {*_Head.__struct_fields__, "input", "instructions", "conversation"})
        head = _head.decode(only(_Head, fields))
    except msgspec.ValidationError as error:
        raise wrong(str(error), ()) from None
    limit = head.max_output_tokens
    request = Asked(
        raw,
        dialect=dialect,
        route=route,
        model=model_of(head.model),
        stream=head.stream is True,
        max_output=limit if limit is None or limit >= 0 else None,
        tail=tail,
    )
    _ = request.bonds
    return request


def address(request: Request, model: str) -> bytes:
    """The caller's bytes for the upstream's model, without thoughts of other dialects' models; untouched when there
    are none and the model is the same."""
    edits = [*([Edit(("model",), model)] if model != request.model else ()), *foreign(request.raw)]
    return patch(request.raw, edits) if edits else request.raw
