"""Redacted reasoning: bytes on Converse's wire, the text that they hold everywhere else.

Claude's encrypted reasoning is text (base64 itself), which Anthropic's own API gives as it is and Bedrock as a blob:
so taken, what one platform said is understood by the other.
"""

from __future__ import annotations

import base64
import binascii

_BYTES = "bedrock:"


def read_redacted(blob: str) -> str:
    """The text a blob holds; bytes that are none stay base64, marked."""
    try:
        text = base64.b64decode(blob, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    return text if text.isprintable() and text and not text.startswith(_BYTES) else _BYTES + blob


def write_redacted(opaque: str) -> str:
    """The blob of such a text."""
    if opaque.startswith(_BYTES):
        return opaque.removeprefix(_BYTES)
    return base64.b64encode(opaque.encode()).decode()
