"""Where budgets stand: for viewers, for callers about their own, and on the command line."""

import msgspec
import pytest
from till import IN, OUT, Clock, house, tell
from tollhouse.cli import main
from tollhouse.store.sqlite import open_sqlite
from tollhouse.testing import Client, run

COST = 3 * IN + 5 * OUT
LEVELS = """
[defaults]
budget = "1 USD/day"
[teams.search]
budget = "500 USD/month"
[keys.ci]
secret = "sk-fake-ci"
team = "search"
budget = "20 USD/week"
[budget]
total = ["5000 USD/month", "9k USD total"]
rules = [{ limit = "3 USD/day", name = "all" }, { limit = "2 USD/hour", by = ["team", "model"] }]
"""


def test_the_configurations_budgets_are_listed_before_anybody_used_them():
    async def story(house):
        return await house.budgets()

    listed = tell(story, LEVELS)
    assert [(one["name"], one["budget"], one["used"]) for one in listed] == [
        ("the gateway", "5000 USD/month", 0),
        ("the gateway", "9000 USD total", 0),
        ("all", "3 USD/day", 0),
        ("team search", "500 USD/month", 0),
        ("key ci", "1 USD/day", 0),
        ("key ci", "20 USD/week", 0),
    ]


def test_each_says_where_it_stands_and_when_it_starts_again():
    async def story(house):
        await house.chat(who="ci/search")
        return {(one["name"], one["period"]): one for one in await house.budgets()}, house.clock.now

    listed, now = tell(story, LEVELS)
    week = listed["key ci", "week"]
    assert week["used"] == COST
    assert week["limit"] - week["remaining"] == COST
    assert week["scope"] == {"key": "ci"}
    assert 0 < week["resets_at"] - now <= 7 * 86400
    assert listed["the gateway", "total"]["resets_at"] is None
    assert listed["team search, model demo", "hour"]["used"] == COST


def test_what_callers_used_is_listed_whoever_they_are_and_forgotten_with_its_period():
    async def story(house):
        await house.chat(who="strange")
        await house.chat(who="//ann")
        first = await house.used()
        house.clock.now += 86400
        return first, await house.used()

    first, second = tell(story, '[defaults]\nbudget = "1 USD/day"\n')
    assert first == {("key strange", "day"): COST, ("user ann", "day"): COST}
    assert second == {}


def test_a_caller_sees_what_is_theirs_and_nothing_of_others():
    async def story(house):
        for who in ("ci/search", "other/search", "third/else", "//ann"):
            await house.chat(who=who)
        return {
            who: {(one["name"], one["period"]) for one in await house.budgets(who, "/admin/v1/budgets/self")}
            for who in ("ci/search", "third/else", "//ann", "new")
        }

    seen = tell(story, LEVELS)
    team = {("team search", "month"), ("team search, model demo", "hour")}
    assert seen["ci/search"] == team | {("key ci", "day"), ("key ci", "week")}
    assert seen["third/else"] == {("key third", "day"), ("team else, model demo", "hour")}
    assert seen["//ann"] == {("user ann", "day")}
    assert seen["new"] == {("key new", "day")}


@pytest.mark.parametrize(("path", "who", "status"), [("", "ci", 403), ("", "boss", 200), ("/self", "ci", 200)])
def test_all_budgets_are_for_viewers_and_ones_own_for_callers(path, who, status):
    async def story(house):
        return (await Client(house.gateway, {"x-who": who}).get("/admin/v1/budgets" + path)).status

    assert tell(story, LEVELS) == status


SERVED = """
plugins = ["openai", "budget", "./tariff.py"]
[providers]
simulator = { ttft = "off", tokens_per_second = 0 }
[models]
demo = ["simulator/echo"]
[budget]
total = "2 USD total"
time_zone = "Europe/Berlin"
rules = [{ limit = "1 USD/day", shadow = true, name = "watch" }]
"""

TARIFF = '''
"""A dollar a token."""

from decimal import Decimal

from tollhouse import Rates, hookimpl


class Tariff:
    @hookimpl
    def price(self, target):
        return Rates({"input": Decimal(1), "output": Decimal(10)}, "test")
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "gateway.toml").write_text(SERVED)
    (tmp_path / "tariff.py").write_text(TARIFF)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_prints_the_same_table_from_the_store(folder, capsys):
    from tollhouse import Demand

    async def spend():
        store = open_sqlite("sqlite:.tollhouse/state.db")
        demand = Demand(
            key="budget:total:total:0",
            kind="window",
            measure="nano_usd",
            amount=1_500_000_000,
            limit=2_000_000_000,
            until=9e9,
        )
        await store.claim("one", [demand], 60.0)
        await store.close()

    run(spend())
    assert main(["budgets"]) == 0
    head, total, watch = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "budget of"
    assert total.split() == ["the", "gateway", "2", "USD", "total", "1.50", "USD", "75", "%", "0.5000", "USD", "never"]
    assert watch.startswith("watch (shadow)  1 USD/day")
    assert watch.rstrip().endswith(("CET", "CEST"))
    assert main(["budgets", "--json"]) == 0
    first = msgspec.json.decode(capsys.readouterr().out.splitlines()[0])
    assert (first["name"], first["used"], first["remaining"]) == ("the gateway", 1_500_000_000, 500_000_000)


def test_the_command_says_what_is_missing(folder, capsys):
    (folder / "gateway.toml").write_text(SERVED.replace('"budget", ', "").partition("[budget]")[0])
    assert main(["budgets"]) == 1
    assert 'Add "budget" to plugins' in capsys.readouterr().err
    (folder / "gateway.toml").write_text(SERVED.partition("[budget]")[0])
    assert main(["budgets"]) == 0
    assert capsys.readouterr().out == "No budget is set.\n"


def test_two_gateways_on_one_store_list_each_others_callers(tmp_path):
    async def story():
        more, clock, url = '[defaults]\nbudget = "1 USD/day"\n', Clock(), f"sqlite:{tmp_path}/state.db"
        first, second = (open_sqlite(url, clock=clock.time) for _ in range(2))
        async with house(more, clock=clock, store=first) as one, house(more, clock=clock, store=second) as two:
            await one.chat(who="ann")
            await two.chat(who="bob")
            return await one.used(), await two.used()

    one, two = run(story())
    assert one == two == {("key ann", "day"): COST, ("key bob", "day"): COST}
