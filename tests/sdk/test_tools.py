"""Tools and structured output: what an agent's loop needs of the wire."""

import json
from typing import Literal

import openai
import pytest
from house import BODY, chunk
from pydantic import BaseModel
from tollhouse.testing import sse

pytestmark = pytest.mark.slow

ASK = [{"role": "user", "content": "What is the weather in Oslo and in Rome?"}]


def tool(name, **properties):
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "parameters": schema, "strict": True}}


TOOLS = [
    tool("weather", city={"type": "string"}, unit={"enum": ["C", "F"]}),
    tool("clock", zone={"type": "string"}, days={"type": "integer", "minimum": 1, "maximum": 7}),
]


class Step(BaseModel):
    explanation: str
    certain: bool


class Answer(BaseModel):
    steps: list[Step]
    verdict: Literal["yes", "no"]
    score: float


def test_tools_are_called_in_parallel_with_arguments_that_fit(client):
    answer = client.chat.completions.create(model="tools", messages=ASK, tools=TOOLS)
    [choice] = answer.choices
    assert choice.finish_reason == "tool_calls"
    weather, clock = choice.message.tool_calls
    assert (weather.type, weather.function.name, clock.function.name) == ("function", "weather", "clock")
    assert weather.id != clock.id
    assert set(json.loads(weather.function.arguments)) == {"city", "unit"}
    assert 1 <= json.loads(clock.function.arguments)["days"] <= 7


def test_streamed_tool_calls_name_themselves_once_and_their_arguments_add_up(client):
    whole = client.chat.completions.create(model="tools", messages=ASK, tools=TOOLS, seed=5)
    calls, finishes = {}, []
    for part in client.chat.completions.create(model="tools", messages=ASK, tools=TOOLS, seed=5, stream=True):
        for call in part.choices[0].delta.tool_calls or ():
            if call.id:
                assert call.index not in calls
                assert call.type == "function"
                calls[call.index] = [call.id, call.function.name, ""]
            else:
                assert call.function.name is None
            calls[call.index][2] += call.function.arguments or ""
        finishes += [part.choices[0].finish_reason] if part.choices[0].finish_reason else []
    assert finishes == ["tool_calls"]
    assert [calls[n] for n in sorted(calls)] == [
        [call.id, call.function.name, call.function.arguments] for call in whole.choices[0].message.tool_calls
    ]


def test_the_results_of_tools_go_back_and_are_spoken_of(client):
    first = client.chat.completions.create(model="tools", messages=ASK, tools=TOOLS)
    calls = first.choices[0].message.tool_calls
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result of {call.function.name}"} for call in calls
    ]
    messages = [*ASK, first.choices[0].message.model_dump(exclude_none=True), *results]
    second = client.chat.completions.create(model="tools", messages=messages, tools=TOOLS)
    assert second.choices[0].finish_reason == "stop"
    assert "result of weather" in second.choices[0].message.content
    assert "result of clock" in second.choices[0].message.content


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("none", []),
        ("required", ["weather"]),
        ({"type": "function", "function": {"name": "clock"}}, ["clock"]),
    ],
)
def test_the_choice_of_a_tool_is_obeyed(client, choice, names):
    answer = client.chat.completions.create(model="echo", messages=ASK, tools=TOOLS, tool_choice=choice)
    assert [call.function.name for call in answer.choices[0].message.tool_calls or ()] == names


def test_parallel_calls_can_be_forbidden(client):
    answer = client.chat.completions.create(model="tools", messages=ASK, tools=TOOLS, parallel_tool_calls=False)
    assert len(answer.choices[0].message.tool_calls) == 1


def test_an_upstreams_tool_calls_arrive_as_they_were_cut(client, up):
    def calling(**call):
        return chunk({"tool_calls": [{"index": 0, **call}]})

    parts = [
        chunk({"role": "assistant", "content": None}),
        calling(id="call_1", type="function", function={"name": "weather", "arguments": ""}),
        calling(function={"arguments": '{"ci'}),
        calling(function={"arguments": 'ty":"Ny'}),
        calling(function={"arguments": 'köping"}'}),
        chunk(finish="tool_calls"),
    ]
    up.answer(sse(*parts))
    got = list(client.chat.completions.create(model="remote", messages=ASK, tools=TOOLS, stream=True))
    assert [part.model_dump(exclude_unset=True) for part in got] == parts
    assert up.requests[0].json()["tools"] == TOOLS


def test_a_pydantic_class_is_parsed_from_structured_output(client):
    answer = client.chat.completions.parse(model="echo", messages=ASK, response_format=Answer)
    parsed = answer.choices[0].message.parsed
    assert isinstance(parsed, Answer)
    assert parsed.verdict in ("yes", "no")


def test_structured_output_can_be_streamed(client):
    with client.chat.completions.stream(model="echo", messages=ASK, response_format=Answer) as stream:
        for _ in stream:
            pass
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert isinstance(parsed, Answer)


def test_a_json_schema_given_by_hand_is_answered_by_an_instance(client):
    schema = {"type": "object", "properties": {"n": {"const": 7}}, "required": ["n"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "seven", "schema": schema, "strict": True}}
    answer = client.chat.completions.create(model="echo", messages=ASK, response_format=form)
    assert json.loads(answer.choices[0].message.content) == {"n": 7}


def test_a_pydantic_class_reaches_the_upstream_as_its_schema(client, up):
    said = Answer(steps=[Step(explanation="because", certain=True)], verdict="yes", score=0.5)
    message = {"role": "assistant", "content": said.model_dump_json()}
    up.answer({**BODY, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    answer = client.chat.completions.parse(model="remote", messages=ASK, response_format=Answer)
    assert answer.choices[0].message.parsed == said
    form = up.requests[0].json()["response_format"]
    assert (form["type"], form["json_schema"]["name"], form["json_schema"]["strict"]) == ("json_schema", "Answer", True)
    assert set(form["json_schema"]["schema"]["properties"]) == {"steps", "verdict", "score"}


def test_output_that_hits_its_limit_is_what_the_sdk_calls_it(client):
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model="echo", messages=ASK, response_format=Answer, max_tokens=2)
