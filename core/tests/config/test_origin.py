"""Every resolved value with its origin, and no secret among them."""

from __future__ import annotations

import pytest
from tollhouse.config import explain
from tollhouse.config.secret import masked, secret_name

from .conftest import Make

TEXT = """plugins = ["cache"]
[server]
listen = "0.0.0.0:${PORT}"
[store]
url = "redis://user:hunter2@redis:6379/0?x=hunter3"
[providers.openai]
api_key = "${KEY}"
api_keys = ["hunter4", "${KEY}"]
timeouts = { connect = "2s" }
[models]
fast = ["openai/x"]
chat = { targets = ["fast", { target = "openai/y", weight = 3 }], router = "cheapest" }
[defaults]
cache = { most = 3 }
[teams.search]
budget = "500 USD/month"
[keys.ci]
secret = "hunter5"
expires = 2030-01-31T00:00:00Z
[webhooks.ops]
url = "${HOOK}"
"""


@pytest.fixture
def lines(make: Make) -> dict[str, tuple[str, str]]:
    bound = make(TEXT, PORT="80", KEY="hunter6", HOOK="https://hooks.example.com/services/hunter7")
    return {line.path: (line.value, line.origin) for line in explain(bound)}


@pytest.mark.parametrize(
    ("path", "value", "origin"),
    [
        ("plugins", '["cache"]', "gateway.toml:1"),
        ("server.listen", '"0.0.0.0:80"', "env PORT"),
        ("server.max_body", '"32 MiB"', "default"),
        ("server.keepalive", '"15s"', "default"),
        ("server.hooks", "{}", "default"),
        ("store.url", '"redis://••••@redis:6379/0?••••"', "gateway.toml:5"),
        ("store.ledger", "true", "default"),
        ("timeouts.total", '"9m40s"', "default"),
        ("providers.openai.kind", '"openai"', "default"),
        ("providers.openai.api_key", "••••", "env KEY"),
        ("providers.openai.api_keys", "••••", "env KEY"),
        ("providers.openai.timeouts.connect", '"2s"', "gateway.toml:9"),
        ("providers.openai.base_url", '"https://api.example.com/v1"', "default"),
        ("models.fast", '["openai/x"]', "gateway.toml:11"),
        ("models.chat.targets", '["openai/x (via fast)", "openai/y (weight 3)"]', "gateway.toml:12"),
        ("models.chat.router", '"cheapest"', "gateway.toml:12"),
        ("default_provider", '"openai"', "default"),
        ("max_attempts", "4", "default"),
        ("defaults.cache.most", "3", "gateway.toml:14"),
        ("defaults.cache.least", "0", "default"),
        ("defaults.cache.ttl", "none", "default"),
        ("teams.search.budget", '["500 USD/month"]', "gateway.toml:16"),
        ("keys.ci.secret", "••••", "gateway.toml:18"),
        ("keys.ci.expires", "2030-01-31T00:00:00+00:00", "gateway.toml:19"),
        ("keys.ci.tags", "[]", "default"),
        ("cache.ttl", '"10m"', "default"),
        ("webhooks.ops.url", '"https://hooks.example.com/••••"', "env HOOK"),
        ("webhooks.ops.events", '["*"]', "default"),
    ],
)
def test_a_value_is_shown_with_its_origin(
    lines: dict[str, tuple[str, str]], path: str, value: str, origin: str
) -> None:
    assert lines[path] == (value, origin)


def test_no_secret_is_shown(lines: dict[str, tuple[str, str]]) -> None:
    assert "hunter" not in str(lines)


@pytest.mark.parametrize(
    "path",
    [
        "api_key",
        "x.api_keys[1]",
        "keys.ci.secret",
        'x."X-Api-Key"',
        "a.Authorization",
        "a.hash_pepper",
        "t.token",
    ],
)
def test_names_of_secrets_are_known(path: str) -> None:
    assert secret_name(path)


@pytest.mark.parametrize("path", ["", "max_tokens", "keys.ci.team", "server.listen", "secret.name", "tokens"])
def test_other_names_are_not_secrets(path: str) -> None:
    assert not secret_name(path)


@pytest.mark.parametrize(
    ("text", "from_env", "shown"),
    [
        ("plain", True, "plain"),
        ("https://example.com/v1", False, "https://example.com/v1"),
        ("https://example.com/v1", True, "https://example.com/••••"),
        ("https://example.com", True, "https://example.com"),
        ("https://u:p@example.com/v1?k=v", False, "https://••••@example.com/v1?••••"),
        ("https://[broken", False, "••••"),
    ],
)
def test_urls_are_shown_without_what_they_hide(text: str, from_env: bool, shown: str) -> None:
    assert masked(text, from_env=from_env) == shown
