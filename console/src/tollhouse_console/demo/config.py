"""The demo's gateway.toml: every installed plugin that has something to show, in front of simulated providers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field

DIALECTS = ("openai", "anthropic", "gemini")
PLUGINS = ("admin", "auth", "budget", "rate_limit", "cache", "prices", "failover")
"""Further plugins, in the order a request meets them."""

KEYS = {"ci": "search", "app": "search", "anna": "web", "ben": "web", "nightly": "batch"}
"""Callers and their teams."""

_PROVIDERS = """
[providers.openai]
kind = "simulator"
seed = 1
tokens_per_second = 110
models = { gpt-5 = "demo", gpt-4o-mini = "demo", text-embedding-3-small = "embed" }
faults = "status=503 rate=0.07 retry_after=1"

[providers.anthropic]
kind = "simulator"
seed = 2
ttft = "600ms"
tokens_per_second = 60
models = { claude-sonnet-4-5 = "thinker" }
faults = "cut_after=8 rate=0.02"

[providers.gemini]
kind = "simulator"
seed = 3
ttft = "350ms"
tokens_per_second = 160
models = { "gemini-2.5-flash" = "lorem" }

[providers.ollama]
kind = "simulator"
seed = 4
ttft = "1s"
tokens_per_second = 25
models = { llama3 = "demo" }

[providers.flaky]
kind = "simulator"
seed = 5
models = { beta = "demo" }
faults = "status=500 rate=0.7"

[models]
smart = ["anthropic/claude-sonnet-4-5", "openai/gpt-5"]
fast = ["openai/gpt-4o-mini", "gemini/gemini-2.5-flash"]
embed = ["openai/text-embedding-3-small"]
local = ["ollama/llama3"]
preview = ["flaky/beta", "openai/gpt-5"]
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A configuration and the keys in it, made for one run."""

    text: str
    admin: str = field(repr=False)
    """The console's key; empty when no plugin knows keys."""
    keys: dict[str, str] = field(repr=False)
    """Secrets by the caller's name."""


def scene(installed: Collection[str]) -> Scene:
    """The demo's configuration for the plugins that are installed."""
    listed = [name for name in (*DIALECTS, *PLUGINS) if name in installed]
    keyed = "auth" in listed
    admin = f"sk-demo-{secrets.token_urlsafe(18)}" if keyed else ""
    keys = {name: f"sk-demo-{secrets.token_urlsafe(18)}" for name in KEYS}
    parts = [f"plugins = {json.dumps(listed)}\n", _PROVIDERS]
    if keyed:
        parts.append(_keys(listed, keys, admin))
    if "cache" in listed:
        parts.append('[defaults]\ncache = "5m"\n')
    if "budget" in listed:
        parts.append('[budget]\ntotal = "$0.40/day"\n')
    if "rate_limit" in listed:
        parts.append(
            '[rate_limit]\nmax_wait = "4s"\nrules = [{ limit = "30 concurrent", name = "all calls under way" }]\n'
        )
    if "prices" in listed:
        parts.append(
            "[prices.targets]\n"
            '"openai/gpt-5" = { input = 1.25, output = 10 }\n'
            '"openai/gpt-4o-mini" = { input = 0.15, output = 0.6 }\n'
            '"openai/text-embedding-3-small" = { input = 0.02, output = 0 }\n'
            '"anthropic/claude-sonnet-4-5" = { input = 3, output = 15 }\n'
            '"gemini/gemini-2.5-flash" = { input = 0.3, output = 2.5 }\n'
            '"flaky/beta" = { free = true }\n'
        )
    return Scene("\n".join(parts), admin, keys)


def _keys(listed: Collection[str], keys: dict[str, str], admin: str) -> str:
    limits = "rate_limit" in listed
    teams = {
        "search": ['rate_limit = "400 requests/minute"'] if limits else [],
        "web": ['budget = "$0.03/hour"'] if "budget" in listed else [],
        "batch": ['rate_limit = "60 requests/minute"'] if limits else [],
    }
    lines = [line for team, said in teams.items() for line in (f"[teams.{team}]", *said, "")]
    for name, team in KEYS.items():
        lines += [f"[keys.{name}]", f'secret = "{keys[name]}"', f'team = "{team}"', ""]
    lines += ["[keys.console]", f'secret = "{admin}"', 'auth = { role = "admin", routes = ["*"] }', ""]
    return "\n".join(lines)
