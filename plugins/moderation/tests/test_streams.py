"""Replies in every dialect: whatever edge a stream is split at, what is blocked never leaves and what is masked comes
back."""

import msgspec
import pytest
from tollhouse import ProviderError
from tollhouse.testing import Client, Upstream, gateway, run
from wires import DIALECTS, answer, arguments, asked, body, called, config, path, said, stream

dialects = pytest.mark.parametrize("dialect", DIALECTS)


def splits(text):
    return [[text[:at], text[at:]] for at in range(1, len(text))] + [list(text)]


async def through(up, made, dialect, frames, text="hi"):
    up._scripts.clear()
    up.answer(frames)
    return await Client(made).post(path(dialect, True), asked(dialect, text))


@dialects
def test_a_blocked_term_never_leaves_wherever_a_stream_is_split(dialect):
    text = "So I say: the Forbidden  fruit, Forbidden Fruit. Eat!"

    async def all_of_them():
        rules = '{ check = "terms", terms = ["forbidden fruit"], on = ["output"] }'
        async with Upstream() as up, gateway(config(up.url, rules)) as made:
            for pieces in splits(text):
                response = await through(up, made, dialect, stream(dialect, pieces))
                assert b"Fruit" not in response.body
                if len(pieces) == 2 and len(pieces[0]) > 47:
                    assert response.status == 400, pieces
                    assert b"content_filter" in response.body or dialect in ("anthropic", "gemini")
                    continue
                assert b"blocked by the rule `terms`" in response.body, pieces

    run(all_of_them())


@dialects
def test_a_blocked_term_in_a_whole_reply_is_a_400(dialect):
    async def once():
        rules = '{ check = "terms", terms = ["forbidden fruit"], on = ["output"] }'
        async with Upstream() as up, gateway(config(up.url, rules)) as made:
            up.answer(body(dialect, "the forbidden fruit"))
            response = await Client(made).post(path(dialect, False), asked(dialect, stream=False))
            assert response.status == 400
            assert b"fruit" not in response.body
            assert response.headers["x-should-retry"] == "false"
            assert len(up.requests) == 1

    run(once())


@dialects
def test_what_a_model_says_is_masked_wherever_a_stream_is_split(dialect):
    text = "Write to alice@example.com, or pay with 4111 1111 1111 1111 today."
    want = "Write to <EMAIL_1>, or pay with <CARD_1> today."

    async def all_of_them():
        async with Upstream() as up, gateway(config(up.url, '"pii:mask"')) as made:
            for pieces in splits(text):
                response = await through(up, made, dialect, stream(dialect, pieces))
                assert said(answer(made, dialect, response.body, streamed=True)) == want, pieces
                assert b"4111" not in response.body

    run(all_of_them())


@dialects
def test_a_placeholder_comes_back_as_what_it_stands_for_wherever_a_stream_is_split(dialect):
    text = "Mail <EMAIL_1> and <EMAIL_2>, not <EMAIL_3> or <b>."

    async def all_of_them():
        async with Upstream() as up, gateway(config(up.url, '"pii:mask"')) as made:
            for pieces in splits(text):
                said_up = "a@example.com, b@example.com, a@example.com"
                response = await through(up, made, dialect, stream(dialect, pieces), said_up)
                got = said(answer(made, dialect, response.body, streamed=True))
                assert got == "Mail a@example.com and b@example.com, not <EMAIL_3> or <b>.", pieces
                assert b"<EMAIL_1>, <EMAIL_2>, <EMAIL_1>" in up.requests[-1].body
                assert b"example.com" not in up.requests[-1].body

    run(all_of_them())


@dialects
def test_arguments_of_a_tool_are_checked_whole_and_placeholders_in_them_restored(dialect):
    sent = '{"to":"<EMAIL_1>","about":"\\u003cEMAIL_1\\u003e","body":"x"}'

    async def all_of_them():
        async with Upstream() as up, gateway(config(up.url, '"pii:mask", "secrets:block"')) as made:
            for pieces in splits(sent) if dialect != "gemini" else [[sent]]:
                response = await through(up, made, dialect, called(dialect, pieces), "I am a@example.com")
                got = msgspec.json.decode(arguments(answer(made, dialect, response.body, streamed=True)))
                assert got == {"to": "a@example.com", "about": "a@example.com", "body": "x"}
            leak = '{"to":"x","body":"AKIAQ5RTLMNOPZ2\\u00374XYB"}'
            response = await through(up, made, dialect, called(dialect, [leak[:9], leak[9:]]))
            assert response.status == 400, "a call is held until its arguments were checked"
            assert b"AKIA" not in response.body

    run(all_of_them())


@dialects
def test_a_reply_that_nothing_is_found_in_keeps_its_bytes(dialect):
    async def once():
        rules = '"pii:mask", "secrets:block", { check = "terms", terms = ["fruit"] }'
        async with Upstream() as up, gateway(config(up.url, rules)) as made:
            frames = stream(dialect, ["Hello ", "there, ", "what a fr", "iendly day."])
            response = await through(up, made, dialect, frames)
            assert response.body == b"".join(frames)
            frames = called(dialect, ['{"to":', '"me"}'])
            response = await through(up, made, dialect, frames)
            assert response.body == b"".join(frames)

    run(once())


def test_text_is_held_back_only_as_long_as_it_may_become_a_finding():
    async def once():
        rules = '"pii:mask", "secrets:block", { check = "terms", terms = ["forbidden fruit"] }'
        frames = stream("openai", ["Hello there my friend, ", "this is"])
        async with Upstream() as up, gateway(config(up.url, rules)) as made:
            up.answer([*frames[:3], 3600.0])
            async with Client(made).stream(path("openai", True), asked("openai")) as got:
                read = b""
                async for piece in got.chunks():
                    read += piece
                    if b"friend" in read:
                        return

    run(once(), seconds=10)


def test_after_content_a_block_ends_the_stream_in_an_error_and_without_an_end():
    async def once():
        rules = '{ check = "terms", terms = ["fruit"], on = ["output"] }'
        async with Upstream() as up, gateway(config(up.url, rules)) as made:
            for dialect in DIALECTS:
                response = await through(up, made, dialect, stream(dialect, ["Well then. ", "Eat fruit", " now."]))
                assert response.status == 200
                assert b"Well then." in response.body
                assert b"fruit" not in response.body.replace(b"`terms`", b"")
                with pytest.raises(ProviderError, match="blocked by the rule"):
                    answer(made, dialect, response.body, streamed=True)

    run(once())


def test_a_reply_that_needs_to_be_held_longer_than_may_be_is_refused_and_an_open_rule_lets_it_go():
    async def once(mode):
        rules = f'{{ check = "quality", action = "block", mode = "{mode}" }}'
        async with Upstream() as up, gateway(config(up.url, rules, 'hold = "2 KiB"')) as made:
            response = await through(up, made, "openai", stream("openai", [f"word{n} " for n in range(60)]))
            rows = [msgspec.json.decode(row) for _, row in await made.store.read("moderation")]
            return response, rows

    response, rows = run(once("closed"))
    assert (response.status, response.json()["error"]["code"]) == (502, "too_long_to_check")
    response, rows = run(once("open"))
    assert b"word59" in response.body
    assert [row["result"] for row in rows] == ["not_run"]


def test_a_rule_that_only_tells_holds_nothing_back_and_finds_once_what_was_split():
    async def once():
        async with Upstream() as up, gateway(config(up.url, '"pii:flag", "secrets:shadow"')) as made:
            text = "mail alice@example.com now"
            frames = stream("openai", list(text))
            response = await through(up, made, "openai", frames)
            assert response.body == b"".join(frames)
            [row] = [msgspec.json.decode(row) for _, row in await made.store.read("moderation")]
            assert [(spot["kind"], spot["at"], spot["start"], spot["end"]) for spot in row["spots"]] == [
                ("EMAIL", "0.0", 5, 22)
            ]

    run(once())


def test_placeholders_of_all_parts_of_a_reply_are_told_apart():
    async def once():
        async with Upstream() as up, gateway(config(up.url, '"pii:mask"')) as made:
            choices = [
                {"index": n, "message": {"role": "assistant", "content": f"{name}@b.co"}, "finish_reason": "stop"}
                for n, name in enumerate("ab")
            ]
            up.answer({**body("openai", ""), "choices": choices})
            response = await Client(made).post(path("openai", False), asked("openai", "hi", False, n=2))
            said_each = [one["message"]["content"] for one in response.json()["choices"]]
            assert said_each == ["<EMAIL_1>", "<EMAIL_2>"]

    run(once())
