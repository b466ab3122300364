"""Requests: remembered, found, looked into, cancelled, and never more of them than there is room for."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Rejected
from tollhouse.events import RequestEnded
from tollhouse.testing import Client, run
from tollhouse_admin.filters import compiled
from tollhouse_admin.record import Extra, Ring, summary
from tollhouse_admin.shapes import Detail


def detail(number=0, **more):
    said = {
        "id": f"req_{number:032x}",
        "request_id": f"r{number}",
        "at": float(number),
        "state": "ended",
        "dialect": "openai",
        "task": "chat",
        "model": "fast",
        "target": "openai/gpt-4o-mini",
        "key": "ci",
        "user": "",
        "team": "search",
        "tags": ["night", "batch"],
        "origin": "127.0.0.1",
        "stream": True,
        "status": 200,
        "outcome": "completed",
        "code": "",
        "seconds": 1.5,
        "ttft": None,
        "tokens_per_second": None,
        "tokens": {},
        "input": 10,
        "output": 20,
        "cost": None,
        "saved": 0,
        "attempts": [],
        "cache": "",
        "labels": {},
        "worker": "w",
        "phases": {},
        "notes": [],
        "held": {},
        "translation": "",
        "price": None,
    }
    return Detail(**{**said, **more})


def test_a_request_is_listed_and_told_in_full(house):
    async def work():
        async with house.open() as gate:
            await Client(gate).post(house.CHAT, house.asks(), {"x-request-id": "mine-1"})
            admin = house.Admin(gate)
            [row] = (await admin.ask("requests"))["items"]
            assert (row["state"], row["outcome"], row["status"], row["attempts"]) == ("ended", "completed", 200, 1)
            assert row["output"] > 0
            for name in (row["id"], "mine-1"):
                full = await admin.ask(f"requests/{name}")
                assert full["attempts"][0]["target"] == "simulator/echo"
                assert full["attempts"][0]["state"] == "won"
                assert {"route", "upstream"} <= full["phases"].keys()
                assert full["bodies"] is None
            await admin.ask("requests/nobody", status=404)

    run(work())


def test_one_that_was_turned_away_is_there_with_its_code(house):
    async def work():
        async with house.open() as gate:
            await Client(gate).post(house.CHAT, house.asks("unknown"))
            [row] = (await house.Admin(gate).ask("requests?filter=outcome:rejected"))["items"]
            assert (row["code"], row["status"]) == ("model_not_found", 404)

    run(work())


def test_one_under_way_is_listed_with_what_it_said_so_far_and_can_be_cancelled(house):
    async def work():
        async with house.open() as gate:
            admin = house.Admin(gate)
            async with Client(gate).stream(house.CHAT, house.asks("slow", stream=True)) as stream:
                chunks = stream.chunks()
                assert b"well" in await anext(chunks)
                [row] = (await admin.ask("requests?filter=state:running"))["items"]
                assert (row["target"], row["outcome"], row["output"]) == ("slow/one", "", 1)
                assert (await admin.ask("targets"))["items"][1]["in_flight"] == 1
                assert (await admin.tell(f"requests/{row['id']}/cancel", status=202))["ok"]
                rest = b"".join([chunk async for chunk in chunks])
                assert b"cancelled" in rest
                assert b"[DONE]" not in rest
            await house.until(lambda: not gate.in_flight)
            full = await admin.ask(f"requests/{row['id']}")
            assert (full["state"], full["outcome"], full["code"]) == ("ended", "failed", "cancelled")
            assert ["admin", "cancelled by an operator"] in full["notes"]
            assert (await admin.tell(f"requests/{row['id']}/cancel", status=409))["error"]["code"] == "request_ended"
            await admin.tell("requests/nobody/cancel", status=404)
            [written] = (await admin.ask("audit"))["items"]
            assert (written["action"], written["what"], written["who"]) == (
                "request.cancelled",
                row["id"],
                "key:admin-token",
            )

    run(work())


def test_one_cancelled_before_its_first_word_is_a_whole_error(house):
    async def work():
        async with house.open() as gate:
            asking = asyncio.create_task(Client(gate).post(house.CHAT, house.asks("slow")))
            await house.until(lambda: gate.in_flight and gate.in_flight[0].attempts)
            await house.Admin(gate).tell(f"requests/{gate.in_flight[0].id}/cancel", status=202)
            response = await asking
            assert (response.status, response.json()["error"]["code"]) == (503, "cancelled")

    run(work())


def test_pages_follow_one_another_without_gaps_newest_first(house):
    async def work():
        async with house.open() as gate:
            for _ in range(7):
                await Client(gate).post(house.CHAT, house.asks())
            admin, seen, after = house.Admin(gate), [], ""
            while True:
                page = await admin.ask(f"requests?limit=3&after={after}")
                seen += [(one["at"], one["id"]) for one in page["items"]]
                after = page["next"]
                if not after:
                    break
            assert seen == sorted(seen, reverse=True)
            assert len(set(seen)) == 7
            await admin.ask("requests?after=yesterday", status=400)
            for wrong in ("0", "-1", "1001", "x", "99999999999999999999"):
                await admin.ask(f"requests?limit={wrong}", status=400)

    run(work())


def test_the_ring_holds_the_latest_and_no_more(house):
    config = house.CONFIG + "[admin]\nrecent = 5\n"

    async def work():
        async with house.open(config=config) as gate:
            for _ in range(20):
                await Client(gate).post(house.CHAT, house.asks())
            assert len((await house.Admin(gate).ask("requests?limit=1000"))["items"]) == 5

    run(work())


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(1, 20), st.integers(1, 20))
def test_a_ring_is_never_larger_than_its_room(ids, room, other):
    ring = Ring(room, "w")
    for id_ in ids:
        ring.put(ended(id_))
        assert len(ring) <= room
    ring.resize(other)
    assert len(ring) <= other


def test_what_settles_late_is_still_told_of_the_request_that_ended():
    ring, late = Ring(5, "w"), Extra(7.0, ("night",), {"slot": 1}, (), "a list")
    ring.put(ended(1))
    assert (ring.get("r1").tags, ring.get("r1").at) == ([], 8.0)
    ring.settled("id1", late)
    assert (ring.get("id1").tags, ring.get("id1").at, ring.get("id1").price.source) == (["night"], 7.0, "a list")
    ring.settled("id2", late)
    ring.put(ended(2))
    assert ring.get("id2").held == {"slot": 1}
    assert not ring._settled


def ended(number):
    names = {"id": f"id{number}", "request_id": f"r{number}", "dialect": "openai", "task": "chat"}
    return RequestEnded(at=9.0, outcome="completed", status=200, seconds=1.0, **names)


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("", True),
        ("team:search", True),
        ("team:SEARCH", True),
        ("team:sea*", True),
        ("team:sea", False),
        ("!team:search", False),
        ("tags:night", True),
        ("tags:day", False),
        ("status:>=400", False),
        ("status:<400 seconds:>1", True),
        ("ttft:>0", False),
        ("cost:null", True),
        ("stream:true gpt", True),
        ("claude", False),
        ("target:openai/*", True),
        ("team:[a-z]*", False),
    ],
)
def test_filters_say_what_they_mean(words, fits):
    assert compiled(words)(summary(detail())) is fits


@pytest.mark.parametrize("words", ["nothing:x", "status:>high", "x" * 2000])
def test_a_filter_that_means_nothing_is_a_400(words):
    with pytest.raises(Rejected):
        compiled(words)


@given(st.text(max_size=300))
def test_no_filter_breaks(words):
    with contextlib.suppress(Rejected):
        assert compiled(words)(summary(detail())) in (True, False)


CAPTURING = """
[admin]
capture = true
capture_bytes = "64 B"
"""


def test_bodies_are_kept_where_it_is_said_bounded_and_without_credentials(house):
    async def work():
        async with house.open(config=house.CONFIG + CAPTURING) as gate:
            admin = house.Admin(gate)
            secret = "sk-proj-abcdefghijklmnop0123456789"
            for stream in (False, True):
                await Client(gate).post(house.CHAT, house.asks(text=f"{secret} {'long ' * 99}", stream=stream))
                row = (await admin.ask("requests"))["items"][0]
                bodies = (await admin.ask(f"requests/{row['id']}"))["bodies"]
                assert secret not in str(bodies)
                assert bodies["reply"].startswith("[redacted] long long")
                assert '"echo"' in bodies["request"]
                assert max(map(len, bodies.values())) <= 64

    run(work())


def test_only_the_named_teams_and_keys_are_captured(house):
    more = '[admin]\ncapture = true\ncapture_keys = ["viewer-key"]\n'

    async def work():
        async with house.open(house.Doors, config=house.CONFIG + more) as gate:
            admin = house.Admin(gate, "admin")
            for who in ("caller", "viewer"):
                await Client(gate, {"authorization": f"Bearer {who}"}).post(house.CHAT, house.asks())
                row = (await admin.ask("requests"))["items"][0]
                assert ((await admin.ask(f"requests/{row['id']}"))["bodies"] is None) is (who == "caller")

    run(work())
