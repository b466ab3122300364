"""A whole configuration, and the exact words for wrong ones: these texts are what operators work with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tollhouse.config import ConfigErrors, Duration, bind, load, parse
from tollhouse.errors import ConfigError

from .conftest import KINDS, SCHEMAS, Cache, Make, Upstream

TEAM = """
plugins = ["auth", "rate_limit", "budget", "cache", "router", "webhooks", "./mine.py"]
max_attempts = "${ATTEMPTS:-3}"

[server]
listen = "0.0.0.0:${PORT}"
max_body = "1 MiB"
keepalive = "off"
hooks = { authenticate = "2s" }

[store]
url = "redis://redis:6379/0"
ledger = "${LEDGER}"

[timeouts]
idle = "30s"

[providers]
openai = { api_key = "${KEY}", timeouts = { connect = "2s", total = "1m" } }
spare = { kind = "openai", api_keys = ["a", "${KEY}"] }
plain = {}

[models]
fast = ["openai/gpt-4o-mini", "spare/meta/llama-3"]
[models.chat]
targets = ["fast", { target = "plain/x", weight = 3 }]
router = "cheapest"
timeouts = { total = "2m" }

[defaults]
rate_limit = "60 requests/minute"

[teams.search]
models = ["fast", "ch*"]
budget = "500 USD/month"

[keys.ci]
secret = "${CI_KEY}"
team = "search"
tags = ["ci"]
expires = 2030-01-31T00:00:00Z
budget = ["20 USD/day", "100 USD/month"]

[cache]
ttl = "1h"

[webhooks.ops]
url = "https://example.com/hook"
"""
ENV = {"PORT": "9000", "KEY": "sk-1", "CI_KEY": "ci-secret", "ATTEMPTS": "5", "LEDGER": "false"}


def test_a_team_s_configuration_is_typed(make: Make) -> None:
    bound = make(TEAM, **ENV)
    config = bound.config
    assert config.plugins[-1] == "./mine.py"
    assert (config.server.listen.host, config.server.listen.port) == ("0.0.0.0", 9000)
    assert (config.server.max_body, config.server.keepalive, config.server.drain) == (2**20, 0.0, 30.0)
    assert config.server.hooks == {"authenticate": 2.0}
    assert (config.store.url, config.store.ledger, config.store.bound) == (
        "redis://redis:6379/0",
        False,
        0.05,
    )
    assert (config.max_attempts, config.undeclared_models, config.default_provider) == (5, False, "openai")
    key = config.keys["ci"]
    assert (key.secret, key.team, key.user, key.tags) == ("ci-secret", "search", "", ("ci",))
    assert key.expires == datetime(2030, 1, 31, tzinfo=UTC)
    assert config.teams["search"].allows("chat")
    assert not config.teams["search"].allows("smart")
    assert key.allows("smart")
    assert bound.providers == {
        "openai": Upstream(api_key="sk-1"),
        "spare": Upstream(api_keys=("a", "sk-1")),
        "plain": None,
    }
    assert config.providers["spare"].kind == "openai"
    assert bound.settings["cache"] == Cache(ttl=Duration("1h"))
    assert bound.settings["webhooks"]["ops"].events == ("*",)
    assert set(bound.settings) == {"cache", "webhooks"}


def test_timeouts_hold_from_the_table_to_the_provider_to_the_model(make: Make) -> None:
    bound = make(TEAM, **ENV)
    over = bound.timeouts("openai", "fast")
    assert (over.connect, over.idle, over.total, over.first_byte) == (2.0, 30.0, 60.0, 300.0)
    assert bound.timeouts("openai", "chat").total == 120.0
    assert bound.timeouts("nobody", "nothing") == bound.config.timeouts


def test_an_empty_file_is_a_configuration(make: Make) -> None:
    bound = make("")
    assert (bound.config.plugins, bound.config.default_provider) == ((), "")
    assert bound.settings["cache"] == Cache()


def test_reprs_show_no_secret(make: Make) -> None:
    bound = make(TEAM.replace("redis://", "redis://user:pass@"), **ENV)
    text = repr(bound) + repr(bound.loaded) + repr(bound.config)
    assert "sk-1" not in text
    assert "ci-secret" not in text
    assert "pass@" not in text


WRONG = [
    ("server = 5", "server: must be a table, not a number."),
    ("[server]\nlissten = 1", 'server.lissten: unknown setting. Did you mean "listen"?'),
    (
        "[server]\nzzz = 1",
        "server.zzz: unknown setting. Known: listen, engine, workers, tls, max_body, max_upload, body_idle, "
        "header_timeout, max_header_bytes, max_headers, drain, keepalive and 2 more.",
    ),
    (
        '[server]\nlisten = ":80"',
        'server.listen: ":80" is not an address to listen on. Did you mean "0.0.0.0:80"? '
        'Accepted: "127.0.0.1:8080", "0.0.0.0:8080", "[::1]:8080".',
    ),
    ("[server]\nmax_headers = 0", "server.max_headers: must be a whole number of at least 1."),
    ('[server]\nmax_headers = "5"', "server.max_headers: must be a whole number, not a text."),
    (
        '[server]\nmax_body = "1 KB"',
        'server.max_body: "1 KB" is not a size. Did you mean "1 kB"? '
        'Accepted: "512 B", "64 KiB", "32 MiB", "1 MB", a number of bytes.',
    ),
    (
        '[server.hooks]\nadmit = "soon"',
        'server.hooks.admit: "soon" is not a duration. '
        'Accepted: "250ms", "10s", "1m30s", "2h", "7d", a number of seconds.',
    ),
    ("[store]\nledger = 1", "store.ledger: must be true or false, not a number."),
    ("[store]\nurl = true", "store.url: must be a text in quotes, not true or false."),
    ("max_attempts = 0", "max_attempts: must be a whole number of at least 1."),
    ("max_attempts = 1000", "max_attempts: must be a whole number of at most 100."),
    ("undeclared_model = true", 'undeclared_model: unknown setting. Did you mean "undeclared_models"?'),
    ('plugins = "auth"', "plugins: must be a list, not a text."),
    ("plugins = [5]", "plugins[0]: must be a text in quotes, not a number."),
    ('plugins = ["auth", "auth"]', 'plugins[1]: "auth" is listed twice.'),
    (
        'plugins = ["rate-limit"]',
        'plugins[0]: "rate-limit" is no plugin name: those are lower-case letters, digits and "_". '
        'Did you mean "rate_limit"?',
    ),
    (
        'plugins = ["./a"]',
        'plugins[0]: "./a" is no plugin name: those are lower-case letters, digits and "_". '
        'A file is written "./file.py".',
    ),
    ('plugins = ["a.py"]', 'plugins[0]: a file is written with its folder. Write "./a.py".'),
    ('[providers]\nopenai = "key"', "providers.openai: must be a table, not a text."),
    ('[providers."a/b"]', 'providers."a/b": a provider\'s name has no "/" and is not empty.'),
    (
        "[providers.openai]\ntimeouts = { conect = 1 }",
        'providers.openai.timeouts.conect: unknown setting. Did you mean "connect"?',
    ),
    ("[providers.openai]\napikey = 1", 'providers.openai.apikey: unknown setting. Did you mean "api_key"?'),
    ("[providers.openai]\nkinds = 1", 'providers.openai.kinds: unknown setting. Did you mean "kind"?'),
    ("[providers.openai]\napi_key = 1", "providers.openai.api_key: must be a text in quotes, not a number."),
    (
        "[providers.opena]",
        'providers.opena: no loaded plugin has a provider of kind "opena". Did you mean "openai"?',
    ),
    (
        '[providers.x]\nkind = "zzz"',
        'providers.x.kind: no loaded plugin has a provider of kind "zzz". Known kinds: openai, anthropic, plain.',
    ),
    ("[providers.plain]\na = 1", "providers.plain.a: unknown setting. Known: kind, timeouts."),
    (
        'default_provider = "opena"\n[providers.openai]',
        'default_provider: unknown provider "opena". Did you mean "openai"?',
    ),
    ('[keys.a]\nteam = "x"', "keys.a.secret: is required."),
    ('[keys.a]\nsecret = ""', "keys.a.secret: must be a text in quotes of length of at least 1."),
    (
        '[teams.search]\n[keys.a]\nsecret = "s"\nteam = "serch"',
        'keys.a.team: unknown team "serch". Did you mean "search"?',
    ),
    ('[keys.a]\nsecret = "s"\n[keys.b]\nsecret = "s"', 'keys.b.secret: has the same secret as the key "a".'),
    (
        '[keys.a]\nsecret = "s"\nexpires = 2030-01-01',
        "keys.a.expires: must be a date and time, not a date.",
    ),
    (
        '[keys.a]\nsecret = "s"\ntem = "x"',
        'keys.a.tem: is neither a setting here nor a loaded plugin. Did you mean "team"?',
    ),
    (
        '[providers.openai]\n[models]\nfast = ["openai/x"]\n[teams.a]\nmodels = ["fats"]',
        'teams.a.models[0]: unknown model "fats". Did you mean "fast"?',
    ),
    (
        '[providers.openai]\n[models]\nfast = ["openai/x"]\n[teams.a]\nmodels = ["openai/x"]',
        'teams.a.models[0]: unknown model "openai/x". Models: fast.',
    ),
    ("[cach]", 'cach: is neither a core table nor a loaded plugin. Did you mean "cache"?'),
    ("[sever]", 'sever: is neither a core table nor a loaded plugin. Did you mean "server"?'),
    ("[metrics]", 'metrics: is neither a core table nor a loaded plugin. Add "metrics" to plugins = [...].'),
    (
        "[metric]",
        'metric: is neither a core table nor a loaded plugin. Did you mean "metrics"? '
        "Then add it to plugins = [...] too.",
    ),
    ("[auth]", "auth: the plugin auth has no settings."),
    ("[cache]\ntll = 1", 'cache.tll: unknown setting. Did you mean "ttl"?'),
    ('[cache]\nmode = "exakt"', 'cache.mode: "exakt" is not one of "exact", "near". Did you mean "exact"?'),
    ("[cache]\nsize = 1.5", "cache.size: must be a whole number, not a decimal number."),
    ("[webhooks.ops]", "webhooks.ops.url: is required."),
    ('[webhooks.ops]\nurl = "x"\nevents = "a"', "webhooks.ops.events: must be a list, not a text."),
    ("[webhooks]\nops = 1", "webhooks.ops: must be a table, not a number."),
    (
        "[defaults]\nzzz = 1",
        "defaults.zzz: is neither a setting here nor a loaded plugin. Known: cache, rate_limit, budget, router.",
    ),
    (
        "[teams.a]\nmetrics = 1",
        'teams.a.metrics: is neither a setting here nor a loaded plugin. Add "metrics" to plugins = [...].',
    ),
    ("[defaults]\nauth = 1", "defaults.auth: the plugin auth takes no settings here."),
    (
        "[defaults]\nwebhooks = 1",
        "defaults.webhooks: the plugin webhooks takes no settings here. Write them in [webhooks].",
    ),
    (
        '[defaults]\nrate_limit = "60 req/min"',
        'defaults.rate_limit: "60 req/min" is not a rate. Did you mean "60 requests/minute"? Accepted: '
        '"60 requests/minute", "200k tokens/minute", "2M input tokens/hour", "20 concurrent", '
        "periods second, minute, hour, day, week.",
    ),
    (
        '[defaults]\nbudget = ["1 USD/day", 500]',
        'defaults.budget[1]: 500 is not a budget. Accepted: "500 USD/month", "20 USD/day", "$0.50/hour", '
        '"5k USD total", periods hour, day, week, month, year, total.',
    ),
    ("defaults = 1", "defaults: must be a table, not a number."),
    ("[teams]\na = 1", "teams.a: must be a table, not a number."),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text.replace("\n", " ") for text, _ in WRONG])
def test_a_wrong_configuration_says_what_where_and_what_to_do(make: Make, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        make(text)
    assert str(error.value) == message


def test_all_problems_of_a_phase_come_at_once(make: Make) -> None:
    with pytest.raises(ConfigErrors) as first:
        parse('plugins = ["A"]\n[server]\nlisten = 1\nfoo = 1\n[providers.x]\n[models]\na = ["y/z"]\nb = []', {})
    assert [error.path for error in first.value.errors] == [
        "server.foo",
        "server.listen",
        "plugins[0]",
        "models.b",
        "models.a.targets[0]",
    ]
    with pytest.raises(ConfigErrors) as second:
        make('[cach]\n[cache]\nsize = "x"\n[providers.openai]\nx = 1\n[defaults]\nrouter = "best"')
    assert str(second.value) == (
        "4 problems:\n"
        '  cach: is neither a core table nor a loaded plugin. Did you mean "cache"?\n'
        "  cache.size: must be a whole number, not a text.\n"
        "  providers.openai.x: unknown setting. "
        "Known: api_key, api_keys, base_url, retries, kind, timeouts.\n"
        '  defaults.router: "best" is not one of "ordered", "cheapest".'
    )


def test_a_value_from_the_environment_is_named_and_never_shown(make: Make) -> None:
    text = '[cache]\nttl = "${A}"\nmode = "${A}"\nsize = "${A}"\n[providers.x]\nkind = "${A}"'
    with pytest.raises(ConfigErrors) as error:
        make(text, A="hunter2")
    assert "hunter2" not in str(error.value)
    assert "cache.ttl: ${A} is not a duration. " in str(error.value)
    assert 'cache.mode: ${A} is not one of "exact", "near".' in str(error.value)
    assert "cache.size: must be a whole number, not a text." in str(error.value)
    assert "providers.x.kind: no loaded plugin has a provider of kind ${A}." in str(error.value)


def test_a_text_from_the_environment_may_be_a_number(make: Make) -> None:
    bound = make('[cache]\nsize = "${SIZE}"\n[providers.openai]\nretries = "${N:-2}"', SIZE="7", N="3")
    assert bound.settings["cache"].size == 7
    assert bound.providers["openai"].retries == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = [", "gateway.toml, line 1, column 6: not valid TOML: invalid value."),
        ("a = 1\nb = = 2", "gateway.toml, line 2, column 5: not valid TOML: invalid value."),
        ("a = 1\na = 2", "gateway.toml, line 2, column 6: not valid TOML: cannot overwrite a value."),
        (
            "[a",
            "gateway.toml, line 1, column 3: not valid TOML: expected ']' at the end of a table declaration.",
        ),
    ],
)
def test_a_syntax_error_is_one_sentence_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, {})
    assert str(error.value) == message


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_bytes(b"\xef\xbb\xbfmax_attempts = 2\r\n")
    loaded = load(file, {})
    assert (loaded.path, loaded.config.max_attempts) == (file, 2)


def test_an_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    with pytest.raises(ConfigError, match=r"gateway.toml does not exist\. Name another file with --config\."):
        load(file, {})
    with pytest.raises(ConfigError, match=r"cannot be read: is a directory\."):
        load(tmp_path, {})
    file.write_bytes(b"a = 1\nb = '\xff'")
    with pytest.raises(ConfigError, match=r"gateway.toml, line 2: not UTF-8\. Save the file as UTF-8\."):
        load(file, {})
    file.write_bytes(b"#" * (5 << 20))
    with pytest.raises(ConfigError, match=r"is larger than 4 MiB\."):
        load(file, {})


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gateway.toml nests tables or lists too deeply\."):
        parse("a = " + "[" * 5000 + "]" * 5000, {})


def test_two_configurations_live_side_by_side(make: Make) -> None:
    one, two = make("max_attempts = 1"), bind(parse("max_attempts = 2", {}), SCHEMAS, KINDS)
    assert (one.config.max_attempts, two.config.max_attempts) == (1, 2)
