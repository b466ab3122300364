"""`[providers.simulator]`: how fast, how long, how often wrong."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from tollhouse.config.amounts import DurationOrOff
from tollhouse.config.suggest import did_you_mean

from .answers import MODELS
from .faults import LONGEST_PROSE, FaultError, parse


class SimulatorSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of one simulated account."""

    seed: int = 0
    """What answers, vectors and the dice of `rate` start from; a request's own seed adds to it. Default 0."""
    ttft: DurationOrOff = DurationOrOff("150ms")
    """Time to the first token; "off" answers at once. Default "150ms"."""
    tokens_per_second: Annotated[float, Meta(ge=0, le=1_000_000)] = 80.0
    """Pace of each choice, in tokens a second; 0 is as fast as the caller reads. Default 80."""
    tokens: Annotated[int, Meta(ge=1, le=LONGEST_PROSE)] = 200
    """Length of the prose that `lorem` writes, in tokens, when the caller allows that many. Default 200."""
    dimensions: Annotated[int, Meta(ge=1, le=4096)] = 256
    """Length of `embed`'s vectors when the caller asks for none. Default 256."""
    cached_prefix: Annotated[int, Meta(ge=0)] = 1024
    """Fewest tokens of a repeated prompt prefix that count as cached; 0 has no cache. Default 1024."""
    faults: str = ""
    """What goes wrong with every request: "status=503 rate=0.2"; the README has the words. Default none."""
    models: dict[str, str] = {}
    """Further model names and the model behind each, such as { gpt-4o = "demo" }. Default none."""

    def __post_init__(self) -> None:
        try:
            parse(self.faults)
        except FaultError as error:
            raise ValueError(f"faults: {error}") from error
        for name, behind in self.models.items():
            if behind not in MODELS:
                raise ValueError(f'models.{name}: no model is called "{behind}". {did_you_mean(behind, MODELS)}')
