"""What lives as long as the process: two gateways side by side, reloads, drains, submitted exchanges, owners."""

import asyncio

import msgspec
import pytest
from parts import BODY, CHAT, STREAM, USAGE, WORDS, Observes, Says, Slow, asks, config, words
from tollhouse import ConfigError, Principal, Rejected, Request, hookimpl
from tollhouse.config import parse
from tollhouse.events import ConfigRefused, ConfigReloaded, RequestEnded, RequestStarted
from tollhouse.journey import Collected
from tollhouse.testing import Client, Upstream, gateway, run, sse


class Keys:
    """Authenticates a bearer by name."""

    name = "keys"

    @hookimpl
    async def authenticate(self, exchange):
        given = exchange.headers.get("authorization", "").removeprefix("Bearer ")
        people = {
            "sk-fake-anna": Principal(key="anna", team="search", models=("m",)),
            "sk-fake-root": Principal(key="root", access="admin"),
        }
        return people.get(given)


def bearer(name):
    return {"authorization": f"Bearer sk-fake-{name}"}


def test_two_gateways_live_in_one_process_and_share_nothing():
    async def ask():
        async with Upstream() as a, Upstream() as b:
            a.answer(BODY)
            b.answer(BODY, 500)
            one, two = Observes(), Observes()
            async with gateway(config(a.url), one) as first, gateway(config(b.url), two) as second:
                answers = await asyncio.gather(
                    Client(first).post(CHAT, asks("m")), Client(second).post(CHAT, asks("m"))
                )
                numbers = (first.feed.number, second.feed.number)
        return [answer.status for answer in answers], one.settled, two.settled, numbers

    statuses, one, two, numbers = run(ask())
    assert statuses == [200, 500]
    assert (one, two) == ([("completed", 200)], [("failed", 500)])
    assert numbers == (3, 3)


def test_someone_authenticates_and_all_say_none_is_a_401_before_the_body_is_read():
    async def ask():
        async with Upstream() as up:
            up.answer(BODY)
            async with gateway(config(up.url), Keys()) as made:
                client = Client(made)
                return [
                    await client.post(CHAT, b"{not json"),
                    await client.post(CHAT, asks("m"), bearer("anna")),
                    await client.post(CHAT, asks("a/x"), bearer("anna")),
                    await client.get("/v1/models", bearer("anna")),
                    await client.get("/v1/models/nope", bearer("anna")),
                    await client.post("/v1/chat/completions/", asks("a/x"), bearer("anna")),
                    await client.post("/a/v1/chat/completions", asks("x"), bearer("anna")),
                    await client.get("/v1/files", bearer("root")),
                ]

    stranger, fine, foreign, models, model, around, beside, unlimited = run(ask())
    assert around.status == beside.status == 403
    assert unlimited.status == 200
    assert stranger.status == 401
    assert stranger.json()["error"]["code"] == "invalid_api_key"
    assert fine.status == 200
    assert foreign.status == 404
    assert foreign.json()["error"]["code"] == "model_not_found"
    assert [one["id"] for one in models.json()["data"]] == ["m"]
    assert model.status == 404


def test_a_reload_swaps_at_once_and_exchanges_under_way_finish_on_theirs():
    stops = []

    class Lives:
        name = "lives"

        @hookimpl
        async def shutdown(self):
            stops.append("stopped")

    async def ask():
        async with Upstream() as a, Upstream() as b:
            a.answer([sse(*WORDS, done=False), 0.3, STREAM[len(sse(*WORDS, done=False)) :]])
            b.answer(BODY)
            async with gateway(config(a.url), Lives()) as made:
                client = Client(made)
                slow = asyncio.create_task(client.post(CHAT, asks("m", stream=True)))
                while not a.requests:
                    await asyncio.sleep(0.005)
                await made.reload(parse(config(b.url) + '\n[store]\nurl = "memory:"', {}))
                quick = await client.post(CHAT, asks("m"))
                assert stops == []
                first = await slow
                await asyncio.sleep(0.02)
                assert stops == ["stopped"]
                events = [event for _, event in made.feed.recent()]
        return words(first.body), quick.status, events

    text, status, events = run(ask())
    assert (text, status) == ("Hello", 200)
    assert [event.edition for event in events if isinstance(event, ConfigReloaded)] == [2]


def test_a_bad_reload_is_refused_and_the_old_configuration_keeps_serving():
    async def ask():
        async with Upstream() as up:
            up.answer(BODY)
            async with gateway(config(up.url)) as made:
                with pytest.raises(ConfigError, match="not installed"):
                    await made.reload(parse('plugins = ["no_such_plugin"]', {}))
                response = await Client(made).post(CHAT, asks("m"))
                events = [event for _, event in made.feed.recent()]
        return response.status, events

    status, events = run(ask())
    assert status == 200
    assert len([event for event in events if isinstance(event, ConfigRefused)]) == 1


def test_draining_refuses_new_work_fails_readiness_and_lets_old_work_end():
    async def ask():
        async with Upstream() as up:
            up.answer([sse(*WORDS, done=False), 0.2, STREAM[len(sse(*WORDS, done=False)) :]])
            async with gateway(config(up.url)) as made:
                client = Client(made)
                ready = await client.get("/readyz")
                slow = asyncio.create_task(client.post(CHAT, asks("m", stream=True)))
                while not up.requests:
                    await asyncio.sleep(0.005)
                draining = asyncio.create_task(made.drain(10.0))
                await asyncio.sleep(0)
                unready, health, refused = (
                    await client.get("/readyz"),
                    await client.get("/healthz"),
                    await client.post(CHAT, asks("m")),
                )
                ended = await draining
                return ready, unready, health, refused, ended, await slow

    ready, unready, health, refused, ended, slow = run(ask())
    assert (ready.status, unready.status, health.status) == (200, 503, 200)
    assert unready.json()["reason"] == "draining"
    assert refused.status == 503
    assert "retry-after" in refused.headers
    assert ended
    assert words(slow.body) == "Hello"
    assert b"data: [DONE]" in slow.body


def test_what_does_not_end_in_time_is_cut_off_and_settled():
    async def ask():
        observes = Observes()
        async with Upstream() as up:
            up.answer([sse(*WORDS, done=False), 60.0])
            async with gateway(config(up.url), observes) as made:
                slow = asyncio.create_task(Client(made).post(CHAT, asks("m", stream=True)))
                while not up.requests:
                    await asyncio.sleep(0.005)
                assert not await made.drain(0.05)
            await asyncio.wait([slow])
        return observes

    assert run(ask()).settled[0][0] == "failed"


def test_a_submitted_exchange_passes_the_same_chain_as_a_callers():
    async def ask():
        observes = Observes()
        async with Upstream() as up:
            up.answer(BODY)
            async with gateway(config(up.url), observes, Keys()) as made:
                dialect = made.edition.dialects["openai"]
                route = next(r for r in dialect.routes if r.task == "chat")
                request = Request(msgspec.json.encode(asks("m")), dialect=dialect, route=route)
                sink, refusal = Collected(), Collected()
                exchange = await made.submit(request, Principal(key="judge"), sink, origin="judge")
                missing = Request(msgspec.json.encode(asks("nope")), dialect=dialect, route=route)
                refused = await made.submit(missing, Principal(key="judge"), refusal, origin="judge")
                events = [event for _, event in made.feed.recent()]
        return exchange, sink, refused, refusal, observes, events

    exchange, sink, refused, refusal, observes, events = run(ask())
    assert (exchange.outcome, sink.status, words(sink.body)) == ("completed", 200, "Hello")
    assert exchange.usage.buckets() == {"input": USAGE["prompt_tokens"], "output": USAGE["completion_tokens"]}
    assert (refused.outcome, refusal.status) == ("rejected", 404)
    assert observes.settled == [("completed", 200), ("rejected", 404)]
    assert {event.origin for event in events if isinstance(event, (RequestStarted, RequestEnded))} == {"submit:judge"}


def test_a_cancelled_submit_cancels_the_exchange():
    async def ask():
        observes = Observes()
        text = 'plugins = ["openai"]\n[providers]\nslow = {}\n[models]\nm = ["slow/x"]\n'
        async with gateway(text, Slow, observes) as made:
            dialect = made.edition.dialects["openai"]
            route = next(r for r in dialect.routes if r.task == "chat")
            request = Request(msgspec.json.encode(asks("m", stream=True)), dialect=dialect, route=route)
            submitting = asyncio.create_task(made.submit(request, Principal(), Collected(), origin="test"))
            while not made.in_flight:
                await asyncio.sleep(0.005)
            submitting.cancel()
            await asyncio.wait([submitting])
            assert made.in_flight == []
        return observes.settled

    assert [outcome for outcome, _ in run(ask())] == ["failed"]


def test_a_provider_of_twenty_lines_answers_streamed_and_whole():
    async def ask():
        text = 'plugins = ["openai"]\n[providers]\nsays = {}\n'
        async with gateway(text, Says) as made:
            client = Client(made)
            return await client.post(CHAT, asks("says/any")), await client.post(CHAT, asks("says/any", stream=True))

    whole, stream = run(ask())
    assert words(whole.body) == words(stream.body) == "Hello there"
    assert whole.json()["usage"]["prompt_tokens"] == 7
    assert whole.json()["choices"][0]["finish_reason"] == "stop"


def test_models_are_open_while_none_is_declared_and_closed_when_some_are():
    async def ask(more):
        text = f'plugins = ["openai"]\n{more}\n[providers]\nsays = {{}}\n'
        async with gateway(text, Says) as made:
            return await Client(made).post(CHAT, asks("says/any"))

    assert run(ask("")).status == 200
    assert run(ask('models = { m = ["says/x"] }')).status == 404
    assert run(ask('undeclared_models = true\nmodels = { m = ["says/x"] }')).status == 200


def test_an_id_is_shown_to_its_owner_and_their_team_only():
    async def ask():
        async with gateway('plugins = ["openai"]') as made:
            owners = made.owners
            await owners.bind("file", "f1", Principal(key="anna", team="search"), "openai")
            owner = await owners.check("file", "f1", Principal(key="ben", team="search"))
            for stranger in (Principal(key="anna"), Principal(key="eve", team="web"), Principal()):
                with pytest.raises(Rejected, match="There is no file"):
                    await owners.check("file", "f1", stranger)
            with pytest.raises(Rejected, match="There is no file"):
                await owners.check("file", "f2", Principal(key="anna", team="search"))
            return owner.target

    assert run(ask()) == "openai"


def test_what_a_plugin_keeps_survives_a_reload():
    made_of = []

    async def ask():
        async with gateway('plugins = ["openai"]') as made:
            first = made.keep("breakers", lambda: made_of.append(1) or {"a": 1})
            await made.reload(parse('plugins = ["openai"]\n[store]\nurl = "memory:"', {}))
            return first is made.keep("breakers", dict)

    assert run(ask())
    assert made_of == [1]


def test_background_work_starts_again_after_a_failure_and_ends_with_the_gateway():
    runs = []

    async def ask():
        async with gateway('plugins = ["openai"]') as made:

            async def work():
                runs.append(1)
                await asyncio.sleep(3600)

            made.spawn(work, name="each")
            made.spawn(work, name="one", each="cluster")
            while len(runs) < 2:
                await asyncio.sleep(0.005)

    run(ask())
    assert len(runs) == 2


def test_endpoints_need_the_access_they_declare():
    from tollhouse import Endpoint

    class Extra:
        name = "extra"

        @hookimpl
        def endpoints(self):
            async def app(scope, receive, send):
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": scope["path"].encode()})

            return [Endpoint("/open", app, access="public"), Endpoint("/admin/v1/{name}", app, access="admin")]

    async def ask():
        async with gateway('plugins = ["openai"]', Keys(), Extra()) as made:
            client = Client(made)
            return [
                (await client.get(path, headers)).status
                for path in ("/open", "/admin/v1/x")
                for headers in ({}, bearer("anna"), bearer("root"))
            ]

    assert run(ask()) == [200, 200, 200, 401, 403, 200]


def test_a_plugin_that_cannot_be_made_is_one_sentence():
    class Wants:
        def __init__(self, settings):
            self.settings = settings

        @hookimpl
        async def admit(self, exchange): ...

    async def ask():
        async with gateway('plugins = ["openai"]', Wants):
            pass

    with pytest.raises(ConfigError, match='plugins: the plugin "wants" cannot be made: TypeError'):
        run(ask())


def test_a_plugin_that_refuses_to_start_refuses_the_configuration():
    class Refuses:
        name = "refuses"

        @hookimpl
        async def startup(self):
            raise ConfigError("no pepper was given", path="refuses.pepper")

    async def ask():
        async with gateway('plugins = ["openai"]', Refuses()):
            pass

    with pytest.raises(ConfigError, match=r"refuses\.pepper: no pepper"):
        run(ask())
