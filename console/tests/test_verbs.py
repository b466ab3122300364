"""Every command, by key, palette and mouse, as an operator would."""

import json

import pytest
from fake_admin import KEY, Fake
from looking import opened, press, run, shown, text, until, until_shown
from tollhouse_console.verbs import VERBS, here
from tollhouse_console.verbs import shown as printed
from tollhouse_console.views.header import SCREENS

pytestmark = pytest.mark.slow


def console(fake, work, size=(110, 34), **more):
    async def go():
        async with opened(fake, size, **more) as (pilot, app):
            await work(pilot, app)

    run(go())


def notices(app):
    return [f"{one.title} {one.message}" for one in app._notifications]


def test_no_key_means_two_things_on_one_screen():
    for name, _, _ in SCREENS:
        keys = [key for verb in here(name) for key in verb.keys]
        assert len(keys) == len(set(keys)), name


def test_a_verb_is_what_its_screen_or_the_console_does(fake):
    async def work(pilot, app):
        for screen, _, _ in SCREENS:
            app.go(screen)
            for verb in here(screen):
                if not verb.name.startswith("screen "):
                    method = f"do_{verb.name.replace(' ', '_')}"
                    assert hasattr(app.view, method) or hasattr(app, method), verb.name

    console(fake, work)


@pytest.mark.parametrize("number", range(1, 7))
def test_digits_brackets_and_clicks_lead_to_every_screen(fake, number):
    name = SCREENS[number - 1][0]

    async def work(pilot, app):
        await press(pilot, str(number))
        assert app.current == name
        await press(pilot, "right_square_bracket")
        assert app.current == SCREENS[number % 6][0]
        await press(pilot, "left_square_bracket")
        assert app.current == name
        await press(pilot, "1" if number > 1 else "2")
        line = shown(app)[1]
        await pilot.click("#tabs", offset=(line.index(f"{number} ") + 2, 0))
        await until(pilot, lambda: app.current == name)

    console(fake, work)


def test_header_figures_lead_to_the_screen_that_explains_them(fake):
    async def work(pilot, app):
        await until_shown(pilot, "$41.20")
        for word, screen in (("DEGRADED", "health"), ("$41.20", "spend"), ("142", "traffic")):
            await pilot.click("#figures", offset=(shown(app)[0].index(word) + 1, 0))
            await until(pilot, lambda screen=screen: app.current == screen)

    console(fake, work)


def test_footer_verbs_can_be_clicked(fake):
    async def work(pilot, app):
        await pilot.click("#foot", offset=(shown(app)[-1].index("pause") + 1, 0))
        await until(pilot, lambda: app.house.traffic.paused)

    console(fake, work)


def test_the_palette_finds_and_runs_a_verb(fake):
    async def work(pilot, app):
        await press(pilot, "colon")
        await press(pilot, *"pause")
        await until_shown(pilot, "Make the table stand still")
        await press(pilot, "enter")
        await until(pilot, lambda: app.house.traffic.paused)

    console(fake, work)


def test_rows_move_by_vim_keys_arrows_and_mouse_and_new_ones_do_not_steal_the_cursor(fake):
    async def work(pilot, app):
        table = app.view.table
        await press(pilot, "j", "down", "j", "k")
        assert table.chosen == "ex-7"
        line = next(n for n, row in enumerate(shown(app)) if row.startswith("▸"))
        for number in range(3):
            fake.emit("request.started", id=f"new-{number}", model="smart", key="new")
        await until(pilot, lambda: app.house.traffic.kept == 11)
        await until_shown(pilot, "3 newer above")
        assert table.chosen == "ex-7"
        assert shown(app)[line].startswith("▸")
        await press(pilot, "g")
        assert table.chosen == ""
        await until_shown(pilot, "new")
        await press(pilot, "G")
        assert table.chosen == "ex-1"
        await press(pilot, "g")
        await pilot.click("#table", offset=(30, 3))
        assert table.chosen == "new-0"

    console(fake, work, size=(110, 11))


def test_enter_opens_the_detail_and_escape_closes_it(fake):
    async def work(pilot, app):
        await press(pilot, "enter")
        await until_shown(pilot, "why: failover")
        await press(pilot, "z")
        await until(pilot, lambda: not app.view.table.region)
        await press(pilot, "escape", "escape")
        await until(pilot, lambda: "why: failover" not in text(app))

    console(fake, work)


def test_pause_counts_what_waits_and_space_follows_again(fake):
    async def work(pilot, app):
        await press(pilot, "space")
        fake.emit("request.started", id="late", model="smart", key="late")
        await until_shown(pilot, "PAUSED · 1 waiting")
        assert "late" not in text(app)
        await press(pilot, "space")
        await until_shown(pilot, "late")

    console(fake, work)


def test_a_filter_holds_while_it_is_typed_and_says_what_is_wrong(fake):
    async def work(pilot, app):
        await press(pilot, "slash", *"tem:web")
        await until_shown(pilot, "did you mean team?")
        await press(pilot, *["backspace"] * 7, *"team:web status:200")
        await press(pilot, "enter")
        await until_shown(pilot, "team:web status:200 · 2 of 8 rows")
        assert "search/ci" not in text(app)
        await press(pilot, "escape")
        await until_shown(pilot, "search/ci")

    console(fake, work)


def test_cancel_asks_names_the_request_and_says_that_it_happened(fake):
    async def work(pilot, app):
        await press(pilot, "c")
        await until_shown(pilot, "Choose a request first")
        await press(pilot, "j", "c")
        await until_shown(pilot, "Cancel the request of web/anna to openai/gpt-4o-mini?")
        await press(pilot, "enter")
        assert fake.asked == []
        await press(pilot, "c")
        await until_shown(pilot, "Cancel the request of")
        await press(pilot, "y")
        await until_shown(pilot, "is cancelled")
        assert fake.asked == [("requests/ex-8/cancel", {})]

    console(fake, work)


def test_an_ended_request_cannot_be_cancelled(fake):
    async def work(pilot, app):
        await press(pilot, "j", "j", "c")
        await until_shown(pilot, "has ended already")
        assert fake.asked == []

    console(fake, work)


def test_copy_takes_the_id_and_on_an_empty_table_the_curl_line(fake):
    async def work(pilot, app):
        await press(pilot, "j", "y")
        assert app.clipboard == "req-8"

    console(fake, work)

    async def empty(pilot, app):
        await press(pilot, "y")
        assert app.clipboard.startswith(f"curl {fake.url}/v1/chat/completions")

    fake.records = []
    console(fake, empty)


def test_export_writes_the_request_to_a_file(fake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def work(pilot, app):
        await press(pilot, "j", "e")
        await until_shown(pilot, "Written to request-req-8.json")

    console(fake, work)
    assert json.loads((tmp_path / "request-req-8.json").read_text())["record"]["id"] == "ex-8"


@pytest.mark.parametrize(
    ("key", "path", "asks", "says"),
    [
        ("d", "targets/drain", "Drain openai/gpt-4o-mini?", "is drained"),
        ("r", "targets/resume", "", "takes requests again"),
        ("t", "targets/test", "", "was tested"),
    ],
)
def test_a_target_is_drained_resumed_and_tested(fake, key, path, asks, says):
    async def work(pilot, app):
        await press(pilot, "2")
        await until_shown(pilot, "next probe in 12s")
        await press(pilot, key)
        if asks:
            await until_shown(pilot, asks)
            assert fake.asked == []
            await press(pilot, "y")
        await until_shown(pilot, says)
        assert fake.asked == [(path, {"target": "openai/gpt-4o-mini"})]

    console(fake, work)


def test_the_spend_chart_is_stacked_by_model_team_and_key_in_turn(fake):
    async def work(pilot, app):
        await press(pilot, "3")
        for word in ("by model", "by team", "by key", "by model"):
            await until_shown(pilot, f"Last 24 hours {word}")
            await until(pilot, lambda: "Loading costs" not in text(app))
            await press(pilot, "b")

    console(fake, work)


def test_a_new_key_shows_its_secret_once(fake):
    async def work(pilot, app):
        await press(pilot, "4", "n")
        await until_shown(pilot, "Make a key")
        await press(pilot, "enter")
        await until_shown(pilot, "name is needed")
        await press(pilot, *"web", "tab", *"blue", "tab", "tab", *"smart,fast", "tab", *"2", "enter")
        await until_shown(pilot, "th-fake-secret-0001")
        await press(pilot, "y")
        assert app.clipboard == "th-fake-secret-0001"
        await press(pilot, "escape")
        await until(pilot, lambda: "th-fake-secret-0001" not in text(app))
        body = {"name": "web", "team": "blue", "models": ["smart", "fast"], "expires": "2026-11-02T16:02:11Z"}
        assert fake.asked == [("keys", body)]

    console(fake, work)


def test_rotate_and_revoke_ask_and_name_the_key(fake):
    async def work(pilot, app):
        await press(pilot, "4")
        await until_shown(pilot, "anna@example")
        await press(pilot, "j", "R")
        await until_shown(pilot, "Rotate the key anna?")
        await press(pilot, "y")
        await until_shown(pilot, "th-fake-secret-0001")
        await press(pilot, "escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await press(pilot, "x")
        await until_shown(pilot, "Revoke the key anna?")
        await press(pilot, "n")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await press(pilot, "x")
        await until_shown(pilot, "Revoke the key anna?")
        await press(pilot, "y")
        await until_shown(pilot, "anna is revoked")
        assert [path for path, _ in fake.asked] == ["keys/anna/rotate", "keys/anna/revoke"]

    console(fake, work)


def test_check_says_what_differs_and_reload_asks(fake):
    async def work(pilot, app):
        await press(pilot, "5", "v")
        await until_shown(pilot, "differs in 1 setting")
        await press(pilot, "L")
        await until_shown(pilot, "It changes max_attempts")
        await press(pilot, "y")
        await until_shown(pilot, "Edition 4 serves")
        assert fake.asked == [("config/reload", {})]

    console(fake, work)


def test_the_playground_streams_an_answer_with_its_time_tokens_and_cost(fake):
    async def work(pilot, app):
        await press(pilot, "6")
        await until(pilot, lambda: app.view.chat.model == "smart")
        await press(pilot, "i", *"Hi 12", "enter")
        await until_shown(pilot, "Plain words come back.")
        await until_shown(pilot, "9 in, 4 out · cost $0.0111")
        [(_, body)] = fake.asked
        assert body["messages"] == [{"role": "user", "content": "Hi 12"}]
        assert (body["model"], body["stream"], body["key"]) == ("smart", True, f"Bearer {KEY}")
        await press(pilot, "escape", "ctrl+n")
        await until_shown(pilot, "Say something to a model")

    console(fake, work)


def test_parameters_and_another_key_go_with_the_question(fake):
    async def work(pilot, app):
        await press(pilot, "6")
        await until(pilot, lambda: app.view.chat.model == "smart")
        for name, value in (
            ("temperature", "0.5"),
            ("most", "64"),
            ("caller", "sk-fake-caller"),
            ("system", "Be brief."),
        ):
            app.view.query_one(f"#{name}").value = value
        await press(pilot, "i", *"Hi", "enter")
        await until_shown(pilot, "come back.")
        [(_, body)] = fake.asked
        assert (body["temperature"], body["max_tokens"], body["key"]) == (0.5, 64, "Bearer sk-fake-caller")
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}
        assert "sk-fake-caller" not in text(app)
        app.view.query_one("#temperature").value = "warm"
        await press(pilot, "i", *"Hi", "enter")
        await until_shown(pilot, "temperature is a number, not warm")

    console(fake, work)


def test_what_the_gateway_refuses_is_told_in_its_words(fake):
    fake.absent = {"targets/drain"}

    async def work(pilot, app):
        await press(pilot, "2")
        await until_shown(pilot, "OPEN")
        await press(pilot, "d", "y")
        await until_shown(pilot, "Nothing is here.")

    console(fake, work)


def test_help_lists_every_verb_and_closes(fake):
    async def work(pilot, app):
        await press(pilot, "question_mark")
        await until_shown(pilot, "esc closes")
        said = "\n".join(" ".join(span.text for span in line) for line in app.screen.query_one("Pane").page.lines)
        for verb in VERBS:
            assert verb.says in said, verb.name
            assert all(printed(key) in said for key in verb.keys)
        await press(pilot, "j", "k", "q")
        await until(pilot, lambda: len(app.screen_stack) == 1)

    console(fake, work, size=(120, 100))


def test_utc_theme_refresh_and_quit(fake):
    async def work(pilot, app):
        await press(pilot, "u")
        await until_shown(pilot, "Times are local")
        await press(pilot, "T")
        await until_shown(pilot, "ansi-light")
        await press(pilot, "escape")
        asked = app.house.answer("state").at
        app.clock = lambda: asked + 5
        await press(pilot, "ctrl+r")
        await press(pilot, "q")
        await until(pilot, lambda: app._exit)

    console(fake, work)


def test_a_lost_gateway_keeps_what_was_seen_and_comes_back(fake):
    async def work(pilot, app):
        fake.refuse = True
        fake.drop()
        await until(pilot, lambda: app.house.line.word in ("lost", "refused"))
        await until_shown(pilot, "again in")
        assert "search/ci" in text(app)
        assert "was ! DEGRADED" in text(app)
        fake.refuse = False
        await press(pilot, "ctrl+r")
        await until(pilot, lambda: app.house.line.word == "live")
        await until(pilot, lambda: "again in" not in text(app))

    console(fake, work)


def test_a_wrong_key_is_told_at_once(fake):
    async def work(pilot, app):
        await until_shown(pilot, "NOT LET IN · This admin key is not known.")

    console(fake, work, key="sk-fake-wrong", live=False)


def test_nobody_listening_is_told_with_a_countdown():
    class Nobody:
        url = "http://127.0.0.1:9"

    async def work(pilot, app):
        await until_shown(pilot, "LOST THE GATEWAY · nothing answers at http://127.0.0.1:9")
        await until_shown(pilot, "Nothing to show until the gateway answers")

    console(Nobody, work, live=False)


def test_names_that_hold_escapes_or_markup_are_only_text():
    with Fake() as fake:
        fake.records[0].update(
            key="\x1b]52;c;aGk=\x07evil", model="[red]bold[/red]", id="ex-99", at=fake.records[-1]["at"] + 9
        )

        async def work(pilot, app):
            await until_shown(pilot, "[red]bold[/red]")
            await press(pilot, "j", "enter")
            await until_shown(pilot, "· [red]bold[/red]")
            assert "\x1b" not in text(app)

        console(fake, work)
