"""Webhooks over HTTP: what viewers see, what operators do, and that no secret is shown to either."""

import asyncio

import pytest
from receiving import BODY, CHAT, SECRET, Receiver, config, until
from tollhouse import Principal, hookimpl
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing.upstream import Script
from tollhouse_webhooks.catalogue import TYPES

ALL = "/admin/v1/webhooks"
ONE = f"{ALL}/ops"


class Names:
    """Gives callers the access they ask for."""

    @hookimpl
    async def authenticate(self, exchange):
        return Principal(key="ann", access=exchange.headers.get("x-access", "caller"))


VIEWER, OPERATOR = {"x-access": "viewer"}, {"x-access": "operator"}


def served(story, up=None):
    async def live():
        async with up or Receiver() as receiver:
            text = config(receiver.url, 'headers = { authorization = "Bearer canary" }\nevents = ["request.*"]\n')
            async with gateway(text, Names) as gate:
                return await story(receiver, gate, Client(gate))

    return run(live())


async def logged(client, count=1):
    for _ in range(500):
        answer = await client.get(f"{ONE}/deliveries", VIEWER)
        if len(answer.json()["items"]) >= count:
            return answer
        await asyncio.sleep(0.01)
    raise AssertionError(answer.body)


def test_the_list_shows_where_each_stands_and_no_secret():
    async def story(up, gate, client):
        await client.post(CHAT, BODY)
        await until(lambda: up.messages)
        log = await logged(client)
        return await client.get(ALL, VIEWER), log, up.url

    answer, log, url = served(story)
    [one] = answer.json()["items"]
    assert (one["name"], one["url"], one["enabled"], one["secrets"]) == ("ops", f"{url}/••••", True, 1)
    assert one["delivered_at"] > 1_600_000_000
    assert answer.headers["cache-control"] == "no-store"
    for body in (answer.body, log.body):
        assert SECRET.encode() not in body
        assert b"canary" not in body
        assert b"/hook" not in body


def test_deliveries_come_newest_first_in_pages():
    async def story(up, gate, client):
        for _ in range(5):
            await client.post(CHAT, BODY)
        await logged(client, 5)
        pages, after = [], ""
        for _ in range(3):
            page = (await client.get(f"{ONE}/deliveries?limit=2&after={after}", VIEWER)).json()
            pages.append(page["items"])
            after = page["next"]
        return pages, after, up.ids

    pages, after, ids = served(story)
    found = [item["id"] for page in pages for item in page]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert after == ""
    assert sorted(found) == sorted(ids)
    items = [item for page in pages for item in page]
    assert items == sorted(items, key=lambda item: item["cursor"], reverse=True)
    assert items[0]["payload"]["type"] == "request.completed"
    assert (items[0]["state"], items[0]["status"], items[0]["tries"]) == ("delivered", 204, 1)


def test_a_test_is_sent_at_once_and_its_outcome_answered():
    async def story(up, gate, client):
        good = (await client.post(f"{ONE}/test", b"", OPERATOR)).json()
        up._scripts.clear()
        up.answer(b"no", 500)
        return good, (await client.post(f"{ONE}/test", b"", OPERATOR)).json(), up

    good, bad, up = served(story)
    assert (good["ok"], good["status"], good["id"]) == (True, 204, up.ids[0])
    assert (bad["ok"], bad["status"], bad["why"]) == (False, 500, "answered 500")
    assert up.messages[0]["type"] == "webhook.test"


def test_a_message_of_the_log_is_sent_again_with_its_id():
    async def story(up, gate, client):
        await client.post(CHAT, BODY)
        await logged(client)
        answer = await client.post(f"{ONE}/redeliver", {"id": up.ids[0]}, OPERATOR)
        await until(lambda: len(up.ids) == 2)
        return answer.json(), up

    answer, up = served(story)
    assert answer == {"queued": 1}
    assert up.ids[0] == up.ids[1]
    assert up.requests[0].body == up.requests[1].body


def test_a_webhook_that_was_disabled_is_enabled_and_its_dead_letters_are_sent_again():
    up = Upstream(Script(410))
    up.then(lambda request: Script(204))

    async def story(up, gate, client):
        await client.post(CHAT, BODY)
        await logged(client)
        off = (await client.get(ALL, VIEWER)).json()["items"][0]
        await client.post(CHAT, BODY)
        await asyncio.sleep(0.2)
        waited = len(up.requests)
        on = (await client.post(f"{ONE}/enable", b"", OPERATOR)).json()
        again = (await client.post(f"{ONE}/redeliver", {"dead": True}, OPERATOR)).json()
        await until(lambda: len(up.requests) == 2)
        return off, waited, on, again, up.requests

    off, waited, on, again, requests = served(story, up)
    assert (off["enabled"], off["why"]) == (False, "it answered 410 Gone")
    assert waited == 1
    assert on["enabled"]
    assert again == {"queued": 1}
    assert requests[0].headers["webhook-id"] == requests[1].headers["webhook-id"]


def test_an_operator_disables_and_nothing_is_sent():
    async def story(up, gate, client):
        off = (await client.post(f"{ONE}/disable", b"", OPERATOR)).json()
        await asyncio.sleep(1.2)
        await client.post(CHAT, BODY)
        await asyncio.sleep(0.3)
        return off, up.requests

    off, requests = served(story)
    assert (off["enabled"], off["why"]) == (False, "by ann")
    assert requests == []


def test_schemas_are_served():
    answer = served(lambda up, gate, client: client.get(f"{ALL}/schemas", VIEWER))
    assert set(answer.json()) == set(TYPES)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"{ALL}/nobody/deliveries", b"", 404, "webhook_not_found"),
        ("POST", f"{ALL}/nobody/test", b"", 404, "webhook_not_found"),
        ("POST", f"{ONE}/redeliver", {"id": "msg_no"}, 404, "message_not_found"),
        ("POST", f"{ONE}/redeliver", {}, 400, "invalid_redelivery"),
        ("POST", f"{ONE}/redeliver", {"id": "a", "dead": True}, 400, "invalid_redelivery"),
        ("POST", f"{ONE}/redeliver", {"all": True}, 400, "invalid_redelivery"),
        ("POST", f"{ONE}/redeliver", b"{", 400, "invalid_redelivery"),
        ("POST", f"{ONE}/redeliver", b"[" * 4000, 400, "invalid_redelivery"),
        ("POST", f"{ONE}/redeliver", b"x" * 5000, 413, "request_too_large"),
        ("GET", f"{ONE}/deliveries?limit=0", b"", 400, "invalid_query"),
        ("GET", f"{ONE}/deliveries?limit=99999999999999999999", b"", 400, "invalid_query"),
        ("GET", f"{ONE}/deliveries?limit=x", b"", 400, "invalid_query"),
    ],
)
def test_what_makes_no_sense_is_refused(method, path, body, status, code):
    answer = served(lambda up, gate, client: client.request(method, path, body, OPERATOR))
    assert (answer.status, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "access"),
    [
        ("GET", ALL, "viewer"),
        ("GET", f"{ALL}/schemas", "viewer"),
        ("GET", f"{ONE}/deliveries", "viewer"),
        *(("POST", f"{ONE}/{verb}", "operator") for verb in ("test", "redeliver", "enable", "disable")),
    ],
)
def test_who_has_too_little_access_is_turned_away(method, path, access):
    below = {"viewer": "caller", "operator": "viewer"}[access]
    answer = served(lambda up, gate, client: client.request(method, path, b"", {"x-access": below}))
    assert (answer.status, answer.json()["error"]["code"]) == (403, "forbidden")
