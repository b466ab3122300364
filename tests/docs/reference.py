"""The parts of core/README.md that are written from the code: settings, hooks, events, headers, commands, proofs.

`python tests/docs/reference.py` rewrites them; a test fails while they are not current.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from tollhouse import cli, events, hooks, wire
from tollhouse.config import Config, Field, Key, Model, Provider, Server, StoreSettings, Team, Timeouts, TimeoutsOver
from tollhouse.config import fields as declared
from tollhouse.config.models import Entry
from tollhouse.config.read import KeyKeys, ProviderKeys, TeamKeys
from tollhouse.config.schema import CORE_KEYS, Tls
from tollhouse.hookspec import Spec

README = Path(__file__).parents[2] / "core" / "README.md"

TARGETS = "a list of texts or tables"
"""What `targets` may be in the file; the typed model holds them expanded."""


def tables() -> list[tuple[str, str, list[Field]]]:
    """The core's tables of gateway.toml: title, what it is, settings."""
    return [
        ("At the top", "Tables among these are described below.", declared(Config)),
        ("`[server]`", _about(Server), declared(Server)),
        ("`tls` of the server", _about(Tls), declared(Tls)),
        ("`[store]`", _about(StoreSettings), declared(StoreSettings)),
        ("`[timeouts]`", _about(Timeouts), declared(Timeouts)),
        (
            "`timeouts` of a provider or a model",
            "Deadlines in place of those in `[timeouts]`; a model's stand above its provider's.",
            declared(TimeoutsOver),
        ),
        (
            "`[providers.NAME]`",
            "One upstream; its further settings are those of its kind and stand in the README of the plugin.",
            _written("providers", Provider, ProviderKeys),
        ),
        (
            "`[models]`",
            "Each name is a list of targets, or a table:",
            [one._replace(type=TARGETS) if one.name == "targets" else one for one in _written("models", Model)],
        ),
        ("An entry of `targets`", "A text is the same as a table with `target` alone.", declared(Entry)),
        (
            "`[teams.NAME]`",
            "Keys that share models and limits; for the plugin that authenticates, as keys are.",
            _written("teams", Team, TeamKeys),
        ),
        (
            "`[keys.NAME]`",
            "A caller's key. Who sends it is known by it once a plugin authenticates.",
            _written("keys", Key, KeyKeys),
        ),
    ]


def settings() -> str:
    """Every setting of the core."""
    parts = []
    for title, about, rows in tables():
        cells = [(f"`{one.name}`", one.type, _default(one.default), one.doc) for one in rows]
        parts.append(f"### {title}\n\n{about}\n\n{_table(('setting', 'type', 'default', 'meaning'), cells)}")
    return "\n\n".join(parts)


def hook_specs() -> list[tuple[Spec, str]]:
    """Every hook in the journey's order, with what its contract begins with."""
    functions = [getattr(hooks, name) for name in hooks.JOURNEY]
    return [(function.tollhouse_step, _sentences(function.__doc__, 2)) for function in functions]


def hook_table() -> str:
    """The hooks in the order of the journey."""
    cells = [
        (
            f"`{spec.name}({', '.join(spec.args)})`",
            f"{spec.kind}, sync" if spec.sync else spec.kind,
            f"{spec.limit:g} s" if spec.limit else "none",
            "closed" if spec.closed else "open",
            says,
        )
        for spec, says in hook_specs()
    ]
    return _table(("hook", "kind", "time limit", "on failure", "says"), cells)


def event_types() -> list[type[events.Event]]:
    """Every event, in the order they are declared."""
    return [one for one in vars(events).values() if isinstance(one, type) and issubclass(one, events.Event)][1:]


def event_table() -> str:
    """The events and their fields."""
    own = {field.name for field in msgspec.structs.fields(events.Event)}
    cells = [
        (
            f"`{one.__struct_config__.tag}`",
            _sentences(one.__doc__),
            ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(one) if field.name not in own),
        )
        for one in event_types()
    ]
    return _table(("type", "says", "fields"), cells)


def header_table() -> str:
    """Our own response headers."""
    return _table(("header", "says"), [(f"`{name}`", says) for name, says in wire.OWN.items()])


def commands() -> dict[str, argparse.ArgumentParser]:
    """The core's commands; those of plugins stand in their READMEs."""
    return dict(_leaves("", cli.parser(["version"])))


def proof_table() -> str:
    """Which test proves which requirement; gathered by a pytest of its own."""
    script = Path(__file__).parent.parent / "hardening" / "table.py"
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout.strip()


def command_list() -> str:
    """The commands and their options."""
    parts = []
    for name, parser in commands().items():
        cells = [
            (", ".join(f"`{word}`" for word in action.option_strings), _choices(action), action.help or "")
            for action in parser._actions
            if action.dest != "help"
        ]
        table = f"\n\n{_table(('option', 'value', 'meaning'), cells)}" if cells else ""
        parts.append(f"**`tollhouse {name}`**: {parser.description}{table}")
    return "\n\n".join(parts)


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "hooks": hook_table,
    "events": event_table,
    "headers": header_table,
    "commands": command_list,
    "proofs": proof_table,
}
"""What is generated, by the name in its marks."""


def rewritten(text: str) -> str:
    """The text with every generated block made anew. Raises ValueError when a block's marks are missing."""
    for name, made in BLOCKS.items():
        begin, end = f"<!-- {name}: written by tests/docs/reference.py -->", f"<!-- end of {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"core/README.md must have {begin} and {end} once each")
        head, _, rest = text.partition(begin)
        tail = rest.partition(end)[2]
        text = f"{head}{begin}\n\n{made()}\n\n{end}{tail}"
    return text


def main() -> int:
    """Rewrite the README."""
    README.write_text(rewritten(README.read_text()))
    return 0


def _leaves(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parsers below one that have no commands of their own, by their commands' words."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield name, parser
    for action in below:
        for word, child in action.choices.items():
            yield from _leaves(f"{name} {word}".strip(), child)


def _written(table: str, typed: type[msgspec.Struct], keys: type[msgspec.Struct] | None = None) -> list[Field]:
    """The core's keys of a table: described where they are typed, with the default of what is read."""
    read = {one.name: one for one in declared(keys)} if keys else {}
    return [
        one._replace(default=read.get(one.name, one).default) for one in declared(typed) if one.name in CORE_KEYS[table]
    ]


def _about(cls: type) -> str:
    """A Struct's docstring without the table's name in front."""
    about = re.sub(r"^`[^`]+`: ", "", (cls.__doc__ or "").strip())
    return about[:1].upper() + about[1:]


def _sentences(doc: str | None, count: int = 1) -> str:
    """The first sentences of a docstring, on one line."""
    text = " ".join((doc or "").split())
    return " ".join(re.findall(r".*?[.](?=\s|$)", text)[:count]).replace("  ", " ")


def _default(words: str) -> str:
    return words if words in ("required", "none", "its defaults") else f"`{words}`"


def _choices(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices:
        return ", ".join(f"`{choice}`" for choice in action.choices) + f"; default `{action.default}`"
    return f"`{action.metavar or action.dest.upper()}`"


def _table(head: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *cells]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
