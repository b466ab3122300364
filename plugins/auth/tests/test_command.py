"""`tollhouse keys` as a person uses it."""

import json
import re
import stat

import pytest
from tollhouse.cli import main
from tollhouse.testing import Client, gateway, run


@pytest.fixture
def keys(house, shared_url, tmp_path, capsys, monkeypatch):
    """Runs `tollhouse keys ...` in a folder with a gateway.toml: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOLLHOUSE_PEPPER", raising=False)
    (tmp_path / "polite.py").write_text(POLITE)
    text = house.CONFIG.replace('"auth"]', '"auth", "./polite.py", "./parrot.py"]').replace(
        f'pepper = "{house.PEPPER}"', ""
    )
    text = text.replace("[providers.echo]", "[providers.parrot]").replace("echo/", "parrot/")
    (tmp_path / "parrot.py").write_text(PARROT)
    (tmp_path / "gateway.toml").write_text(text + f'\n[store]\nurl = "{shared_url}"\n')

    def command(*words):
        code = main(["keys", *words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


POLITE = """
from tollhouse import hookimpl


class Polite:
    Level = list[str] | str

    @hookimpl
    async def admit(self, exchange):
        exchange.response_headers["x-tollhouse-polite"] = str([s.value for s in exchange.settings("polite")])
"""

PARROT = """
from tollhouse import SimpleProvider


class Parrot(SimpleProvider):
    async def generate(self, request):
        yield "hi"
"""


def secret_in(text):
    found = re.findall(r"^  (th-\S{51})$", text, re.MULTILINE)
    assert len(found) == 1
    return found[0]


def calls(house, tmp_path, *secrets):
    """The statuses that a gateway of this folder gives these keys, and its last answer."""

    async def scene():
        async with gateway((tmp_path / "gateway.toml").read_text(), folder=tmp_path) as gate:
            answers = [
                await Client(gate, house.bearer(one)).post("/v1/chat/completions", house.asks()) for one in secrets
            ]
            return [answer.status for answer in answers], answers[-1]

    return run(scene())


def test_a_key_is_made_shown_once_used_rotated_and_revoked(house, keys, tmp_path):
    code, out, err = keys(
        *("create", "--name", "web", "--team", "search", "--user", "Wendy", "--tag", "a", "--tag", "b"),
        *("--models", "fast, fast-mini", "--routes", "chat", "--dialects", "openai", "--expires", "90d"),
    )
    assert (code, err) == (0, "")
    secret = secret_in(out)
    assert "This secret is shown once" in out
    assert re.search(r"team +search\n +user +Wendy\n +tags +a, b\n +models +fast, fast-mini\n", out)

    code, out, _ = keys("list")
    assert secret not in out
    line = next(line for line in out.splitlines() if line.startswith("web"))
    assert re.match(r"web +th-[a-z0-9]{10}… +search +Wendy +member +fast, fast-mini +\d{4}-\d\d-\d\d +active", line)
    assert re.search(r"^ci +in the file +search", out, re.MULTILINE)

    _, out, _ = keys("rotate", "web", "--grace", "1h")
    assert "The old secret works until 20" in out
    fresh = secret_in(out)
    assert calls(house, tmp_path, secret, fresh)[0] == [200, 200]
    code, out, _ = keys("revoke", "web")
    assert (code, "revoked" in out) == (0, True)
    assert calls(house, tmp_path, secret, fresh)[0] == [401, 401]


def test_json_is_for_programs(keys):
    _, out, _ = keys("create", "--name", "web", "--role", "admin", "--json")
    made = json.loads(out)
    assert (made["name"], made["role"], made["routes"], made["secret"][:3]) == ("web", "admin", [], "th-")
    _, out, _ = keys("list", "--json")
    assert [(one["name"], one["origin"], one["secret"]) for one in json.loads(out)] == [
        ("ci", "file", None),
        ("web", "store", None),
    ]
    _, out, _ = keys("rotate", "web", "--grace", "0", "--json")
    assert len(json.loads(out)["secrets"]) == 1
    _, out, _ = keys("revoke", "web", "--json")
    assert json.loads(out)["state"] == "revoked"


def test_any_plugins_setting_can_be_given_as_toml(house, keys, tmp_path):
    _, out, _ = keys("create", "--name", "web", "--set", 'polite=["please", "thanks"]')
    statuses, answer = calls(house, tmp_path, secret_in(out))
    assert (statuses, answer.headers["x-tollhouse-polite"]) == ([200], "[['please', 'thanks']]")


@pytest.mark.parametrize("shared_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["create", "--name", "ci"], "`ci` stands in gateway.toml already"),
        (["create", "--name", "a b"], "up to 64 letters"),
        (["create", "--name", "x" * 65], "at most length|<= 64"),
        (["create", "--name", "x", "--team", "serach"], 'There is no team `serach`. Did you mean "search"?'),
        (["create", "--name", "x", "--models", "fest"], 'There is no model `fest`. Did you mean "fast"?'),
        (["create", "--name", "x", "--routes", "chats"], 'Did you mean "chat"?'),
        (["create", "--name", "x", "--dialects", "opneai"], 'Did you mean "openai"?'),
        (["create", "--name", "x", "--budget", "20 USD/day"], "`budget` is not loaded"),
        (["create", "--name", "x", "--rate-limit", "60 requests/minute"], "`rate_limit` is not loaded"),
        (["create", "--name", "x", "--set", "polite=please"], "A text needs quotes of its own."),
        (["create", "--name", "x", "--set", "polite=7"], "keys.x.polite"),
        (["create", "--name", "x", "--set", "polite"], "is not PLUGIN=TOML"),
        (["create", "--name", "x", "--set", 'auth={role="admin"}'], "is a field of the key itself"),
        (["create", "--name", "x", "--expires", "soon"], "Write 90d, 2027-01-31"),
        (["create", "--name", "x", "--expires", "2020-01-01"], "is in the past"),
        (["create", "--name", "x", "--user", "ci#anna"], 'no "#"'),
        (["revoke", "ci"], "stands in gateway.toml; change it there"),
        (["rotate", "ci"], "stands in gateway.toml; change it there"),
        (["revoke", "nobody"], "The store holds no key `nobody`. `tollhouse keys list` shows them all."),
        (["rotate", "nobody"], "The store holds no key `nobody`"),
        (["rotate", "nobody", "--grace", "long"], "--grace"),
        (["list", "-c", "absent.toml"], "absent.toml does not exist"),
    ],
)
def test_a_mistake_is_one_sentence_that_says_what_to_do(keys, words, problem):
    code, out, err = keys(*words)
    assert (code, out) == (1, "")
    assert re.search(problem, err) if "|" in problem else problem in err
    assert "Traceback" not in err
    assert "x " not in keys("list")[1]


def test_a_second_key_of_a_name_and_a_rotation_of_a_revoked_one_are_refused(keys):
    keys("create", "--name", "web")
    assert "There is a key `web` already" in keys("create", "--name", "web")[2]
    keys("revoke", "web")
    assert "is revoked; make a new one" in keys("rotate", "web")[2]


def test_keys_in_memory_are_refused_and_so_is_a_gateway_that_asks_nobody(keys, tmp_path, shared_url):
    text = (tmp_path / "gateway.toml").read_text()
    (tmp_path / "gateway.toml").write_text(text.replace(shared_url, "memory:"))
    assert "forgotten when this command ends" in keys("create", "--name", "web")[2]
    open_ = text.replace('"auth", ', "").replace("[auth]", "")
    (tmp_path / "gateway.toml").write_text(open_)
    assert 'does not list "auth"' in keys("create", "--name", "web")[2]


def test_the_pepper_is_made_once_for_its_owner_alone(keys, tmp_path, shared_url):
    keys("create", "--name", "web")
    [pepper] = tmp_path.rglob("pepper")
    assert stat.S_IMODE(pepper.stat().st_mode) == 0o600
    assert len(pepper.read_text().strip()) == 64
    assert [one.name for one in pepper.parent.iterdir() if one.name.startswith(".pepper")] == []
    before = pepper.read_bytes()
    keys("create", "--name", "web2")
    assert pepper.read_bytes() == before


def test_a_pepper_of_the_environment_is_used_and_another_one_is_noticed(house, keys, tmp_path, monkeypatch):
    monkeypatch.setenv("TOLLHOUSE_PEPPER", "short")
    assert "$TOLLHOUSE_PEPPER must have at least 16 characters" in keys("list")[2]
    monkeypatch.setenv("TOLLHOUSE_PEPPER", "the pepper of the environment")
    _, out, _ = keys("create", "--name", "web")
    assert calls(house, tmp_path, secret_in(out))[0] == [200]
    assert not list(tmp_path.rglob("pepper"))
    monkeypatch.setenv("TOLLHOUSE_PEPPER", "another one, by mistake")
    for words in (["create", "--name", "x"], ["list"], ["rotate", "web"]):
        assert "made with another pepper" in keys(*words)[2]
