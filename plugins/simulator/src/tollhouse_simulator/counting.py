"""Tokens: one rule that counts prompts, counts answers and cuts them into the pieces a stream is made of.

A token is up to eight letters or digits, or one other mark, together with the white space before it; white
space at the very end is a token of its own. Joining the tokens of a text gives the text back.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from hashlib import blake2b

from tollhouse.neutral import Chat, Media, Message, Opaque, Text, ToolCall, ToolResult

_TOKEN = re.compile(r"\s*+(?:\w{1,8}|[^\w\s])|\s++")
_MEDIA = 85
"""Tokens an image, a clip or a document costs, whatever its size."""
_BLOCK = 128
"""Prefixes are remembered in steps of so many tokens, as OpenAI's prompt cache does."""
_BLOCKS = 8192
"""Steps remembered at most, the least recently used forgotten first: prompts of a million tokens in all."""


def split(text: str) -> list[str]:
    """The tokens of a text."""
    return _TOKEN.findall(text)


def prompt(chat: Chat) -> list[str]:
    """The tokens of a conversation in the order a model reads them: tools, output format, then the messages,
    each with one token for its role."""
    tokens: list[str] = []
    for tool in chat.tools:
        tokens += split(f"{tool.name} {tool.description} {bytes(tool.schema).decode()}")
    if chat.format is not None:
        tokens += split(f"{chat.format.name} {bytes(chat.format.schema).decode()}")
    for message in chat.messages:
        tokens += _message(message)
    return tokens


def _message(message: Message) -> list[str]:
    tokens = [f"<{message.role}>"]
    for part in message.parts:
        match part:
            case Media():
                tokens += _media(part)
            case ToolCall():
                tokens += split(f"{part.name} {part.arguments}")
            case ToolResult():
                for inner in part.parts:
                    tokens += split(inner.text) if isinstance(inner, Text) else _media(inner)
            case Opaque():
                tokens += split(bytes(part.raw).decode())
            case _:
                tokens += split(part.text)
    return tokens


def _media(media: Media) -> list[str]:
    reference = media.url or media.file_id or media.inline
    return [reference] + ["<media>"] * (_MEDIA - 1)


class Prefixes:
    """The prompt cache: prefixes seen before, as a bounded set of chained digests."""

    def __init__(self, least: int) -> None:
        self.least = least
        """Fewest tokens that count as cached; 0 remembers nothing."""
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def read(self, tokens: list[str]) -> int | None:
        """How many first tokens of a prompt were seen before, and remember it; None without a cache."""
        if not self.least:
            return None
        if len(tokens) < self.least:
            return 0
        known, unbroken = 0, True
        chain = blake2b(digest_size=16)
        for end in range(_BLOCK, len(tokens) + 1, _BLOCK):
            chain.update("\0".join(tokens[end - _BLOCK : end]).encode("utf-8", "replace"))
            digest = chain.digest()
            unbroken = unbroken and digest in self._seen
            if unbroken:
                known = end
            self._seen[digest] = None
            self._seen.move_to_end(digest)
        while len(self._seen) > _BLOCKS:
            self._seen.popitem(last=False)
        return known if known >= self.least else 0
