"""What each model answers."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw
from tollhouse import ProviderError
from tollhouse.neutral import Chat, Format, Message, Text, Thinking, Tool, ToolCall, ToolResult
from tollhouse_simulator.counting import split

WEATHER = Tool(
    name="weather",
    schema=Raw(
        b'{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}'
    ),
)
TIME = Tool(name="time", schema=Raw(b'{"type":"object","properties":{}}'))


def said(*texts, **more):
    roles = ("user", "assistant")
    messages = [Message(role=roles[n % 2], parts=[Text(text=text)]) for n, text in enumerate(texts)]
    return Chat(messages=messages, **more)


def calls(answer, choice=0):
    return [part for part in answer.choices[choice].parts if isinstance(part, ToolCall)]


def test_echo_repeats_the_last_user_message_exactly(account):
    text = "  Grüße,\n\n  𝄞 [[brackets]]  and\ttabs \n"
    assert account().text(said("first", "an answer", text)) == text


def test_echo_says_so_when_there_is_nothing_to_repeat(account):
    chat = Chat(messages=[Message(role="system", parts=[Text(text="Be kind.")])])
    assert account().text(chat) == "There is no message from the user to repeat."


def test_lorem_is_as_long_as_the_setting_says(account):
    answer = account(tokens=75).answer("Write.", "lorem")
    assert answer.usage.output == 75
    assert answer.choices[0].finish == "stop"
    assert answer.choices[0].parts[0].text.endswith(".")


def test_an_answer_longer_than_max_output_ends_with_length(account):
    answer = account().answer(said("Write.", max_output=10), "lorem")
    assert answer.usage.output == 10
    assert answer.choices[0].finish == "length"
    assert len(split(answer.choices[0].parts[0].text)) == 10


def test_an_answer_of_exactly_max_output_ends_with_stop(account):
    assert account(tokens=10).answer(said("Write.", max_output=10), "lorem").choices[0].finish == "stop"


def test_a_max_output_of_nothing_gives_no_parts(account):
    choice = account().answer(said("Hello", max_output=0)).choices[0]
    assert (choice.parts, choice.finish) == ([], "length")


@pytest.mark.parametrize(
    ("question", "word"), [("How do I write a plugin?", "hook"), ("retry on failure", "cut_after")]
)
def test_demo_answers_about_what_it_is_asked(account, question, word):
    assert word in account().text(question, "demo")


def test_demo_picks_among_its_texts_when_asked_about_nothing_it_knows(account):
    texts = {account(seed=seed).text("zzz", "demo") for seed in range(30)}
    assert len(texts) == 5


def test_a_stop_sequence_ends_the_text_before_it(account):
    answer = account().answer(said("one two STOP three END four", stop=["END", "STOP"]))
    assert answer.choices[0].parts[0].text == "one two "
    assert answer.choices[0].finish == "stop"


def test_the_thinker_thinks_first_and_counts_its_thoughts_apart(account):
    answer = account().answer("Why?", "thinker")
    thinking, text = answer.choices[0].parts
    assert isinstance(thinking, Thinking)
    assert isinstance(text, Text)
    assert thinking.signature
    assert answer.usage.reasoning == len(split(thinking.text))
    assert answer.usage.output == len(split(text.text))


def test_effort_and_budget_bound_the_thinking(account):
    simulator = account()
    lengths = [simulator.answer(said("Why?", effort=effort), "thinker").usage.reasoning for effort in ("low", "high")]
    assert 0 < lengths[0] < lengths[1]
    assert simulator.answer(said("Why?", effort="none"), "thinker").usage.reasoning == 0
    assert simulator.answer(said("Why?", thinking_budget=5), "thinker").usage.reasoning == 5


def test_thinking_counts_against_max_output(account):
    answer = account().answer(said("Why?", max_output=4), "thinker")
    assert [type(part) for part in answer.choices[0].parts] == [Thinking]
    assert answer.choices[0].finish == "length"


def test_tools_calls_two_offered_tools_at_once_with_arguments_that_fit(account):
    answer = account().answer(said("Weather?", tools=[WEATHER, TIME]), "tools")
    weather, time = calls(answer)
    assert answer.choices[0].finish == "tool_calls"
    assert (weather.name, time.name) == ("weather", "time")
    assert weather.id != time.id
    assert json.loads(weather.arguments)["city"] == "Berlin"
    assert json.loads(time.arguments) == {}


def test_tools_calls_one_at_a_time_when_parallel_calls_are_forbidden(account):
    chat = said("Weather?", tools=[WEATHER, TIME], parallel_tools=False)
    assert [call.name for call in calls(account().answer(chat, "tools"))] == ["weather"]


def test_tools_answers_in_words_once_the_tools_have_answered(account):
    chat = said("Weather?", tools=[WEATHER])
    chat.messages += [
        Message(role="assistant", parts=[ToolCall(id="call_1", name="weather", arguments="{}")]),
        Message(role="tool", parts=[ToolResult(call_id="call_1", parts=[Text(text="sunny")])]),
    ]
    answer = account().answer(chat, "tools")
    assert answer.choices[0].parts[0].text == "The tools answered: sunny."
    assert answer.choices[0].finish == "stop"


def test_tools_calls_again_when_the_user_has_spoken_since(account):
    chat = said("Weather?", tools=[WEATHER])
    chat.messages += [
        Message(role="tool", parts=[ToolResult(call_id="call_1", parts=[Text(text="sunny")])]),
        Message(role="user", parts=[Text(text="And tomorrow?")]),
    ]
    assert calls(account().answer(chat, "tools"))


def test_tools_without_tools_asks_for_some(account):
    assert "Offer me tools" in account().text("Hello", "tools")


def test_any_model_calls_a_tool_when_it_must(account):
    required = account().answer(said("Hi", tools=[WEATHER, TIME], tool_choice="required"), "echo")
    named = account().answer(said("Hi", tools=[WEATHER, TIME], tool_choice="tool:time"), "lorem")
    assert [call.name for call in calls(required)] == ["weather"]
    assert [call.name for call in calls(named)] == ["time"]


def test_no_model_calls_a_tool_when_it_may_not(account):
    assert not calls(account().answer(said("Hi", tools=[WEATHER], tool_choice="none"), "tools"))
    assert not calls(account().answer(said("Hi", tools=[WEATHER]), "demo"))


def test_naming_a_tool_that_is_not_offered_is_invalid(account):
    with pytest.raises(ProviderError, match='"moon", which is not offered') as raised:
        account().reply(said("Hi", tools=[WEATHER], tool_choice="tool:moon"))
    assert (raised.value.kind, raised.value.status) == ("invalid", 400)


def test_any_model_fills_in_a_schema(account):
    schema = Raw(
        b'{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"]}'
    )
    text = account().text(said("Who?", format=Format(kind="schema", name="person", schema=schema)), "demo")
    person = json.loads(text)
    assert person["name"] == "Ada Lovelace"
    assert isinstance(person["age"], int)


def test_any_model_answers_with_an_object_when_json_is_asked_for(account):
    text = account().text(said('Say "hi"', format=Format(kind="json")))
    assert json.loads(text) == {"answer": 'Say "hi"'}


@pytest.mark.parametrize("schema", [b'{"type":"object","properties":5}', b'{"$ref":"#/$defs/Gone"}', b"{"])
def test_a_schema_that_nothing_fits_is_invalid(account, schema):
    with pytest.raises(ProviderError, match="person") as raised:
        account().reply(said("Who?", format=Format(kind="schema", name="person", schema=Raw(schema))))
    assert (raised.value.kind, raised.value.status, raised.value.code) == ("invalid", 400, "invalid_json_schema")


def test_several_choices_differ_and_take_turns(account):
    simulator = account()
    answer = simulator.answer(said("Write.", n=3), "lorem")
    assert len({choice.parts[0].text for choice in answer.choices}) == 3
    assert answer.usage.output == 600
    spoken = [event.choice for event in simulator.events(said("Write.", n=3), "lorem") if hasattr(event, "text")]
    assert spoken[:6] == [0, 1, 2, 0, 1, 2]


def test_too_many_choices_are_invalid(account):
    with pytest.raises(ProviderError, match="n must be from 1 to 128"):
        account().reply(said("Write.", n=1000), "lorem")


def test_an_unknown_model_is_not_found_and_the_known_ones_are_listed(account):
    with pytest.raises(ProviderError, match="echo, lorem, demo, thinker, tools, embed") as raised:
        account().reply("Hello", "gpt-9")
    assert (raised.value.kind, raised.value.status, raised.value.code) == ("invalid", 404, "model_not_found")


def test_a_model_may_go_by_another_name(account):
    answer = account(models={"gpt-4o": "echo"}).answer("Hello", "gpt-4o")
    assert answer.model == "gpt-4o"
    assert answer.choices[0].parts[0].text == "Hello"


def test_the_same_request_and_seed_get_the_same_answer(account):
    chat = said("Write.", n=2, tools=[WEATHER])
    for model in ("lorem", "thinker", "tools"):
        assert account(seed=7).events(chat, model) == account(seed=7).events(chat, model)


def test_another_seed_or_question_gets_another_answer(account):
    texts = {
        account(seed=1).text("Write.", "lorem"),
        account(seed=2).text("Write.", "lorem"),
        account(seed=1).text(said("Write.", seed=5), "lorem"),
        account(seed=1).text("Write!", "lorem"),
    }
    assert len(texts) == 4
