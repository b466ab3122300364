"""Slack and Discord get what they read, and nobody can be mentioned by a name a caller chose."""

import msgspec
import pytest
from receiving import BODY, CHAT, until
from tollhouse.config import validate
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing.upstream import Script
from tollhouse_webhooks import Webhook
from tollhouse_webhooks.catalogue import BudgetData, KeyData
from tollhouse_webhooks.letter import write
from tollhouse_webhooks.shapes import post

EVIL = "<!channel> @everyone <https://evil.example|click> & co"


def webhook(format_):
    return validate(Webhook, {"url": "https://example.com/T0/B0", "format": format_}, "webhooks.x")


def body(format_, data, type_="key.created"):
    raw, headers = post(webhook(format_), write(type_, 1.0, data, "msg_1"), 1.0)
    assert ("content-type", "application/json") in headers
    assert not any(name.startswith("webhook-") for name, _ in headers)
    return msgspec.json.decode(raw)


def test_slack_gets_a_text_that_mentions_nobody():
    said = body("slack", KeyData(key=EVIL))
    assert list(said) == ["text"]
    assert said["text"] == ("Key &lt;!channel&gt; @everyone &lt;https://evil.example|click&gt; &amp; co was made.")


def test_discord_gets_a_text_whose_mentions_are_off():
    said = body("discord", KeyData(key=EVIL))
    assert said == {"content": f"Key {EVIL} was made.", "allowed_mentions": {"parse": []}}


@pytest.mark.parametrize("format_", ["slack", "discord"])
def test_a_budget_reads_well(format_):
    data = BudgetData(budget="team search", percent=80, spent=400_000_000_000, limit=500_000_000_000, period="month")
    said = body(format_, data, "budget.threshold")
    assert "Budget team search is at 80 %: 400.00 USD of 500.00 USD this month." in said.values()


def test_slack_is_posted_to_over_a_socket():
    async def live():
        async with Upstream(Script(200, {}, b"ok")) as slack:
            text = f"""
plugins = ["openai", "webhooks"]
providers.simulator = {{ ttft = "off", tokens_per_second = 0 }}
[webhooks.ops]
url = "{slack.url}/services/T0/B0/canary"
format = "slack"
allow = ["127.0.0.1"]
"""
            async with gateway(text) as gate:
                await Client(gate).post(CHAT, BODY)
                await until(lambda: slack.requests)
                return slack.requests[0]

    request = run(live())
    assert request.path == "/services/T0/B0/canary"
    assert request.json()["text"].startswith("Request to simulator/echo at simulator/echo took ")
