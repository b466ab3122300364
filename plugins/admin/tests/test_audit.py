"""The audit log: every write is in it, in a chain that shows what was changed or taken out."""

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.clock import SystemClock
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import run
from tollhouse_admin.audit import HEAD, LOG, Book, Entry, Head, chain
from tollhouse_admin.routes import ROUTES


async def written(count, **more):
    store = MemoryStore(SystemClock().time)
    book = Book(store, SystemClock())
    for number in range(count):
        await book.write("key:anna", "target.drained", f"p/{number}", f"r{number}")
    return await all_of(store)


async def all_of(store):
    """The log's lines and the chain's head."""
    lines = await store.read(LOG)
    [head] = await store.get(HEAD)
    await store.close()
    return lines, msgspec.json.decode(head.data, type=Head)


def test_records_follow_one_another(house):
    async def work():
        return await written(5)

    lines, head = run(work())
    assert chain(lines, head) == "intact"
    assert [msgspec.json.decode(data, type=Entry).number for _, data in lines] == [1, 2, 3, 4, 5]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 6), st.integers(0, 400), st.integers(1, 255))
def test_one_changed_byte_is_found_and_its_place_named(record, place, flip):
    async def work():
        return await written(7)

    lines, head = run(work())
    id_, data = lines[record]
    at = place % len(data)
    changed = bytearray(data)
    changed[at] ^= flip
    lines[record] = id_, bytes(changed)
    assert chain(lines, head) != "intact"


@pytest.mark.parametrize("gone", [0, 3, 6])
def test_a_record_that_was_taken_out_is_named(gone):
    async def work():
        return await written(7)

    lines, head = run(work())
    del lines[gone]
    assert chain(lines, head) == f"record {gone + 1} is not there"


def test_two_records_that_changed_places_keep_their_numbers_and_a_renumbered_one_does_not():
    async def work():
        return await written(4)

    lines, head = run(work())
    swapped = [msgspec.json.decode(data) for _, data in lines]
    swapped[1]["number"], swapped[2]["number"] = 3, 2
    forged = [(str(at), msgspec.json.encode(one)) for at, one in enumerate(swapped)]
    assert chain(forged, head) != "intact"


def test_many_writers_make_one_chain():
    async def work():
        store = MemoryStore(SystemClock().time)
        books = [Book(store, SystemClock()) for _ in range(4)]
        await asyncio.gather(*(book.write("w", "a", str(n), "") for n in range(10) for book in books))
        return await all_of(store)

    lines, head = run(work())
    assert (len(lines), chain(lines, head)) == (40, "intact")


def test_no_text_of_a_caller_forges_a_record(house):
    async def work():
        async with house.open(house.Doors) as gate:
            admin = house.Admin(gate, "admin")
            evil = 'simulator/x","action":"key.revoked","number":1}\\u000a{"who":"root'
            await admin.tell("targets/drain", {"target": evil})
            await gate.store.append(LOG, [b'{"at":1.0,"who":"cli:anna","what":"key.created","key":"ci"}', b"\xff{"])
            items = (await admin.ask("audit"))["items"]
            assert [one["action"] for one in items] == ["target.drained", "key.created", "unreadable"]
            assert (items[0]["what"], items[1]["what"], items[1]["who"]) == (evil, "ci", "cli:anna")
            first = await admin.ask("audit?limit=1")
            assert [one["action"] for one in first["items"]] == ["unreadable"]
            assert (await admin.ask(f"audit?after={items[0]['id']}&limit=1"))["items"][0]["action"] == "key.created"

    run(work())


def test_every_route_that_changes_something_leaves_a_record(house, tmp_path):
    async def work():
        async with house.open(folder=tmp_path) as gate:
            (tmp_path / "gateway.toml").write_text(house.CONFIG + '[store]\nurl = "memory:"\n')
            admin, seen = house.Admin(gate), 0
            for route in ROUTES:
                if route.method == "GET" or route.path.endswith(("/validate", "/cancel")):
                    continue  # a check changes nothing; a cancellation is tested where there is something to cancel
                body = {"target": "simulator/echo"} if route.takes else b""
                await admin.tell(route.path.removeprefix("/admin/v1/"), body)
                items = (await admin.ask("audit"))["items"]
                assert len(items) == seen + 1, route.path
                assert items[-1]["request_id"].startswith("req_")
                seen += 1

    run(work())
