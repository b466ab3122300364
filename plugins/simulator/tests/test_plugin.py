"""The plugin and the settings of `[providers.simulator]`."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest
from tollhouse import ConfigError, NoSettings, Provider, ProviderError, Route
from tollhouse.config.convert import validate
from tollhouse.neutral import Chat
from tollhouse_simulator import SimulatedProvider, Simulator, SimulatorSettings
from tollhouse_simulator.answers import MODELS
from tollhouse_simulator.faults import Fault

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_entry_point_offers_the_kind_simulator():
    (point,) = [point for point in entry_points(group="tollhouse.plugins") if point.name == "simulator"]
    assert point.load() is Simulator
    assert Simulator(NoSettings()).providers() == {"simulator": SimulatedProvider}


def test_it_is_a_provider_of_the_neutral_form(account):
    assert isinstance(account().provider, Provider)
    assert account().provider.speaks == ()


def test_settings_are_read_as_spoken():
    table = {"ttft": "1s", "tokens_per_second": 20, "faults": "status=503 rate=0.2", "models": {"gpt-4o": "demo"}}
    settings = validate(SimulatorSettings, table, "providers.simulator")
    assert (settings.ttft, settings.tokens_per_second) == (1.0, 20.0)
    assert validate(SimulatorSettings, {"ttft": "off"}, "providers.simulator").ttft == 0


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"sed": 1}, "seed"),
        ({"faults": "statsu=503"}, "status"),
        ({"models": {"gpt-4o": "dmo"}}, "demo"),
        ({"tokens_per_second": -1}, "providers.simulator.tokens_per_second"),
        ({"tokens": 1_000_000}, "providers.simulator.tokens"),
    ],
)
def test_wrong_settings_are_refused_at_start_up(table, words):
    with pytest.raises(ConfigError, match=r"providers\.simulator") as raised:
        validate(SimulatorSettings, table, "providers.simulator")
    assert words in str(raised.value)


def test_failure_never_raises(account):
    error = account().provider.failure(503, {}, b"")
    assert (error.kind, error.status) == ("overloaded", 503)


def test_closing_is_quiet(account, run):
    run(account().provider.close())


def test_other_requests_than_chat_and_embeddings_are_refused(account, run):
    attempt = account().attempt(Chat(messages=[]))
    attempt.request.route = Route("POST", "/", "passthrough")
    with pytest.raises(ProviderError, match="chat and embedding requests only") as raised:
        run(account().provider.send(attempt))
    assert raised.value.status == 404


@pytest.mark.parametrize(
    "name", [*SimulatorSettings.__struct_fields__, *Fault.__struct_fields__, *MODELS, "x-simulate"]
)
def test_every_setting_fault_and_model_is_in_the_readme(name):
    assert f"`{name}" in README
