"""Reading a JSON object so that nobody behind us reads another one in the same bytes.

Parsers differ on names given twice, on numbers beyond all types, on NaN, on lone surrogates and on broken UTF-8.
What is passed on untouched must mean the same to all of them, so such bodies are refused.
"""

from __future__ import annotations

import codecs
from typing import cast

import msgspec
from msgspec import Raw

from .errors import Rejected

SMALL = 64 * 1024
"""Bytes of an object that may be decoded before its names are counted."""

MOST = 1000
"""Names an object beyond SMALL may have."""

DIGITS = 4300
"""Digits a whole number may have: what Python, and with it many an upstream, reads."""

_PIECE = 256 * 1024
_WINDOW = DIGITS // 2
_DIGIT = frozenset(b"0123456789")

_object = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode


class _Name(str):
    """A name that the decoder asks us about."""

    __slots__ = ()


class _Apart:
    """A name that equals no other, so that a dict keeps them all."""

    __slots__ = ()


_Named = dict[_Name, Raw]
_apart = msgspec.json.Decoder(dict[_Apart, Raw], dec_hook=lambda kind, _: kind())


def members(raw: bytes) -> dict[str, Raw]:
    """An object's members in their order, each as its own bytes. Raises `Rejected` (400) for what is no JSON or
    could be read in two ways, and `msgspec.ValidationError` for another value than an object."""
    try:
        if not raw.isascii():
            _check_utf8(raw)
        fields = unique(_object.decode(raw), raw) if len(raw) <= SMALL else _each(raw)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        raise Rejected(f"The request body is not valid JSON: {error}.", code="invalid_json") from None
    except UnicodeDecodeError:
        raise Rejected("The request body is not valid UTF-8.", code="invalid_json") from None
    except RecursionError:
        raise Rejected("The request body is nested too deeply.", code="invalid_json") from None
    if len(raw) > DIGITS and _has_endless_number(raw):
        raise Rejected(f"A number in the request body has more than {DIGITS} digits.", code="invalid_json")
    return fields


def unique(fields: dict[str, Raw], raw: bytes | Raw) -> dict[str, Raw]:
    """`fields`, which were decoded from `raw`. Raises `Rejected` (400) when a name stood there twice.

    Written again they are as long as before only if nothing was lost: no member, no space, no escape in a name.
    """
    if len(_encode(fields)) == len(raw) or len(_apart.decode(raw)) == len(fields):
        return fields
    return _each(raw)


def _each(raw: bytes | Raw) -> dict[str, Raw]:
    """Decode while looking at every name."""
    seen: set[str] = set()

    def take(_: type, name: str) -> _Name:
        if name in seen:
            raise Rejected(f"The field `{name[:100]}` is given twice.", code="invalid_json", param=name[:100])
        if len(seen) == MOST:
            raise Rejected(f"An object in the request body has more than {MOST} fields.", code="invalid_json")
        seen.add(name)
        return _Name(name)

    return cast("dict[str, Raw]", msgspec.json.decode(raw, type=_Named, dec_hook=take))


def _check_utf8(raw: bytes) -> None:
    """Raises `UnicodeDecodeError`; holds no text as large as the body."""
    if len(raw) <= _PIECE:
        raw.decode()
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(raw)
    for at in range(0, len(raw), _PIECE):
        decoder.decode(view[at : at + _PIECE])
    decoder.decode(b"", True)


def _has_endless_number(raw: bytes) -> bool:
    """Whether valid JSON has more than about DIGITS digits in a row outside of its strings.

    A run that long covers a whole window; whether it is in a string, the quotes before it tell.
    """
    checked, inside = 0, False
    for at in range(0, len(raw) - _WINDOW + 1, _WINDOW):
        if raw[at] in _DIGIT and raw[at : at + _WINDOW].isdigit():
            before = raw[checked:at].replace(rb"\\", b"").replace(rb"\"", b"")
            inside ^= before.count(b'"') % 2 == 1
            checked = at
            if not inside and _run(raw, at) > DIGITS:
                return True
    return False


def _run(raw: bytes, at: int) -> int:
    """Digits in a row around a place."""
    left = raw[max(0, at - DIGITS) : at]
    right = raw[at : at + DIGITS + 1]
    return len(left) - len(left.rstrip(b"0123456789")) + len(right) - len(right.lstrip(b"0123456789"))
