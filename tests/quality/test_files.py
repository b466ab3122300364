"""Promises about the files themselves: their size, and what none of them says."""

from __future__ import annotations

import re

LONGEST = 400
"""Lines a source module may have."""

MACHINE = re.compile(r"(?<![\w.:~-])(?:/(?:root|work|home/\w+|Users/\w+)(?:/|\b)|[A-Z]:\\Users\b)")
"""Paths that exist on one machine only."""

REGISTRIES = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|yarnpkg[.]com|crates[.]io|rubygems[.]org|anaconda[.]org"
)
"""Hosts that packages come from; which one is asked is the business of whoever installs."""

TOP = {
    "core", "plugins", "console", "tests", "gateway.toml", "pyproject.toml", "README.md", "uv.lock", "LICENSE",
    ".ci", ".gitignore",
}  # fmt: skip
"""All that lies at the top of the project."""


def found(texts, root, pattern):
    return [
        f"{path.relative_to(root)}:{number}: {line.strip()[:120]}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_source_module_is_longer_than_400_lines(texts, root):
    long = {
        str(path.relative_to(root)): count
        for path, text in texts.items()
        if path.suffix == ".py" and "src" in path.parts and (count := text.count("\n")) > LONGEST
    }
    assert long == {}


def test_every_source_module_says_what_it_is_for(texts, root):
    silent = [
        str(path.relative_to(root))
        for path, text in texts.items()
        if path.suffix == ".py" and "src" in path.parts and text and not text.startswith('"""')
    ]
    assert silent == []


def test_no_file_names_a_path_of_one_machine(texts, root):
    assert found(texts, root, MACHINE) == []


def test_no_file_names_a_package_registry(texts, root):
    assert found(texts, root, REGISTRIES) == []


def test_nothing_is_left_to_do(texts, root):
    assert found(texts, root, re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")) == []


def test_the_top_of_the_project_holds_only_what_belongs_there(files, root):
    assert {path.relative_to(root).parts[0] for path in files} <= TOP
