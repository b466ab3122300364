"""How a message is written for each format that goes over HTTP: body and headers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from standardwebhooks import Webhook as Signer
from tollhouse import __version__

from .letter import Letter
from .settings import Webhook
from .words import line

DISCORD_LONGEST = 2000
"""Characters of a message, by Discord's documentation of execute-webhook."""


def post(webhook: Webhook, letter: Letter, now: float) -> tuple[bytes, list[tuple[str, str]]]:
    """Body and headers of one delivery at the unix time `now`."""
    headers = [("content-type", "application/json"), ("user-agent", f"tollhouse-webhooks/{__version__}")]
    match webhook.format:
        case "slack":
            body = msgspec.json.encode({"text": slack(line(letter))})
        case "discord":
            text = line(letter)[:DISCORD_LONGEST]
            body = msgspec.json.encode({"content": text, "allowed_mentions": {"parse": []}})
        case _:
            body = bytes(letter.body)
            headers += signed(webhook.secrets, letter.id, body, now)
    return body, [*headers, *webhook.headers.items()]


def signed(secrets: Sequence[str], id_: str, body: bytes, now: float) -> list[tuple[str, str]]:
    """The headers of Standard Webhooks 1.0: a signature by every live secret, a fresh time, the message's id."""
    moment = datetime.fromtimestamp(int(now), UTC)
    signatures = (Signer(secret).sign(id_, moment, body.decode()) for secret in secrets)
    return [
        ("webhook-id", id_),
        ("webhook-timestamp", str(int(now))),
        ("webhook-signature", " ".join(signatures)),
    ]


def slack(text: str) -> str:
    """A text that mentions nobody and links nowhere, by Slack's rules for escaping."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
