"""Live events: as they happen, filtered, and resumed without a gap or a repetition."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.testing import Client, run
from tollhouse_admin.live import decode_position, encode_position

ORDER = ["request.started", "attempt.ended", "request.ended"]


def kinds(seen):
    return [data["type"] for _, data in seen]


def test_a_request_is_told_while_it_runs_with_its_progress(house):
    async def work():
        async with house.open() as gate, house.Admin(gate).events() as reader:
            async with Client(gate).stream(house.CHAT, house.asks("slow", stream=True)) as stream:
                reading = asyncio.create_task(_drain(stream))
                seen = await reader.until("request.progress")
                progress = seen[-1][1]
                assert (progress["output_tokens"], progress["target"]) == (1, "slow/one")
                assert 0 <= progress["ttft"] <= progress["seconds"]
                gate.keep("test.gate", asyncio.Event).set()
                seen = await reader.until("request.ended")
                await reading
            assert [one for one in kinds(seen) if one != "request.progress"] == [
                "request.started",
                "attempt.ended",
                "request.ended",
            ]
            assert {data["worker"] for _, data in seen} == {gate.keep("admin", None).cluster.id}

    run(work())


async def _drain(stream):
    return b"".join([chunk async for chunk in stream.chunks()])


def test_a_reader_goes_on_where_it_was(house):
    async def work():
        async with house.open() as gate:
            admin = house.Admin(gate)
            async with admin.events("types=request.*") as reader:
                await Client(gate).post(house.CHAT, house.asks())
                seen = await reader.until("request.ended")
            for _ in range(3):
                await Client(gate).post(house.CHAT, house.asks())
            for where in (f"after={seen[0][0]}&types=request.*", f"types=request.*&after={seen[-1][0]}"):
                async with admin.events(where) as reader:
                    wanted = 4 if "after=" + seen[0][0] in where else 3
                    again = await reader.until("request.ended", wanted)
                    assert len({data["id"] for _, data in again}) == wanted
                    assert kinds(again).count("request.ended") == wanted
                    assert kinds(again).count("lost") == 0
            async with admin.stream(
                "/admin/v1/events", method="GET", headers={"last-event-id": seen[-1][0]}, room=100
            ) as stream:
                reader = house.Reader(stream.chunks())
                assert kinds(await reader.until("request.ended", 3)).count("request.started") == 3
                await reader.close()

    run(work())


def test_what_the_ring_does_not_hold_any_more_is_counted_as_lost(house):
    async def work():
        async with house.open() as gate:
            admin = house.Admin(gate)
            async with admin.events() as reader:
                await Client(gate).post(house.CHAT, house.asks())
                [first, *_] = await reader.until("request.ended")
            held = gate.feed.recent()[0][0]
            while gate.feed.recent()[0][0] < held + 10:
                await Client(gate).post(house.CHAT, house.asks("unknown"))
            async with admin.events(f"after={first[0]}") as reader:
                seen = await reader.until("request.ended")
            assert (kinds(seen)[0], seen[0][1]["dropped"]) == ("lost", gate.feed.recent()[0][0] - 2)

    run(work(), seconds=60)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("types=request.started", {"request.started"}),
        ("types=request.*,gateway.*", {"request.started", "request.ended"}),
        ("key=caller-key", {"request.started", "attempt.ended", "request.ended"}),
        ("team=search&model=echo", {"request.started", "attempt.ended", "request.ended"}),
        ("types=attempt.*&key=caller-key", {"attempt.ended"}),
        ("key=somebody", set()),
        ("team=other", set()),
        ("model=slow", set()),
    ],
)
def test_only_what_is_asked_for_is_told(house, query, expected):
    async def work():
        async with house.open(house.Doors) as gate:
            admin = house.Admin(gate, "viewer")
            async with admin.events(query) as reader, admin.events() as every:
                await Client(gate, {"authorization": "Bearer caller"}).post(house.CHAT, house.asks())
                await every.until("request.ended")
                if expected:
                    await reader.until(max(expected, key=ORDER.index))
                assert set(kinds(reader.seen)) == expected

    run(work())


def test_an_id_that_is_none_is_a_400(house):
    async def work():
        async with house.open() as gate:
            for wrong in ("x", "a-b-c", "a-", "-1", "a-zz", "a-1__", "a-" + "f" * 99):
                assert (await house.Admin(gate).get(f"/admin/v1/events?after={wrong}")).status == 400

    run(work())


@given(st.dictionaries(st.text("0123456789abcdef", min_size=1, max_size=8), st.integers(1, 2**40), min_size=1))
def test_a_place_survives_being_told(position):
    assert decode_position(encode_position(position)) == position


def test_the_stream_ends_with_the_gateway_and_leaves_nothing_behind(house):
    async def work():
        async with house.open() as gate:
            async with house.Admin(gate).stream("/admin/v1/events", method="GET", room=100) as stream:
                reading = asyncio.create_task(_drain(stream))
                await asyncio.sleep(0.05)
                await gate.drain(1.0)
                assert b"gateway.draining" in await reading
            assert not gate.keep("admin", None).live._watches

    run(work())


def test_a_reader_survives_a_reload(house, tmp_path):
    async def work():
        async with house.open(folder=tmp_path) as gate:
            (tmp_path / "gateway.toml").write_text(house.CONFIG + '[store]\nurl = "memory:"\n')
            admin = house.Admin(gate)
            async with admin.events() as reader:
                assert (await admin.tell("config/reload"))["edition"] == 2
                await reader.until("config.reloaded")
                await Client(gate).post(house.CHAT, house.asks())
                await reader.until("request.ended")
                assert kinds(reader.seen).count("request.ended") == 1

    run(work())
