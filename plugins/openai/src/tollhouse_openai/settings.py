"""What may be said in `[providers.NAME]`."""

from __future__ import annotations

from typing import Literal

import msgspec


class HostSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A host that speaks OpenAI's dialect."""

    api_key: str = ""
    """The credential, sent as `authorization: Bearer`. Local hosts need none."""
    api_keys: list[str] = []
    """Several credentials, used in turn; one that is turned away rests."""
    base_url: str = ""
    """Where the API lives, with its version; the kind's own address when absent."""
    organization: str = ""
    """Sent as `openai-organization`."""
    project: str = ""
    """Sent as `openai-project`."""
    headers: dict[str, str] = {}
    """More headers for every call."""
    ask_usage: bool | None = None
    """Whether streams are asked for usage (`stream_options`); the kind knows unless said here."""
    responses: Literal["no", "yes", "first"] | None = None
    """Whether the host speaks responses; "first": also for callers of other dialects, in place of chat completions."""
    completions: bool | None = None
    """Whether the host speaks plain completions; else they are asked for as chat completions."""


class AzureSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An Azure OpenAI resource. The model of a target is the name of a deployment."""

    endpoint: str
    """The resource's address: `https://NAME.openai.azure.com`."""
    api_key: str = ""
    """The credential, sent as `api-key`."""
    api_keys: list[str] = []
    """Several credentials, used in turn; one that is turned away rests."""
    api_version: str = "v1"
    """A dated version selects the deployments' addresses; `v1` the one without versions."""
    headers: dict[str, str] = {}
    """More headers for every call."""
    ask_usage: bool | None = None
    """Whether streams are asked for usage (`stream_options`)."""
    responses: Literal["no", "yes", "first"] | None = None
    """Whether the host speaks responses; "first": also for callers of other dialects, in place of chat completions."""
    completions: bool | None = None
    """Whether the host speaks plain completions; else they are asked for as chat completions."""
