"""`tollhouse webhooks`, from the command line, on the store that a gateway left."""

import json

import pytest
from receiving import BODY, CHAT, SECRET, Receiver, config, until
from standardwebhooks import Webhook
from tollhouse.cli import main
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing.upstream import Script

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A folder whose gateway.toml has a webhook that nobody answers at, with one message that was given up."""
    monkeypatch.chdir(tmp_path)

    async def live():
        async with Upstream(Script(410)) as gone, gateway(text(gone.url), folder=tmp_path) as gate:
            await Client(gate).post(CHAT, BODY)
            await until(lambda: gone.requests)
            await until(lambda: gate.feed.recent()[-1][1].__struct_config__.tag == "webhook.disabled")

    run(live())
    (tmp_path / "gateway.toml").write_text(text(NOBODY))
    return tmp_path


def text(url):
    return config(url, 'events = ["request.*"]\n[store]\nurl = "sqlite:state.db"\n')


def said(capsys, *words):
    code = main(["webhooks", *words])
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err
    assert "/hook" not in printed.out + printed.err
    return code, printed.out, printed.err


def test_list_says_where_each_stands(house, capsys):
    code, out, _ = said(capsys, "list")
    assert code == 0
    assert "disabled: it answered 410 Gone" in out
    [one] = json.loads(said(capsys, "list", "--json")[1])
    assert (one["name"], one["enabled"], one["url"]) == ("ops", False, f"{NOBODY}/••••")


def test_log_says_what_became_of_each(house, capsys):
    code, out, _ = said(capsys, "log", "ops")
    assert code == 0
    assert "request.completed" in out
    assert "given up  answered 410" in out
    [one] = json.loads(said(capsys, "log", "ops", "--json", "--limit", "5")[1])
    assert (one["state"], one["status"]) == ("dead", 410)


def test_enable_and_redeliver_are_done_by_the_gateway_that_runs_next(house, capsys):
    assert "ops is enabled." in said(capsys, "enable", "ops")[1]
    assert "was enabled already" in said(capsys, "enable", "ops")[1]
    assert "1 message will be sent again" in said(capsys, "redeliver", "ops", "--dead")[1]
    assert "0 messages" in said(capsys, "redeliver", "ops", "--dead")[1]
    [one] = json.loads(said(capsys, "log", "ops", "--json")[1])
    assert "1 message will" in said(capsys, "redeliver", "ops", one["id"])[1]

    async def live():
        async with Receiver() as up, gateway(text(up.url), folder=house):
            await until(lambda: len(up.messages) == 2)
            return up.ids

    assert run(live()) == [one["id"], one["id"]]


def test_test_says_that_nobody_answers_and_exits_with_one(house, capsys):
    code, out, _ = said(capsys, "test", "ops")
    assert code == 1
    assert out.startswith("ops did not take it: No connection to 127.0.0.1")


def test_secret_makes_one_that_the_reference_library_takes(capsys):
    first, second = said(capsys, "secret")[1].strip(), said(capsys, "secret")[1].strip()
    assert first != second
    assert first.startswith("whsec_")
    Webhook(first)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("test", "nobody"), "There is no webhook `nobody`. There are: ops."),
        (("log", "nobody"), "There is no webhook"),
        (("redeliver", "ops"), "say which message, or --dead"),
        (("redeliver", "ops", "msg_no"), "has no message"),
        (("log", "ops", "--limit", "0"), "at least 1"),
    ],
)
def test_a_mistake_is_one_sentence(house, capsys, words, says):
    code, out, err = said(capsys, *words)
    assert (code, out) == (1, "")
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_a_gateway_without_the_plugin_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text('plugins = ["openai"]\n')
    assert main(["webhooks", "list"]) == 1
    assert 'Add "webhooks" to plugins' in capsys.readouterr().err
