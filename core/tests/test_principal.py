"""What a caller may do, by their principal alone."""

from __future__ import annotations

import pytest
from tollhouse import Principal

FILES = "/v1/files/f1"


@pytest.mark.parametrize(
    ("own", "team", "allowed"),
    [
        (None, None, True),
        (("fast",), None, True),
        (None, ("fa*",), True),
        (("*",), ("fast",), True),
        (("fast",), ("slow",), False),
        (("*st",), ("slow*",), False),
        ((), None, False),
        (None, (), False),
    ],
)
def test_a_model_must_be_on_the_callers_list_and_on_the_teams(
    own: tuple[str, ...] | None, team: tuple[str, ...] | None, allowed: bool
) -> None:
    assert Principal(models=own, team_models=team).may_use("fast") is allowed


@pytest.mark.parametrize(
    ("routes", "chat", "files"),
    [
        (None, True, True),
        ((), False, False),
        (("chat",), True, False),
        (("passthrough",), False, True),
        (("/v1/files*",), False, True),
        (("/v1/files",), False, False),
        (("chat", "/v1/*"), True, True),
        (("v1/files*",), False, False),
    ],
)
def test_routes_are_tasks_and_paths(routes: tuple[str, ...] | None, chat: bool, files: bool) -> None:
    caller = Principal(routes=routes)
    assert caller.may_take("openai", "chat", "/v1/chat/completions") is chat
    assert caller.may_take("openai", "passthrough", FILES) is files
    assert caller.may_take("openai", "models", "/v1/models"), "everybody may ask what they may use"


@pytest.mark.parametrize("path", ["/v1/files/../images", "/v1/files/..", "/v1/files/..\\images", "/v1/../v1/files/x"])
def test_a_path_that_climbs_is_no_path_of_a_route(path: str) -> None:
    caller = Principal(models=("fast",), routes=("/v1/*",))
    assert not caller.may_take("openai", "passthrough", path)
    assert not caller.may_pass(path)


def test_dialects_are_names() -> None:
    caller = Principal(dialects=("openai",))
    assert caller.may_take("openai", "chat", "/x")
    assert not caller.may_take("anthropic", "chat", "/x")
    assert not caller.may_take("anthropic", "models", "/v1/models")


@pytest.mark.parametrize("limited", [{"models": ("fast",)}, {"team_models": ("fast",)}, {"models": ()}])
def test_what_nobody_reads_passes_for_a_limited_caller_only_where_routes_say_so(limited: dict[str, tuple[str]]) -> None:
    assert Principal().may_pass(FILES)
    assert not Principal(**limited).may_pass(FILES)
    assert not Principal(**limited, routes=("chat", "/v1/audio*")).may_pass(FILES)
    assert Principal(**limited, routes=("passthrough",)).may_pass(FILES)
    assert Principal(**limited, routes=("/v1/files/*",)).may_pass(FILES)


def test_a_principal_can_be_a_key_of_a_dict_whatever_it_says_to_plugins() -> None:
    assert len({Principal(key="a"), Principal(key="a"), Principal(key="b", settings={})}) == 2
