"""The SQLite store against the contract, in one process and in several, and what only files have."""

import asyncio
import sqlite3
import stat
import sys
import threading
from itertools import count

import pytest
from tollhouse.errors import ConfigError, StoreError
from tollhouse.store import Grant, Row
from tollhouse.store.sqlite import open_sqlite
from tollhouse.store.sqlite.claims import claim
from tollhouse.store.sqlite.database import _FIRST, VERSION
from tollhouse.store.sqlite.ledger import _BY_REQUEST
from tollhouse.store.sqlite.upkeep import SWEEP_EVERY, checkpoint, sweep
from tollhouse.testing.stores import FakeClock, SharedStoreConformance, StoreConformance
from tollhouse.testing.stores.stage import START, Stage, demand, granted, used


class OnFiles:
    opener = staticmethod(open_sqlite)
    shared = True

    @pytest.fixture
    def urls(self, tmp_path):
        numbers = count()
        return lambda: f"sqlite:{tmp_path}/state/{next(numbers)}.db"


class TestSQLite(OnFiles, StoreConformance):
    pass


class TestSharedSQLite(OnFiles, SharedStoreConformance):
    pass


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "state.db"


@pytest.fixture
def stage(path):
    return Stage(open_sqlite, f"sqlite:{path}")


@pytest.mark.parametrize("url", ["sqlite:", "sqlite::memory:", "sqlite:///state.db", "redis:x", "sqlite"])
def test_a_url_that_names_no_file_is_refused(url):
    with pytest.raises(ConfigError, match="sqlite:PATH"):
        open_sqlite(url)


def test_nothing_is_touched_before_the_first_call_and_then_only_the_owner_may_read(stage, path):
    async def story():
        store = stage.open()
        assert not path.parent.exists()
        await store.put("k", b"v")
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}

    stage.run(story)


def test_a_relative_path_is_meant_from_where_the_store_was_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = open_sqlite("sqlite:here/state.db")
    monkeypatch.chdir("/")

    async def story():
        await store.put("k", b"v")
        await store.close()

    asyncio.run(story())
    assert (tmp_path / "here" / "state.db").exists()


def test_a_newer_schema_is_a_config_error(stage, path):
    path.parent.mkdir()
    with sqlite3.connect(path) as file:
        file.execute(f"PRAGMA user_version = {VERSION + 1}")

    async def story():
        with pytest.raises(ConfigError, match="newer Tollhouse"):
            await stage.open().get("k")

    stage.run(story)


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("")

    async def story():
        store = open_sqlite(f"sqlite:{tmp_path}/file/state.db")
        with pytest.raises(StoreError):
            await store.get("k")
        await store.close()

    asyncio.run(story())


def test_state_survives_the_client(stage):
    async def story():
        first = stage.open()
        await granted(first, "h", demand(amount=7))
        version = await first.put("k", b"v")
        await first.close()
        with pytest.raises(StoreError, match="closed"):
            await first.get("k")
        second = stage.open()
        assert await used(second, demand()) == [7]
        assert await second.put("k", b"w", expect=version) is not None

    stage.run(story)


def test_closing_writes_what_is_queued(stage):
    async def story():
        first = stage.open()
        puts = [asyncio.ensure_future(first.put(f"k{i}", b"v")) for i in range(500)]
        await asyncio.sleep(0)
        await first.close()
        assert len(await asyncio.gather(*puts)) == 500
        assert len([key async for key, _ in stage.open().scan("k", limit=1000)]) == 500

    stage.run(story)


def test_a_failing_job_does_not_fail_its_neighbours(stage):
    async def story():
        store = stage.open()
        writer = store._writer

        def fail(tx):
            claim(tx, "ghost", [demand("slots")], 60)
            tx.db.execute("INSERT INTO vals (key) VALUES (NULL)")

        ask = demand("slots", limit=100)
        jobs = [store.claim(f"h{i}", [ask], 60) for i in range(20)]
        jobs.insert(10, writer.run(fail))
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
        assert isinstance(outcomes.pop(10), StoreError)
        assert all(isinstance(outcome, Grant) for outcome in outcomes)
        assert await used(store, ask) == [20]
        assert await store.renew(["ghost"], 60) == set()

    stage.run(story)


def test_a_lock_that_another_process_keeps_is_a_store_error_and_then_over(stage, path, monkeypatch):
    monkeypatch.setattr("tollhouse.store.sqlite.worker.PATIENCE", 0.05)

    async def story():
        store = stage.open()
        await store.put("k", b"1")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await store.put("k", b"2")
        assert (await store.get("k"))[0].data == b"1"
        other.execute("ROLLBACK")
        other.close()
        assert await store.put("k", b"3")

    stage.run(story)


def test_ledger_rows_are_readable_with_sqlite3_alone(stage, path):
    row = Row(
        id="r",
        at=START,
        outcome="completed",
        key="ci",
        tags=("a",),
        tokens={"input": 1},
        cost=None,
        attempts=({"status": 200},),
        request_id="q",
    )

    async def story():
        await stage.open().settle("r", {}, row=row)

    stage.run(story)
    file = sqlite3.connect(path)
    file.row_factory = sqlite3.Row
    [kept] = file.execute("SELECT * FROM ledger")
    assert dict(kept) == {
        "id": "r",
        "at": START,
        "outcome": "completed",
        "key": "ci",
        "user": "",
        "team": "",
        "model": "",
        "target": "",
        "provider": "",
        "tags": '["a"]',
        "tokens": '{"input":1}',
        "cost": None,
        "saved": 0,
        "attempts": '[{"status":200}]',
        "usage_source": "",
        "request_id": "q",
    }
    file.close()


def test_a_forgotten_month_gives_its_space_back_in_portions(stage, path, monkeypatch):
    monkeypatch.setattr("tollhouse.store.sqlite.ledger.AT_ONCE", 100)
    much = "x" * 400

    async def story():
        store = stage.open()
        for at, name in ((START, "old"), (START + 40 * 86400, "new")):
            rows = (Row(id=f"{name}-{i:04}", at=at + i, outcome=much, request_id=much) for i in range(1000))
            await asyncio.gather(*(store.settle(row.id, {}, row=row) for row in rows))
        await store._checkpointer.run(lambda tx: checkpoint(tx, store._connect))
        full = path.stat().st_size
        portions = [await store.forget(START + 40 * 86400) for _ in range(11)]
        assert portions == [100] * 10 + [0]
        await store._checkpointer.run(lambda tx: checkpoint(tx, store._connect))
        assert path.stat().st_size < 0.65 * full
        assert len(await store.rows(0, START + 50 * 86400, limit=2000)) == 1000

    stage.run(story)


def test_a_request_is_found_without_reading_the_ledger(stage, path):
    async def story():
        await stage.open().get("k")

    stage.run(story)
    file = sqlite3.connect(path)
    query = f"SELECT id FROM ledger WHERE at >= 0 AND {_BY_REQUEST} ORDER BY at DESC, id DESC"
    plan = " ".join(row[-1] for row in file.execute(f"EXPLAIN QUERY PLAN {query}", ("q",) * 3))
    file.close()
    assert "USING INDEX ledger_request" in plan
    assert "ledger_at" not in plan


def test_a_file_of_the_first_schema_is_brought_up_to_date(stage, path):
    path.parent.mkdir()
    file = sqlite3.connect(path)
    file.executescript(f"{_FIRST}; PRAGMA user_version = 1;")
    columns = (
        "month, key, user, team, model, target, provider, outcome, tags, tokens, attempts, usage_source, request_id"
    )
    values = "'2023-11', '', '', '', '', '', '', 'failed', '[]', '{}', '[]', '', ''"
    file.execute(f"INSERT INTO ledger (id, at, saved, {columns}) VALUES ('old', {START}, 0, {values})")
    file.commit()
    file.close()

    async def story():
        old = Row(id="old", at=START, outcome="failed", cost=None)
        assert await stage.open().rows(0, START + 1) == [old]

    stage.run(story)


def test_a_sweep_deletes_what_is_over_and_nothing_else(stage, path):
    async def story():
        store = stage.open()
        await granted(store, "settled", demand("rate"), demand("slots"), demand())
        await store.settle("settled", {"nano_usd": 1})
        await granted(store, "kept", demand("slots", key="test:kept"), ttl=10**6)
        await store.put("old", b"v", ttl=5)
        await store.put("tagged", b"v", tags=["t"])
        await store.drop(tag="t")
        await store.put("new", b"v")
        await store.publish("topic", b"m")
        stage.clock.advance(2 * 3600)
        await store._writer.run(sweep)
        await store._writer.run(sweep)
        assert await used(store, demand("slots", key="test:kept")) == [1]

    stage.run(story)
    assert stage.clock.now * 1e6 > SWEEP_EVERY
    file = sqlite3.connect(path)
    assert [key for (key,) in file.execute("SELECT key FROM vals WHERE key <> 'tagged'")] == ["new"]
    assert [key for (key,) in file.execute("SELECT key FROM counters")] == ["test:kept"]
    assert [hold for (hold,) in file.execute("SELECT hold FROM holds")] == ["kept"]
    assert file.execute("SELECT count(*) FROM messages").fetchone() == (0,)
    file.close()


def test_a_busy_store_checkpoints_once_a_second_beside_its_writer(stage, path, monkeypatch):
    monkeypatch.setattr("tollhouse.store.sqlite.client._CHECKPOINT_EVERY", 10)

    async def story():
        store = stage.open()
        for i in range(20):
            await store.put(f"k{i}", bytes(10_000))
        await store._checkpointer.run(lambda tx: None)
        copied = path.stat().st_size
        assert copied >= 10 * 10_000
        for i in range(20):
            await store.put(f"l{i}", bytes(10_000))
        await store._checkpointer.run(lambda tx: None)
        assert path.stat().st_size == copied

    stage.run(story)


@pytest.mark.slow
def test_a_log_that_others_write_without_a_pause_starts_again(stage, path, monkeypatch):
    monkeypatch.setattr("tollhouse.store.sqlite.upkeep.LONG", 256)
    wal = path.with_name(path.name + "-wal")
    written, stop = [], threading.Event()

    def write_on():
        file = sqlite3.connect(path, isolation_level=None, timeout=30)
        file.execute("PRAGMA wal_autocheckpoint = 0")
        while not stop.is_set():
            file.execute("REPLACE INTO vals (key, data) VALUES ('k', zeroblob(40000))")
            written.append(40_000)
        file.close()

    async def story():
        store = stage.open()
        await store.put("k", b"v")
        writers = [threading.Thread(target=write_on) for _ in range(3)]
        for writer in writers:
            writer.start()
        try:
            while sum(written) < 160_000_000:
                await store._checkpointer.run(lambda tx: checkpoint(tx, store._connect))
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        assert wal.stat().st_size < 100_000_000

    stage.run(story)


def test_opening_again_takes_no_lock_from_the_connections_that_are_open(stage, path):
    async def story():
        store = stage.open()
        await store.put("k", b"1")
        for _ in range(3):
            assert await stage.open().get("k")
        count_up = (
            "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]);"
            "file.execute('DELETE FROM tags'); file.commit(); file.close()"
        )
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", count_up, str(path))
        assert await process.wait() == 0
        assert path.with_name(path.name + "-wal").exists()

    stage.run(story)


def test_a_leader_that_closes_gives_way(stage):
    async def story():
        one, other = stage.open(), stage.open()
        assert await one.lead("x", 60)
        assert not await other.lead("x", 60)
        await one.close()
        assert await other.lead("x", 60)

    stage.run(story)


def test_a_store_serves_one_event_loop_after_another(path):
    store = open_sqlite(f"sqlite:{path}", clock=FakeClock())
    assert asyncio.run(store.put("k", b"v"))
    assert asyncio.run(store.get("k"))[0].data == b"v"
    asyncio.run(store.close())
