"""Real processes: one and two workers, a reload through the supervisor, and no secret in any answer."""

import json
import time

import httpx
import pytest
from tollhouse.testing import Served
from tollhouse_admin.routes import ROUTES

pytestmark = pytest.mark.slow

CANARIES = {
    "TEST_UPSTREAM_KEY": "sk-canary-upstream-0123456789abcdef",
    "TEST_CALLER_KEY": "sk-canary-caller-0123456789abcdef",
    "TEST_SECRET_ADDRESS": "http://127.0.0.1:9/canary-of-an-address",
}
CONFIG = """
plugins = ["openai", "admin"]
[server]
workers = {workers}
drain = "5s"
[providers.openai]
api_keys = ["${{TEST_UPSTREAM_KEY}}"]
base_url = "${{TEST_SECRET_ADDRESS}}"
[providers.simulator]
ttft = "off"
tokens_per_second = {pace}
[models]
{model} = ["simulator/echo"]
away = ["openai/gpt-fake"]
[keys.ci]
secret = "${{TEST_CALLER_KEY}}"
"""


class Desk:
    """An operator at a served gateway; every connection is a new one, so that any worker may answer."""

    def __init__(self, served):
        self.url = served.url
        token = (served.folder / ".tollhouse" / "admin-token").read_text().strip()
        self.headers = {"authorization": f"Bearer {token}", "connection": "close"}
        self.answers = []

    def ask(self, path, status=200, method="GET", **more):
        response = httpx.request(method, f"{self.url}/admin/v1/{path}", headers=self.headers, timeout=30, **more)
        self.answers.append(response.text + str(response.headers))
        assert response.status_code == status, response.text
        return response.json()

    def chat(self, model="echo", **more):
        body = {"model": model, "messages": [{"role": "user", "content": "hi there"}], **more}
        headers = {"connection": "close", "authorization": f"Bearer {CANARIES['TEST_CALLER_KEY']}"}
        return httpx.post(f"{self.url}/v1/chat/completions", json=body, headers=headers, timeout=30)


@pytest.mark.parametrize("workers", [1, 2])
def test_operators_see_and_steer_all_workers_and_read_no_secret(tmp_path, workers):
    config = CONFIG.format(workers=workers, pace=0, model="echo")
    with Served(tmp_path, config, CANARIES) as served:
        desk = Desk(served)
        until = time.monotonic() + 10
        while len(desk.ask("state")["workers"]) < workers:
            assert time.monotonic() < until
        pids = {one["pid"] for one in desk.ask("state")["workers"]}
        assert pids == set(served.workers)
        for _ in range(12):
            assert desk.chat().status_code == 200
        assert desk.chat("away").status_code == 502
        rows = desk.ask("requests?filter=model:echo")["items"]
        assert len(rows) == 12
        assert len({row["worker"] for row in rows}) <= workers
        desk.ask(f"requests/{rows[0]['id']}")
        assert desk.ask("state")["today"]["requests"] == 13

        desk.ask("targets/drain", method="POST", json={"target": "simulator/echo"})
        assert {desk.chat().status_code for _ in range(8)} == {503}
        desk.ask("targets/resume", method="POST", json={"target": "simulator/echo"})
        assert {desk.chat().status_code for _ in range(8)} == {200}

        (tmp_path / "gateway.toml").write_text(config.replace("echo = [", "parrot = ["))
        changed = {one["path"] for one in desk.ask("config/diff")["changed"]}
        assert any(path.startswith("models.parrot") for path in changed)
        assert not any(path.startswith(("server", "providers", "keys")) for path in changed)
        assert desk.ask("config/reload", method="POST")["edition"] == 2
        until = time.monotonic() + 20
        while {one["edition"] for one in desk.ask("state")["workers"]} != {2}:
            assert time.monotonic() < until
        assert {desk.chat("parrot").status_code for _ in range(8)} == {200}

        (tmp_path / "gateway.toml").write_text(config + "[sevrer]\n")
        said = desk.ask("config/reload", status=409, method="POST")
        assert said["error"]["errors"][0]["path"] == "sevrer"
        (tmp_path / "gateway.toml").write_text(config.replace('drain = "5s"', 'drain = "5s"\nengine = "uvicorn"'))
        desk.ask("config/reload", status=409, method="POST")
        assert {desk.chat("parrot").status_code for _ in range(4)} == {200}

        for route in ROUTES:
            if route.method == "GET" and not route.path.endswith("/events"):
                path = route.path.replace("{id}", rows[0]["id"]).removeprefix("/admin/v1/")
                httpx_answer = httpx.get(f"{served.url}/admin/v1/{path}", headers=desk.headers, timeout=30)
                desk.answers.append(httpx_answer.text)
        events = events_of(desk, served)
        assert served.stop() == 0
        everything = "".join(desk.answers) + events + served.output
        token = desk.headers["authorization"].removeprefix("Bearer ")
        assert [name for name, canary in CANARIES.items() if canary in everything] == []
        assert "canary-of-an-address" not in everything
        assert token not in everything
    assert not any(canary.encode() in file.read_bytes() for canary in CANARIES.values() for file in stored(tmp_path))


def stored(folder):
    return [file for file in (folder / ".tollhouse").iterdir() if file.name != "admin-token"]


def events_of(desk, served):
    """What a reader is told of a request, over a real socket."""
    text = ""
    with httpx.stream("GET", f"{served.url}/admin/v1/events", headers=desk.headers, timeout=30) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        pieces = stream.iter_text()
        text += next(pieces)
        time.sleep(1.0)
        assert desk.chat("parrot").status_code == 200
        while "event: request.ended" not in text:
            text += next(pieces)
    blocks = [block for block in text.split("\n\n") if "event: request.ended" in block]
    assert json.loads(blocks[0].split("data: ")[1])["worker"]
    return text


def test_a_reader_does_not_keep_the_gateway_from_stopping(tmp_path):
    with Served(tmp_path, CONFIG.format(workers=1, pace=0, model="echo"), CANARIES) as served:
        desk = Desk(served)
        with httpx.stream("GET", f"{served.url}/admin/v1/events", headers=desk.headers, timeout=30) as stream:
            pieces = stream.iter_text()
            assert "connected" in next(pieces)
            began = time.monotonic()
            assert served.stop() == 0
            assert time.monotonic() - began < 15
            assert "gateway.draining" in "".join(pieces)
