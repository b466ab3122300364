"""Carries one message as mail over SMTP, encrypted unless the operator said otherwise."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from urllib.parse import urlsplit

import aiosmtplib
import msgspec

from .letter import Letter
from .schedule import Outcome
from .settings import Webhook
from .words import line

SUBJECT = 120
"""Characters of a subject."""

_PORTS = {"smtp": 587, "smtps": 465}


class Mailbag:
    """Delivers to one mailbox or several; a connection a message."""

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook

    async def deliver(self, letter: Letter) -> Outcome:
        """One delivery, within the webhook's timeout: done when the server took it for at least one recipient.
        Never raises."""
        webhook, url = self._webhook, urlsplit(str(self._webhook.url))
        loop = asyncio.get_running_loop()
        began, status, why = loop.time(), 250, ""
        try:
            async with asyncio.timeout(float(webhook.timeout)):
                await aiosmtplib.send(
                    written(webhook, letter),
                    hostname=url.hostname,
                    port=url.port or _PORTS[url.scheme],
                    username=webhook.user or None,
                    password=webhook.password or None,
                    use_tls=url.scheme == "smtps",
                    start_tls=webhook.starttls if url.scheme == "smtp" else False,
                    timeout=float(webhook.timeout),
                )
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            status, why = 0, f"no answer within {webhook.timeout.spoken()}"
        except aiosmtplib.SMTPResponseException as error:
            status, why = error.code, f"the mail server answered {error.code}"
        except aiosmtplib.SMTPRecipientsRefused as error:
            status = error.recipients[0].code
            why = f"the mail server answered {status} to every recipient"
        except (aiosmtplib.SMTPException, OSError) as error:
            status, why = 0, f"no mail server could be spoken to ({type(error).__name__})"
        return Outcome(not why, status, why, None, loop.time() - began)

    async def close(self) -> None:
        """Nothing is kept."""


def written(webhook: Webhook, letter: Letter) -> EmailMessage:
    """The mail: a line for people, then the whole payload. Retries have the same Message-ID."""
    text = line(letter)
    mail = EmailMessage()
    mail["From"] = formataddr(("Tollhouse", webhook.sender))
    mail["To"] = ", ".join(webhook.recipients)
    mail["Subject"] = _one_line(f"[{letter.type}] {text}")[:SUBJECT]
    mail["Date"] = format_datetime(datetime.fromtimestamp(letter.at, UTC))
    mail["Message-ID"] = f"<{letter.id}@{webhook.sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    payload = msgspec.json.format(letter.body, indent=2).decode()
    mail.set_content(f"{text}\n\n{payload}\n")
    return mail


def _one_line(text: str) -> str:
    """Without anything that could end a header."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
