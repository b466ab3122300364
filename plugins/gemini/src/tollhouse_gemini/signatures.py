"""Thought signatures, each going back only to where it came from.

Gemini's leave this dialect marked, so that they are known when another dialect's caller returns them. Another
provider's signature reaches a Gemini caller wrapped, because the field holds base64, and comes out as it was.
"""

from __future__ import annotations

import base64
import binascii

SKIP = "skip_thought_signature_validator"
"""What Gemini 3 takes for a call that it did not make itself.
https://ai.google.dev/gemini-api/docs/thought-signatures"""

_OWN = "gemini:"
_FOREIGN = b"tollhouse:"
_MARK = base64.b64encode(_FOREIGN)[:12].decode()
_PLAIN = str.maketrans("-_", "+/")
"""Google's SDKs write base64 in the alphabet for addresses."""


def read_signature(said: str) -> str:
    """The neutral form of a `thoughtSignature`."""
    if said.startswith(_MARK):
        try:
            whole = base64.b64decode(said.translate(_PLAIN) + "=" * (-len(said) % 4), validate=True)
            if whole.startswith(_FOREIGN):
                return whole[len(_FOREIGN) :].decode()
        except (binascii.Error, UnicodeDecodeError):
            pass
    return _OWN + said if said else ""


def own_signature(signature: str) -> str:
    """What Gemini itself may be sent; empty for a signature of anybody else."""
    return signature[len(_OWN) :] if signature.startswith(_OWN) else ""


def write_signature(signature: str) -> str:
    """What a Gemini caller is given to keep."""
    if not signature:
        return ""
    return own_signature(signature) or base64.b64encode(_FOREIGN + signature.encode()).decode()
