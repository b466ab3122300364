"""Webhooks for Tollhouse: what happens at the gateway, told to receivers outside, signed and at least once."""

from .events import WebhookDisabled, WebhookFailed
from .plugin import Webhooks
from .settings import Webhook

__all__ = ["Webhook", "WebhookDisabled", "WebhookFailed", "Webhooks"]
