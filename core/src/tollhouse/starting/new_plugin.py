"""`tollhouse new-plugin`: a plugin project of one's own, complete, tested and installable."""

from __future__ import annotations

import argparse
import keyword
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from ..config.schema import RESERVED
from ..errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_SUFFIX = ".tmpl"


def add(parser: argparse.ArgumentParser) -> None:
    """Write a plugin project of your own: complete, tested, installable."""
    parser.add_argument("name", metavar="NAME", help="the plugin's name in gateway.toml: small letters, digits and _")
    parser.add_argument("--provider", action="store_true", help="a provider that answers, instead of a policy")
    parser.add_argument("--into", type=Path, default=Path(), metavar="FOLDER", help="where; default this folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the project and say what to do with it. Raises ConfigError, and then has written nothing."""
    folder = written(args.name, provider=args.provider, into=args.into)
    print(f"{folder} holds a plugin, its tests and a gateway.toml to try it. Next:")
    print(f"  pip install -e {folder} pytest")
    print(f"  pytest {folder}")
    print(f"  tollhouse serve -c {folder / 'gateway.toml'}")
    return 0


def written(name: str, *, provider: bool, into: Path) -> Path:
    """Write the project `tollhouse-NAME` below `into`, and return its folder. Raises ConfigError for a name that
    cannot be one, and when the folder is there already."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        guess = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
        hint = f'Did you mean "{guess}"?' if _NAME.fullmatch(guess) and not keyword.iskeyword(guess) else ""
        raise ConfigError(f'"{name}" cannot be a plugin\'s name: small letters, digits and single _.', hint=hint)
    if name in RESERVED:
        raise ConfigError(f'"{name}" is a table of the core\'s own in gateway.toml.', hint="Choose another name.")
    dist = f"tollhouse-{name.replace('_', '-')}"
    folder = into / dist
    if folder.exists():
        raise ConfigError(f"{folder} is there already.", hint="Choose another name, or --into another folder.")
    words = {
        "name": name,
        "dist": dist,
        "module": f"tollhouse_{name}",
        "cls": "".join(word.capitalize() for word in name.split("_")),
    }
    for path, text in _templates("provider" if provider else "plugin"):
        file = folder / path.replace("MODULE", words["module"]).replace("NAME", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(text).substitute(words), encoding="utf-8")
    return folder


def _templates(kind: str) -> Iterator[tuple[str, str]]:
    """Path and text of every file of a project; paths hold MODULE and NAME, texts ${words}."""

    def below(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
        for one in folder.iterdir():
            if one.is_dir():
                yield from below(one, f"{path}{one.name}/")
            elif one.name.endswith(_SUFFIX):
                yield path + one.name.removesuffix(_SUFFIX), one.read_text(encoding="utf-8")

    return below(files(__package__) / kind, "")
