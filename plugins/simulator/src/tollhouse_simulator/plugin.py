"""The plugin: it offers one kind of provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec
from tollhouse import NoSettings, hookimpl
from tollhouse.provider import ProviderKind

from .provider import SimulatedProvider


class Simulator:
    """Offers the provider kind `simulator`; its settings are those of `[providers.NAME]`."""

    Settings: ClassVar[type[msgspec.Struct]] = NoSettings

    def __init__(self, settings: NoSettings) -> None:
        self.settings = settings

    @hookimpl
    def providers(self) -> Mapping[str, ProviderKind]:
        """The kinds of upstream on offer."""
        return {"simulator": SimulatedProvider}
