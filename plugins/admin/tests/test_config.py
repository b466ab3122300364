"""The configuration: shown without secrets, checked without being used, compared, and reloaded whole or not at all."""

import os
import sys

import pytest
from tollhouse.testing import Client, run

STORE = '[store]\nurl = "memory:"\n'
CANARY = "sk-fake-canary-of-a-caller"


def test_every_value_is_shown_with_its_origin_and_no_secret(house):
    async def work():
        async with house.open() as gate:
            said = await house.Admin(gate).ask("config")
            lines = {one["path"]: one for one in said["lines"]}
            assert lines["keys.ci.secret"]["value"] == "••••"
            assert lines["models.echo"]["value"] == '["simulator/echo"]'
            assert lines["admin.recent"]["origin"] == "default"
            assert CANARY not in str(said)

    run(work())


GOOD = [
    "",
    'plugins = ["openai", "admin"]\n[providers]\nsimulator = {}\n[models]\na = ["simulator/echo"]\n',
    "[providers]\nsimulator = { seed = 7 }\n[admin]\nrecent = 7\n",
]
BAD = [
    ("[server]\nlissten = 1\n", "server.lissten"),
    ("models = 7\n", "models"),
    ("[models]\na = ['nobody/x']\n", "models.a.targets[0]"),
    ("[admin]\nrecent = -1\n", "admin.recent"),
    ("= nonsense", ""),
    ("a" * 1000, ""),
    ("[" * 5000, ""),
    ("[providers.simulator]\nspeed = 3\n", "providers.simulator.speed"),
]


@pytest.mark.parametrize("text", GOOD)
def test_a_text_that_would_do_is_said_to(house, text):
    async def work():
        async with house.open() as gate:
            assert await house.Admin(gate).tell("config/validate", {"text": text}) == {"ok": True, "errors": []}

    run(work())


@pytest.mark.parametrize(("text", "path"), BAD)
def test_one_that_would_not_is_told_where_and_why(house, text, path):
    async def work():
        async with house.open() as gate:
            said = await house.Admin(gate).tell("config/validate", {"text": text})
            assert said["ok"] is False
            assert said["errors"][0]["path"] == path
            assert said["errors"][0]["message"]

    run(work())


@pytest.mark.parametrize(
    "name", ["./evil.py", "../evil.py", "/tmp/evil.py", "bedrock", "json", "os", "tollhouse_bedrock"]
)
def test_a_posted_text_imports_and_runs_nothing(house, tmp_path, name):
    mark = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(mark)!r}, 'w')\nclass Evil: pass\n")

    async def work():
        async with house.open(folder=tmp_path) as gate:
            before, edition = set(sys.modules), gate.edition
            for text in (f'plugins = ["openai", "{name}"]\n', f'[providers.x]\nkind = "{name}"\n'):
                said = await house.Admin(gate).tell("config/validate", {"text": text})
                assert said["ok"] is False, said
            assert not mark.exists()
            assert gate.edition is edition
            assert not {one for one in set(sys.modules) - before if "evil" in one or "bedrock" in one}

    run(work())


def test_a_posted_text_reads_no_variable_that_the_file_does_not_name(house, monkeypatch):
    monkeypatch.setenv("TEST_CANARY_VARIABLE", "canary-of-the-environment")
    monkeypatch.setenv("TEST_NAMED_VARIABLE", "slow/one")
    config = house.CONFIG.replace('slow = ["slow/one"]', 'slow = ["${TEST_NAMED_VARIABLE}"]')

    async def work():
        async with house.open(config=config, environ=os.environ) as gate:
            admin = house.Admin(gate)
            said = await admin.tell("config/validate", {"text": '[models]\na = ["${TEST_CANARY_VARIABLE}"]\n'})
            assert "missing environment variable" in said["errors"][0]["message"]
            assert "canary-of" not in str(said)
            text = '[providers]\nslow = {}\n[models]\na = ["${TEST_NAMED_VARIABLE}"]\n'
            assert (await admin.tell("config/validate", {"text": text}))["ok"]

    run(work())


def test_the_difference_names_what_the_file_would_change_and_masks_secrets(house, tmp_path):
    async def work():
        async with house.open(folder=tmp_path) as gate:
            text = house.CONFIG.replace(CANARY, "sk-fake-canary-of-another") + STORE
            text = text.replace("tokens_per_second = 0", "tokens_per_second = 5") + "[admin]\nrecent = 7\n"
            (tmp_path / "gateway.toml").write_text(text)
            said = await house.Admin(gate).ask("config/diff")
            changed = {one["path"]: (one["old"], one["new"]) for one in said["changed"]}
            assert changed == {
                "keys.ci.secret": ("••••", "••••"),
                "providers.simulator.tokens_per_second": ("0", "5"),
                "admin.recent": (None, "7"),
            }
            (tmp_path / "gateway.toml").write_text("= nonsense")
            said = await house.Admin(gate).ask("config/diff", status=409)
            assert said["error"]["code"] == "config_refused"

    run(work())


def test_a_reload_takes_the_file_over_and_a_bad_file_is_refused_with_its_errors(house, tmp_path):
    file = tmp_path / "gateway.toml"

    async def work():
        async with house.open(folder=tmp_path) as gate:
            admin = house.Admin(gate)
            file.write_text(house.CONFIG.replace("echo =", "parrot =") + STORE)
            assert (await admin.tell("config/reload"))["edition"] == 2
            assert (await Client(gate).post(house.CHAT, house.asks("parrot"))).status == 200
            for text in ("= nonsense", house.CONFIG + STORE + "[sevrer]\n", house.CONFIG.replace("echo", "echo2", 1)):
                file.write_text(text if "echo2" not in text else text + STORE + "[admin]\nrecent = 0\n")
                said = await admin.tell("config/reload", status=409)
                assert said["error"]["code"] == "config_refused"
                assert said["error"]["errors"]
                assert (await Client(gate).post(house.CHAT, house.asks("parrot"))).status == 200
            assert (await admin.ask("state"))["edition"] == 2
            actions = [one["action"] for one in (await admin.ask("audit"))["items"]]
            assert actions == ["config.reloaded", *["config.refused"] * 3]
            # what was there before is still there
            assert (await admin.ask("requests"))["items"]

    run(work())
