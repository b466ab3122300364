"""Whatever a file holds, it is a configuration or a list of problems with paths; never a traceback."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.config import Loaded, bind, explain
from tollhouse.config.convert import Walk
from tollhouse.config.problems import Problems
from tollhouse.config.read import read_config
from tollhouse.config.schema import RESERVED
from tollhouse.errors import ConfigError

from .conftest import KINDS, SCHEMAS

NAMES = ["a", "b", "openai", "a/b", "openai/x", "targets", "target", "weight", "timeouts", "total", "models", "kind"]
NAMES += [
    "team",
    "secret",
    "cache",
    "ttl",
    "router",
    "10m",
    "budget",
    "$1/day",
    "webhooks",
    "url",
    "listen",
    "hooks",
    "",
]
WORDS = st.sampled_from(NAMES)
SCALARS = WORDS | st.integers() | st.floats() | st.booleans() | st.just(date(2030, 1, 1))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=6
)
TOP = st.sampled_from([*RESERVED, "cache", "webhooks", "other"])


@given(st.dictionaries(TOP, VALUES | st.dictionaries(WORDS, VALUES, max_size=3), max_size=6))
def test_any_tree_is_a_configuration_or_problems(tree: dict[str, Any]) -> None:
    problems = Problems()
    config = read_config(tree, Walk(problems, {}))
    assert (config is None) == bool(problems)
    if config is None:
        return
    tables = {name: value for name, value in tree.items() if name in ("cache", "webhooks", "other")}
    try:
        bound = bind(Loaded(Path("gateway.toml"), config, tables, {}, {}), SCHEMAS, KINDS)
    except ConfigError as error:
        assert error.errors if hasattr(error, "errors") else error.path  # noqa: PT017
        return
    assert all(line.path and line.origin == "default" for line in explain(bound))
