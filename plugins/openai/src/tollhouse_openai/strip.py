"""Takes out of a forwarded chunk what the gateway asked for and its caller did not: the empty `usage`."""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw
from tollhouse.framing import sse

_FIELD = re.compile(rb',\s*"usage"\s*:\s*null')
_object = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode


def without_null_usage(raw: bytes) -> bytes:
    """The raw event without a top-level `"usage":null`; every other byte as it came.

    Inside a JSON string the name's quotes are escaped, so a match is a field; it is the top level's when exactly
    one bracket closes behind it. Anything less plain is decoded and written again without the field.
    """
    at = raw.find(b',"usage":null')
    if at < 0 and b'"usage"' not in raw:
        return raw
    if at >= 0:
        end = at + 13
    elif match := _FIELD.search(raw):
        at, end = match.span()
    if at >= 0 and raw[end : end + 1] in (b",", b"}", b" "):
        close = raw.find(b"}", end)
        if raw.find(b"}", close + 1) < 0 and raw.find(b"{", end) < 0 and raw.find(b"]", end) < 0:
            return raw[:at] + raw[end:]
    fields = _object.decode(sse.data(raw))
    if bytes(fields.get("usage", b"")) != b"null":
        return raw
    del fields["usage"]
    return sse.with_data(raw, _encode(fields))
