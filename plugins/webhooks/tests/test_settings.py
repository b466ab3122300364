"""What a webhook's table may say, and what is said about one that cannot work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiving import OTHER, SECRET
from tollhouse import ConfigError
from tollhouse.config import ConfigErrors, explain, parse
from tollhouse.gateway import Gateway
from tollhouse.testing import gateway, run
from tollhouse_webhooks.address import HookUrl

GOOD = {"url": '"https://example.com/hooks"', "secret": f'"{SECRET}"'}
MAIL = {"url": '"smtp://mail.example.com"', "format": '"email"', "sender": '"a@example.com"', "to": '"b@example.com"'}


def made(settings, environ=None):
    text = 'plugins = ["webhooks"]\n[webhooks.ops]\n' + "".join(f"{k} = {v}\n" for k, v in settings.items())
    return Gateway(parse(text, environ or {}))


WRONG = [
    ({}, "webhooks.ops.url"),
    ({"url": '"https://example.com"'}, "secret: one is required"),
    (GOOD | {"secret": '"whsec_short"'}, "24 to 64 bytes"),
    (GOOD | {"secret": '"sk-fake"'}, "24 to 64 bytes"),
    (GOOD | {"secret": f'["{SECRET}", "{OTHER}", "{SECRET}"]'}, "two at most"),
    (GOOD | {"url": '"http://127.0.0.1/"'}, "leads to the machine itself"),
    (GOOD | {"url": '"http://10.0.0.1/"'}, "allow"),
    (GOOD | {"url": '"nonsense"'}, "webhooks.ops.url"),
    (GOOD | {"url": '"ftp://example.com/"'}, "https://"),
    (GOOD | {"url": '"https://u:p@example.com/"'}, "user name"),
    (GOOD | {"events": '["budgets.*"]'}, "nothing is called 'budgets.*'"),
    (GOOD | {"events": '["request.complete"]'}, 'Did you mean "request.completed"?'),
    (GOOD | {"timeout": '"2m"'}, "1 to 60 seconds"),
    (GOOD | {"timeout": '"100ms"'}, "1 to 60 seconds"),
    (GOOD | {"headers": '{ webhook-id = "1" }'}, "cannot be set"),
    (GOOD | {"headers": '{ Host = "internal" }'}, "cannot be set"),
    (GOOD | {"headers": '{ "x y" = "1" }'}, "cannot be set"),
    (GOOD | {"headers": '{ x = "a\\r\\nb: c" }'}, "what no header may"),
    (GOOD | {"allow": '["10.0.0.0/99"]'}, "no name, address or network"),
    (GOOD | {"format": '"slack"'}, "slack reads no signatures"),
    (GOOD | {"format": '"teams"'}, "not one of"),
    (GOOD | {"colour": '"red"'}, "webhooks.ops.colour"),
    (GOOD | {"sender": '"a@example.com"'}, "only for format"),
    (MAIL | {"url": '"https://example.com"'}, "smtp://HOST"),
    (MAIL | {"url": '"smtp://u:p@example.com"'}, "smtp://HOST"),
    (MAIL | {"sender": '"Tollhouse"'}, "mail addresses"),
    (MAIL | {"to": '"b@example.com\\r\\nBcc: c@example.com"'}, "mail addresses"),
    (MAIL | {"to": "[]"}, "somebody"),
    (MAIL | {"user": '"u"'}, "go together"),
    (MAIL | {"user": '"u"', "password": '"p"', "starttls": "false"}, "in the clear"),
    (MAIL | {"secret": f'"{SECRET}"'}, "email reads no signatures"),
]


@pytest.mark.parametrize(("settings", "says"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_a_mistake_is_named_at_start_up(settings, says):
    with pytest.raises((ConfigError, ConfigErrors)) as raised:
        made(settings)
    assert says in str(raised.value)
    assert "webhooks.ops" in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_name_that_paths_could_not_bear_is_refused():
    with pytest.raises(ConfigError, match="cannot be the name"):
        Gateway(parse(f'plugins = ["webhooks"]\n[webhooks."a:dead"]\nurl = "https://e.com"\nsecret = "{SECRET}"\n', {}))


def test_the_shortest_table_is_a_url_and_a_secret():
    gate = made(GOOD)
    [plugged] = [one for one in gate.edition.plugged if one.name == "webhooks"]
    assert plugged.plugin.webhooks["ops"].events == ("*",)


def test_check_shows_neither_secret_nor_path_of_a_url():
    url = '"https://hooks.slack.com/services/T0/B0/canary?key=canary"'
    settings = GOOD | {"url": url, "headers": '{ authorization = "Bearer canary", x-api-key = "canary" }'}
    lines = [line for line in explain(made(settings).edition.bound) if line.path.startswith("webhooks")]
    shown = "\n".join(f"{line.path} {line.value}" for line in lines)
    assert "canary" not in shown
    assert SECRET not in shown
    assert "https://hooks.slack.com/••••" in shown


def test_a_bad_url_from_the_environment_is_not_shown():
    with pytest.raises((ConfigError, ConfigErrors)) as raised:
        made({"url": '"${HOOK}"', "format": '"slack"'}, {"HOOK": "http://10.0.0.1/canary"})
    assert "canary" not in str(raised.value)


@given(st.text())
def test_no_text_breaks_the_reading_of_a_url(text):
    try:
        said = HookUrl(text).spoken()
    except ValueError as error:
        said = str(error)
    assert len(text) < 30 or text not in said


def test_a_gateway_without_webhooks_is_none_the_worse():
    async def live():
        async with gateway('plugins = ["openai", "webhooks"]\n') as gate:
            return gate.ready

    assert run(live()) == (True, "")
