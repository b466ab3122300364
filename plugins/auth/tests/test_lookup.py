"""How fresh the answer about a key is, what it costs, and what holds while the store is away."""

import asyncio

import pytest
from tollhouse import Rejected
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import Client, gateway, run
from tollhouse_auth.keyring import KEYS, Actor, Keyring
from tollhouse_auth.lookup import FRESH, ROOM, Lookup
from tollhouse_auth.record import Live, Record, packed
from tollhouse_auth.secret import Secrets

CHAT = "/v1/chat/completions"
CLI = Actor("cli:test")


def put(store, number):
    """A key straight into the store."""
    record = Record(name=f"k{number}", secrets=(Live(id=f"i{number}", hash="x"),), created=0.0)
    return asyncio.gather(
        store.put(f"auth:id:i{number}", record.name.encode()), store.put(KEYS + record.name, packed(record))
    )


RECORD = packed(Record(name="k", secrets=(Live(id="i", hash="x"),), created=0.0))


class Scene:
    """A lookup over a watched store, by a clock that obeys."""

    def __init__(self, house, **options):
        self.clock = house.Clock()
        self.store = house.Watched(MemoryStore(self.clock.time))
        self.lookup = Lookup(self.store, self.clock.monotonic, **options)


async def held_up(house):
    """A scene with a key that was found once and must be asked for again, by questions that wait for the gate."""
    scene = Scene(house)
    await put(scene.store, 1)
    await scene.lookup.find("i1")
    scene.clock.advance(1)
    scene.store.gate = asyncio.Event()
    return scene


def test_a_key_is_asked_for_once_in_half_a_second(house):
    async def scene():
        scene = Scene(house)
        await put(scene.store, 1)
        scene.store.asked.clear()
        for _ in range(100):
            assert (await scene.lookup.find("i1")).record.name == "k1"
        assert scene.store.keys_asked() == 2
        scene.clock.advance(FRESH + 0.01)
        first = await scene.lookup.find("i1")
        assert scene.store.keys_asked() == 3
        scene.clock.advance(FRESH + 0.01)
        assert await scene.lookup.find("i1") is first, "an unchanged record is not made anew"

    run(scene())


def test_many_at_once_ask_once(house):
    async def scene():
        scene = Scene(house)
        await put(scene.store, 1)
        await scene.lookup.find("i1")
        scene.clock.advance(1)
        scene.store.asked.clear()
        found = await asyncio.gather(*(scene.lookup.find("i1") for _ in range(100)))
        assert {one.record.name for one in found} == {"k1"}
        assert scene.store.keys_asked() == 1

    run(scene())


@pytest.mark.parametrize("keys", [10, 100_000])
def test_a_hundred_thousand_keys_cost_what_ten_do(house, keys):
    async def scene():
        scene = Scene(house)
        for number in range(keys):
            await scene.store.store.put(f"auth:id:i{number}", b"k%d" % number)
            await scene.store.store.put(f"{KEYS}k{number}", RECORD)
        scene.store.asked.clear()
        await scene.lookup.find(f"i{keys - 1}")
        assert scene.store.keys_asked() == 2

    run(scene(), seconds=60)


def test_what_is_remembered_is_bounded(house):
    async def scene():
        scene = Scene(house, room=50)
        for number in range(200):
            await put(scene.store, number)
            await scene.lookup.find(f"i{number}")
            await scene.lookup.find(f"nobody{number}")
        assert len(scene.lookup._known) == 50
        assert len(scene.lookup._names) == 50
        assert ROOM < 100_000

    run(scene())


def test_a_revocation_holds_after_half_a_second_even_when_no_word_of_it_comes(house):
    async def scene():
        scene = Scene(house)
        await put(scene.store, 1)
        await scene.lookup.find("i1")
        await scene.store.drop(KEYS + "k1")
        scene.clock.advance(FRESH)
        assert await scene.lookup.find("i1") is not None
        scene.clock.advance(0.01)
        assert await scene.lookup.find("i1") is None

    run(scene())


def test_an_answer_that_was_under_way_does_not_bring_a_revoked_key_back(house):
    async def scene():
        scene = await held_up(house)
        early = asyncio.create_task(scene.lookup.find("i1"))
        await asyncio.sleep(0.01)
        await scene.store.drop(KEYS + "k1")
        scene.lookup.forget("k1")
        late = asyncio.create_task(scene.lookup.find("i1"))
        await asyncio.sleep(0.01)
        scene.store.gate.set()
        assert await early is not None, "whoever asked before the revocation may still be told"
        assert await late is None
        assert await scene.lookup.find("i1") is None

    run(scene())


def test_trust_begins_when_the_question_was_asked_not_when_the_answer_came(house):
    async def scene():
        scene = await held_up(house)
        slow = asyncio.create_task(scene.lookup.find("i1"))
        await asyncio.sleep(0.01)
        await scene.store.drop(KEYS + "k1")
        scene.clock.advance(FRESH + 0.01)
        scene.store.gate.set()
        await slow
        assert await scene.lookup.find("i1") is None

    run(scene())


def test_a_caller_who_leaves_takes_nobody_elses_answer_away(house):
    async def scene():
        scene = await held_up(house)
        leaving, staying = (asyncio.create_task(scene.lookup.find("i1")) for _ in range(2))
        await asyncio.sleep(0.01)
        leaving.cancel()
        scene.store.gate.set()
        assert (await staying).record.name == "k1"

    run(scene())


def test_a_flood_of_made_up_keys_never_reaches_the_store(house):
    async def scene():
        store = house.Watched(MemoryStore(house.Clock().time))
        async with gateway(house.CONFIG, house.Echo, store=store) as gate:
            store.asked.clear()
            forger = Secrets(b"whatever a forger has")
            for number in range(300):
                made_up = forger.make().secret if number % 2 else f"th-{number:010}-{'a' * 40}"
                answer = await Client(gate, house.bearer(made_up)).post(CHAT, house.asks())
                assert answer.status == 401
            assert store.keys_asked() <= 2, "the plugin's own background work may have asked"

    run(scene())


def test_while_the_store_is_away_stored_keys_get_503_and_keys_of_the_file_work_on(house):
    async def scene():
        clock = house.Clock()
        store = house.Watched(MemoryStore(clock.time))
        async with gateway(house.CONFIG, house.Echo, store=store, clock=clock) as gate:
            secret = await house.made(gate)
            client = Client(gate, house.bearer(secret))
            assert (await client.post(CHAT, house.asks())).status == 200
            assert gate.ready == (True, "")
            store.away = True
            clock.advance(1)
            for _ in range(10):
                answer = await client.post(CHAT, house.asks())
                assert (answer.status, house.code(answer)) == (503, "auth_unavailable")
                assert answer.headers["retry-after"] == "1"
            assert (await Client(gate, house.bearer("sk-fake-ci")).post(CHAT, house.asks())).status == 200
            assert (await Client(gate, house.bearer("sk-fake-no")).post(CHAT, house.asks())).status == 401
            assert gate.ready == (False, "the store is down, and auth cannot do without")
            store.away = False
            for _ in range(200):
                await asyncio.sleep(0.05)
                if (await client.post(CHAT, house.asks())).status == 200:
                    break
            assert (await client.post(CHAT, house.asks())).status == 200

    run(scene())


def test_a_gateway_without_stored_keys_stays_ready_when_the_store_goes(house):
    async def scene():
        store = house.Watched(MemoryStore(house.Clock().time))
        async with gateway(house.CONFIG, house.Echo, store=store) as gate:
            store.away = True
            for _ in range(10):
                await Client(gate, house.bearer("sk-fake-ci")).post(CHAT, house.asks())
            assert gate.ready == (True, "")

    run(scene())


def test_a_gateway_starts_without_its_store_and_knows_the_keys_once_it_is_back(house):
    async def scene():
        store = house.Watched(MemoryStore(house.Clock().time))
        async with gateway(house.CONFIG, house.Echo, store=store) as gate:
            secret = await house.made(gate)
        store.away = True
        async with gateway(house.CONFIG, house.Echo, store=store) as gate:
            client = Client(gate, house.bearer(secret))
            assert (await client.post(CHAT, house.asks())).status == 503
            assert not gate.ready[0]
            store.away = False
            for _ in range(200):
                await asyncio.sleep(0.05)
                if (answer := await client.post(CHAT, house.asks())).status == 200:
                    break
            assert answer.status == 200

    run(scene())


def test_what_could_not_be_checked_at_the_start_is_checked_when_the_store_is_back(house, caplog):
    async def scene():
        store = house.Watched(MemoryStore(house.Clock().time))
        async with gateway(house.CONFIG, house.Echo, store=store) as gate:
            await house.made(gate)
        store.away = True
        async with gateway(house.CONFIG.replace(house.PEPPER, "another one for tests"), house.Echo, store=store):
            store.away = False
            for _ in range(200):
                await asyncio.sleep(0.05)
                if "made with another pepper" in caplog.text:
                    return
            raise AssertionError("nobody noticed")

    run(scene())


def test_two_who_change_a_key_at_once_both_count(house):
    async def scene():
        clock = house.Clock()
        async with gateway(house.CONFIG, house.Echo, clock=clock) as gate:
            keyring: Keyring = house.auth(gate).keyring
            await house.made(gate)
            fresh = await asyncio.gather(*(keyring.rotate("anna", 60.0, CLI) for _ in range(3)))
            record = await keyring.get("anna")
            ids = {one.id for one in record.secrets}
            assert {one.record.secrets[0].id for one in fresh} <= ids
            assert len(ids) == 4
            made = await asyncio.gather(*(house.made(gate, "ben") for _ in range(5)), return_exceptions=True)
            assert sum(isinstance(one, str) for one in made) == 1
            assert {one.code for one in made if isinstance(one, Rejected)} == {"key_exists"}

    run(scene())
