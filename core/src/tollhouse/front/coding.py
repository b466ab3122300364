"""The content coding of a request's body, undone under the cap that the body itself has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from ..errors import ProviderError, Rejected
from ..transport.decode import decoder, encodings

FREE = 1024 * 1024
"""Expanded bytes below which no ratio is a bomb."""

RATIO = 100
"""Expanded bytes that one received byte may become, past FREE."""


def check_coding(coding: str) -> None:
    """Raises `Rejected` (415) for a coding that cannot be undone here, saying which can."""
    known = encodings()
    if coding not in known:
        raise Rejected(
            f"The content-encoding `{coding[:40]}` is not one this gateway reads; it reads {', '.join(known)}.",
            status=415,
            code="unsupported_encoding",
            should_retry=False,
            headers={"accept-encoding": ", ".join(known)},
        )


async def expanded(
    chunks: AsyncIterator[bytes], coding: str, cap: int, too_large: Callable[[], Rejected]
) -> AsyncIterator[bytes]:
    """The chunks with their coding undone. Raises what `too_large` makes past `cap` and for a bomb, `Rejected`
    (400) for bytes that are not of this coding; never holds more than a piece."""
    decoding = decoder(coding)
    assert decoding is not None
    received = size = 0
    try:
        async for chunk in chunks:
            received += len(chunk)
            for piece in decoding.feed(chunk):
                size += len(piece)
                if size > cap or (size > FREE and size > RATIO * received):
                    raise too_large()
                yield piece
            await asyncio.sleep(0)
        decoding.finish()
    except ProviderError:
        raise Rejected(
            f"The request's body is not what its content-encoding `{coding}` says.", code="malformed_request"
        ) from None
