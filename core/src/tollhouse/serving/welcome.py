"""What the person who starts a gateway is told."""

from __future__ import annotations

from collections.abc import Sequence
from socket import socket

from msgspec import Struct

from ..gateway import Gateway

SHOWN = 8
"""Models named at most."""


class Welcome(Struct, frozen=True):
    """What a worker knows of its gateway once it serves."""

    models: list[str]
    plugins: list[str]
    example: str = ""
    """A model that an OpenAI client may ask for."""
    closed: bool = False
    """Whether callers are asked who they are."""

    @classmethod
    def of(cls, gateway: Gateway) -> Welcome:
        """That of a started gateway."""
        edition = gateway.edition
        config = edition.config
        models = list(config.models)[:SHOWN] or [f"{name}/…" for name in config.providers]
        example = next(iter(config.models), "") if "openai" in edition.dialects else ""
        closed = bool(edition.chain["authenticate"])
        return cls(models, [one.name for one in edition.plugged], example, closed)

    def lines(self, listener: socket, scheme: str, workers: Sequence[int] = ()) -> list[str]:
        """The lines to print; `workers` are process ids, where there are several."""
        host, port = listener.getsockname()[:2]
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        lines = [
            f"Tollhouse listens on {url}",
            f"  models   {', '.join(self.models) or 'none yet'}",
        ]
        if workers:
            lines.append(f"  workers  {', '.join(map(str, workers))}")
        lines.append(f"  plugins  {', '.join(self.plugins) or 'none'}")
        if self.example:
            lines += [
                "",
                "Try it:",
                f"  curl {url}/v1/chat/completions -H 'content-type: application/json' \\",
                *(["    -H 'authorization: Bearer YOUR-KEY' \\"] if self.closed else []),
                f"""    -d '{{"model": "{self.example}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'""",
            ]
        return lines
