"""Several workers are one: asked together, told together, and honest about who did not answer."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from tollhouse.testing import Client, run

pytestmark = pytest.mark.slow

STORES = ["sqlite", "redis"]


@pytest.fixture(params=STORES)
def url(request, tmp_path):
    if request.param == "redis":
        return request.getfixturevalue("redis_url")
    return f"sqlite:{tmp_path}/state.db"


@pytest.fixture
def pair(house, url, tmp_path):
    """Two gateways on one store."""
    config = f'{house.CONFIG}\n[store]\nurl = "{url}"\nbound = "2s"\n'

    @asynccontextmanager
    async def opened():
        async with house.open(config=config) as one, house.open(config=config) as two:
            node = two.keep("admin", None)
            while len(await one.keep("admin", None).cluster.peers()) < 2:
                await asyncio.sleep(0.02)
            while len(await node.cluster.peers()) < 2:
                await asyncio.sleep(0.02)
            folder = tmp_path if url.startswith("sqlite") else tmp_path / ".tollhouse"
            key = (folder / "admin-token").read_text()
            yield one, two, house.Admin(one, key.strip()), house.Admin(two, key.strip())

    return opened


def id_of(gate):
    return gate.keep("admin", None).cluster.id


def test_what_any_worker_knows_every_worker_tells(house, pair):
    async def work():
        async with pair() as (one, two, here, there):
            for gate in (one, two, two):
                await Client(gate).post(house.CHAT, house.asks())
            for admin in (here, there):
                said = await admin.ask("requests")
                assert sorted(said["workers"]["replied"]) == sorted([id_of(one), id_of(two)])
                assert [row["worker"] for row in said["items"]] == [id_of(two), id_of(two), id_of(one)]
                for row in said["items"]:
                    assert (await admin.ask(f"requests/{row['id']}"))["worker"] == row["worker"]
                state = await admin.ask("state")
                assert len(state["workers"]) == 2
                assert state["health"]["word"] == "healthy"
                targets = {item["target"]: item for item in (await admin.ask("targets"))["items"]}
                assert targets["simulator/echo"]["requests"] == 3
                hooks = (await admin.ask("plugins"))["hooks"]
                assert [hook["calls"] for hook in hooks if hook["hook"] == "settle"] == [3]
            pages = [(await here.ask("requests?limit=2"))]
            pages.append(await there.ask(f"requests?limit=2&after={pages[0]['next']}"))
            assert [len(page["items"]) for page in pages] == [2, 1]

    run(work())


def test_a_request_is_cancelled_wherever_it_runs(house, pair):
    async def work():
        async with pair() as (one, two, here, _):
            asking = asyncio.create_task(Client(two).post(house.CHAT, house.asks("slow")))
            await house.until(lambda: two.in_flight and two.in_flight[0].attempts)
            said = await here.tell(f"requests/{two.in_flight[0].id}/cancel", status=202)
            assert sorted(said["workers"]["replied"]) == sorted([id_of(one), id_of(two)])
            assert (await asking).json()["error"]["code"] == "cancelled"

    run(work())


def test_a_drain_holds_on_every_worker_when_it_is_confirmed_and_outlives_them(house, pair):
    async def work():
        async with pair() as (_, two, here, _there):
            said = await here.tell("targets/drain", {"target": "simulator/echo"})
            assert (said["ok"], len(said["workers"]["replied"])) == (True, 2)
            response = await Client(two).post(house.CHAT, house.asks())
            assert response.json()["error"]["code"] == "no_target"
        async with pair() as (one, _two, here, _there):
            assert (await Client(one).post(house.CHAT, house.asks())).status == 503
            await here.tell("targets/resume", {"target": "simulator/echo"})
            assert (await Client(one).post(house.CHAT, house.asks())).status == 200

    run(work())


def test_events_of_all_workers_are_followed_and_resumed_without_gap_or_repetition(house, pair):
    async def work():
        async with pair() as (one, two, here, there):
            async with here.events("types=request.ended") as reader:
                await asyncio.sleep(0.8)  # the other worker hears that somebody follows
                for gate in (one, two):
                    await Client(gate).post(house.CHAT, house.asks())
                seen = await reader.until("request.ended", 2)
                assert {data["worker"] for _, data in seen} == {id_of(one), id_of(two)}
            for gate in (two, one, two):
                await Client(gate).post(house.CHAT, house.asks())
            async with there.events(f"types=request.ended,lost&after={seen[-1][0]}") as reader:
                await reader.until("request.ended", 3)
                await Client(one).post(house.CHAT, house.asks())
                again = await reader.until("request.ended", 4)
            told = [data["id"] for _, data in again]
            assert len(set(told)) == 4
            assert not set(told) & {data["id"] for _, data in seen}
            async with there.events(f"types=request.ended&after={seen[0][0]}") as reader:
                every = await reader.until("request.ended", 5)
                assert len({data["id"] for _, data in every}) == 5

    run(work())


def test_a_stream_elsewhere_is_seen_to_progress(house, pair):
    async def work():
        asks = house.asks("slow", stream=True)
        async with (
            pair() as (_, two, here, _there),
            here.events() as reader,
            Client(two).stream(house.CHAT, asks) as stream,
        ):
            await anext(stream.chunks())
            seen = await reader.until("request.progress")
            assert seen[-1][1]["worker"] == id_of(two)
            two.keep("test.gate", asyncio.Event).set()

    run(work())


def test_a_worker_that_is_silent_is_said_to_be_missing(house, pair):
    async def work():
        async with pair() as (one, two, here, _there):
            node = two.keep("admin", None)
            node.cluster.answers["standing"] = hang
            ask = one.keep("admin", None).cluster.ask

            async def hasty(*args, **more):
                return await ask(*args, **{**more, "patience": 0.5})

            one.keep("admin", None).cluster.ask = hasty
            state = await here.ask("state")
            assert state["missing"] == [id_of(two)]
            assert (state["health"]["word"], state["health"]["why"]) == ("degraded", ["1 of 2 workers do not answer"])
            assert (await here.ask("targets"))["workers"]["missing"] == [id_of(two)]

    run(work())


async def hang(_):
    await asyncio.sleep(60)


def test_one_that_has_gone_is_not_waited_for(house, pair):
    async def work():
        async with pair() as (one, two, here, _there):
            await two.keep("admin", None).cluster._leave()
            said = await here.ask("requests")
            assert said["workers"] == {"replied": [id_of(one)], "missing": []}

    run(work())


def test_without_the_store_a_worker_answers_for_itself(house, tmp_path):
    from tollhouse import StoreError
    from tollhouse.store.memory import MemoryStore

    class Away(MemoryStore):
        away = False

        async def put(self, *args, **more):
            self._check()
            return await super().put(*args, **more)

        async def get(self, *args):
            self._check()
            return await super().get(*args)

        async def publish(self, *args):
            self._check()
            return await super().publish(*args)

        async def scan(self, *args):
            self._check()
            async for pair in super().scan(*args):
                yield pair

        async def sums(self, *args):
            self._check()
            return await super().sums(*args)

        def _check(self):
            if self.away:
                raise StoreError("away")

    async def work():
        import time

        store = Away(time.time)
        async with house.open(store=store) as gate:
            admin = house.Admin(gate)
            await Client(gate).post(house.CHAT, house.asks())
            store.away = True
            state = await admin.ask("state")
            assert state["today"]["cost"] is None
            assert len((await admin.ask("requests"))["items"]) == 1
            said = await admin.tell("targets/drain", {"target": "simulator/echo"}, status=503)
            assert said["error"]["code"] == "store_unavailable"
            assert (await admin.ask("state"))["health"]["word"] == "degraded"
            store.away = False

    run(work())
