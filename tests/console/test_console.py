"""The console on a gateway that really serves: what is on the screen is what the admin API says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from looking import press, text, until, until_shown
from tollhouse.testing import Served
from tollhouse_console import figures
from tollhouse_console.access import Access
from tollhouse_console.ui.app import Console

pytestmark = pytest.mark.slow

ADMIN, CALLER = "sk-fake-console-admin", "sk-fake-console-caller"
CONFIG = f"""
plugins = ["openai", "admin", "auth", "budget", "rate_limit", "cache", "prices", "failover"]

[providers.simulator]
ttft = "20ms"
tokens_per_second = 400

[models]
good = ["simulator/demo"]
twice = ["simulator/demo?status=503", "simulator/echo"]
bad = ["simulator/demo?status=500"]
slow = ["simulator/lorem?tokens_per_second=4"]

[teams.blue]
rate_limit = "1000 requests/minute"

[keys.app]
secret = "{CALLER}"
team = "blue"

[keys.root]
secret = "{ADMIN}"
auth = {{ role = "admin", routes = ["*"] }}

[budget]
total = "$50/day"

[prices.targets]
"simulator/*" = {{ input = 1000, output = 1000 }}
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("gate"), CONFIG) as served:
        yield served


def ask(gate, path, body=None, key=ADMIN):
    """The JSON of an answer, whatever its status."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(gate.url + path, data, headers), timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def chat(gate, model, text="Hello"):
    return ask(gate, "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": text}]}, CALLER)


def console(gate, work, seconds=60, size=(160, 44)):
    async def go():
        app = Console(Access(gate.url, ADMIN), utc=True)
        async with asyncio.timeout(seconds), app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: app.house.line.word == "live" and app.house.answer("state").value, 20)
            await work(pilot, app)

    asyncio.run(go())


def test_rows_say_what_the_records_say(gate):
    for model in ("good", "twice", "bad"):
        chat(gate, model)

    async def work(pilot, app):
        await until(pilot, lambda: app.house.traffic.kept >= 3)
        chat(gate, "good", "while it is open")
        await until(pilot, lambda: app.house.traffic.kept >= 4)
        await until(pilot, lambda: not any(row.running for row in app.house.traffic.shown()))
        records = {one["id"]: one for one in ask(gate, "/admin/v1/requests?limit=50")["items"]}
        rows = app.house.traffic.shown()
        assert {row.id for row in rows} == set(records)
        for row in rows:
            said = records[row.id]
            assert (row.status, row.outcome, row.code) == (said["status"], said["outcome"], said["code"])
            assert (row.caller, row.model, row.target) == ("blue/app", said["model"], said["target"])
            assert (row.cost, row.input, row.output) == (said["cost"], said["input"], said["output"])
            assert row.attempts == said["attempts"]
            await until_shown(pilot, figures.money(row.cost))
        await until_shown(pilot, "failed over ×1")

    console(gate, work)


def test_the_detail_tells_the_attempts_of_the_api(gate):
    chat(gate, "twice", "a detail")

    async def work(pilot, app):
        await until(pilot, lambda: any(row.model == "twice" and not row.running for row in app.house.traffic.shown()))
        row = next(row for row in app.house.traffic.shown() if row.model == "twice")
        app.view.table.choose(row.id)
        await press(pilot, "enter")
        said = ask(gate, f"/admin/v1/requests/{row.id}")
        assert [one["target"] for one in said["attempts"]] == ["simulator/demo?status=503", "simulator/echo"]
        await until_shown(pilot, "✗ 503")
        for who, words in said["notes"]:
            await until_shown(pilot, f"why: {who}"[:14])
            await until_shown(pilot, words[:60])
        await until_shown(pilot, said["price"]["source"][:40])

    console(gate, work)


def test_header_spend_and_keys_equal_the_api(gate):
    chat(gate, "good", "some money")

    async def work(pilot, app):
        await press(pilot, "3")
        await until(pilot, lambda: app.house.items("budgets") and "Loading costs" not in text(app))
        budget = app.house.items("budgets")[0]
        await until_shown(pilot, f"{figures.money(budget['used'])} of $50.00")
        await until_shown(pilot, "blue/app")
        rows = ask(gate, "/admin/v1/spend?by=team,key")["items"]
        [mine] = [row for row in rows if row["by"] == ["blue", "app"]]
        await until_shown(pilot, figures.money(mine["cost"]))
        await press(pilot, "4")
        for key in ask(gate, "/admin/v1/keys")["keys"]:
            await until_shown(pilot, key["name"])
        await until_shown(pilot, "requests/minute of team blue")

    console(gate, work)


def test_a_target_is_drained_and_resumed_in_the_gateway(gate):
    async def work(pilot, app):
        await press(pilot, "2")
        await until_shown(pilot, "simulator/echo")
        app.view.pane.choose("simulator/echo")
        await press(pilot, "d")
        await until_shown(pilot, "Drain simulator/echo?")
        await press(pilot, "y")
        await until_shown(pilot, "DRAINED")
        states = {one["target"]: one["state"] for one in ask(gate, "/admin/v1/targets")["items"]}
        assert states["simulator/echo"] == "drained"
        app.view.pane.choose("simulator/echo")
        await press(pilot, "r")
        await until(pilot, lambda: "DRAINED" not in text(app))

    console(gate, work)


def test_a_key_is_made_used_and_revoked(gate):
    async def work(pilot, app):
        await press(pilot, "4")
        await until_shown(pilot, "root")
        await press(pilot, "n")
        await until_shown(pilot, "Make a key")
        await press(pilot, *"fresh", "enter")
        await until_shown(pilot, "The secret of fresh")
        secret = str(app.screen.query_one("#secret").render())
        assert ask(gate, "/v1/models", key=secret)["object"] == "list"
        await press(pilot, "escape")
        await until_shown(pilot, "fresh")
        app.view.pane.choose("fresh")
        await press(pilot, "x")
        await until_shown(pilot, "Revoke the key fresh?")
        await press(pilot, "y")
        await until_shown(pilot, "revoked")
        assert "error" in ask(gate, "/v1/models", key=secret)

    console(gate, work)


def test_a_streaming_request_ticks_and_is_cancelled(gate):
    async def work(pilot, app):
        body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "Go on"}]}
        asked = asyncio.create_task(asyncio.to_thread(_stream, gate, body))
        await until(pilot, lambda: any(row.running and row.output for row in app.house.traffic.shown()), 20)
        await until_shown(pilot, "▸")
        row = next(row for row in app.house.traffic.shown() if row.running)
        app.view.table.choose(row.id)
        await press(pilot, "c")
        await until_shown(pilot, "Cancel the request of blue/app")
        await press(pilot, "y")
        await until_shown(pilot, "is cancelled")
        await until(pilot, lambda: not app.house.traffic.get(row.id).running, 20)
        await asked

    console(gate, work)


def _stream(gate, body):
    headers = {"authorization": f"Bearer {CALLER}", "content-type": "application/json"}
    request = urllib.request.Request(gate.url + "/v1/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()
    except OSError as error:
        return error


def test_the_playground_asks_through_the_gateway_and_tells_the_cost(gate):
    async def work(pilot, app):
        await press(pilot, "6")
        await until(pilot, lambda: app.view.chat.model)
        app.view.query_one("#model").value = "good"
        await press(pilot, "i", *"Hello", "enter")
        await until(pilot, lambda: app.view.chat.turns and app.view.chat.turns[-1].cost is not None, 20)
        turn = app.view.chat.turns[-1]
        assert turn.text
        assert turn.target == "simulator/demo"
        [record] = [one for one in ask(gate, "/admin/v1/requests")["items"] if one["request_id"] == turn.request_id]
        assert turn.cost == record["cost"] > 0
        await until_shown(pilot, f"cost {figures.money(turn.cost)}")

    console(gate, work)


def test_a_changed_file_is_told_checked_and_loaded(gate):
    before = (gate.folder / "gateway.toml").read_text()
    (gate.folder / "gateway.toml").write_text("max_attempts = 7\n" + before)

    async def work(pilot, app):
        await press(pilot, "5")
        await until_shown(pilot, "max_attempts")
        await until_shown(pilot, "+ 7")
        await press(pilot, "L")
        await until_shown(pilot, "Load the configuration file?")
        await press(pilot, "y")
        await until_shown(pilot, "Edition 2 serves", 20)
        await until(pilot, lambda: app.house.value("config").get("edition") == 2)

    console(gate, work)


def test_top_and_tail_work_on_it(gate):
    chat(gate, "good", "for the table")
    command = [sys.executable, "-m", "tollhouse"]
    top = subprocess.run(
        [*command, "top", "--once", "--by", "team", "--url", gate.url, "--key", ADMIN],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert top.stdout.splitlines()[3].split()[0] == "blue"


def test_the_demo_serves_answers_and_ends_with_its_gateway(tmp_path):
    command = [
        sys.executable,
        "-m",
        "tollhouse",
        "demo",
        "--headless",
        "--seconds",
        "12",
        "--folder",
        str(tmp_path / "demo"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    assert "200 ×" in lines[-1]
    url = first.split()[4].rstrip(";")
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"{url}/healthz", timeout=5)
