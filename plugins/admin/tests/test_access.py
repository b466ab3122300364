"""Who may ask what: the token, the levels, hosts and origins."""

import pytest
from tollhouse import ConfigError
from tollhouse.testing import Client, run
from tollhouse_admin.routes import ROUTES

HOST = {"host": "127.0.0.1:8080"}
BAD_KEYS = [
    "",
    "Bearer ",
    "Bearer wrong",
    "Bearer ' OR 1=1 --",
    'Bearer {"$gt": ""}',
    "Bearer " + "x" * 20_000,
    "Bearer \xe9\xff",
    "Basic YWRtaW46YWRtaW4=",
    "bearer",
]


def path_of(route):
    return route.path.replace("{id}", "req_0")


def test_no_route_answers_without_a_key_but_to_say_who_one_is(house):
    async def work():
        async with house.open() as gate:
            for route in ROUTES:
                response = await Client(gate).request(route.method, path_of(route), headers=HOST)
                assert response.status == (200 if route.access == "caller" else 401), route.path
                if route.access != "caller":
                    assert response.json()["error"]["code"] == "invalid_api_key"

    run(work())


@pytest.mark.parametrize("given", BAD_KEYS, ids=range(len(BAD_KEYS)))
def test_no_other_word_than_the_token_opens(house, given):
    async def work():
        async with house.open() as gate:
            response = await Client(gate).get("/admin/v1/state", {**HOST, "authorization": given})
            assert response.status == 401

    run(work())


def test_a_token_that_is_nearly_right_is_wrong(house):
    async def work():
        async with house.open() as gate:
            right = house.token()
            for near in (right[:-1], right + "x", right.upper(), right[1:], right[:-1] + "\xe9"):
                response = await Client(gate).get("/admin/v1/state", {**HOST, "authorization": f"Bearer {near}"})
                assert response.status == 401

    run(work())


@pytest.mark.parametrize("level", ["caller", "viewer", "operator", "admin"])
def test_where_somebody_authenticates_each_level_reaches_its_own_routes_only(house, level):
    ranks = ["caller", "viewer", "operator", "admin"]

    async def work():
        async with house.open(house.Doors) as gate:
            admin = house.Admin(gate, level)
            for route in ROUTES:
                if route.path.endswith("/events") or route.path.endswith("/reload"):
                    continue
                response = await admin.request(route.method, path_of(route))
                reached = ranks.index(level) >= ranks.index(route.access)
                assert (response.status != 403) is reached, (route.path, response.body)
                assert response.status < 500

    run(work())


def test_where_somebody_authenticates_there_is_no_token(house, tmp_path):
    async def work():
        async with house.open(house.Doors) as gate:
            (tmp_path / ".tollhouse").mkdir(exist_ok=True)
            assert not (tmp_path / ".tollhouse" / "admin-token").exists()
            assert (await house.Admin(gate, "admin").ask("whoami"))["access"] == "admin"

    run(work())


def test_callers_of_models_stay_anonymous_and_need_no_token(house):
    async def work():
        async with house.open() as gate:
            response = await Client(gate).post(house.CHAT, house.asks())
            assert response.status == 200
            assert (await house.Admin(gate).ask("requests"))["items"][0]["key"] == ""
            assert (await Client(gate).get("/admin/v1/whoami", HOST)).json()["access"] == "caller"

    run(work())


def test_the_token_is_made_once_and_read_by_its_owner_only(house, tmp_path):
    async def work():
        async with house.open():
            return house.token()

    first, second = run(work()), run(work())
    file = tmp_path / ".tollhouse" / "admin-token"
    assert first == second
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        run(work())


HOSTS = [
    ("127.0.0.1:8080", True),
    ("localhost", True),
    ("LOCALHOST:1", True),
    ("[::1]:8080", True),
    ("192.168.1.7:8080", True),
    ("gate.example", True),
    ("Gate.Example:443", True),
    ("evil.example", False),
    ("127.0.0.1.evil.example", False),
    ("localhost.evil.example", False),
    ("gate.example.evil.example", False),
    ("evil.example#@127.0.0.1", False),
    ("127.0.0.1/health?", False),
    ("127.0.0.1:8080/", False),
    ("user@localhost", False),
    ("localhost:99999999", False),
    ("", False),
]


@pytest.mark.parametrize(("host", "ours"), HOSTS)
def test_only_names_that_are_ours_are_answered_on_every_route(house, host, ours):
    config = house.CONFIG + '[admin]\nhosts = ["gate.example"]\n'

    async def work():
        async with house.open(config=config) as gate:
            admin = house.Admin(gate, host=host)
            for route in ROUTES:
                if route.path.endswith("/events") or route.path.endswith("/reload"):
                    continue
                response = await admin.request(route.method, path_of(route))
                refused = response.status == 403 and response.json()["error"]["code"] == "bad_host"
                assert refused is not ours, (route.path, response.body)

    run(work())


ORIGINS = [
    ("http://127.0.0.1:8080", 200),
    ("https://127.0.0.1:8080", 200),
    ("http://evil.example", 403),
    ("http://127.0.0.1:9999", 403),
    ("http://127.0.0.1:8080.evil.example", 403),
    ("http://evil.example/127.0.0.1:8080", 403),
    ("null", 403),
    ("", 403),
]


@pytest.mark.parametrize(("origin", "status"), ORIGINS)
def test_a_page_of_another_site_is_not_answered(house, origin, status):
    async def work():
        async with house.open(house.Doors) as gate:
            response = await house.Admin(gate, "admin").get("/admin/v1/state", {"origin": origin})
            assert response.status == status
            if status == 403:
                assert response.json()["error"]["code"] == "bad_origin"

    run(work())


def test_a_field_that_nobody_knows_is_refused_in_every_body(house):
    async def work():
        async with house.open() as gate:
            admin = house.Admin(gate)
            for route in ROUTES:
                if route.takes is None:
                    continue
                good = {"target": "simulator/echo"} if "targets" in route.path else {"text": ""}
                for more in ({"access": "admin"}, {"plugins": ["./x.py"]}, {"base_url": "http://evil.example"}):
                    said = await admin.tell(route.path.removeprefix("/admin/v1/"), {**good, **more}, status=400)
                    assert said["error"]["code"] == "invalid_body"

    run(work())


def test_endpoints_of_other_plugins_are_opened_by_the_token_too(house):
    from tollhouse import Endpoint, hookimpl
    from tollhouse.front.response import whole

    class Extra:
        @hookimpl
        def endpoints(self):
            async def app(scope, receive, send):
                await whole(send, 200, {}, scope["tollhouse.principal"].access.encode())

            return [Endpoint("/admin/v1/extra", app, access="admin")]

    async def work():
        async with house.open(Extra) as gate:
            assert (await house.Admin(gate).get("/admin/v1/extra")).body == b"admin"
            assert (await Client(gate).get("/admin/v1/extra", HOST)).status == 401
            assert (await house.Admin(gate, host="evil.example").get("/admin/v1/extra")).status == 403

    run(work())
