"""Who may call: keys of the file and of the store, what they may do, and what ends them."""

from datetime import UTC, datetime

import msgspec
import pytest
from tollhouse import ConfigError, hookimpl
from tollhouse.config import parse
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse_auth.keyring import Actor

CHAT = "/v1/chat/completions"
CLI = Actor("cli:test")


class Sees:
    """Remembers the principal of every exchange, and what it says to `sees`."""

    Level = list[str]

    def __init__(self):
        self.principals, self.said, self.setting = [], [], None

    @hookimpl
    async def admit(self, exchange):
        self.principals.append(exchange.principal)
        self.said = [(one.level, one.name, one.value) for one in exchange.settings("sees")]
        self.setting = exchange.setting("sees")


class Tuned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    least: int = 0
    most: int = 10

    def __post_init__(self):
        if self.least > self.most:
            raise ValueError("least must not exceed most.")


class Tunes:
    """Takes a table at every level."""

    Level = Tuned

    def __init__(self):
        self.setting = None

    @hookimpl
    async def admit(self, exchange):
        self.setting = exchange.setting("tunes")


async def call(gate, house, secret, model="fast", path=CHAT, **more):
    return await Client(gate, house.bearer(secret)).post(path, house.asks(model, **more))


def test_a_key_of_the_file_and_one_of_the_store_say_who_calls(house):
    async def scene():
        sees = Sees()
        async with gateway(house.CONFIG, house.Echo, sees) as gate:
            secret = await house.made(gate, team="search", user="Anna", tags=("a", "b"))
            assert (await call(gate, house, "sk-fake-ci")).status == 200
            assert (await call(gate, house, secret)).status == 200
        first, second = sees.principals
        assert (first.key, first.team, first.user, first.access) == ("ci", "search", "", "caller")
        assert (second.key, second.team, second.user, second.tags) == ("anna", "search", "Anna", ("a", "b"))

    run(scene())


@pytest.mark.parametrize("header", ["x-api-key", "x-goog-api-key", "api-key"])
def test_every_clients_header_will_do(house, header):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            secret = await house.made(gate)
            for given in (secret, "sk-fake-ci"):
                assert (await Client(gate, {header: given}).post(CHAT, house.asks())).status == 200

    run(scene())


@pytest.mark.parametrize("given", ["", "sk-fake-cj", "sk-fake-c", "sk-fake-ci2", "th-0123456789-" + "a" * 40, "ey.x.y"])
def test_nobody_else_may_call(house, given):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            answer = await call(gate, house, given)
            assert (answer.status, house.code(answer)) == (401, "invalid_api_key")

    run(scene())


def test_an_expired_key_says_so_and_when(house):
    async def scene():
        clock = house.Clock()
        ends = datetime.fromtimestamp(house.START + 3600, UTC)
        config = house.CONFIG + f"expires = {ends.isoformat()}\n"
        async with gateway(config, house.Echo, clock=clock) as gate:
            secret = await house.made(gate, expires=ends)
            for given in (secret, "sk-fake-ci"):
                assert (await call(gate, house, given)).status == 200
            clock.advance(3600)
            for given in (secret, "sk-fake-ci"):
                answer = await call(gate, house, given)
                assert (answer.status, house.code(answer)) == (401, "expired_api_key")
                assert b"2023-11-14 at 23:13 UTC" in answer.body

    run(scene())


def test_a_revoked_key_is_over_and_its_name_stays_taken(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            secret = await house.made(gate)
            assert (await call(gate, house, secret)).status == 200
            await house.auth(gate).keyring.revoke("anna", CLI)
            for _ in range(100):
                answer = await call(gate, house, secret)
                if answer.status != 200:
                    break
            assert (answer.status, house.code(answer)) == (401, "revoked_api_key")
            with pytest.raises(Exception, match="is a key `anna` already"):
                await house.made(gate)

    run(scene())


def test_a_rotated_key_has_two_secrets_for_the_grace_period(house):
    async def scene():
        clock = house.Clock()
        async with gateway(house.CONFIG, house.Echo, clock=clock) as gate:
            keyring = house.auth(gate).keyring
            old = await house.made(gate)
            new = (await keyring.rotate("anna", 3600.0, CLI)).secret
            clock.advance(1)
            assert [(await call(gate, house, one)).status for one in (old, new)] == [200, 200]
            clock.advance(3599)
            answer = await call(gate, house, old)
            assert (answer.status, house.code(answer)) == (401, "rotated_api_key")
            assert (await call(gate, house, new)).status == 200
            last = (await keyring.rotate("anna", 0.0, CLI)).secret
            clock.advance(1)
            assert (await call(gate, house, new)).status == 401
            assert (await call(gate, house, last)).status == 200

    run(scene())


def test_a_second_rotation_does_not_lengthen_the_life_of_the_first_secret(house):
    async def scene():
        clock = house.Clock()
        async with gateway(house.CONFIG, house.Echo, clock=clock) as gate:
            keyring = house.auth(gate).keyring
            old = await house.made(gate)
            await keyring.rotate("anna", 60.0, CLI)
            await keyring.rotate("anna", 3600.0, CLI)
            clock.advance(61)
            assert (await call(gate, house, old)).status == 401

    run(scene())


def test_a_key_uses_the_models_that_it_and_its_team_allow(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            secret = await house.made(gate, team="search", models=("*-mini", "slow"))
            client = Client(gate, house.bearer(secret))
            statuses = {
                model: (await call(gate, house, secret, model)).status for model in ("fast", "fast-mini", "slow")
            }
            assert statuses == {"fast": 404, "fast-mini": 200, "slow": 404}
            assert [one["id"] for one in (await client.get("/v1/models")).json()["data"]] == ["fast-mini"]
            assert (await call(gate, house, "sk-fake-ci", "slow")).status == 404

    run(scene())


@pytest.mark.parametrize(
    ("routes", "allowed"),
    [
        (("chat",), {CHAT}),
        (("embed",), set()),
        (("passthrough",), {"/v1/files", "/v1/audio/speech"}),
        (("/v1/files*", "chat"), {CHAT, "/v1/files"}),
        (("*",), {CHAT}),
        ((), set()),
        (None, {CHAT}),
    ],
)
def test_routes_say_what_may_be_called_and_alone_open_a_passthrough_to_a_key_with_models(house, routes, allowed):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            secret = await house.made(gate, models=("fast",), routes=routes)
            answers = {
                path: await call(gate, house, secret, path=path) for path in (CHAT, "/v1/files", "/v1/audio/speech")
            }
            assert {path for path, answer in answers.items() if answer.status != 403} == allowed
            assert (await Client(gate, house.bearer(secret)).get("/v1/models")).status == 200

    run(scene())


def test_a_key_without_models_may_pass_through(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            secret = await house.made(gate)
            assert (await call(gate, house, secret, path="/v1/files")).status != 403

    run(scene())


def test_a_teams_models_close_the_passthrough_too(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            answer = await call(gate, house, "sk-fake-ci", path="/v1/files")
            assert (answer.status, house.code(answer)) == (403, "forbidden")

    run(scene())


def test_dialects_say_what_may_be_spoken(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            secret = await house.made(gate, dialects=("anthropic",))
            assert (await call(gate, house, secret)).status == 403
            assert (await call(gate, house, secret, path="/v1/messages", max_tokens=5)).status == 200

    run(scene())


def test_an_admins_key_calls_no_models_unless_it_says_so(house):
    async def scene():
        config = house.CONFIG + 'auth = { role = "viewer" }\n'
        async with gateway(config, house.Echo) as gate:
            for role, routes, status in (("admin", None, 403), ("admin", ("chat",), 200), ("operator", ("*",), 200)):
                secret = await house.made(gate, f"{role}-{status}", role=role, routes=routes)
                assert (await call(gate, house, secret)).status == status
            assert (await call(gate, house, "sk-fake-ci")).status == 403

    run(scene())


def test_what_a_stored_key_says_reaches_plugins_as_if_it_stood_in_the_file(house):
    async def scene():
        sees = Sees()
        config = house.CONFIG + "[defaults]\nsees = ['all']\n"
        async with gateway(config, house.Echo, sees) as gate:
            secret = await house.made(gate, settings={"sees": ["mine"]})
            assert (await call(gate, house, secret)).status == 200
            assert sees.said == [("defaults", "", ["all"]), ("key", "anna", ["mine"])]
            assert sees.setting == ["mine"]
            assert (await call(gate, house, "sk-fake-ci")).status == 200
            assert sees.said == [("defaults", "", ["all"])]

    run(scene())


def test_a_stored_keys_table_is_laid_over_the_levels_below_field_by_field(house):
    async def scene():
        tunes = Tunes()
        config = house.CONFIG.replace('models = ["fast*"]', "tunes = { least = 3, most = 8 }")
        async with gateway(config, house.Echo, tunes) as gate:
            secret = await house.made(gate, team="search", settings={"tunes": {"least": 5}})
            assert (await call(gate, house, secret)).status == 200
            assert tunes.setting == Tuned(least=5, most=8)

    run(scene())


def test_what_contradicts_the_configuration_is_refused_when_the_key_is_made(house):
    async def scene():
        config = house.CONFIG.replace('models = ["fast*"]', "tunes = { most = 8 }")
        async with gateway(config, house.Echo, Tunes()) as gate:
            with pytest.raises(
                Exception, match=r"keys\.anna\.tunes: least must not exceed most\..*teams\.search\.tunes"
            ):
                await house.made(gate, team="search", settings={"tunes": {"least": 9}})
            with pytest.raises(Exception, match=r"keys\.anna\.tunes\.leest: unknown setting\. Did you mean \"least\""):
                await house.made(gate, settings={"tunes": {"leest": 9}})
            with pytest.raises(Exception, match="`nobody` is not loaded"):
                await house.made(gate, settings={"nobody": 1})

    run(scene())


def test_settings_of_a_plugin_that_is_gone_mean_nothing_and_are_mentioned_once(house, tmp_path, caplog):
    store = f'\n[store]\nurl = "sqlite:{tmp_path}/state.db"\n'

    async def scene():
        async with gateway(house.CONFIG + store, house.Echo, Sees()) as gate:
            secrets = [await house.made(gate, name, settings={"sees": ["x"]}) for name in ("anna", "ben")]
        async with gateway(house.CONFIG + store, house.Echo) as gate:
            assert [(await call(gate, house, secret)).status for secret in secrets * 2] == [200] * 4

    run(scene())
    assert caplog.text.count("settings of sees, which is not loaded") == 1


def test_a_key_whose_team_is_gone_or_whose_settings_fit_no_more_may_nothing(house, tmp_path, caplog):
    store = f'\n[store]\nurl = "sqlite:{tmp_path}/state.db"\n'
    without = house.CONFIG.replace('team = "search"', "").replace("[teams.search]", "[teams.other]")

    async def scene():
        async with gateway(house.CONFIG + store, house.Echo, Tunes()) as gate:
            secrets = [
                await house.made(gate, "anna", team="search"),
                await house.made(gate, "ben", settings={"tunes": {"least": 9}}),
            ]
        async with gateway(without + "[defaults]\ntunes = { most = 8 }\n" + store, house.Echo, Tunes()) as gate:
            for secret in secrets:
                answer = await call(gate, house, secret)
                assert (answer.status, house.code(answer)) == (403, "key_unusable")

    run(scene())
    assert "the team search, which the configuration does not know" in caplog.text
    assert "least must not exceed most" in caplog.text


def test_a_name_in_both_file_and_store_is_an_error_at_the_start(house, tmp_path):
    store = f'\n[store]\nurl = "sqlite:{tmp_path}/state.db"\n'

    async def scene():
        async with gateway(house.CONFIG + store, house.Echo) as gate:
            await house.made(gate, "web")
            with pytest.raises(Exception, match=r"`ci` stands in gateway\.toml already"):
                await house.made(gate, "ci")
        with pytest.raises(ConfigError, match=r"keys\.web: a key of this name is in the store too\."):
            async with gateway(house.CONFIG.replace("keys.ci", "keys.web") + store, house.Echo):
                raise AssertionError

    run(scene())


def test_another_pepper_is_an_error_at_the_start_while_there_are_keys(house, tmp_path):
    store = f'\n[store]\nurl = "sqlite:{tmp_path}/state.db"\n'
    other = house.CONFIG.replace(house.PEPPER, "another one for tests") + store

    async def scene():
        async with gateway(house.CONFIG + store, house.Echo):
            pass
        async with gateway(other, house.Echo) as gate:
            await house.made(gate)
        with pytest.raises(ConfigError, match=r"auth\.pepper: the keys in the store were made with another pepper"):
            async with gateway(house.CONFIG + store, house.Echo):
                raise AssertionError

    run(scene())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[defaults]\nauth = { role = "admin" }', r"defaults\.auth: belongs to a key"),
        ('[teams.web]\nauth = { routes = ["chat"] }', r"teams\.web\.auth: belongs to a key"),
        ('[keys.x]\nsecret = "s"\nauth = { role = "root" }', r"keys\.x\.auth\.role"),
        ('[keys.x]\nsecret = "s"\nauth = { routes = ["chats"] }', r'keys\.x\.auth\.routes: unknown "chats".*"chat"'),
        ('[keys.x]\nsecret = "s"\nauth = { dialects = ["opneai"] }', r'keys\.x\.auth\.dialects.*"openai"'),
        ('[keys.x]\nsecret = "s"\nuser = "ci#anna"', r"keys\.x\.user"),
    ],
)
def test_what_the_file_says_wrongly_of_a_key_is_an_error_at_the_start(house, text, problem):
    async def scene():
        with pytest.raises(ConfigError, match=problem):
            async with gateway(house.CONFIG + text, house.Echo):
                raise AssertionError

    run(scene())


END_USERS = [("openai", CHAT, {"user": "zoe"}), ("anthropic", "/v1/messages", {"metadata": {"user_id": "zoe"}})]


@pytest.mark.parametrize(("dialect", "path", "said"), END_USERS)
def test_an_end_user_is_written_below_the_keys_own_name_and_only_if_asked_for(house, dialect, path, said):
    async def scene():
        for setting, users in (("false", ["", "anna"]), ("true", ["bare#zoe", "anna"])):
            sees = Sees()
            config = house.CONFIG.replace("[auth]", f"[auth]\nend_users = {setting}")
            async with gateway(config, house.Echo, sees) as gate:
                for name, user in (("bare", ""), ("owned", "anna")):
                    secret = await house.made(gate, name, user=user)
                    assert (await call(gate, house, secret, path=path, max_tokens=5, **said)).status == 200
            assert [one.user for one in sees.principals] == users

    run(scene())


@pytest.mark.parametrize("claimed", ["anna", "owned#anna", "#anna", "bare", "\nanna", "anna\0"])
def test_no_body_can_move_spend_to_somebody_else(house, claimed):
    async def scene():
        sees = Sees()
        config = house.CONFIG.replace("[auth]", "[auth]\nend_users = true")
        async with gateway(config, house.Echo, sees) as gate:
            secret = await house.made(gate, "bare")
            assert (await call(gate, house, secret, user=claimed)).status == 200
            with pytest.raises(Exception, match='no "#"'):
                await house.made(gate, "eve", user="bare#anna")
        assert sees.principals[0].user.startswith("bare#")
        assert (sees.principals[0].key, sees.principals[0].team) == ("bare", "")

    run(scene())


STRANGE = [
    "' OR '1'='1' --",
    '"; DROP TABLE kv; --',
    "x' UNION SELECT data FROM kv --",
    '{"$gt": ""}',
    "*",
    "auth:key:anna",
    "th-../../etc/passwd",
    "\r\nSET x y",
    "return redis.call('keys', '*')",
    "anna\0",
    "é" * 40,
    "\xff\xfe",
    "a" * 30_000,
    "a" * 100_000,
    "th-" + "a" * 31_000,
    "ey" + "." * 200,
    "ey" + "a" * 20_000 + ".b.c",
]


@pytest.mark.parametrize("given", STRANGE, ids=range(len(STRANGE)))
def test_a_strange_key_is_a_401_or_no_request_at_all(house, given):
    """CVE-2026-42208: injection by the credential, before anybody was let in."""

    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            await house.made(gate)
            for headers in ({"authorization": f"Bearer {given}"}, {"x-api-key": given}):
                answer = await Client(gate, headers).post(CHAT, house.asks())
                assert answer.status in (400, 401, 431)
                assert given.encode("latin-1") not in answer.body
            assert not [event for _, event in gate.feed.recent() if type(event).__name__ == "PluginError"]

    run(scene())


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-goog-api-key", "api-key"])
def test_the_callers_credential_never_goes_upstream(house, header):
    async def scene():
        async with Upstream() as up:
            up.answer({"id": "c", "object": "chat.completion", "created": 1, "model": "x", "choices": []})
            provider = f'[providers.up]\nkind = "openai"\nbase_url = "{up.url}/v1"\napi_key = "sk-fake-upstream"\n'
            config = house.CONFIG.replace("[models]", f"{provider}[models]\nremote = ['up/x']").replace(
                '"fast*"', '"*"'
            )
            async with gateway(config, house.Echo) as gate:
                secret = await house.made(gate)
                given = {header: f"Bearer {secret}" if header == "authorization" else secret}
                await Client(gate, given).post(CHAT, house.asks("remote"))
                await Client(gate, given).post("/up/v1/files?a=b", b"data")
            assert len(up.requests) == 2
            for request in up.requests:
                assert secret not in f"{request.path}{request.headers}{request.body!r}"
                assert request.headers["authorization"] == "Bearer sk-fake-upstream"

    run(scene())


def test_a_reload_takes_new_keys_of_the_file_and_drops_old_ones(house, tmp_path):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            secret = await house.made(gate)
            fresh = house.CONFIG.replace("keys.ci", "keys.cd").replace("sk-fake-ci", "sk-fake-cd")
            await gate.reload(parse(fresh + '[store]\nurl = "memory:"\n', {}, path=tmp_path / "gateway.toml"))
            statuses = [(await call(gate, house, one)).status for one in ("sk-fake-ci", "sk-fake-cd", secret)]
            assert statuses == [401, 200, 200]
            clash = house.CONFIG.replace("keys.ci", "keys.anna") + '[store]\nurl = "memory:"\n'
            with pytest.raises(ConfigError, match=r"keys\.anna: a key of this name is in the store too"):
                await gate.reload(parse(clash, {}, path=tmp_path / "gateway.toml"))
            assert (await call(gate, house, secret)).status == 200

    run(scene())
