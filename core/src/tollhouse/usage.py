"""Usage: what an attempt consumed, as disjoint integer buckets of tokens."""

from __future__ import annotations

import msgspec

BUCKETS = (
    "input",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "input_audio",
    "output",
    "reasoning",
    "output_audio",
)
_INPUT = BUCKETS[:5]
_OUTPUT = BUCKETS[5:]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Tokens by bucket. Buckets never overlap; a bucket the upstream did not report is None, which is not 0.

    `source` names where the numbers come from: `upstream` or `estimate`. `raw` is the upstream's own object
    as JSON, kept for audits.
    """

    input: int | None = None
    """Fresh input tokens: neither read from nor written to a prompt cache, not audio."""
    cache_read: int | None = None
    cache_write: int | None = None
    """Written to a prompt cache with the provider's short life time (5 minutes at Anthropic)."""
    cache_write_1h: int | None = None
    input_audio: int | None = None
    output: int | None = None
    """Visible output tokens: neither reasoning nor audio."""
    reasoning: int | None = None
    output_audio: int | None = None
    source: str = "upstream"
    raw: msgspec.Raw = msgspec.Raw(b"")

    @property
    def total_input(self) -> int:
        """All input tokens, cached ones included."""
        return sum(getattr(self, bucket) or 0 for bucket in _INPUT)

    @property
    def total_output(self) -> int:
        """All output tokens, reasoning included."""
        return sum(getattr(self, bucket) or 0 for bucket in _OUTPUT)

    @property
    def total(self) -> int:
        """All tokens."""
        return self.total_input + self.total_output

    def buckets(self) -> dict[str, int]:
        """The reported buckets by name."""
        return {name: value for name in BUCKETS if (value := getattr(self, name)) is not None}

    def merged(self, later: Usage) -> Usage:
        """This usage overlaid by a later report of the same attempt: the last non-null of each bucket wins."""
        return Usage(**{**self.buckets(), **later.buckets()}, source=later.source, raw=later.raw or self.raw)
