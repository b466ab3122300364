"""core/README.md says everything there is: settings, hooks, errors, events, headers, endpoints, commands."""

from __future__ import annotations

import ast
import re

import msgspec
import pytest
from codes import codes
from readme import CORE, ROOT, rows, sections, words
from reference import commands, event_types, hook_specs, rewritten, tables
from tollhouse import hooks, wire
from tollhouse.chain import Chain
from tollhouse.config import AmountError, Budget, Duration, Money, Rate, Size, schema
from tollhouse.errors import ProviderError

SECTIONS = sections(CORE)


def test_the_generated_parts_are_current():
    text = CORE.read_text()
    assert rewritten(text) == text, "run: python tests/docs/reference.py"


def test_the_sections_are_in_their_order():
    titles = ["What it does", "Settings", "Hooks", "Errors", "Events", "Headers", "Endpoints", "Commands"]
    assert list(SECTIONS)[: len(titles)] == titles
    assert {"Writing a plugin", "Store", "Security notes"} < set(SECTIONS)


@pytest.mark.parametrize(("title", "about", "settings"), tables(), ids=lambda value: value if "`" in value else "")
def test_every_setting_stands_there_with_its_default_and_meaning(title, about, settings):
    part = SECTIONS["Settings"].partition(f"### {title}\n")[2].partition("\n### ")[0]
    assert about in part
    cells = {row[0].strip("`"): row for row in rows(part)[1:]}
    assert list(cells) == [one.name for one in settings]
    for one in settings:
        assert one.doc, f"{title}: {one.name} says nothing below its field"
        assert cells[one.name][2].strip("`") == one.default
        assert cells[one.name][3] == one.doc.replace("|", r"\|")


def test_the_amounts_it_shows_are_read():
    [shown] = re.findall(r"^- A duration reads(.*?)^- ", SECTIONS["Settings"], re.MULTILINE | re.DOTALL)
    amounts = re.findall(r'"([^"]+)"', shown)
    assert len(amounts) > 10
    for amount in amounts:
        assert any(_reads(kind, amount) for kind in (Duration, Size, Money, Budget, Rate)), amount


def _reads(kind, amount):
    try:
        kind(amount)
    except AmountError:
        return False
    return True


def test_no_table_of_the_core_is_left_out():
    typed = {name for name, one in vars(schema).items() if isinstance(one, type) and issubclass(one, msgspec.Struct)}
    typed -= {"Struct", "Config"}
    shown = {
        "Server",
        "StoreSettings",
        "Timeouts",
        "TimeoutsOver",
        "Provider",
        "Model",
        "Team",
        "Key",
        "TargetEntry",
        "Tls",
    }
    assert typed == shown, "a new table of gateway.toml must be added to tables() in tests/docs/reference.py"
    for table, keys in schema.CORE_KEYS.items():
        [rest] = [settings for title, _, settings in tables() if title.strip("`").startswith(f"[{table}")]
        assert {one.name for one in rest} == set(keys)


@pytest.mark.parametrize(
    "name", [one for table in (schema.Server, schema.StoreSettings) for one in table.__struct_fields__]
)
def test_every_setting_of_the_server_and_the_store_is_read_somewhere(name):
    source = ROOT / "core" / "src" / "tollhouse"
    readers = [path for path in source.rglob("*.py") if "config" not in path.relative_to(source).parts]
    assert any(re.search(rf"[.]{name}\b", path.read_text()) for path in readers), f"nothing obeys {name}"


def test_every_hook_stands_there_in_the_order_of_the_journey():
    declared = {name for name, one in vars(hooks).items() if hasattr(one, "tollhouse_step")}
    assert declared == set(hooks.JOURNEY) == set(Chain([]).steps())
    cells = rows(SECTIONS["Hooks"])[1:]
    assert [row[0] for row in cells] == [f"`{spec.name}({', '.join(spec.args)})`" for spec, _ in hook_specs()]
    assert all(says in row[4] for row, (_, says) in zip(cells, hook_specs(), strict=True))


def test_every_error_code_stands_there_with_what_to_do():
    table = {row[0].strip("`"): row for row in rows(SECTIONS["Errors"]) if len(row) == 4}
    assert set(table) - {"code"} == codes(ROOT / "core" / "src" / "tollhouse")
    assert all(all(row) for row in table.values())


def test_every_kind_of_provider_error_stands_there():
    kinds = [row[0].strip("`") for row in rows(SECTIONS["Errors"]) if len(row) == 3]
    assert kinds[1:] == list(ProviderError.KINDS)


def test_every_event_stands_there_with_its_fields():
    table = {row[0].strip("`"): row for row in rows(SECTIONS["Events"])[1:]}
    assert set(table) == {one.__struct_config__.tag for one in event_types()}
    for one in event_types():
        named = words(table[one.__struct_config__.tag][2])
        assert named == {field.encode_name for field in msgspec.structs.fields(one)} - {"at"}


def test_every_header_of_ours_stands_there():
    assert {row[0].strip("`"): row[1] for row in rows(SECTIONS["Headers"])[1:]} == wire.OWN


def test_the_core_sends_no_header_that_it_does_not_declare():
    source = "".join(path.read_text() for path in (ROOT / "core" / "src").rglob("*.py"))
    assert set(re.findall(rf"\b{wire.PREFIX}[a-z0-9-]+", source)) <= set(wire.OWN)


def test_every_endpoint_of_the_front_stands_there():
    front = ROOT / "core" / "src" / "tollhouse" / "front" / "app.py"
    paths = {
        node.value
        for node in ast.walk(ast.parse(front.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"/[a-z]*", node.value)
    }
    assert paths == {"/", "/healthz", "/readyz"}
    assert {f"GET {path}" for path in paths} <= words(SECTIONS["Endpoints"])


def test_every_command_and_option_stands_there():
    text = SECTIONS["Commands"]
    for name, parser in commands().items():
        assert f"**`tollhouse {name}`**: {parser.description}" in text
        for action in parser._actions:
            assert action.help, f"tollhouse {name}: {action.option_strings} has no help"
            assert action.dest == "help" or set(action.option_strings) <= words(text)


def test_the_headers_that_pass_upwards_and_downwards_stand_there():
    passing = {*wire._UP, *wire._DOWN, *wire._DOWN_OPAQUE, *(f"{prefix}*" for prefix in wire._DOWN_PREFIXES)}
    assert passing <= words(SECTIONS["Security notes"])
