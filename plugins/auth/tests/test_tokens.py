"""Tokens of an identity provider: what holds, what does not, and what it takes to know."""

import asyncio
import base64
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from tollhouse import ConfigError, hookimpl
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing.upstream import Script

CHAT = "/v1/chat/completions"
ISSUER = "https://id.example"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def jwk(key, kid, **more):
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", **more}


def keys(*more):
    return {"keys": [jwk(RSA_KEY, "r1"), jwk(EC_KEY, "e1"), *more]}


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(head, claims, sign):
    """A token whose parts no library would write."""
    text = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{text}.{b64(sign(text.encode()))}"


class Sees:
    def __init__(self):
        self.principals = []

    @hookimpl
    async def admit(self, exchange):
        self.principals.append(exchange.principal)


class Scene:
    """A gateway that trusts one issuer, whose keys an upstream serves."""

    def __init__(self, house, more="", url="/jwks"):
        self.house, self.more, self.url = house, more, url
        self.clock, self.sees, self.up = house.Clock(), Sees(), Upstream()

    async def __aenter__(self):
        await self.up.__aenter__()
        table = (
            f'[auth.jwt]\nissuer = "{ISSUER}"\naudience = "gate"\njwks_url = "{self.up.url}{self.url}"\n{self.more}\n'
        )
        self.serving = gateway(self.house.CONFIG + table, self.house.Echo, self.sees, clock=self.clock)
        self.gate = await self.serving.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.serving.__aexit__(*error)
        await self.up.__aexit__(*error)

    def now_answers(self, *answer):
        """Another answer from now on."""
        self.up._scripts.clear()
        self.up.answer(*answer)

    def claims(self, **more):
        base = {"iss": ISSUER, "aud": "gate", "sub": "anna", "exp": self.clock.now + 300}
        return {name: value for name, value in {**base, **more}.items() if value is not None}

    def token(self, key=RSA_KEY, kid="r1", algorithm="RS256", **more):
        return jwt.encode(self.claims(**more), key, algorithm, headers={"kid": kid} if kid else None)

    async def call(self, token, path=CHAT, **more):
        return await Client(self.gate, self.house.bearer(token)).post(path, self.house.asks(max_tokens=5, **more))


def test_a_good_token_says_who_calls(house):
    more = 'team = "team"\ntags = "groups"\nmodels = "models"\n'
    more += 'role = "realm.roles"\nroles = { ops = "viewer", root = "admin" }'

    async def scene():
        async with Scene(house, more) as at:
            at.up.answer(keys())
            token = at.token(
                team="search", groups=["a", "b"], models="fast slow", realm={"roles": ["x", "ops", "root", "ops"]}
            )
            assert (await at.call(token)).status == 200
            assert (await at.call(token, model="slow")).status == 404, "the team's models hold too"
            one = at.sees.principals[0]
            assert (one.key, one.user, one.team, one.tags) == ("jwt:anna", "anna", "search", ("a", "b"))
            assert (one.models, one.team_models, one.access) == (("fast", "slow"), ("fast*",), "admin")
            answer = await Client(at.gate, house.bearer(token)).get("/admin/v1/keys/self")
            assert {**answer.json(), "origin": "token", "role": "admin"} == answer.json()

    run(scene())


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda at: at.token(exp=at.clock.now - 31), b"expired"),
        (lambda at: at.token(nbf=at.clock.now + 31), b"not valid yet"),
        (lambda at: at.token(aud="other"), b"somebody else"),
        (lambda at: at.token(aud=["other", "gates"]), b"somebody else"),
        (lambda at: at.token(aud=None), b"lacks the claim aud"),
        (lambda at: at.token(exp=None), b"lacks the claim exp"),
        (lambda at: at.token(exp="soon"), b"do not hold"),
        (lambda at: at.token(iss="https://id.example.evil"), b"issuer"),
        (lambda at: at.token(iss="https://id.exampl"), b"issuer"),
        (lambda at: at.token(iss=None), b"issuer"),
        (lambda at: at.token(sub=None), b"claim sub"),
        (lambda at: at.token(sub=""), b"claim sub"),
        (lambda at: at.token(sub="ci#anna"), b"claim sub"),
        (lambda at: at.token(sub="a\nb"), b"claim sub"),
        (lambda at: at.token(OTHER_RSA), b"do not hold"),
        (lambda at: at.token(OTHER_RSA, kid="r2"), b"no such key"),
        (lambda at: at.token(EC_KEY, kid="r1", algorithm="ES256"), b"no such key"),
        (lambda at: at.token(RSA_KEY, algorithm="RS512"), b"algorithm"),
        (lambda at: at.token("s" * 32, algorithm="HS256"), b"algorithm"),
        (lambda at: at.token(None, algorithm="none"), b"algorithm"),
        (lambda at: by_hand({"alg": "None", "kid": "r1"}, at.claims(), lambda text: b""), b"algorithm"),
        (lambda at: by_hand({"alg": "nOnE"}, at.claims(), lambda text: b""), b"algorithm"),
        (lambda at: by_hand({"alg": "RS256", "kid": "r1"}, at.claims(), lambda text: b""), b"do not hold"),
        (lambda at: by_hand({"alg": "RS256", "kid": ["r1"]}, at.claims(), lambda text: b"x"), b""),
        (lambda at: by_hand({"alg": "RS256", "kid": "r1", "crit": ["x"]}, at.claims(), lambda text: b"x"), b""),
        (lambda at: at.token()[:-4] + "AAAA", b"do not hold"),
        (lambda at: "eyJhbGciOiJSUzI1NiJ9.e30.eA", b"issuer"),
        (lambda at: "ey..", b"cannot be read"),
        (lambda at: at.token(pad="x" * 20_000), b"too long"),
    ],
)
def test_any_other_token_is_a_401_that_says_why(house, make, why):
    async def scene():
        async with Scene(house) as at:
            at.up.answer(keys())
            answer = await at.call(make(at))
            assert answer.status == 401
            assert why in answer.body
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert at.sees.principals == []

    run(scene())


def test_a_public_key_used_as_a_shared_secret_signs_nothing(house):
    """The confusion of HS256 and RS256: the verifier's own public key as the forger's HMAC key."""

    async def scene():
        async with Scene(house) as at:
            at.up.answer(keys({"kty": "oct", "kid": "shared", "k": b64(b"s" * 32), "alg": "HS256"}))
            for kid, secret in (("r1", pem(RSA_KEY)), ("shared", b"s" * 32)):
                for alg in ("HS256", "RS256"):
                    forged = by_hand(
                        {"alg": alg, "kid": kid, "typ": "JWT"},
                        at.claims(),
                        lambda text, secret=secret: hmac.digest(secret, text, hashlib.sha256),
                    )
                    assert (await at.call(forged)).status == 401

    run(scene())


@pytest.mark.parametrize("algorithm", ["HS256", "none", "HS512", "RS1"])
def test_no_setting_allows_a_shared_secret_or_no_signature(house, algorithm):
    async def scene():
        with pytest.raises(ConfigError, match=r"auth\.jwt\.algorithms"):
            async with Scene(house, f'algorithms = ["{algorithm}"]'):
                raise AssertionError

    run(scene())


def test_two_tokens_that_begin_and_end_alike_are_two_callers(house):
    """CVE-2026-35030: verdicts kept by a prefix of the token."""

    async def scene():
        async with Scene(house, 'algorithms = ["RS256"]') as at:
            at.up.answer(keys())
            good = at.token(sub="anna", pad="x" * 400)
            assert (await at.call(good)).status == 200
            head, claims, signature = good.split(".")
            other = json.loads(base64.urlsafe_b64decode(claims + "=="))
            forged = f"{head}.{b64(json.dumps({**other, 'sub': 'root'}, separators=(',', ':')).encode())}.{signature}"
            assert (forged[:60], forged[-60:]) == (good[:60], good[-60:])
            assert (await at.call(forged)).status == 401
            ben = at.token(sub="ben", pad="x" * 400)
            assert ben[:60] == good[:60]
            assert (await at.call(ben)).status == 200
            assert [one.user for one in at.sees.principals] == ["anna", "ben"]

    run(scene())


def test_a_verdict_is_kept_no_longer_than_the_token_or_a_minute(house):
    async def scene():
        async with Scene(house, 'leeway = "off"') as at:
            at.up.answer(keys())
            short = at.token(exp=at.clock.now + 20)
            long = at.token(exp=at.clock.now + 100_000)
            assert [(await at.call(one)).status for one in (short, long, short)] == [200] * 3
            at.clock.advance(20)
            assert (await at.call(short)).status == 401
            at.now_answers({"keys": [jwk(OTHER_RSA, "r1")]})
            at.clock.advance(39)
            assert (await at.call(long)).status == 200
            at.clock.advance(86_400)
            assert (await at.call(long)).status == 401

    run(scene())


def test_keys_are_fetched_once_and_anew_when_an_unknown_one_signs(house):
    async def scene():
        async with Scene(house) as at:
            at.up.answer(keys())
            await asyncio.gather(*(at.call(at.token(n=n)) for n in range(20)))
            assert len(at.up.requests) == 1
            at.now_answers(keys(jwk(OTHER_RSA, "r2")))
            rotated = at.token(OTHER_RSA, kid="r2")
            assert (await at.call(rotated)).status == 401, "just fetched: not again so soon"
            at.clock.advance(31)
            assert (await at.call(rotated)).status == 200
            assert len(at.up.requests) == 2

    run(scene())


def test_a_flood_of_unknown_keys_fetches_once_in_half_a_minute(house):
    async def scene():
        async with Scene(house) as at:
            at.up.answer(keys())
            for n in range(100):
                at.clock.advance(1)
                assert (await at.call(at.token(OTHER_RSA, kid=f"made-up-{n}"))).status == 401
            assert len(at.up.requests) <= 5

    run(scene())


def test_keys_are_used_while_their_issuer_is_away_but_not_for_ever(house):
    async def scene():
        async with Scene(house) as at:
            at.up.answer(keys())
            assert (await at.call(at.token())).status == 200
            at.now_answers(b"away", 503)
            for _ in range(20):
                at.clock.advance(3600)
                assert (await at.call(at.token())).status == 200
                await asyncio.sleep(0.01)
            at.clock.advance(86_400)
            answer = await at.call(at.token())
            assert (answer.status, house.code(answer)) == (503, "auth_unavailable")
            assert answer.headers["retry-after"] == "2"
            at.now_answers(keys())
            at.clock.advance(3)
            assert (await at.call(at.token())).status == 200

    run(scene())


@pytest.mark.parametrize(
    "bad",
    [
        b"{}",
        b"[]",
        b"<html>",
        b'{"keys": 7}',
        b'{"keys": [7, {"kty": "RSA"}]}',
        b'{"keys": []}',
        b"[" * 9999,
        b"x" * 2_000_000,
    ],
)
def test_a_document_that_holds_no_keys_is_a_503_and_no_failure(house, bad):
    async def scene():
        async with Scene(house) as at:
            at.up.answer(bad)
            assert (await at.call(at.token())).status in (401, 503)
            assert not [event for _, event in at.gate.feed.recent() if type(event).__name__ == "PluginError"]

    run(scene())


def test_the_discovery_document_says_where_the_keys_are_and_must_be_about_this_issuer(house):
    async def scene(issuer_said, status):
        async with Upstream() as up:
            table = f'[auth.jwt]\nissuer = "{up.url}"\naudience = ["x", "gate"]\n'
            document = {"issuer": issuer_said or up.url, "jwks_uri": f"{up.url}/the/keys"}
            bodies = {"/.well-known/openid-configuration": document, "/the/keys": keys()}
            up.then(lambda request: Script(200, {}, json.dumps(bodies[request.path]).encode()))
            clock = house.Clock()
            async with gateway(house.CONFIG + table, house.Echo, clock=clock) as gate:
                claims = {"iss": up.url, "aud": "gate", "sub": "anna", "exp": clock.now + 60}
                token = jwt.encode(claims, EC_KEY, "ES256", headers={"kid": "e1"})
                answer = await Client(gate, house.bearer(token)).post(CHAT, house.asks())
                assert answer.status == status

    run(scene("", 200))
    run(scene("https://evil.example", 503))


def test_a_token_without_a_key_id_needs_the_only_key_that_fits(house):
    async def scene():
        async with Scene(house) as at:
            at.up.answer(keys())
            assert (await at.call(at.token(kid=""))).status == 200
        async with Scene(house) as at:
            at.up.answer(keys(jwk(OTHER_RSA, "r2")))
            assert (await at.call(at.token(kid=""))).status == 401

    run(scene())


def test_an_unknown_team_may_nothing_and_a_claim_that_is_configured_must_be_there(house):
    async def scene():
        async with Scene(house, 'team = "team"\nmodels = "models"') as at:
            at.up.answer(keys())
            answer = await at.call(at.token(team="strangers", models=[]))
            assert (answer.status, house.code(answer)) == (403, "unknown_team")
            for claims in ({}, {"team": "search"}, {"models": ["fast"]}, {"team": ["search"], "models": ["fast"]}):
                answer = await at.call(at.token(**claims))
                assert (answer.status, house.code(answer)) == (401, "invalid_token")
            assert (await at.call(at.token(team="search", models=[]))).status == 404

    run(scene())


@pytest.mark.parametrize("claimed", ["admin", ["admin"], {"admin": True}, 7, "ADMIN", "viewer admin"])
def test_only_values_that_the_configuration_maps_are_roles(house, claimed):
    async def scene():
        async with Scene(house, 'role = "roles"\nroles = { ops = "operator" }') as at:
            at.up.answer(keys())
            assert (await at.call(at.token(roles=claimed))).status == 200
            assert at.sees.principals[0].access == "caller"

    run(scene())


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('issuer = "http://id.example"\naudience = "a"', "must begin with https"),
        ('issuer = "https://id.example"\naudience = "a"\njwks_url = "ftp://x/y"', "must begin with https"),
        ('issuer = "https://id.example"', r"auth\.jwt\.audience: is required"),
        ('issuer = "https://id.example"\naudience = ""', "must not be empty"),
        ('issuer = "https://id.example"\naudience = "a"\nroles = { x = "admin" }', "one needs the other"),
        ('issuer = "https://id.example"\naudience = "a"\nrole = "r"\nroles = { x = "boss" }', r"auth\.jwt\.roles\.x"),
    ],
)
def test_an_issuer_that_cannot_be_trusted_is_an_error_at_the_start(house, table, problem):
    async def scene():
        with pytest.raises(ConfigError, match=problem):
            async with gateway(f"{house.CONFIG}[auth.jwt]\n{table}\n", house.Echo):
                raise AssertionError

    run(scene())


def test_several_issuers_are_a_list_of_tables(house):
    async def scene():
        tables = "".join(
            f'[[auth.jwt]]\nname = "{name}"\nissuer = "https://{name}.example"\naudience = "a"\n' for name in ("a", "b")
        )
        async with gateway(house.CONFIG + tables, house.Echo) as gate:
            assert [one.name for one in house.auth(gate).settings.issuers] == ["a", "b"]
        with pytest.raises(ConfigError, match="share a name"):
            async with gateway(house.CONFIG + tables.replace('"b"', '"a"'), house.Echo):
                raise AssertionError

    run(scene())
