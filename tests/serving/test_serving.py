"""A gateway's start on every engine, what it answers, and what is wrong when it does not start."""

import importlib.util
import socket

import httpx
import pytest
from callers import asks, chat, config, refused, said, without
from tollhouse.testing import Served

pytestmark = pytest.mark.slow


def test_a_chat_and_a_stream(tmp_path, engine):
    with Served(tmp_path, config(engine)) as gate:
        assert said(chat(gate.url)) == "one two three"
        with httpx.stream("POST", f"{gate.url}/v1/chat/completions", json=asks(stream=True)) as response:
            assert [*response.iter_lines()][-2:] == ["data: [DONE]", ""]
        assert httpx.get(f"{gate.url}/readyz").status_code == 200


def test_uvloop_runs_it_where_it_is_installed_and_asyncio_where_not(tmp_path, engine):
    plugin = """
import asyncio
from tollhouse import hookimpl

class Loop:
    @hookimpl
    async def startup(self):
        print("loop:", type(asyncio.get_running_loop()).__module__.partition(".")[0])
"""
    (tmp_path / "loop.py").write_text(plugin)
    text = config(engine, plugins=', "./loop.py"')
    with Served(tmp_path, text) as gate:
        expected = "uvloop" if _installed("uvloop") else "asyncio"
        assert f"loop: {expected}\n" in gate.output
    with Served(tmp_path, text, without(tmp_path, "uvloop")) as gate:
        assert "loop: asyncio\n" in gate.output
        assert said(chat(gate.url)) == "one two three"


def _installed(name):
    return importlib.util.find_spec(name) is not None


@pytest.mark.parametrize(("workers", "missing"), [(1, "uvicorn"), (2, "httptools")])
def test_an_engine_that_is_not_installed_says_what_to_install(tmp_path, workers, missing):
    text = config("uvicorn", f"workers = {workers}")
    complaint = refused(tmp_path, text, without(tmp_path, missing))
    assert complaint.startswith(
        f'tollhouse: server.engine: the engine "uvicorn" needs {missing}, which is not installed.'
    )
    assert "pip install 'tollhouse-core[fast]'" in complaint


def test_an_address_in_use_is_said_so(tmp_path, crew):
    engine, workers = crew
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        complaint = refused(tmp_path, config(engine, f"workers = {workers}"), listen=address)
    assert complaint.startswith(f"tollhouse: server.listen: cannot listen on {address}: Address already in use.")


def test_several_workers_need_a_store_they_share(tmp_path):
    text = config("hypercorn", "workers = 2", more='[store]\nurl = "memory:"\n')
    assert refused(tmp_path, text).startswith("tollhouse: store.url: several workers")


def test_a_plugin_that_refuses_to_start_is_said_once_by_several_workers(tmp_path):
    plugin = "from tollhouse import ConfigError, hookimpl\n\nclass No:\n    @hookimpl\n    async def startup(self):\n"
    (tmp_path / "no.py").write_text(plugin + '        raise ConfigError("not today", path="no")\n')
    text = config("hypercorn", "workers = 2", plugins=', "./no.py"')
    assert refused(tmp_path, text).strip() == "tollhouse: no: not today"
