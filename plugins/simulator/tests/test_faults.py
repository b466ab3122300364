"""Every fault, from every place one may ask for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import ProviderError
from tollhouse.neutral import Delta, Embed, End, Failed, Finish, Used, Vectors, fold
from tollhouse_simulator.faults import Fault, FaultError, in_message, parse

KINDS = {
    400: "invalid",
    401: "credentials",
    402: "credentials",
    403: "credentials",
    404: "invalid",
    422: "invalid",
    429: "rate_limit",
    500: "server",
    503: "overloaded",
    504: "server",
    529: "overloaded",
}


def tokens(events):
    return [event for event in events if isinstance(event, Delta)]


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_a_status_fails_with_the_kind_it_means(account, status, kind):
    with pytest.raises(ProviderError, match=f"status {status}") as raised:
        account().reply(f"Hello [[fault: status={status} retry_after=2]]")
    assert (raised.value.kind, raised.value.status, raised.value.retry_after) == (kind, status, 2.0)
    assert raised.value.code


def test_an_error_may_have_a_code_and_a_type_of_its_own(account):
    with pytest.raises(ProviderError) as raised:
        account().reply("[[fault: status=429 code=insufficient_quota type=tokens]]")
    assert (raised.value.code, raised.value.type) == ("insufficient_quota", "tokens")


def test_a_stall_never_answers(account, run):
    simulator = account()
    with pytest.raises(TimeoutError):
        run(asyncio.wait_for(simulator.provider.send(simulator.attempt("[[fault: stall]]")), 86400))


def test_a_stall_after_three_tokens_falls_silent_for_ever(account, run):
    simulator = account()
    seen = []

    async def read():
        reply = await simulator.provider.send(simulator.attempt("a b c d [[fault: stall_after=3]]"))
        async for event in reply.happenings:
            seen.append(event)

    with pytest.raises(TimeoutError):
        run(asyncio.wait_for(read(), 86400))
    assert [event.text for event in tokens(seen)] == ["a", " b", " c"]


def test_a_cut_reply_just_ends(account):
    events = account().events("a b c d [[fault: cut_after=3]]")
    assert [event.text for event in tokens(events)] == ["a", " b", " c"]
    assert not fold(events).complete
    assert not [event for event in events if isinstance(event, Finish | Used | End)]


@pytest.mark.parametrize("after", [4, 1000])
def test_a_fault_beyond_the_answer_strikes_at_its_end(account, after):
    events = account().events("one two three four", "echo?cut_after=" + str(after))
    assert len(tokens(events)) == 4
    assert not [event for event in events if isinstance(event, Finish | Used | End)]


def test_a_fault_without_any_content_strikes_at_the_start(account):
    assert len(account().events("[[fault: cut_after=0]]")) == 2
    assert [type(event).__name__ for event in account(faults="cut_after=0").events(Embed(inputs=[]), "embed")] == [
        "Start"
    ]


def test_an_error_inside_the_reply_ends_it(account):
    *spoken, failed = account().events("a b c [[fault: error_after=2 status=529 code=busy type=overloaded_error]]")
    assert len(tokens(spoken)) == 2
    assert isinstance(failed, Failed)
    error = failed.error
    assert (error.kind, error.status, error.code, error.type) == ("overloaded", 529, "busy", "overloaded_error")


def test_an_error_inside_the_reply_is_a_500_unless_told_otherwise(account):
    failed = account().events("a b c [[fault: error_after=2]]")[-1]
    assert (failed.error.kind, failed.error.status, failed.error.code) == ("server", 500, "server_error")


def test_the_earliest_of_several_ends_wins(account):
    events = account().events("a b c d [[fault: cut_after=3 error_after=1]]")
    assert len(tokens(events)) == 1
    assert isinstance(events[-1], Failed)


def test_a_malformed_reply_is_html_with_status_200(account):
    reply = account().reply("[[fault: malformed]]")
    assert (reply.status, reply.form, reply.dialect) == (200, "body", "openai")
    assert reply.body.startswith(b"<html>")


def test_embeddings_can_be_cut_too(account):
    embed = Embed(inputs=["one"])
    assert not [event for event in account().events(embed, "embed?cut_after=0") if isinstance(event, Vectors)]
    assert isinstance(account().events(embed, "embed?cut_after=1")[-1], Vectors)
    with pytest.raises(ProviderError):
        account().reply(Embed(inputs=["one", "[[fault: status=500]]"]), "embed")


def test_only_the_last_user_message_is_read_for_faults(account):
    from tollhouse.neutral import Chat, Message, Text

    chat = Chat(
        messages=[
            Message(role="user", parts=[Text(text="[[fault: status=500]]")]),
            Message(role="assistant", parts=[Text(text="[[fault: status=500]]")]),
            Message(role="user", parts=[Text(text="and now?")]),
        ]
    )
    assert account().text(chat) == "and now?"


def test_the_message_beats_the_header_the_model_and_the_settings(account):
    simulator = account(faults="status=500")
    header = {"x-simulate": "status=502; retry-after=2"}
    for status, how in {
        504: ("[[fault: status=504]]", "echo?status=503", header),
        502: ("Hello", "echo?status=503", header),
        503: ("Hello", "echo?status=503", {}),
        500: ("Hello", "echo", {}),
    }.items():
        text, model, headers = how
        with pytest.raises(ProviderError) as raised:
            simulator.reply(text, model, headers=headers)
        assert raised.value.status == status


def test_rate_is_a_probability_with_a_repeatable_course(account):
    def course(seed):
        simulator = account(seed=seed, faults="status=503 rate=0.3")
        failed = []
        for _ in range(200):
            try:
                simulator.reply("Hello")
                failed.append(False)
            except ProviderError:
                failed.append(True)
        return failed

    assert course(1) == course(1)
    assert course(1) != course(2)
    assert 30 < sum(course(1)) < 90


def test_a_fault_may_hold_for_the_first_attempts_only(account):
    simulator = account(faults="status=503 attempts=2")
    for number in (1, 2):
        with pytest.raises(ProviderError):
            simulator.reply("Hello", number=number)
    assert simulator.reply("Hello", number=3).form == "happenings"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("status", "status=400"),
        ("status=200", "from 400 to 599"),
        ("status=5e2", "from 400 to 599"),
        ("statsu=503", 'Did you mean "status"?'),
        ("status=503 status=500", "given twice"),
        ("stall=yes", "takes no value"),
        ("cut_after=-1", "from 0 to 1000000"),
        ("retry_after=soon", "retry_after=2 or retry_after=500ms"),
        ("retry_after=-1", "retry_after=2"),
        ("ttft", "ttft=2"),
        ("rate=2", "from 0 to 1"),
        ("rate=nan", "from 0 to 1"),
        ("code=", "needs a word"),
        ("code=<b>", "needs a word"),
        ("tokens=0", "from 1 to 16384"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(account, text, words):
    with pytest.raises(FaultError, match="fault") as raised:
        parse(text)
    assert words in str(raised.value)
    with pytest.raises(ProviderError) as refused:
        account().reply(f"Hello [[fault: {text}]]")
    assert (refused.value.kind, refused.value.status, refused.value.code) == ("invalid", 400, "invalid_fault")


def test_one_grammar_fits_messages_headers_and_model_names():
    wanted = Fault(status=503, retry_after=0.5, rate=0.25)
    for text in (
        "status=503 retry_after=500ms rate=0.25",
        "status=503; retry-after=0.5; rate=.25",
        "status=503&retry_after=0.5s&rate=0.25",
        " status=503,retry_after=0.5,rate=2.5e-1 ",
    ):
        assert parse(text) == wanted
    assert parse("ttft=0 retry_after=0.0") == Fault(ttft=0.0, retry_after=0.0)
    assert parse("") == Fault()


def test_several_directives_in_a_message_add_up():
    assert in_message("[[fault: stall]] x [[fault:code=a]] [[fault]] [[other: b]]").split() == ["stall", "code=a"]


@given(st.text())
def test_any_text_is_read_or_refused(text):
    with suppress(FaultError):
        parse(text)
