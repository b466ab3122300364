"""The checks that come with the plugin, one idea a file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from ..contract import Check, Judge, Maker
from ..settings import Rule

_CLASSES = {
    "terms": "Terms",
    "pii": "Pii",
    "secrets": "Secrets",
    "injection": "Injection",
    "size": "Size",
    "quality": "Quality",
    "provider": "AskedProvider",
    "schema": "Schema",
}
"""The class of each check; it stands in the module of the check's name."""


def builtin() -> Mapping[str, Maker]:
    """Their makers by name. What a check needs is only imported with its first rule."""
    return dict.fromkeys(_CLASSES, _made)


def _made(rule: Rule) -> Check | Judge:
    module = import_module(f".{rule.check}", __name__)
    return cast(Check | Judge, getattr(module, _CLASSES[rule.check])(rule))
