"""The README names every command, option, key, field of the filter and theme."""

import re
from argparse import ArgumentParser
from pathlib import Path

from tollhouse_console import commands
from tollhouse_console.filter import NUMBERS, TRAITS, WORDS
from tollhouse_console.ui.themes import OURS
from tollhouse_console.verbs import VERBS, shown
from tollhouse_console.views.header import SCREENS

README = (Path(__file__).parents[1] / "README.md").read_text()
CODE = set(re.findall(r"`([^`\n]+)`", README))


def test_every_verb_is_in_the_table_with_its_keys():
    rows = {}
    for line in README.splitlines():
        if line.startswith("| `") and line.count("|") >= 4:
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            rows[cells[0].strip("| `")] = line
    for verb in VERBS:
        assert verb.name in rows, verb.name
        assert all(f"`{shown(key)}`" in rows[verb.name] for key in verb.keys), verb.name
        assert verb.says in rows[verb.name], verb.name


def test_every_command_and_option_is_there():
    for name in ("console", "top", "tail", "demo"):
        assert f"tollhouse {name}" in CODE
        parser = ArgumentParser(add_help=False)
        getattr(commands, name)(parser)
        for action in parser._actions:
            assert action.option_strings[-1] in CODE, f"{name} {action.option_strings}"


def test_every_field_of_a_filter_is_there():
    assert {*WORDS, *NUMBERS, *TRAITS} <= CODE


def test_every_theme_of_ours_and_every_screen_is_there():
    assert {theme.name for theme in OURS} <= CODE
    assert all(title in README for _, title, _ in SCREENS)
