"""What deliveries tell when they fail for good: typed events for the console, metrics and other webhooks."""

from __future__ import annotations

from tollhouse.events import Event


class WebhookFailed(Event, tag="webhook.failed", frozen=True, kw_only=True):
    """A message was given up and kept as a dead letter."""

    webhook: str
    id: str
    """The message's `webhook-id`."""
    about: str
    """The message's type."""
    why: str = ""


class WebhookDisabled(Event, tag="webhook.disabled", frozen=True, kw_only=True):
    """A webhook gets nothing any more until somebody enables it."""

    webhook: str
    why: str = ""
