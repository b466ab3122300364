"""Targets: how they do, taken out, let back, tried; and the figures of the whole gateway."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Rates, hookimpl
from tollhouse.testing import Client, run
from tollhouse_admin.histogram import Counts, add, bucket, percentile
from tollhouse_admin.meters import Meters


class Priced:
    @hookimpl
    def price(self, target):
        from decimal import Decimal

        if target.model == "echo":
            return Rates({"input": Decimal("0.15"), "output": Decimal("0.6")}, source="a list")
        return None


def by_name(said):
    return {one["target"]: one for one in said["items"]}


def test_a_drained_target_gets_nothing_until_it_is_resumed(house):
    async def work():
        async with house.open() as gate:
            admin = house.Admin(gate)
            pair = {"target": "simulator/echo"}
            assert (await admin.tell("targets/drain", pair))["ok"]
            assert (await Client(gate).post(house.CHAT, house.asks("echo"))).json()["error"]["code"] == "no_target"
            said = by_name(await admin.ask("targets"))["simulator/echo"]
            assert (said["state"], said["drained_by"]) == ("drained", "key:admin-token")
            [row] = (await admin.ask("requests"))["items"]
            notes = (await admin.ask(f"requests/{row['id']}"))["notes"]
            assert ["dispatch", "simulator/echo skipped: drained by key:admin-token"] in notes
            await admin.tell("targets/resume", pair)
            assert (await Client(gate).post(house.CHAT, house.asks("echo"))).status == 200
            assert by_name(await admin.ask("targets"))["simulator/echo"]["state"] == "up"
            actions = [(one["action"], one["what"]) for one in (await admin.ask("audit"))["items"]]
            assert actions == [("target.drained", "simulator/echo"), ("target.resumed", "simulator/echo")]

    run(work())


def test_with_another_target_a_drain_sends_everything_there(house):
    config = house.CONFIG.replace('pair = ["simulator/echo", "slow/two"]', 'pair = ["slow/two", "simulator/echo"]')

    async def work():
        async with house.open(config=config) as gate:
            await house.Admin(gate).tell("targets/drain", {"target": "slow/two"})
            response = await Client(gate).post(house.CHAT, house.asks("pair"))
            assert response.headers["x-tollhouse-target"] == "simulator/echo"

    run(work())


@pytest.mark.parametrize("target", ["", "nobody/x", "simulator", "simulator/", "simulator/" + "x" * 400, "slow/a\nb"])
def test_what_is_no_target_cannot_be_drained(house, target):
    async def work():
        async with house.open() as gate:
            for action in ("drain", "resume", "test"):
                said = await house.Admin(gate).tell(f"targets/{action}", {"target": target}, status=404)
                assert said["error"]["code"] == "target_not_found"

    run(work())


def test_a_target_is_tried_alone_even_while_it_is_drained(house):
    config = house.CONFIG + 'broken = ["simulator/echo?status=503", "simulator/echo"]\n'
    config = config.replace('[teams.search]\n[keys.ci]\nsecret = "sk-fake-canary-of-a-caller"\n', "")

    async def work():
        async with house.open(config=config) as gate:
            admin = house.Admin(gate)
            await admin.tell("targets/drain", {"target": "simulator/echo"})
            good = await admin.tell("targets/test", {"target": "simulator/echo"})
            assert (good["ok"], good["status"]) == (True, 200)
            bad = await admin.tell("targets/test", {"target": "simulator/echo?status=503"})
            assert (bad["ok"], bad["code"]) == (False, "overloaded")
            row = (await admin.ask("requests"))["items"][0]
            assert (row["origin"], row["key"]) == ("submit:admin", "admin-token")
            await admin.tell("targets/test", {"target": "simulator/unused"}, status=409)

    run(work())


def test_the_figures_are_those_of_what_happened(house):
    config = house.CONFIG.replace('slow = ["slow/one"]', 'slow = ["slow/one"]\nbad = ["simulator/echo?status=500"]')

    async def work():
        async with house.open(Priced, config=config) as gate:
            admin = house.Admin(gate)
            for _ in range(6):
                await Client(gate).post(house.CHAT, house.asks())
                await Client(gate).post(house.CHAT, house.asks("bad"))
            state = await admin.ask("state")
            assert state["rates"]["error_ratio"] == 0.5
            assert state["rates"]["ttft_p50"] > 0
            assert state["health"]["word"] == "degraded"
            assert any("echo?status=500 fails: 6 of 6" in why for why in state["health"]["why"])
            assert (state["today"]["requests"], state["today"]["cost"] > 0) == (12, True)
            assert [one["edition"] for one in state["workers"]] == [1]
            targets = by_name(await admin.ask("targets"))
            assert (targets["simulator/echo?status=500"]["state"], targets["simulator/echo"]["state"]) == ("down", "up")
            assert targets["simulator/echo?status=500"]["last_error"].endswith("500")
            assert len(targets["simulator/echo"]["ttft_series"]) == 30
            [echo] = (await admin.ask("spend?by=team,model&where=model:echo"))["items"]
            assert (echo["by"], echo["requests"], echo["unpriced"]) == (["", "echo"], 6, 0)
            models = {one["name"]: one["targets"] for one in (await admin.ask("models"))["items"]}
            assert models["echo"][0]["price"] == {"input": "0.15", "output": "0.6", "source": "a list"}
            assert models["slow"][0]["price"] is None
            await admin.ask("spend?by=secret", status=400)
            await admin.ask("spend?where=key", status=400)
            await admin.ask("spend?since=nan", status=400)

    run(work())


def test_hooks_are_measured_by_plugin(house):
    async def work():
        async with house.open() as gate:
            for _ in range(3):
                await Client(gate).post(house.CHAT, house.asks())
            said = await house.Admin(gate).ask("plugins")
            hooks = {(one["hook"], one["plugin"]): one for one in said["hooks"]}
            settle = hooks["settle", "admin"]
            assert (settle["calls"], settle["errors"], settle["policy"]) == (3, 0, "open")
            assert settle["seconds"] > 0
            assert [one["name"] for one in said["plugins"]][:2] == ["openai", "admin"]

    run(work())


@given(
    st.lists(st.floats(0.0002, 900), min_size=1, max_size=200),
    st.lists(st.floats(0.0002, 900), max_size=50),
    st.floats(0, 1),
)
def test_percentiles_of_parts_added_up_are_near_those_of_all(some, others, share):
    parts: list[Counts] = [{}, {}]
    for part, values in zip(parts, (some, others), strict=True):
        for value in values:
            part[bucket(value)] = part.get(bucket(value), 0) + 1
    add(parts[0], parts[1])
    every = sorted([*some, *others])
    exact = every[max(0, min(len(every) - 1, -int(-share * len(every) // 1) - 1))]
    found = percentile(parts[0], share)
    assert found is not None
    assert exact / 1.06 <= found <= exact * 1.06


def test_no_percentile_of_nothing():
    assert percentile({}, 0.5) is None


def test_meters_are_bounded_whatever_callers_ask_for():
    from tollhouse.events import AttemptEnded
    from tollhouse_admin.meters import SPANS, TARGETS

    meters = Meters()
    for number in range(3 * TARGETS):
        meters.attempt(AttemptEnded(at=float(number * 7), id="x", number=1, target=f"p/{number}", state="won"))
    for number in range(10_000):
        meters.attempt(AttemptEnded(at=float(number * 7), id="x", number=1, target="p/one", state="won"))
    readings = meters.readings()
    assert len(readings.targets) == TARGETS
    assert len(readings.targets["p/one"].spans) <= SPANS
