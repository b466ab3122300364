"""Everything an operator can do, by name: keys, palette, mouse, help and README all read this one table."""

from __future__ import annotations

from dataclasses import dataclass

from .views.header import SCREENS


@dataclass(frozen=True, slots=True)
class Verb:
    """A command. `keys` are Textual's names; `word` stands in the footer, `says` in palette and help. `screens` is
    where it works, everywhere when empty."""

    name: str
    keys: tuple[str, ...]
    word: str
    says: str
    screens: tuple[str, ...] = ()
    footer: bool = True

    def works(self, screen: str) -> bool:
        """Whether it can be done on this screen."""
        return not self.screens or screen in self.screens


_LISTS = ("traffic", "health", "spend", "keys", "plugins", "playground")

VERBS: tuple[Verb, ...] = (
    Verb("detail", ("enter",), "detail", "Open or close the detail of the chosen request", ("traffic",)),
    Verb("pause", ("space",), "pause", "Make the table stand still, or follow again", ("traffic",)),
    Verb("filter", ("f", "slash"), "filter", "Filter the requests", ("traffic",)),
    Verb("cancel", ("c",), "cancel", "Cancel the chosen request, after a question", ("traffic",)),
    Verb("export", ("e",), "export", "Write the chosen request to a JSON file in this folder", ("traffic",)),
    Verb("zoom", ("z",), "zoom", "Give the detail the whole screen, or back", ("traffic",)),
    Verb("clear", ("escape",), "back", "Close the detail, clear the filter, stop the answer",
         ("traffic", "playground"), footer=False),
    Verb("drain", ("d",), "drain", "Send no new requests to the chosen target, after a question", ("health",)),
    Verb("resume", ("r",), "resume", "Send requests to the chosen target again", ("health",)),
    Verb("test", ("t",), "test", "Send the chosen target one small request", ("health",)),
    Verb("group", ("b",), "by", "Stack the chart by model, team or key in turn", ("spend",)),
    Verb("create", ("n",), "new key", "Make a key; its secret is shown once", ("keys",)),
    Verb("rotate", ("R",), "rotate", "Give the chosen key a new secret, after a question", ("keys",)),
    Verb("revoke", ("x",), "revoke", "End the chosen key for good, after a question", ("keys",)),
    Verb("check", ("v",), "check", "Check the file on disk and show how it differs from what serves", ("plugins",)),
    Verb("reload", ("L",), "reload", "Load the file on disk, after a question", ("plugins",)),
    Verb("say", ("i",), "write", "Write the next message", ("playground",)),
    Verb("fresh", ("ctrl+n",), "new chat", "Forget the conversation and begin another", ("playground",)),
    Verb("copy", ("y",), "copy", "Copy the id or the name of what is chosen", _LISTS[:4]),
    Verb("up", ("up", "k"), "up", "Choose the row above", _LISTS, footer=False),
    Verb("down", ("down", "j"), "down", "Choose the row below", _LISTS, footer=False),
    Verb("page up", ("pageup", "ctrl+b"), "page up", "Go up a page", _LISTS, footer=False),
    Verb("page down", ("pagedown", "ctrl+d"), "page down", "Go down a page", _LISTS, footer=False),
    Verb("top", ("g", "home"), "top", "Go to the top; the traffic follows again", _LISTS, footer=False),
    Verb("bottom", ("G", "end"), "bottom", "Go to the bottom", _LISTS, footer=False),
    *(
        Verb(f"screen {name}", (str(number),), brief, f"Go to {title}", footer=False)
        for number, (name, title, brief) in enumerate(SCREENS, 1)
    ),
    Verb("next screen", ("right_square_bracket",), "next", "Go to the next screen", footer=False),
    Verb("previous screen", ("left_square_bracket",), "previous", "Go to the screen before", footer=False),
    Verb("refresh", ("ctrl+r",), "refresh", "Ask everything again now; try a lost line", footer=False),
    Verb("theme", ("T",), "theme", "Choose how it looks", footer=False),
    Verb("utc", ("u",), "UTC", "Show times in UTC, or local again", footer=False),
    Verb("palette", ("colon", "ctrl+p"), "command", "Find a command by its name"),
    Verb("help", ("question_mark",), "help", "Show every key"),
    Verb("quit", ("q", "ctrl+q"), "quit", "Leave the console"),
)  # fmt: skip

_SHOWN = {
    "slash": "/", "colon": ":", "question_mark": "?", "escape": "esc", "enter": "↵", "right_square_bracket": "]",
    "left_square_bracket": "[", "up": "↑", "down": "↓", "pageup": "pgup", "pagedown": "pgdn",
}  # fmt: skip


def shown(key: str) -> str:
    """A key as it is printed on keyboards."""
    return _SHOWN.get(key, key)


def here(screen: str) -> list[Verb]:
    """The verbs that work on a screen, in the footer's order."""
    return [verb for verb in VERBS if verb.works(screen)]


def footer(screen: str) -> list[tuple[str, str, str]]:
    """What the footer of a screen shows: key, word, command."""
    return [(shown(verb.keys[0]), verb.word, verb.name) for verb in here(screen) if verb.footer]
