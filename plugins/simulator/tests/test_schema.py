"""JSON Schema to an instance that fits it."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse_simulator.scalars import Unsatisfiable
from tollhouse_simulator.schema import instance

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": type(None),
}


def fits(value, schema, document=None, followed=frozenset()):
    """Whether a value fits a schema of the words that are read here; `followed` holds the references that led to
    this very value, of which none may come again."""
    document = schema if document is None else document
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        found = document
        for step in schema["$ref"][1:].split("/")[1:]:
            found = found[step]
        here = schema["$ref"]
        return here not in followed and fits(value, found, document, followed | {here})
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if not all(fits(value, part, document, followed) for part in schema.get("allOf", ())):
        return False
    if "anyOf" in schema and not any(fits(value, part, document, followed) for part in schema["anyOf"]):
        return False
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    kind = [k for k in kinds if isinstance(value, TYPES[k]) and (k == "boolean" or not isinstance(value, bool))]
    return bool(kind) and within(value, schema, document)


def within(value, schema, document):
    """Whether a value of the right type is within the schema's bounds."""
    if isinstance(value, str):
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        multiple = schema.get("multipleOf")
        return (
            value >= schema.get("minimum", value)
            and value <= schema.get("maximum", value)
            and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
            and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
            and (multiple is None or abs(value / multiple - round(value / multiple)) < 1e-9)
        )
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        return (
            schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
            and all(fits(item, part, document) for item, part in zip(value, first, strict=False))
            and all(fits(item, schema.get("items", True), document) for item in value[len(first) :])
            and (not schema.get("uniqueItems") or all(item not in value[:n] for n, item in enumerate(value)))
        )
    if isinstance(value, dict):
        properties, further = schema.get("properties", {}), schema.get("additionalProperties", True)
        return all(key in value for key in schema.get("required", ())) and all(
            fits(item, properties.get(key, further), document) for key, item in value.items()
        )
    return True


NAMES = st.sampled_from(["name", "city", "a", "b", "c", "email"])
BOUNDS = st.tuples(st.integers(-1000, 1000), st.integers(0, 1000)).map(lambda pair: (pair[0], sum(pair)))
LENGTHS = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (pair[0], sum(pair)))

SMALL = st.integers(-99, 99)


def bounded(kind, bounds):
    return {"type": kind, "minimum": bounds[0], "maximum": bounds[1]}


def between(low):
    return {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + 0.5}


def multiple_above(low, step):
    return {"type": "integer", "exclusiveMinimum": low, "multipleOf": step}


def multiple_below(high, step):
    return {"type": "number", "maximum": high, "multipleOf": step}


SCALARS = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({}),
    st.builds(lambda values: {"enum": values}, st.lists(st.integers() | st.text(), min_size=1, max_size=4)),
    st.builds(lambda value: {"const": value}, st.text() | st.none() | st.booleans()),
    st.builds(lambda b: {"type": "string", "minLength": b[0], "maxLength": b[1]}, LENGTHS),
    st.builds(bounded, st.sampled_from(["integer", "number"]), BOUNDS),
    st.builds(between, SMALL),
    st.builds(multiple_above, SMALL, st.integers(1, 500)),
    st.builds(multiple_below, SMALL, st.sampled_from([0.1, 0.25, 3])),
)


def objects(inner):
    return st.builds(
        lambda properties, required: {
            "type": "object",
            "properties": properties,
            "required": sorted(required & properties.keys()),
            "additionalProperties": False,
        },
        st.dictionaries(NAMES, inner, max_size=4),
        st.sets(NAMES),
    )


def array(items, bounds):
    return {"type": "array", "items": items, "minItems": bounds[0], "maxItems": bounds[1]}


def leading(first, items):
    return {"type": "array", "prefixItems": first, "items": items}


def nested(inner):
    few = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda pair: (pair[0], sum(pair)))
    return st.one_of(
        objects(inner),
        st.builds(array, inner, few),
        st.builds(leading, st.lists(inner, max_size=3), inner),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda one: {"allOf": [one], "description": "a note"}, inner),
    )


SCHEMAS = st.recursive(SCALARS, nested, max_leaves=12)
LINKS = st.recursive(SCALARS | NAMES.map(lambda name: {"$ref": f"#/$defs/{name}"}), nested, max_leaves=8)


@given(SCHEMAS, st.integers())
def test_an_instance_fits_its_schema(schema, seed):
    assert fits(instance(schema, Random(seed)), schema)


@given(st.dictionaries(NAMES, LINKS, min_size=1))
def test_a_schema_of_references_has_an_instance_that_fits_or_none(defs):
    schema = {"$ref": f"#/$defs/{next(iter(defs))}", "$defs": defs}
    try:
        value = instance(schema, Random(0))
    except Unsatisfiable:
        return
    assert fits(value, schema)


WORDS = st.sampled_from(
    ["type", "properties", "items", "required", "anyOf", "allOf", "$ref", "enum", "minItems", "minimum"]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner),
)


@given(JUNK)
def test_anything_else_is_refused_and_nothing_worse(schema):
    with suppress(Unsatisfiable):
        instance(schema, Random(0))


TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name", "children"],
}
LINKED = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "required": ["value", "next"],
}
NULLABLE = {
    "type": ["object", "null"],
    "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}},
    "required": ["left", "right"],
}


@pytest.mark.parametrize("schema", [TREE, LINKED, NULLABLE])
@pytest.mark.parametrize("seed", range(10))
def test_a_recursive_schema_ends(schema, seed):
    assert fits(instance(schema, Random(seed)), schema)


def test_an_endless_schema_is_refused():
    with pytest.raises(Unsatisfiable, match="reasonable size"):
        instance({"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]}, Random(0))


def test_an_enormous_instance_is_refused():
    doubling = {
        f"d{n}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/d{n + 1}"} for side in "ab"},
            "required": ["a", "b"],
        }
        for n in range(40)
    }
    doubling["d40"] = {"type": "null"}
    for schema in (
        {"$ref": "#/$defs/d0", "$defs": doubling},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
    ):
        with pytest.raises(Unsatisfiable):
            instance(schema, Random(0))


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"enum": []},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "number", "exclusiveMinimum": 2, "maximum": 2},
        {"type": "integer", "minimum": 1, "maximum": 4, "multipleOf": 5},
        {"type": "number", "multipleOf": 0},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "array", "minItems": 3, "maxItems": 2},
        {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "boolean"}},
        {"type": "array", "minItems": 1, "items": False},
        {"type": "colour"},
        {"type": "array", "minItems": "many"},
        {"allOf": 5},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#/$defs/Gone"},
        {"anyOf": [False]},
        {"$defs": {f"d{n}": {"$ref": f"#/$defs/d{n}"} for n in range(600)}},
    ],
)
def test_a_schema_without_instances_is_refused(schema):
    with pytest.raises(Unsatisfiable):
        instance(schema, Random(0))


def test_different_items_are_found():
    schema = {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"enum": ["a", "b", "c"]}}
    assert sorted(instance(schema, Random(0))) == ["a", "b", "c"]


def test_what_stands_beside_branches_and_parts_holds_too():
    base = {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}
    beside = {**base, "anyOf": [{"properties": {"b": {"const": 2}}, "required": ["b"]}]}
    joined = {
        "$defs": {"Base": base},
        "allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"b": {"const": 2}}, "required": ["b"]}],
    }
    assert instance(beside, Random(0)) == instance(joined, Random(0)) == {"a": 1, "b": 2}


def test_a_value_is_preferred_to_null():
    assert isinstance(instance({"anyOf": [{"type": "null"}, {"type": "string"}]}, Random(0)), str)
    assert isinstance(instance({"type": ["null", "string"]}, Random(0)), str)


def test_formats_are_honoured():
    def made(kind):
        return instance({"type": "string", "format": kind}, Random(0))

    assert datetime.fromisoformat(made("date-time")).tzinfo
    assert re.fullmatch(r"2026-\d\d-\d\d", made("date"))
    assert re.fullmatch(r"\d\d:\d\d:00Z", made("time"))
    assert re.fullmatch(r"PT\d+M", made("duration"))
    assert made("email").endswith("@example.com")
    assert made("hostname").endswith(".example.com")
    assert made("uri").startswith("https://")
    assert made("ipv4").startswith("192.0.2.")
    assert made("ipv6").startswith("2001:db8::")
    assert UUID(made("uuid")).version == 4
    assert made("unheard-of")


def test_a_type_may_be_left_to_be_guessed():
    assert isinstance(instance({"items": {"type": "null"}}, Random(0)), list)
    assert isinstance(instance({"maximum": 3}, Random(0)), float)
    assert isinstance(instance({"maxLength": 3}, Random(0)), str)
    assert instance(True, Random(0)) == {}


def test_a_required_property_nobody_described_is_there():
    assert instance({"type": "object", "required": ["x"], "additionalProperties": {"const": 5}}, Random(0)) == {"x": 5}
