"""Lists of targets: expansion, order, weights, circles and unknown names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.config import ConfigErrors, TargetEntry, parse
from tollhouse.errors import ConfigError

HEAD = "[providers]\nopenai = {}\nazure = {}\n[models]\n"


def targets(text: str, model: str) -> list[tuple[str, str, float, tuple[str, ...]]]:
    found = parse(HEAD + text, {}).config.models[model].targets
    return [(t.provider, t.model, t.weight, t.via) for t in found]


def test_targets_keep_their_order_and_models_may_contain_slashes() -> None:
    assert targets('a = ["azure/meta/llama", "openai/x"]', "a") == [
        ("azure", "meta/llama", 1.0, ()),
        ("openai", "x", 1.0, ()),
    ]


def test_names_of_other_models_are_expanded_in_place() -> None:
    text = 'top = ["mid", "azure/z"]\nmid = ["openai/y", "low"]\nlow = ["openai/x"]'
    assert targets(text, "top") == [
        ("openai", "y", 0.5, ("mid",)),
        ("openai", "x", 0.5, ("mid", "low")),
        ("azure", "z", 1.0, ()),
    ]


def test_a_name_s_weight_is_split_over_its_targets_by_their_weights() -> None:
    text = (
        'top = { targets = [{ target = "mid", weight = 8 }, { target = "azure/z", weight = 2 }] }\n'
        'mid = [{ target = "openai/x", weight = 3 }, "openai/y"]'
    )
    assert [(model, weight) for _, model, weight, _ in targets(text, "top")] == [("x", 6), ("y", 2), ("z", 2)]


def test_a_target_reached_twice_stands_once_with_both_weights() -> None:
    text = 'top = ["openai/x", "mid"]\nmid = ["openai/x", "azure/z"]'
    assert targets(text, "top") == [("openai", "x", 1.5, ()), ("azure", "z", 0.5, ("mid",))]


def test_weights_of_zero_stay_zero() -> None:
    assert targets('top = ["mid"]\nmid = [{ target = "openai/x", weight = 0 }]', "top") == [
        ("openai", "x", 0.0, ("mid",))
    ]


@given(st.permutations(["a", "b", "c", "d"]))
def test_models_may_be_declared_in_any_order(order: list[str]) -> None:
    lists = {"a": '["b", "c"]', "b": '["d"]', "c": '["d", "azure/z"]', "d": '["openai/x"]'}
    text = "\n".join(f"{name} = {lists[name]}" for name in order)
    assert targets(text, "a") == [("openai", "x", 1.5, ("b", "d")), ("azure", "z", 0.5, ("c",))]


WRONG = [
    ("a = 5", "models.a: must be a list of targets or a table, not a number."),
    ('a = "openai/x"', 'models.a: must be a list of targets or a table, not a text. Write ["openai/x"].'),
    ("a = []", "models.a: needs at least one target."),
    ("a = [5]", 'models.a.targets[0]: must be "provider/model" or a table, not a number.'),
    ("a = { targets = 5 }", "models.a.targets: must be a list, not a number."),
    (
        'a = { target = ["openai/x"] }',
        'models.a.targets: is required. Did you mean "targets" instead of "target"?',
    ),
    ("a = {}", 'models.a.targets: is required. Write targets = ["provider/model"].'),
    ('a = ["openia/x"]', 'models.a.targets[0]: unknown provider "openia". Did you mean "openai"?'),
    ('a = ["zzz/x"]', 'models.a.targets[0]: unknown provider "zzz". Providers: openai, azure.'),
    ('a = ["openai/"]', "models.a.targets[0]: names a provider but no model."),
    ('a = ["openai"]', 'models.a.targets[0]: unknown model "openai". Write the model too: "openai/...".'),
    ('fast = ["openai/x"]\na = ["fats"]', 'models.a.targets[0]: unknown model "fats". Did you mean "fast"?'),
    ('a = ["zzz"]', 'models.a.targets[0]: unknown model "zzz". Models: none. Or write "provider/model".'),
    ('a = ["a"]', "models.a.targets[0]: models name each other in a circle: a -> a."),
    (
        'x = ["a"]\na = ["openai/x", "b"]\nb = ["c"]\nc = ["a"]',
        "models.c.targets[0]: models name each other in a circle: a -> b -> c -> a.",
    ),
    (
        'a = [{ target = "openai/x", wieght = 1 }]',
        'models.a.targets[0].wieght: unknown setting. Did you mean "weight"?',
    ),
    (
        'a = [{ target = "openai/x", weight = -1 }]',
        "models.a.targets[0].weight: must be a number of at least 0.0.",
    ),
    ("a = [{ weight = 1 }]", "models.a.targets[0].target: is required."),
    (
        '"openai/x" = ["azure/x"]',
        'models."openai/x": a name that begins with the provider "openai" already addresses that provider. '
        "Give the model another name.",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text.replace("\n", " ") for text, _ in WRONG])
def test_wrong_targets_say_what_where_and_what_to_do(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(HEAD + text, {})
    assert str(error.value) == message


def test_every_wrong_model_is_reported_once_and_those_that_name_it_are_not() -> None:
    with pytest.raises(ConfigErrors) as error:
        parse(HEAD + 'a = ["b", "zzz/x"]\nb = ["q/r"]\nc = ["a"]\nd = ["e"]\ne = 5', {})
    assert [one.path for one in error.value.errors] == [
        "models.e",
        "models.b.targets[0]",
        "models.a.targets[1]",
    ]


def test_a_model_table_keeps_what_it_says_to_plugins() -> None:
    model = parse(HEAD + 'a = { targets = ["openai/x"], router = "cheapest", cache = "1h" }', {}).config.models["a"]
    assert model.settings == {"router": "cheapest", "cache": "1h"}
    assert model.targets == (TargetEntry(provider="openai", model="x"),)
