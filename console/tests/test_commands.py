"""The commands as processes: what they print, when they end, and what they say when something is wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

import pytest
from fake_admin import KEY
from tollhouse_console import access, commands
from tollhouse_console.access import Access
from tollhouse_console.start import start

pytestmark = pytest.mark.slow

PROGRAM = """
import argparse, sys
from tollhouse_console import commands
parser = argparse.ArgumentParser()
getattr(commands, sys.argv[1])(parser)
args = parser.parse_args(sys.argv[2:])
try:
    sys.exit(args.run(args))
except KeyboardInterrupt:
    sys.exit(130)
"""


def launch(*words, **more):
    command = [sys.executable, "-c", PROGRAM, *words]
    environ = {**os.environ, "TOLLHOUSE_ADMIN_KEY": KEY, "TZ": "UTC"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, **more)


def done(*words):
    process = launch(*words)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def followed(fake, many=1):
    """Wait until somebody follows the feed."""
    last = time.monotonic() + 30
    while len(fake.followers) < many:
        assert time.monotonic() < last, "nobody follows"
        time.sleep(0.01)


def ended(fake, id, **more):
    fake.emit("request.started", id=id, model="smart", key="ci", team="search", dialect="openai", task="chat")
    said = {
        "outcome": "completed",
        "status": 200,
        "target": "x/y",
        "seconds": 1.5,
        "first_content": 0.5,
        "cost": 5_000_000,
    }
    fake.emit("request.ended", id=id, **{**said, **more})


def test_tail_prints_a_line_a_request_and_a_line_an_incident(fake):
    process = launch("tail", "--url", fake.url, "--count", "3", "--utc")
    followed(fake)
    ended(fake, "a")
    fake.emit("target.down", target="x/y", why="5 failures")
    ended(fake, "b", outcome="rejected", status=429, code="rate_limit_exceeded", target="")
    out, err = process.communicate(timeout=30)
    first, second, third = out.splitlines()
    assert " ".join(first.split()) == "16:02:11 200 search/ci smart → x/y 500ms 1.50s –/– $0.0050 done"
    assert second.endswith("!  target.down  why 5 failures, target x/y")
    assert "429" in third
    assert third.endswith("rejected: rate_limit_exceeded")
    assert (process.returncode, err) == (0, "")


def test_tail_json_is_an_event_a_line_at_once(fake):
    process = launch("tail", "--url", fake.url, "--json")
    followed(fake)
    ended(fake, "a")
    lines = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [line["type"] for line in lines] == ["request.started", "request.ended"]
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == 130


def test_tail_filters_what_ends(fake):
    process = launch("tail", "--url", fake.url, "--json", "--filter", "status:>=400", "--count", "1")
    followed(fake)
    ended(fake, "a")
    ended(fake, "b", status=502, outcome="failed")
    assert json.loads(process.communicate(timeout=30)[0])["id"] == "b"


def test_tail_ends_quietly_when_its_reader_leaves(fake):
    process = launch("tail", "--url", fake.url)
    followed(fake)
    ended(fake, "a")
    process.stdout.readline()
    process.stdout.close()
    for number in range(20):
        ended(fake, f"b{number}")
        time.sleep(0.01)
    assert process.wait(30) == 0
    assert process.stderr.read() == ""


def test_tail_comes_back_after_a_loss_and_misses_nothing_it_is_sent(fake):
    process = launch("tail", "--url", fake.url, "--count", "2")
    followed(fake)
    ended(fake, "a")
    process.stdout.readline()
    fake.drop()
    assert "again in 1 s" in process.stderr.readline()
    time.sleep(0.3)
    followed(fake)
    ended(fake, "b")
    assert len(process.communicate(timeout=30)[0].splitlines()) == 1
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("tail", "--filter", "tem:x"), 2, "--filter: no field 'tem'; did you mean team?"),
        (("tail", "--url", "http://127.0.0.1:9"), 1, "nothing answers at http://127.0.0.1:9"),
        (("top", "--url", "http://127.0.0.1:9"), 1, "nothing answers at http://127.0.0.1:9"),
        (("top", "--url", "ftp://127.0.0.1"), 1, "is no address; write http://HOST:PORT"),
        (("console",), 1, "the console needs a terminal"),
        (("demo",), 1, "--headless runs the demo without one"),
    ],
)
def test_what_is_wrong_is_one_sentence(words, code, said):
    returned, out, err = done(*words)
    assert (returned, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_wrong_key_is_one_sentence(fake):
    returned, _, err = done("top", "--url", fake.url, "--key", "sk-fake-wrong")
    assert (returned, err) == (1, "tollhouse: This admin key is not known.\n")


def test_top_prints_the_targets_worst_first(fake):
    returned, out, _ = done("top", "--url", fake.url, "--once")
    lines = out.splitlines()
    assert lines[0].startswith("tollhouse  DEGRADED  142 req/s  ttft 380ms/1.90s  err 0.4%  37 in flight  $41.20 today")
    assert [line.split()[:2] for line in lines[2:]] == [
        ["TARGET", "STATE"], ["openai/gpt-4o-mini", "OPEN"], ["gemini/gemini-flash", "DRAINED"],
        ["anthropic/claude-sonnet", "UP"],
    ]  # fmt: skip
    assert returned == 0
    assert "\x1b" not in out


@pytest.mark.parametrize(("by", "first"), [("model", "(none)"), ("team", "(none)"), ("key", "(none)")])
def test_top_adds_up_models_teams_and_keys(fake, by, first):
    fake.answers["budgets"] = {}
    returned, out, _ = done("top", "--url", fake.url, "--once", "--by", by)
    assert (returned, out.splitlines()[2].split()[0]) == (0, by.upper())
    assert out.splitlines()[3] == "(nothing yet)"


def test_top_refreshes_until_interrupted(fake):
    process = launch("top", "--url", fake.url, "--every", "0.2")
    seen = 0
    while seen < 2:
        seen += process.stdout.readline().startswith("tollhouse")
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(30) in (0, 130)
    assert "Traceback" not in process.stderr.read()


def parsed(*words):
    parser = ArgumentParser()
    access.options(parser)
    return parser.parse_args(words)


def test_the_key_is_found_in_the_option_then_the_environment_then_the_token_file(tmp_path):
    (tmp_path / ".tollhouse").mkdir()
    (tmp_path / ".tollhouse" / "admin-token").write_text("sk-fake-token\n")
    environ = {"TOLLHOUSE_ADMIN_KEY": "sk-fake-env", "TOLLHOUSE_URL": "http://gate:1/"}
    assert access.find(parsed("--key", "sk-fake-option"), environ, tmp_path).key == "sk-fake-option"
    assert access.find(parsed(), environ, tmp_path) == Access("http://gate:1", "sk-fake-env", "$TOLLHOUSE_ADMIN_KEY")
    assert access.find(parsed("--url", "gate:2"), {}, tmp_path) == Access(
        "http://gate:2", "sk-fake-token", str(Path(".tollhouse/admin-token"))
    )
    assert access.find(parsed(), {}, tmp_path / "nowhere") == Access(access.URL, "")


def test_an_access_prints_no_key():
    assert "sk-fake" not in repr(Access("http://gate", "sk-fake-secret"))


def test_a_theme_that_is_none_is_told_with_its_neighbour(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert start(Access(), theme="tollhouse-drak") == 2
    assert "did you mean tollhouse-dark?" in capsys.readouterr().err


def test_every_command_says_what_it_does():
    for name in ("console", "top", "tail", "demo"):
        parser = ArgumentParser()
        getattr(commands, name)(parser)
        assert getattr(commands, name).__doc__
        assert all(action.help for action in parser._actions)
