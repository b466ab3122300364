"""The stable error codes in a package's source: every literal that becomes the `code` of an error.

Found are keyword arguments `code=...`, arguments of functions that have a parameter `code`, that parameter's
default, and assignments to `code`; a literal is followed through `or`, conditions, and module-level dicts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def codes(package: Path) -> set[str]:
    """The codes that any module below a folder names."""
    trees = [ast.parse(path.read_text()) for path in sorted(package.rglob("*.py"))]
    takers = {name: place for tree in trees for name, place in _takers(tree)}
    return {code for tree in trees for code in _Module(tree).codes(takers)}


def _takers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Functions with a positional parameter `code`, and where it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
            if "code" in names and "self" not in names:
                yield node.name, names.index("code")


class _Module:
    """One module: its tree, and the dicts it defines at its top."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.dicts: dict[str, list[ast.expr]] = {}
        for node in tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(value, ast.Dict):
                self.dicts[target.id] = value.values

    def codes(self, takers: dict[str, int]) -> Iterator[str]:
        """Every code, some of them more than once."""
        for expression in self._expressions(takers):
            for value in self._values(expression):
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
                    yield value.value

    def _expressions(self, takers: dict[str, int]) -> Iterator[ast.expr]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
                place = takers.get(node.func.id, -1) if isinstance(node.func, ast.Name) else -1
                if 0 <= place < len(node.args):
                    yield node.args[place]
            elif isinstance(node, ast.FunctionDef):
                pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                yield from (default for argument, default in pairs if argument.arg == "code" and default)
            elif isinstance(node, ast.Assign):
                yield from self._assigned(node)

    def _assigned(self, node: ast.Assign) -> Iterator[ast.expr]:
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == "code":
                yield node.value
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for one, value in zip(target.elts, node.value.elts, strict=True):
                    if isinstance(one, ast.Name) and one.id == "code":
                        yield value

    def _values(self, expression: ast.expr) -> list[ast.expr]:
        """The expressions a value may be."""
        match expression:
            case ast.BoolOp(values=values):
                return [found for value in values for found in self._values(value)]
            case ast.IfExp(body=body, orelse=orelse):
                return self._values(body) + self._values(orelse)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get"), args=[_, *rest]):
                return self.dicts.get(name, []) + [found for value in rest for found in self._values(value)]
            case ast.Subscript(value=ast.Name(id=name)) if name in self.dicts:
                return self.dicts[name]
            case ast.Subscript(value=inner, slice=ast.Constant(value=int(place))):
                return [value.elts[place] for value in self._values(inner) if isinstance(value, ast.Tuple)]
        return [expression]
