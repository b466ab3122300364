"""Keys over HTTP: who reaches what, what goes in and comes out, and what is written down."""

import asyncio

import msgspec
import pytest
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import Client, gateway, run
from tollhouse_auth.keyring import Actor

CHAT = "/v1/chat/completions"
KEYS = "/admin/v1/keys"
ROLES = ["member", "viewer", "operator", "admin"]


async def team(gate, house):
    """One client a role."""
    return {role: Client(gate, house.bearer(await house.made(gate, role, role=role))) for role in ROLES}


def test_an_admin_makes_lists_rotates_and_revokes_a_key(house):
    async def scene():
        clock = house.Clock()
        async with gateway(house.CONFIG, house.Echo, clock=clock) as gate:
            admin = (await team(gate, house))["admin"]
            wish = {"name": "web", "team": "search", "user": "Wendy", "tags": ["a"], "expires": "2027-01-31T00:00:00Z"}
            made = (await admin.post(KEYS, wish)).json()
            assert {name: made[name] for name in wish} == wish
            assert (made["by"], made["role"], made["state"], made["origin"]) == (
                "key:admin",
                "member",
                "active",
                "store",
            )
            assert (await Client(gate, house.bearer(made["secret"])).post(CHAT, house.asks())).status == 200

            listed = {one["name"]: one for one in (await admin.get(KEYS)).json()["keys"]}
            assert list(listed) == ["ci", "admin", "member", "operator", "viewer", "web"]
            assert listed["web"] == {**made, "secret": None}
            assert listed["ci"]["origin"] == "file"

            rotated = (await admin.post(f"{KEYS}/web/rotate", {"grace": "1h"})).json()
            assert rotated["secret"] != made["secret"]
            assert len(rotated["secrets"]) == 2
            revoked = (await admin.post(f"{KEYS}/web/revoke")).json()
            assert (revoked["state"], revoked["secret"]) == ("revoked", None)
            clock.advance(1)
            for secret in (made["secret"], rotated["secret"]):
                assert (await Client(gate, house.bearer(secret)).post(CHAT, house.asks())).status == 401
            again = await admin.post(f"{KEYS}/web/rotate")
            assert (again.status, house.code(again)) == (409, "key_revoked")

    run(scene())


def test_a_long_list_comes_in_pages(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            admin = (await team(gate, house))["admin"]
            keyring = house.auth(gate).keyring
            for number in range(1200):
                await house.made(gate, f"k{number:04}")
            names, after, pages = [], "", 0
            while after is not None:
                page = (await admin.get(f"{KEYS}?after={after}" if after else KEYS)).json()
                names += [one["name"] for one in page["keys"]]
                after, pages = page["next"], pages + 1
            assert pages == 3
            roles = ["admin", "member", "operator", "viewer"]
            assert names == ["ci", *sorted([*roles, *(f"k{number:04}" for number in range(1200))])]
            assert [record.name async for record in keyring.all()] == names[1:]

    run(scene())


def test_each_role_reaches_what_is_its_own(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            clients = {**await team(gate, house), "nobody": Client(gate)}
            asked = {
                ("GET", KEYS): {"viewer": 200, "operator": 200, "admin": 200},
                ("GET", f"{KEYS}/self"): {"member": 200, "viewer": 200, "operator": 200, "admin": 200},
                ("POST", KEYS): {"admin": 400},
                ("POST", f"{KEYS}/nobody/revoke"): {"admin": 404},
                ("POST", f"{KEYS}/nobody/rotate"): {"admin": 404},
            }
            for (method, path), allowed in asked.items():
                for role, client in clients.items():
                    status = (await client.request(method, path, b"")).status
                    assert status == allowed.get(role, 401 if role == "nobody" else 403), (method, path, role)

    run(scene())


def test_every_route_of_the_gateway_is_closed_to_strangers_but_health_and_the_landing(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            edition = gate.edition
            routes = [(route.method, route.path) for d in edition.dialects.values() for route in d.routes]
            routes += [(method, one.path) for one in edition.endpoints for method in one.methods]
            routes += [("POST", "/echo/v1/anything"), ("GET", "/echo/x")]
            assert len(routes) > 20
            for given in ({}, {"host": "127.0.0.1/healthz?"}, {"host": "x/readyz#"}, {"x-original-url": "/healthz"}):
                for method, path in routes:
                    concrete = path.replace("{rest}", "x").replace("{model}", "fast").replace("{name}", "anna")
                    answer = await Client(gate, given).request("GET" if method == "*" else method, concrete, b"{}")
                    assert answer.status in (401, 404), (method, concrete, answer.body)
                    assert answer.status == 401 or b"There is no" in answer.body, (method, concrete, answer.body)
            for path in ("/", "/healthz", "/readyz"):
                assert (await Client(gate).get(path)).status == 200

    run(scene())


def test_a_tenant_sees_only_their_own_key(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            mine = Client(gate, house.bearer(await house.made(gate, "mine", user="me")))
            await house.made(gate, "theirs", user="them")
            for path in (KEYS, f"{KEYS}/theirs", f"{KEYS}/theirs/rotate", f"{KEYS}/self"):
                for method in ("GET", "POST", "PUT", "DELETE"):
                    answer = await mine.request(method, path)
                    assert b"them" not in answer.body
            assert (await mine.get(f"{KEYS}/self")).json()["user"] == "me"

    run(scene())


@pytest.mark.parametrize(
    "more",
    [
        {"access": "admin"},
        {"allowed_routes": ["/*"]},
        {"user_role": "proxy_admin"},
        {"secret": "th-mine"},
        {"secrets": [{"id": "x", "hash": "y"}]},
        {"created": 0},
        {"base_url": "http://evil"},
        {"api_key": "sk-fake"},
        {"budget": "1G USD/day"},
        {"metadata": {}},
        {"by": "somebody"},
        {"settings": {"auth": {"role": "admin"}}},
        {"settings": {"providers": {"base_url": "http://evil"}}},
        {"role": "root"},
        {"models": "fast"},
        {"name": "a/b"},
        {"name": "a" * 65},
        {"name": "x\nadmin"},
        {"name": "' OR 1=1 --"},
        {"tags": ["{{7*7}}\n"]},
        {"team": "nope"},
        {"expires": "2020-01-01T00:00:00Z"},
        {"expires": "2027-01-31T00:00:00"},
        {"routes": ["chats"]},
        {"dialects": ["klingon"]},
        {"models": ["gpt-imaginary"]},
    ],
)
def test_nothing_but_a_keys_own_fields_can_be_set(house, more):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            admin = (await team(gate, house))["admin"]
            answer = await admin.post(KEYS, {"name": "web", **more})
            assert (answer.status, house.code(answer)) == (400, "invalid_key")
            assert "web" not in [one["name"] for one in (await admin.get(KEYS)).json()["keys"]]

    run(scene())


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"[]", 400), (b"\xff", 400), (b"[" * 60_000, 400), (b" " * 70_000, 413)],
)
def test_a_body_that_is_no_object_is_refused(house, body, status):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            admin = (await team(gate, house))["admin"]
            assert (await admin.post(KEYS, body)).status == status

    run(scene())


def test_what_looks_like_a_template_or_a_variable_is_only_text(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo, environ={"CANARY": "canary"}) as gate:
            admin = (await team(gate, house))["admin"]
            for number, text in enumerate(["{{7*7}}", "${CANARY}", "{0.__class__}", "'; DROP TABLE kv; --"]):
                made = (await admin.post(KEYS, {"name": f"k{number}", "user": text, "tags": [text]})).json()
                assert (made["user"], made["tags"]) == (text, [text])

    run(scene())


def test_a_key_of_the_file_is_changed_in_the_file_only(house):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            admin = (await team(gate, house))["admin"]
            for path in (f"{KEYS}/ci/revoke", f"{KEYS}/ci/rotate"):
                answer = await admin.post(path)
                assert (answer.status, house.code(answer)) == (409, "key_in_file")
            answer = await admin.post(KEYS, {"name": "ci"})
            assert (answer.status, house.code(answer)) == (409, "key_exists")

    run(scene())


@pytest.mark.parametrize(
    ("grace", "status"), [("0", 200), (0, 200), ("2h", 200), ("soon", 400), (-1, 400), ("91d", 400)]
)
def test_a_grace_period_is_a_duration_of_at_most_90_days(house, grace, status):
    async def scene():
        async with gateway(house.CONFIG, house.Echo) as gate:
            admin = (await team(gate, house))["admin"]
            assert (await admin.post(f"{KEYS}/member/rotate", {"grace": grace})).status == status

    run(scene())


def test_every_write_is_in_the_audit_log_with_who_what_when_and_the_requests_id(house):
    async def scene():
        clock = house.Clock()
        async with gateway(house.CONFIG, house.Echo, clock=clock) as gate:
            admin = (await team(gate, house))["admin"]
            asking = {"x-request-id": "ask-7"}
            secrets = [(await admin.post(KEYS, {"name": "web"}, asking)).json()["secret"]]
            secrets += [(await admin.post(f"{KEYS}/web/rotate", b"", asking)).json()["secret"]]
            answer = await admin.post(f"{KEYS}/web/revoke", b"", asking)
            assert answer.headers["x-request-id"] == "ask-7"
            await admin.post(f"{KEYS}/web/revoke", b"", asking)
            rows = [msgspec.json.decode(data) for _, data in await gate.store.read("audit")]
            mine = [row for row in rows if row["key"] == "web"]
            assert [row["what"] for row in mine] == ["key.created", "key.rotated", "key.revoked"]
            assert {(row["who"], row["at"], row["request_id"]) for row in mine} == {("key:admin", house.START, "ask-7")}
            written = b"".join(data for _, data in await gate.store.read("audit"))
            assert not any(secret.encode() in written or secret[-40:].encode() in written for secret in secrets)

    run(scene())


def test_while_the_store_is_away_changes_are_a_503(house):
    async def scene():
        store = house.Watched(MemoryStore(house.Clock().time))
        config = house.CONFIG + 'auth = { role = "admin" }\n'
        async with gateway(config, house.Echo, store=store) as gate:
            store.away = True
            client = Client(gate, house.bearer("sk-fake-ci"))
            for path in (KEYS, f"{KEYS}/x/revoke", f"{KEYS}/x/rotate"):
                answer = await client.post(path, {"name": "web"} if path == KEYS else b"")
                assert (answer.status, house.code(answer)) == (503, "store_unavailable")
            assert (await client.get(f"{KEYS}/self")).json()["name"] == "ci"

    run(scene())


def test_changes_are_told_as_events_once_in_a_cluster(house, tmp_path):
    async def scene():
        config = house.CONFIG + f'\n[store]\nurl = "sqlite:{tmp_path}/state.db"\n'
        async with gateway(config, house.Echo) as one:
            await house.made(one, "early", team="search", user="Anna", role="viewer")
        async with gateway(config, house.Echo) as one, gateway(config, house.Echo) as two:
            keyring = house.auth(two).keyring
            await keyring.rotate("early", 60.0, Actor("cli:ben"))
            await keyring.revoke("early", Actor("key:root"))

            def told():
                events = [event for gate in (one, two) for _, event in gate.feed.recent()]
                return [event for event in events if type(event).__name__.startswith("Key")]

            for _ in range(200):
                await asyncio.sleep(0.05)
                if len(told()) == 3:
                    break
            await asyncio.sleep(1.1)
            sent = [msgspec.json.decode(msgspec.json.encode(event)) for event in told()]
            assert [(event["type"], event["key"], event["by"]) for event in sent] == [
                ("key.created", "early", "cli:test"),
                ("key.rotated", "early", "cli:ben"),
                ("key.revoked", "early", "key:root"),
            ]
            assert {(event["team"], event["user"], event["role"]) for event in sent} == {("search", "Anna", "viewer")}
            assert len({event["change"] for event in sent}) == 3

    run(scene())
