"""What is cleared is gone everywhere within a second: by name, by age, from the command line and the endpoint."""

import asyncio
import os
import subprocess
import sys
import time

import httpx
import pytest
from caching import Oracle, soon, tell, verdict
from hypothesis import given
from hypothesis import strategies as st
from test_stores import shelf, stored, two_workers
from tollhouse.neutral import End
from tollhouse.testing import Served, run
from tollhouse.testing.upstream import Upstream
from tollhouse_cache.clearing import WAYS, rule
from tollhouse_cache.clears import MOST, Clear, Clears
from tollhouse_cache.entry import made


@pytest.mark.parametrize(
    ("query", "gone"),
    [
        ("all=true", "abcd"),
        ("model=m", "abc"),
        ("model=n", "d"),
        ("model=o", ""),
        ("tag=red", "b"),
        ("tag=crew", "c"),
        ("key=ci", "ab"),
        ("team=t", "c"),
        ("older_than=60s", "a"),
    ],
)
def test_entries_are_cleared_by_what_they_bear(query, gone):
    async def story(house):
        calls = {
            "a": lambda: house.chat("a"),
            "b": lambda: house.chat("b", headers={"x-tollhouse-cache-tags": "red, blue"}),
            "c": lambda: house.chat("c", who="k/t//crew"),
            "d": lambda: house.chat("d", who="other", model="n"),
        }
        await calls["a"]()
        house.clock.now += 61
        for name in "bcd":
            await calls[name]()
        answer = await house.client("boss").request("DELETE", f"/admin/v1/cache?{query}")
        assert answer.status == 200
        house.clock.now += 1
        missed = [name for name, call in calls.items() if verdict(await call()) == "miss"]
        assert missed == list(gone)

    tell(story)


def test_one_entry_is_cleared_by_the_id_a_hit_bears():
    async def story(house):
        await house.chat("a")
        await house.chat("b")
        id_ = (await house.chat("a")).headers["x-tollhouse-cache-entry"]
        await house.client("boss").request("DELETE", f"/admin/v1/cache?entry={id_}")
        house.clock.now += 1
        return verdict(await house.chat("a")), verdict(await house.chat("b"))

    assert tell(story) == ("miss", "hit")


def test_operators_clear_viewers_look_and_callers_do_neither():
    async def story(house):
        path = "/admin/v1/cache"
        statuses = {}
        for who in ("ci", "viewer", "boss"):
            client = house.client(who)
            looks, clears = await client.get(path), await client.request("DELETE", f"{path}?all=true")
            statuses[who] = (looks.status, clears.status)
        return statuses

    assert tell(story) == {"ci": (403, 403), "viewer": (200, 403), "boss": (200, 200)}


@pytest.mark.parametrize("query", ["", "all=yes", "model=m&tag=x", "older_than=soon", "everything=true", "tag="])
def test_a_clearing_that_means_nothing_is_a_400_and_clears_nothing(query):
    async def story(house):
        await house.chat()
        answer = await house.client("boss").request("DELETE", f"/admin/v1/cache?{query}")
        house.clock.now += 1
        return answer.status, answer.json()["error"]["code"], verdict(await house.chat())

    assert tell(story) == (400, "invalid_clearing", "hit")


def test_what_was_under_way_when_it_was_cleared_is_not_kept():
    async def story(house):
        call = asyncio.ensure_future(house.chat("hi wait"))
        await soon(lambda: Oracle.asked)
        house.clock.now += 1
        await house.client("boss").request("DELETE", "/admin/v1/cache?model=m")
        Oracle.gate.set()
        assert (await call).status == 200
        house.clock.now += 1
        return verdict(await house.chat("hi wait")), verdict(await house.chat("hi wait"))

    assert tell(story) == ("miss", "hit")


def test_the_memory_of_other_workers_follows(tmp_path):
    async def story(one, two):
        for text in "ab":
            await one.chat(text)
        await stored(one)
        assert [verdict(await two.chat(text)) for text in "ab"] == ["hit", "hit"]
        one.clock.now += 1
        await one.client("boss").request("DELETE", "/admin/v1/cache?key=ci")
        one.clock.now += 1
        began = time.monotonic()
        await soon(lambda: shelf(two).clears._before)
        assert time.monotonic() - began < 10
        assert [verdict(await two.chat(text)) for text in "ab"] == ["miss", "miss"]
        assert len(Oracle.asked) == 4

    two_workers(f"sqlite:{tmp_path}/state.db", story)


def test_a_worker_that_begins_later_knows_what_was_cleared(tmp_path):
    async def story(one, two):
        one.clock.now += 1
        await one.client("boss").request("DELETE", "/admin/v1/cache?older_than=1h")
        await one.client("boss").request("DELETE", "/admin/v1/cache?tag=x")
        fresh = Clears()
        for told in await fresh.catch_up(one.gateway.store):
            fresh.learn(told)
        assert fresh._before == {"all": one.clock.now - 3600, "tag:x": one.clock.now}
        assert await fresh.catch_up(one.gateway.store) == []

    two_workers(f"sqlite:{tmp_path}/state.db", story)


labels = st.builds(
    lambda at, tags: made([End()], at=at, ttl=9.0, tags=tags, cost=0).label,
    st.floats(0, 100),
    st.lists(st.sampled_from("abc"), max_size=3, unique=True),
)
rules = st.lists(st.builds(Clear, tag=st.sampled_from(["a", "b", "c", "all"]), before=st.floats(0, 100)), max_size=8)


@given(labels, rules)
def test_an_entry_is_used_unless_some_rule_covers_it(label, rules):
    clears = Clears()
    for one in rules:
        clears.learn(one)
    covered = any(one.tag in label.tags and label.at <= one.before for one in rules)
    assert clears.allow(label) == (not covered)


def test_rules_beyond_the_bound_clear_more_and_never_less():
    clears = Clears()
    for number in range(MOST + 500):
        clears.learn(Clear(f"tag:{number}", float(number)))
    assert len(clears._before) <= MOST
    for number in (0, 250, MOST):
        assert not clears.allow(made([End()], at=number, ttl=9.0, tags=[f"tag:{number}"], cost=0).label)
    assert clears.allow(made([End()], at=MOST + 600.0, ttl=9.0, tags=["tag:1"], cost=0).label)


@given(st.dictionaries(st.sampled_from([*WAYS, "other"]), st.text(max_size=4)))
def test_a_rule_is_made_of_exactly_one_word(said):
    named = {name: value for name, value in said.items() if value}
    try:
        made_ = rule(said, 50.0)
    except ValueError:
        assert len(named) != 1 or named.keys() & {"all", "older_than", "other"}
    else:
        [(name, value)] = named.items()
        assert made_.tag == ("all" if name in ("all", "older_than") else f"{name}:{value}")
        assert made_.before <= 50.0


CONFIG = """
plugins = ["openai", "cache"]
[server]
workers = 2
[providers.a]
kind = "openai"
base_url = "{url}/v1"
api_key = "sk-fake-a"
[models]
m = ["a/x"]
[store]
bound = "1s"
"""


@pytest.mark.slow
def test_the_command_clears_and_counts_for_all_workers_of_a_served_gateway(tmp_path):
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "x",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    }

    def tollhouse(*words):
        done = subprocess.run(
            [sys.executable, "-m", "tollhouse", "cache", *words],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    def ask(gate):
        asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        return httpx.post(f"{gate.url}/v1/chat/completions", json=asked).headers["x-tollhouse-cache"]

    def served(url):
        with Served(tmp_path, CONFIG.format(url=url)) as gate:
            assert ask(gate) == "miss"
            time.sleep(0.2)
            assert {ask(gate) for _ in range(16)} == {"hit"}
            assert tollhouse("clear", "--model", "m") == (0, "Cleared; every worker follows within a second.\n")
            time.sleep(1.0)
            assert ask(gate) == "miss"
            until = time.monotonic() + 30
            while "sent upstream             2" not in (said := tollhouse("stats")[1]) and time.monotonic() < until:
                time.sleep(0.2)
            assert "workers                   2" in said
            assert "sent upstream             2" in said
            assert tollhouse("clear")[0] == 2
            code, said = tollhouse("clear", "--older-than", "soon")
            assert code == 1
            assert "soon" in said

    async def whole():
        async with Upstream() as up:
            up.answer(body)
            await asyncio.to_thread(served, up.url)
            return len(up.requests)

    assert run(whole(), seconds=90) == 2
