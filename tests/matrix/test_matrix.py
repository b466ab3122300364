"""Every dialect to every provider: each cell is run, and core/README.md says what came of it."""

import re

import pytest
from asking import DIALECTS, ROWS
from cells import PROVIDERS, Stage
from matrix_table import README, block, mapped, shown, written

DOCUMENTED = written(README.read_text())


@pytest.fixture(scope="module")
def stage():
    with Stage() as made:
        yield made


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_cell_is_what_the_readme_says(stage, dialect, provider, row):
    cell = stage.cell(dialect, provider, row)
    said = DOCUMENTED[dialect, provider, row]
    assert shown(cell) == said, "`python tests/matrix/matrix_table.py` writes the table anew"


def test_the_words_of_each_api_are_what_the_readme_says(stage):
    assert mapped(stage) == block(README.read_text(), "words"), "`python tests/matrix/matrix_table.py` writes them anew"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_text_usage_and_ends_reach_every_caller_from_every_provider(dialect):
    for provider in PROVIDERS:
        for row in ("text", "usage", "length", "filter"):
            assert re.match("exact|adapted", DOCUMENTED[dialect, provider, row]), (provider, row)


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d != "openai_completions"])
def test_an_agents_loop_works_between_any_two(dialect):
    for provider in PROVIDERS:
        for row in ("system", "turns", "tools", "parallel_calls", "tool_results", "tool_choice", "image"):
            assert re.match("exact|adapted", DOCUMENTED[dialect, provider, row]), (provider, row)
