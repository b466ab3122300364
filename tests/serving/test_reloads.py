"""SIGHUP: a good file serves at once, a bad one never, and no caller notices either."""

import httpx
import pytest
from callers import Load, asks, chat, config, said, wait_until
from tollhouse.testing import Served

pytestmark = pytest.mark.slow


def test_a_good_file_serves_and_bad_ones_are_refused(tmp_path, crew):
    engine, workers = crew
    server = f"workers = {workers}"
    with Served(tmp_path, config(engine, server), {"TARGET": "simulator/echo"}) as gate:
        gate.reload(config(engine, server) + 'late = ["${TARGET}"]\n')
        for _ in range(4):
            assert chat(gate.url, model="late").status_code == 200
        for broken, words in (
            ("plugins = [", "not valid TOML"),
            (config(engine, server) + "[unknown]\n", "unknown"),
            (config(engine, server, plugins=', "nothing"'), 'the plugin "nothing" is not installed'),
            (config(engine, server) + 'lost = ["${NOT_SET}"]\n', "NOT_SET"),
            (config(engine, server, plugins=', "./bad.py"'), "bad.py"),
        ):
            (tmp_path / "bad.py").write_text("1 / 0\n")
            gate.reload(broken, "was refused, the old configuration keeps serving: ")
            gate.wait_for(words)
            assert chat(gate.url, model="late").status_code == 200
        gate.reload(config(engine, server))
        for _ in range(4):
            assert chat(gate.url, model="late").status_code == 404


@pytest.mark.parametrize("workers", [1, 2])
def test_what_only_a_restart_can_change_is_refused(tmp_path, workers):
    server = f"workers = {workers}\n"
    with Served(tmp_path, config("hypercorn", server)) as gate:
        for changed, words in (
            (config("uvicorn", server), "server.engine: hypercorn became uvicorn. A reload cannot change it"),
            (config("hypercorn", "workers = 3"), f"server.workers: {workers} became 3."),
            (config("hypercorn", server, more='[store]\nurl = "sqlite:other.db"\n'), "store.url: was changed."),
            (config("hypercorn", server + 'tls = { cert = "a", key = "b" }'), "server.tls: was switched on."),
        ):
            gate.reload(changed, words)
        assert said(chat(gate.url)) == "one two three"
        gate.reload(config("hypercorn", server + 'header_timeout = "5s"'))


def test_a_listed_plugin_comes_and_goes(tmp_path, engine):
    (tmp_path / "no.py").write_text(
        "from tollhouse import Rejected, hookimpl\n\nclass No:\n    @hookimpl\n    async def admit(self, exchange):\n"
        '        raise Rejected("no", status=403, code="no")\n'
    )
    with Served(tmp_path, config(engine)) as gate:
        gate.reload(config(engine, plugins=', "./no.py"'))
        assert chat(gate.url).status_code == 403
        gate.reload(config(engine))
        assert chat(gate.url).status_code == 200


def test_a_stream_under_way_ends_on_the_configuration_it_began_with(tmp_path, engine):
    with (
        Served(tmp_path, config(engine, pace=10)) as gate,
        httpx.stream("POST", f"{gate.url}/v1/chat/completions", json=asks("a b c d e f g h", stream=True)) as one,
    ):
        lines = one.iter_lines()
        next(lines)
        gate.reload(config(engine).replace('demo = ["simulator/echo"]', 'other = ["simulator/echo"]'))
        assert chat(gate.url).status_code == 404
        assert "data: [DONE]" in list(lines)


def test_a_refusal_by_a_worker_is_taken_back_from_all(tmp_path):
    """A plugin that starts once only: the first worker takes the new file, the second cannot."""
    (tmp_path / "once.py").write_text(
        "import pathlib\nfrom tollhouse import ConfigError, hookimpl\n\nclass Once:\n    @hookimpl\n"
        "    async def startup(self):\n        try:\n            pathlib.Path('taken').touch(exist_ok=False)\n"
        '        except FileExistsError:\n            raise ConfigError("only once", path="once") from None\n'
    )
    with Served(tmp_path, config("hypercorn", "workers = 2")) as gate:
        gate.reload(config("hypercorn", "workers = 2", plugins=', "./once.py"') + 'new = ["demo"]\n', "only once")
        for _ in range(12):
            assert chat(gate.url, model="new").status_code == 404


def test_a_hundred_reloads_under_load_fail_no_call(tmp_path, engine):
    passes(tmp_path, engine, 1, 100)


def test_reloads_of_several_workers_under_load_fail_no_call(tmp_path):
    passes(tmp_path, "hypercorn", 2, 3)


def passes(tmp_path, engine, workers, reloads):
    server = f"workers = {workers}\n"
    texts = [config(engine, server), config(engine, server + "max_headers = 90"), "this is no TOML"]
    with Served(tmp_path, texts[0]) as gate, Load(gate.url, 4) as load, Load(gate.url, 2, stream=True) as streams:
        for number in range(reloads):
            text = texts[(1, 0, 2)[number % 3]]
            gate.reload(text, "was refused" if text == texts[2] else "Reloaded ")
        before = load.done, streams.done
        wait_until(lambda: load.done > before[0] + 10 and streams.done > before[1] + 10)
    assert load.failed == streams.failed == []
    assert gate.process.returncode == 0
    assert "Traceback" not in gate.output


def test_environment_of_the_process_is_what_a_reload_reads(tmp_path):
    with Served(tmp_path, config("hypercorn"), {"LATE_MODEL": "simulator/echo"}) as gate:
        gate.reload(config("hypercorn") + 'late = ["${LATE_MODEL}"]\n')
        assert chat(gate.url, model="late").status_code == 200
