"""One line a request, whole, without prompts, whatever callers write and however files are moved."""

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import ConfigError
from tollhouse.events import RequestEnded
from tollhouse.testing import Client, Served, gateway, run
from tollhouse_access_log.file import File
from tollhouse_access_log.line import line
from tollhouse_access_log.writer import Writer

CONFIG = """
plugins = ["openai", "access_log"]
providers.simulator = {{ ttft = "off", tokens_per_second = 0 }}
[access_log]
path = "{path}"
max_size = "{size}"
keep = 2
"""


def ended(**more):
    said = {"at": 1.0, "id": "req_1", "request_id": "r", "outcome": "completed", "status": 200}
    return RequestEnded(**{**said, "dialect": "openai", "task": "chat", **more})


def asks(text="a prompt nobody may read", model="simulator/echo"):
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def lines(path):
    return [json.loads(one) for one in path.read_text().splitlines()]


def test_every_request_is_one_line_with_what_it_was_and_without_its_prompt(tmp_path):
    path = tmp_path / "logs" / "access.jsonl"

    async def work():
        async with gateway(CONFIG.format(path=path, size="1 MiB")) as gate:
            client = Client(gate)
            await client.post("/v1/chat/completions", asks(), {"authorization": "Bearer sk-fake-canary"})
            await client.post("/v1/chat/completions", asks(model="nobody/knows"))

    run(work())
    first, second = lines(path)
    assert (first["outcome"], first["status"], first["target"]) == ("completed", 200, "simulator/echo")
    assert (second["outcome"], second["code"]) == ("rejected", "model_not_found")
    assert first["tokens"]["output"] > 0
    assert "nobody may read" not in path.read_text()
    assert "canary" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_a_reload_writes_each_request_once_and_to_the_new_file(tmp_path):
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"

    async def work():
        from tollhouse.config import parse

        async with gateway(CONFIG.format(path=before, size="1 MiB")) as gate:
            await Client(gate).post("/v1/chat/completions", asks())
            text = CONFIG.format(path=after, size="1 MiB") + '[store]\nurl = "memory:"\n'
            await gate.reload(parse(text, {}, path=tmp_path / "gateway.toml"))
            await Client(gate).post("/v1/chat/completions", asks())

    run(work())
    assert (len(lines(before)), len(lines(after))) == (1, 1)


def test_a_file_that_cannot_be_written_refuses_the_configuration(tmp_path):
    async def work():
        async with gateway(CONFIG.format(path=tmp_path, size="1 MiB")):
            pass

    with pytest.raises(ConfigError, match=r"access_log\.path"):
        run(work())


@given(st.text(), st.text())
def test_whatever_a_caller_writes_is_within_one_line(model, user):
    data = line(ended(model=model, user=user))
    assert data.count(b"\n") == 1
    assert len(data.decode().splitlines()) == 1 or "\x85" in model + user
    assert json.loads(data)["outcome"] == "completed"


def test_files_are_put_aside_when_they_are_full_and_the_oldest_goes(tmp_path):
    path = tmp_path / "log"
    file = File(path, 100, 2)
    for number in range(10):
        file.write(b"%030d\n" % number)
    file.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    kept = b"".join((tmp_path / name).read_bytes() for name in ("log.2", "log.1", "log"))
    assert [int(one) for one in kept.split()] == list(range(3, 10))


def test_a_file_that_was_moved_away_is_made_anew(tmp_path):
    path = tmp_path / "log"
    file = File(path, 1000, 2)
    file.write(b"one\n")
    path.rename(tmp_path / "moved")
    file.write(b"two\n")
    file.close()
    assert ((tmp_path / "moved").read_bytes(), path.read_bytes()) == (b"one\n", b"two\n")


def test_several_writers_rotate_one_file_without_losing_or_mixing_lines(tmp_path):
    path = tmp_path / "log"

    def write(who):
        file = File(path, 2000, 100)
        for number in range(200):
            file.write(f"{who} {number:04d}\n".encode())
        file.close()

    threads = [threading.Thread(target=write, args=(who,)) for who in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = [one for file in tmp_path.iterdir() for one in file.read_text().splitlines()]
    assert sorted(written) == sorted(f"{who} {number:04d}" for who in "abcd" for number in range(200))


def test_a_place_that_hangs_holds_nobody_up_and_tells_what_it_lost(monkeypatch):
    monkeypatch.setattr("tollhouse_access_log.writer.ROOM", 5)
    gate, written = threading.Event(), []

    class Stuck:
        def write(self, data):
            gate.wait(10)
            written.append(data)

        def close(self):
            pass

    writer = Writer(Stuck())
    for _ in range(100):
        writer.put(ended())
    gate.set()
    writer.put(ended())
    writer.close()
    said = [json.loads(one) for one in b"".join(written).splitlines()]
    assert sum(one.get("lost", 0) for one in said) + sum("id" in one for one in said) == 101
    assert any("lost" in one for one in said)


@pytest.mark.slow
def test_a_served_gateway_logs_to_its_output(tmp_path):
    import httpx

    config = 'plugins = ["openai", "access_log"]\nproviders.simulator = {}\n'
    with Served(tmp_path, config) as served:
        httpx.post(f"{served.url}/v1/chat/completions", json=asks())
        served.wait_for('"outcome":"completed"')
