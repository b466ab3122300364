"""Keys over real processes: four workers, real clients, the command line beside them, and no secret anywhere."""

import contextlib
import http.client
import io
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai
import pytest
from google import genai
from tollhouse.cli import main
from tollhouse.testing import Served

pytestmark = pytest.mark.slow

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "hi"}]
PEPPER = "canary-pepper-of-the-environment"

WITNESS = '''
"""Prints every event, as a sink of events would."""

import msgspec
from tollhouse import hookimpl


class Witness:
    @hookimpl
    async def startup(self, gateway):
        gateway.feed.listen(lambda event: print("event " + msgspec.json.encode(event).decode(), flush=True))
'''

CONFIG = """
plugins = ["openai", "anthropic", "gemini", "auth", "./witness.py"]

[server]
workers = {workers}

[store]
url = "{url}"
bound = "1s"

[providers.simulator]
ttft = "off"
tokens_per_second = 0

[models]
echo = ["simulator/echo"]

[keys.file-key]
secret = "sk-canary-of-the-file"
expires = 2020-01-01T00:00:00Z
"""


class House:
    """A served gateway, and `tollhouse keys` beside it."""

    def __init__(self, folder, url, workers):
        self.folder = folder
        (folder / "witness.py").write_text(WITNESS)
        self.environ = {"TOLLHOUSE_PEPPER": PEPPER}
        self.served = Served(folder, CONFIG.format(url=url, workers=workers), self.environ)

    def __enter__(self):
        self.served.__enter__()
        return self

    def __exit__(self, *_):
        assert self.served.stop() == 0, self.served.output
        assert "Traceback" not in self.served.output

    @property
    def url(self):
        return self.served.url

    def keys(self, *words):
        """`tollhouse keys` in this process, which is none of the gateway's."""
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.chdir(self.folder):
            assert main(["keys", *words, "--json"]) == 0
        return json.loads(said.getvalue())

    def code(self, *words):
        """`tollhouse keys` as a process of its own: its exit code."""
        command = [sys.executable, "-m", "tollhouse", "keys", *words]
        environ = {**os.environ, **self.environ}
        return subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, check=False).returncode

    def status(self, secret, path=CHAT):
        """By a connection of its own, so that any worker may answer."""
        return self.ask("POST", path, {"authorization": f"Bearer {secret}"}, {"model": "echo", "messages": HI})[0]

    def ask(self, method, path, headers, body=None):
        """Status, headers and body of an answer, over a connection of its own."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, str(answer.headers), answer.read().decode()


@pytest.fixture(scope="module")
def house(shared):
    with pytest.MonkeyPatch.context() as patch, House(*shared, 4) as served:
        patch.setenv("TOLLHOUSE_PEPPER", PEPPER)
        yield served


def test_what_changes_on_the_command_line_holds_on_every_worker_within_a_second(house):
    made = house.keys("create", "--name", "cli")
    with ThreadPoolExecutor(8) as pool:

        def all_say(secret, status, seconds):
            """Whether 40 fresh connections in a row were told so before the time was over."""
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                if set(pool.map(lambda _: house.status(secret), range(40))) == {status}:
                    return True
            return False

        assert all_say(made["secret"], 200, 10), "a new key works at once"
        rotated = house.keys("rotate", "cli", "--grace", "0")
        assert all_say(rotated["secret"], 200, 10)
        assert all_say(made["secret"], 401, 10), "ten times the promised second"
        house.keys("revoke", "cli")
        assert all_say(rotated["secret"], 401, 10)
        assert set(pool.map(lambda _: house.status(rotated["secret"]), range(100))) == {401}


def test_keys_made_at_once_by_several_processes_are_one(house):
    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(lambda _: house.code("create", "--name", "same"), range(3))) == [0, 1, 1]
    assert [one["name"] for one in house.keys("list")].count("same") == 1


def openai_call(url, key):
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        return client.chat.completions.create(model="echo", messages=HI).choices[0].message.content


def anthropic_call(url, key):
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as client:
        return client.messages.create(model="echo", messages=HI, max_tokens=9).content[0].text


def gemini_call(url, key):
    client = genai.Client(api_key=key, http_options={"base_url": url})
    return client.models.generate_content(model="echo", contents="hi").text


def test_the_official_clients_raise_their_own_error_with_what_to_do(house):
    good, over, gone = (
        house.keys("create", "--name", name, "--expires", when)["secret"]
        for name, when in (("good", "1h"), ("over", "1s"), ("gone", "1h"))
    )
    house.keys("revoke", "gone")
    time.sleep(1.0)
    for call, error in (
        (openai_call, openai.AuthenticationError),
        (anthropic_call, anthropic.AuthenticationError),
        (gemini_call, genai.errors.ClientError),
    ):
        assert call(house.url, good) == "hi"
        for key, words in (
            (gone, r"The API key `gone` was revoked\. Ask whoever runs this gateway for a new one\."),
            (over, r"The API key `over` expired on 20\d\d-"),
            ("sk-canary-of-the-file", r"The API key `file-key` expired on 2020-01-01 at 00:00 UTC"),
            (good[:-1], "This API key is not known here. Check that it was copied whole"),
            ("sk-nobody", "No valid API key was given"),
        ):
            with pytest.raises(error, match=words) as raised:
                call(house.url, key)
            assert getattr(raised.value, "status_code", None) == 401 or raised.value.code == 401


def test_changes_are_told_by_one_worker_and_no_canary_is_anywhere(house, shared):
    """The last test of this gateway: it is stopped, and everything it left is searched."""
    folder, url = shared
    before, house.served.output = house.served.output, ""
    root = house.keys("create", "--name", "root", "--role", "admin")["secret"]
    headers = {"authorization": f"Bearer {root}"}
    body = {"model": "echo", "messages": HI}
    made = json.loads(house.ask("POST", "/admin/v1/keys", headers, {"name": "web"})[2])["secret"]
    rotated = json.loads(house.ask("POST", "/admin/v1/keys/web/rotate", headers)[2])["secret"]
    answers = [house.ask("GET", "/admin/v1/keys", headers), (0, "", json.dumps(house.keys("list")))]
    forged = made[:-1] + ("a" if made[-1] != "a" else "b")
    for secret in (made, rotated, forged, "sk-canary-of-the-file", "sk-canary-of-nobody"):
        for given in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}, {"x-goog-api-key": secret}):
            for path in (CHAT, "/v1/messages", "/v1beta/models/echo:generateContent", "/admin/v1/keys", "/nowhere"):
                answers.append(house.ask("POST", path, given, body))
        answers.append(house.ask("POST", f"{CHAT}?key={secret}", {}, body))
    house.keys("revoke", "web")
    house.served.wait_for('"type":"key.revoked"', 30)
    time.sleep(1.0)
    events = re.findall(r'"type":"(key\.\w+)".*?"key":"(\w+)"', house.served.output)
    assert events == [("key.created", "root"), ("key.created", "web"), ("key.rotated", "web"), ("key.revoked", "web")]
    house.served.stop()

    secrets = [made, rotated, root, "sk-canary-of-the-file", "sk-canary-of-nobody", PEPPER]
    parts = {part for secret in secrets for part in (secret, secret[14:])}
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".toml"}
    kept["what was printed"] = (before + house.served.output).encode()
    kept["what was answered"] = "\n".join(head + body for _, head, body in answers).encode()
    if url.startswith("redis"):
        port = url.split(":")[2].split("/")[0]
        kept["redis"] = b"".join(_dump(port))
        assert b"root" in kept["redis"]
    assert any(b"key:web" in data for where, data in kept.items() if where != "what was printed"), "it does search"
    for where, data in kept.items():
        for part in parts:
            assert part.encode() not in data, where


def _dump(port):
    """Every value of a Redis, whatever its type, and its keys."""
    cli = ["redis-cli", "-p", port]
    for key in subprocess.run([*cli, "--scan"], capture_output=True, check=True).stdout.splitlines():
        yield key
        for command in (["get"], ["hgetall"], ["smembers"]):
            yield subprocess.run([*cli, *command, key], capture_output=True, check=True).stdout
        for command, tail in (("lrange", ["0", "-1"]), ("zrange", ["0", "-1"]), ("xrange", ["-", "+"])):
            yield subprocess.run([*cli, command, key, *tail], capture_output=True, check=True).stdout


def test_a_gateway_that_anybody_could_reach_does_not_start_unless_it_is_told_to(tmp_path):
    text = 'plugins = ["openai"]\n[providers.simulator]\n[server]\nlisten = "0.0.0.0:0"\n'
    command = [sys.executable, "-m", "tollhouse", "serve"]
    (tmp_path / "gateway.toml").write_text(text)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "server.listen: 0.0.0.0:0 can be reached from other machines" in done.stderr
    assert "open_to_everyone = true" in done.stderr
    for more in (text + "open_to_everyone = true\n", text.replace('"openai"', '"openai", "auth"')):
        (tmp_path / "gateway.toml").write_text(more)
        check = [sys.executable, "-m", "tollhouse", "check", "-q"]
        assert subprocess.run(check, cwd=tmp_path, timeout=30, check=False).returncode == 0
