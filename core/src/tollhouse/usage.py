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
        said: dict[str, int] = {}
        if self.input is not None:
            said["input"] = self.input
        if self.cache_read is not None:
            said["cache_read"] = self.cache_read
        if self.cache_write is not None:
            said["cache_write"] = self.cache_write
        if self.cache_write_1h is not None:
            said["cache_write_1h"] = self.cache_write_1h
        if self.input_audio is not None:
            said["input_audio"] = self.input_audio
        if self.output is not None:
            said["output"] = self.output
        if self.reasoning is not None:
            said["reasoning"] = self.reasoning
        if self.output_audio is not None:
            said["output_audio"] = self.output_audio
        return said

    def merged(self, later: Usage) -> Usage:
        """This usage overlaid by a later report of the same attempt: the last non-null of each bucket wins."""
        return Usage(**{**self.buckets(), **later.buckets()}, source=later.source, raw=later.raw or self.raw)
