"""What GET /metrics says of what happened, read by Prometheus' own parser."""

import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tollhouse import ConfigError, ProviderError, hookimpl
from tollhouse.config import parse
from tollhouse.events import DemandRefused, PluginError, StoreChanged, TargetDown, TargetUp
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing.upstream import sse
from tollhouse_metrics.families import FAMILIES
from tollhouse_metrics.text import CONTENT_TYPE

CONFIG = """
undeclared_models = true
plugins = ["openai", "metrics"]
providers.up = {{ kind = "openai", base_url = "{url}", api_key = "sk-fake-canary-provider" }}
[models]
fast = ["up/gpt-x"]
{more}
"""
USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "three small words"}, "finish_reason": "stop"}
WHOLE = {"id": "c", "object": "chat.completion", "created": 1, "model": "x", "choices": [CHOICE], "usage": USAGE}


def chunk(delta, finish=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": [choice], **more}


STREAM = sse(
    chunk({"role": "assistant", "content": "three"}),
    chunk({"content": " small"}),
    chunk({"content": " words"}, "stop"),
    {**chunk({}), "choices": [], "usage": USAGE},
)


def asks(model="fast", **more):
    return {"model": model, "messages": [{"role": "user", "content": "a canary prompt"}], **more}


class Page:
    """A page, parsed."""

    def __init__(self, body):
        self.text = body.decode()
        self.samples = [one for family in text_string_to_metric_families(self.text) for one in family.samples]

    def __call__(self, name, **labels):
        """The sum of the samples that have these labels; None when there are none."""
        found = [s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items()]
        return sum(found) if found else None

    def values(self, label):
        return {s.labels[label] for s in self.samples if label in s.labels}


async def read(gate, **headers):
    response = await Client(gate).get("/metrics", headers)
    assert response.status == 200, response.body
    assert response.headers["content-type"] == CONTENT_TYPE
    return Page(response.body)


def page_after(work, more="", *plugins):
    """What is said after `work(gate, client, upstream)`."""

    async def whole():
        async with Upstream() as up, gateway(CONFIG.format(url=up.url + "/v1", more=more), *plugins) as gate:
            await work(gate, Client(gate), up)
            return await read(gate)

    return run(whole())


def test_an_answer_is_counted_with_its_target_tokens_and_times():
    async def work(gate, client, up):
        up.answer(WHOLE)
        up.answer(STREAM)
        assert (await client.post("/v1/chat/completions", asks())).status == 200
        assert (await client.post("/v1/chat/completions", asks(stream=True))).status == 200

    page = page_after(work)
    done = {"model": "fast", "dialect": "openai", "task": "chat", "outcome": "completed", "status": "2xx"}
    target = {"model": "fast", "provider": "up", "target_model": "gpt-x"}
    genai = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "up", "gen_ai_request_model": "gpt-x"}
    assert page("tollhouse_requests_total", **done) == 2
    assert page("tollhouse_attempts_total", **target, state="won", error="") == 2
    assert page("tollhouse_tokens_total", **target, bucket="input") == 20
    assert page("tollhouse_tokens_total", **target, bucket="output") == 6
    assert page("tollhouse_unpriced_attempts_total", **target) == 2
    assert page("tollhouse_cost_usd_total") is None
    assert page("gen_ai_client_token_usage_sum", **genai, gen_ai_token_type="input") == 20
    assert page("gen_ai_client_operation_duration_seconds_count", **genai) == 2
    assert page("tollhouse_request_duration_seconds_count", model="fast") == 2
    for streamed in ("time_to_first_token", "time_per_output_token"):
        assert page(f"gen_ai_server_{streamed}_seconds_count", **genai) == 1
    assert page("tollhouse_first_content_seconds_count") == 1
    assert page("tollhouse_requests_in_flight") == 0
    assert page("tollhouse_target_up", provider="up", target_model="gpt-x") == 1
    assert page("tollhouse_edition") == page("tollhouse_store_up") == page("tollhouse_workers") == 1
    assert page("process_resident_memory_bytes") > 1e6


def test_buckets_grow_to_the_count():
    async def work(gate, client, up):
        up.answer(WHOLE)
        await client.post("/v1/chat/completions", asks())

    page = page_after(work)
    buckets = [s.value for s in page.samples if s.name == "tollhouse_request_duration_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 1
    tokens = {s.labels["le"]: s.value for s in page.samples if s.name == "gen_ai_client_token_usage_bucket"}
    assert (tokens["1"], tokens["4"], tokens["16"]) == (0, 1, 1)


def test_what_fails_and_what_is_refused_is_told_apart():
    async def work(gate, client, up):
        up.answer({"error": {"message": "sk-fake-canary-echo", "code": "sk-fake-canary-code"}}, 500)
        assert (await client.post("/v1/chat/completions", asks())).status >= 500
        assert (await client.post("/v1/chat/completions", asks("nobody/knows"))).status == 404

    page = page_after(work)
    assert page("tollhouse_requests_total", outcome="failed", model="fast", status="5xx") == 1
    assert page("tollhouse_requests_total", outcome="rejected", model="other", status="4xx") == 1
    assert page("tollhouse_errors_total", code="model_not_found") == 1
    assert page("tollhouse_attempts_total", state="failed") == 1
    assert "canary" not in page.text


def test_a_caller_who_leaves_is_counted_and_no_longer_in_flight():
    async def work(gate, client, up):
        up.answer([sse(chunk({"content": "three"}), done=False), 20.0])
        async with client.stream("/v1/chat/completions", asks(stream=True)) as stream:
            async for _ in stream.chunks():
                break
            assert (await read(gate))("tollhouse_requests_in_flight", state="answering") == 1
            await stream.leave()

    page = page_after(work)
    assert page("tollhouse_requests_total", outcome="disconnected") == 1
    assert page("tollhouse_requests_in_flight") == 0


@pytest.mark.slow
def test_ten_thousand_invented_models_are_one_label():
    async def work(gate, client, up):
        up.answer(WHOLE)
        for number in range(10_000):
            await client.post("/v1/chat/completions", asks(f"up/model-{number}" if number % 2 else f"m{number}"))

    page = page_after(work, "[store]\nurl = 'memory:'\nledger = false\n")
    assert page.values("model") == {"other"}
    assert page.values("target_model") <= {"gpt-x", "other"}
    assert page("tollhouse_requests_total", model="other") == 10_000
    assert len(page.samples) < 200


class Listens:
    """A plugin that says something of every request, another word each time."""

    name = "listens"

    @hookimpl
    async def settle(self, exchange):
        exchange.labels["listens"] = f"waited {exchange.started:.3f} s"


def test_no_label_has_more_values_than_it_may():
    names = [f"model{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(60)]
    models = "\n".join(f'{name} = ["up/{name}"]' for name in names)

    async def work(gate, client, up):
        up.answer(WHOLE)
        for name in names:
            assert (await client.post("/v1/chat/completions", asks(name))).status == 200
        for name in names:
            gate.emit(PluginError(at=1.0, plugin=name, hook="admit", why="sk-fake-canary"))

    page = page_after(work, models + "\n[metrics]\nmax_values = 20\n", Listens)
    for label in ("model", "target_model", "plugin", "gen_ai_request_model"):
        assert 10 < len(page.values(label)) <= 21
        assert "other" in page.values(label)
    assert page("tollhouse_requests_total") == 60
    assert page("tollhouse_plugin_results_total", plugin="listens", result="waited") == 60


def test_limits_targets_plugins_and_the_store_have_their_series():
    async def work(gate, client, up):
        gate.emit(DemandRefused(at=1.0, key="rate_limit:key:canary", id="x"))
        gate.emit(DemandRefused(at=1.0, key="budget:team:canary", id="x", shadow=True))
        gate.emit(TargetDown(at=5.0, target="up/gpt-x", why="canary", until=9.0))
        gate.emit(PluginError(at=1.0, plugin="cache", hook="answer", why="canary"))
        gate.emit(StoreChanged(at=1.0, up=False, why="canary"))
        page = await read(gate)
        assert page("tollhouse_target_up", provider="up", target_model="gpt-x") == 0
        gate.emit(TargetUp(at=6.0, target="up/gpt-x"))

    page = page_after(work)
    assert page("tollhouse_demands_refused_total", plugin="rate_limit", shadow="false") == 1
    assert page("tollhouse_demands_refused_total", plugin="budget", shadow="true") == 1
    assert page("tollhouse_plugin_errors_total", plugin="cache", hook="answer") == 1
    assert page("tollhouse_target_up", provider="up", target_model="gpt-x") == 1
    assert "canary" not in page.text


def test_cost_is_in_usd_and_cached_answers_save():
    more = '[prices.targets]\n"up/gpt-x" = { input = 10, output = 20, usd_per_request = 0.001 }\n[cache]\nttl = "1h"\n'

    async def work():
        async with Upstream() as up:
            text = CONFIG.format(url=up.url + "/v1", more=more)
            async with gateway(text.replace('"metrics"]', '"metrics", "prices", "cache"]')) as gate:
                up.answer(WHOLE)
                for _ in range(3):
                    assert (await Client(gate).post("/v1/chat/completions", asks(temperature=0))).status == 200
                return await read(gate)

    page = run(work())
    assert page("tollhouse_cost_usd_total", model="fast", bucket="input") == pytest.approx(0.0001)
    assert page("tollhouse_cost_usd_total", model="fast", bucket="output") == pytest.approx(0.00006)
    assert page("tollhouse_cost_usd_total", model="fast", bucket="request") == pytest.approx(0.001)
    assert page("tollhouse_saved_usd_total", model="fast") == pytest.approx(0.00232)
    assert page("tollhouse_plugin_results_total", plugin="cache", result="hit") == 2


def test_a_reload_counts_on_and_knows_new_names(tmp_path):
    async def work(gate, client, up):
        up.answer(WHOLE)
        await client.post("/v1/chat/completions", asks())
        fresh = CONFIG.format(url=up.url + "/v1", more='later = ["up/gpt-y"]\n[store]\nurl = "memory:"\n')
        await gate.reload(parse(fresh, {}, path=tmp_path / "gateway.toml"))
        await client.post("/v1/chat/completions", asks())
        await client.post("/v1/chat/completions", asks("later"))
        broken = parse(fresh + '[metrics]\npath = "/v1/chat/completions"\naccess = "nobody"\n', {}, path=tmp_path / "g")
        with pytest.raises(ConfigError):
            await gate.reload(broken)

    page = page_after(work)
    assert page("tollhouse_requests_total", model="fast") == 2
    assert page("tollhouse_requests_total", model="later") == 1
    assert page("tollhouse_edition") == 2
    assert page("tollhouse_reloads_total", result="done") == 1
    assert page("tollhouse_reloads_total", result="refused") == 1


def test_teams_and_hooks_are_counted_when_asked_for():
    async def work(gate, client, up):
        up.answer(WHOLE)
        for secret in ("sk-fake-canary-search", "sk-fake-canary-other"):
            await client.post("/v1/chat/completions", asks(), {"authorization": f"Bearer {secret}"})

    class Knows:
        name = "knows"

        @hookimpl
        async def authenticate(self, exchange):
            from tollhouse import Principal

            team = exchange.headers["authorization"].rpartition("-")[2]
            return Principal(key="canary-key", user="canary-user", team=team, access="viewer")

    text = "[metrics]\nteams = true\nhooks = true\naccess = 'public'\n"
    page = page_after(work, text, Knows)
    assert page("tollhouse_team_requests_total", team="search", outcome="completed") == 1
    assert page("tollhouse_team_tokens_total", team="search", bucket="output") == 3
    assert page("tollhouse_hook_calls_total", plugin="knows", hook="authenticate") == 2
    assert page("tollhouse_hook_seconds_total", plugin="knows", hook="authenticate") > 0
    assert "canary" not in page.text


def test_who_may_read_them():
    class Knows:
        name = "knows"

        @hookimpl
        async def authenticate(self, exchange):
            from tollhouse import Principal

            access = exchange.headers.get("authorization", "").removeprefix("Bearer ")
            return Principal(key="k", access=access) if access else None

    async def statuses(more, *plugins):
        async with gateway(CONFIG.format(url="http://127.0.0.1:9/v1", more=more), *plugins) as gate:
            client = Client(gate)
            words = ("", "caller", "viewer", "admin")
            headers = [{"authorization": f"Bearer {word}"} if word else {} for word in words]
            return [(await client.get("/metrics", one)).status for one in headers]

    assert run(statuses("")) == [200, 200, 200, 200]
    assert run(statuses("", Knows)) == [401, 403, 200, 200]
    assert run(statuses('[metrics]\naccess = "caller"\n', Knows)) == [401, 200, 200, 200]
    assert run(statuses('[metrics]\naccess = "public"\n', Knows)) == [200, 200, 200, 200]
    assert run(statuses('[metrics]\naccess = "admin"\n')) == [403, 403, 403, 403]


def test_the_readme_tells_every_metric_with_its_labels(request):
    text = (request.path.parents[1] / "README.md").read_text()
    told = {
        name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in re.findall(r"^\| `(\w+)` \|(.*?)\|", text, re.M)
    }
    assert {name: family.labels for name, family in FAMILIES.items()} == {
        name: labels for name, labels in told.items() if name in FAMILIES
    }


def test_errors_of_providers_are_counted_by_their_kind():
    class Breaks:
        name = "breaks"

        @hookimpl
        async def dispatch(self, exchange, attempt):
            raise ProviderError("canary", kind="overloaded", code="no_target")

    async def work(gate, client, up):
        await client.post("/v1/chat/completions", asks())

    page = page_after(work, "", Breaks)
    assert page("tollhouse_attempts_total", state="failed", error="overloaded") == 1
    assert json.dumps(page.text).count("canary") == 0
