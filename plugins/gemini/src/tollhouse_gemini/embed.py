"""Embedding requests: one content, or a batch of them, read and written."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from msgspec import Raw
from tollhouse import Receipt, Rejected, Request, Route
from tollhouse.json_patch import path_words
from tollhouse.neutral import Embed, Extra, Path

from .fields import NAME, Fields, merge, note_extra
from .request import method

_EACH = "requests[]"
"""Under which name the leftovers of a batch's inputs are kept."""

_array = msgspec.json.Decoder(list[dict[str, Raw]])
_encode = msgspec.json.Encoder().encode


def read_embed(raw: bytes, route: Route) -> Embed:
    """The whole of an embedding request. Raises `Rejected` (400) naming the field.

    What else single inputs say stays among the leftovers, for a batch as a list in the inputs' order.
    """
    fields = Fields(raw)
    fields.raw("model")
    if method(route) == "embedContent":
        embed = Embed(inputs=[_text(fields)], dimensions=fields.take("outputDimensionality", int))
        embed.extra = fields.extra()
        return embed
    inputs: list[str] = []
    sizes: list[int | None] = []
    others: list[dict[str, Raw]] = []
    for path, item in fields.items("requests"):
        one = Fields(item, path)
        one.raw("model")
        inputs.append(_text(one))
        sizes.append(one.take("outputDimensionality", int))
        others.append(one.left())
    if len(set(sizes)) > 1:
        raise Rejected("All `outputDimensionality` of a batch must be equal here.", param="requests")
    embed = Embed(inputs=inputs, dimensions=next(iter(sizes), None))
    if any(others):
        fields.put_back(_EACH, Raw(_encode(others)))
    embed.extra = fields.extra()
    return embed


def write_embed(embed: Embed, request: Request, model: str) -> tuple[bytes, Receipt]:
    """A batch asking `model`; for this dialect's own single content that same form."""
    receipt = Receipt()
    own = embed.extra if embed.extra and embed.extra.dialect == NAME else None
    note_extra(embed.extra, "", receipt)
    if embed.user:
        receipt.note("dropped", "user", "embedContent knows no end users")
    if embed.inputs and not isinstance(embed.inputs[0], str):
        raise Rejected("Gemini embeds texts, no lists of tokens.", param="input", code="unsupported_value")
    size = {} if embed.dimensions is None else {"outputDimensionality": embed.dimensions}
    contents = [{"content": {"parts": [{"text": text}]}, **size} for text in embed.inputs]
    if request.dialect.name == NAME and method(request.route) == "embedContent":
        return _encode(merge(cast("dict[str, Any]", contents[0]), own)), receipt
    rest = dict(own.fields) if own else {}
    others = _array.decode(rest.pop(_EACH)) if _EACH in rest else []
    name = model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
    items = [
        merge({"model": name, **content}, Extra(NAME, others[n]) if n < len(others) else None)
        for n, content in enumerate(contents)
    ]
    return _encode(merge({"requests": items}, Extra(NAME, rest))), receipt


def _text(fields: Fields) -> str:
    """The text of one content; only texts are embedded."""
    content = fields.within("content")
    content.raw("role")
    texts: list[str] = []
    for path, raw in content.items("parts"):
        part = Fields(raw, path)
        texts.append(_only_text(part, path))
    return "\n".join(texts)


def _only_text(part: Fields, path: Path) -> str:
    if not part.has("text"):
        at = path_words(path)
        raise Rejected(f"`{at}` is no text, and other models than Gemini's embed only texts.", param=at)
    return part.need("text", str)
