"""Every member of the workspace is known wherever the root lists members by hand."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tollhouse

ROOT = Path(__file__).parents[2]
MEMBERS = sorted(path.parent for path in [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

members = pytest.mark.parametrize("member", MEMBERS, ids=lambda path: path.name)


def declared(member: Path) -> dict:
    return tomllib.loads((member / "pyproject.toml").read_text())


def module(member: Path) -> str:
    """The one module a member brings."""
    [folder] = [path for path in (member / "src").iterdir() if (path / "__init__.py").exists()]
    return folder.name


@members
def test_the_root_depends_on_the_member(member):
    name = declared(member)["project"]["name"]
    assert name in PROJECT["project"]["dependencies"]
    assert PROJECT["tool"]["uv"]["sources"][name] == {"workspace": True}


@members
def test_the_members_types_are_checked(member):
    source = f"{member.relative_to(ROOT)}/src"
    assert source in PROJECT["tool"]["mypy"]["files"]
    assert source in PROJECT["tool"]["mypy"]["mypy_path"].split(":")
    assert (member / "src" / module(member) / "py.typed").exists()


@members
def test_the_members_imports_are_checked(member):
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    name = module(member)
    assert name in PROJECT["tool"]["importlinter"]["root_packages"]
    if member.parent.name == "plugins":
        assert all(name in contract["forbidden_modules"] for contract in contracts if contract["type"] == "forbidden")
        assert all(name in contract["modules"] for contract in contracts if contract["type"] == "independence")


@members
def test_the_member_is_named_after_its_folder(member):
    project = declared(member)["project"]
    word = member.name
    assert project["name"] == f"tollhouse-{word.replace('_', '-')}"
    assert module(member) == ("tollhouse" if word == "core" else f"tollhouse_{word}")
    if member.parent.name == "plugins":
        offered = project["entry-points"]
        points = offered.get("tollhouse.plugins") or offered["tollhouse.stores"]
        assert points[word].partition(":")[2].lower().removeprefix("open_") == word.replace("_", "")


@members
def test_the_member_has_a_readme_and_tests_and_one_version(member):
    project = declared(member)["project"]
    assert project["readme"] == "README.md"
    assert project["version"] == PROJECT["project"]["version"]
    assert project["requires-python"] == PROJECT["project"]["requires-python"]
    assert member.name == "console" or any((member / "tests").rglob("test_*.py"))


def test_the_code_knows_its_version():
    assert tollhouse.__version__ == PROJECT["project"]["version"]
