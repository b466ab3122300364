"""Compression of what is kept: zstd, where it pays."""

from __future__ import annotations

from importlib import import_module
from sys import version_info
from typing import Any

WORTH = 1024
"""Bytes below which nothing is tried."""

LEVEL = 3

_zstd: Any = import_module("compression.zstd" if version_info >= (3, 14) else "backports.zstd")


def squeeze(data: bytes) -> tuple[bytes, bool]:
    """The bytes to keep, and whether they are compressed: where that saves at least an eighth."""
    if len(data) < WORTH:
        return data, False
    packed: bytes = _zstd.compress(data, LEVEL)
    return (packed, True) if len(packed) <= len(data) * 7 // 8 else (data, False)


def unsqueeze(data: bytes, size: int) -> bytes:
    """What was squeezed, which had so many bytes. Raises ValueError for anything else; never makes more."""
    decompressor = _zstd.ZstdDecompressor()
    try:
        whole: bytes = decompressor.decompress(data, size + 1)
    except _zstd.ZstdError as error:
        raise ValueError("it is not what was compressed") from error
    if len(whole) != size or not decompressor.eof:
        raise ValueError("it is not what was compressed")
    return whole
