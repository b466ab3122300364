"""Themes of our own beside Textual's, and what the views' styles look like in any of them."""

from __future__ import annotations

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="tollhouse-dark", dark=True, primary="#7aa2c8", secondary="#8f9bb3", accent="#e0b25c", success="#7fb77e",
    warning="#e0b25c", error="#e5686c", foreground="#d7dbe2", background="#14171c", surface="#1a1e25", panel="#242a33",
)  # fmt: skip
LIGHT = Theme(
    name="tollhouse-light", dark=False, primary="#24598a", secondary="#5b6675", accent="#8a5a00", success="#2b6f35",
    warning="#8a5a00", error="#b3232c", foreground="#20252c", background="#f7f6f2", surface="#efede7", panel="#e2dfd6",
)  # fmt: skip
CLEAR_DARK = Theme(
    name="tollhouse-clear-dark", dark=True, primary="#56b4e9", secondary="#999999", accent="#f0e442", success="#56b4e9",
    warning="#e69f00", error="#f58042", foreground="#eeeeee", background="#101010", surface="#181818", panel="#2a2a2a",
)  # fmt: skip
"""Colours of Okabe and Ito, which every kind of colour vision tells apart; good is blue, bad is vermilion."""
CLEAR_LIGHT = Theme(
    name="tollhouse-clear-light", dark=False, primary="#0072b2", secondary="#666666", accent="#0072b2",
    success="#0072b2", warning="#8f5f00", error="#b34700", foreground="#111111", background="#ffffff",
    surface="#f3f3f3", panel="#e3e3e3",
)  # fmt: skip
OURS = (DARK, LIGHT, CLEAR_DARK, CLEAR_LIGHT)

_SERIES = {
    True: ("#56b4e9", "#e69f00", "#49b78f", "#cc79a7", "#f0e442", "#a0a0a0"),
    False: ("#0072b2", "#b36f00", "#00785a", "#a04a7c", "#7a7000", "#777777"),
}
"""Series of a chart, of Okabe and Ito's colours, by whether the theme is dark."""


_MADE: dict[str, dict[str, Style]] = {}


def styles(theme: Theme) -> dict[str, Style]:
    """How each style of `text.STYLES` looks in a theme; made once a theme's name."""
    if theme.name not in _MADE:
        _MADE[theme.name] = _styles(theme)
    return _MADE[theme.name]


def _styles(theme: Theme) -> dict[str, Style]:
    dark = theme.dark
    foreground = _colour(theme.foreground, "#e0e0e0" if dark else "#1c1c1c")
    background = _colour(theme.background, "#121212" if dark else "#efefef")
    panel = _colour(theme.panel, "") if _known(theme.panel) else background.blend(foreground, 0.1)
    accent = theme.accent or theme.primary
    found = {
        "": Style(),
        "dim": _ink(foreground.blend(background, 0.42)),
        "bold": Style(bold=True),
        "accent": _ink(Color.parse(theme.primary)),
        "good": _ink(Color.parse(theme.success or theme.primary)),
        "warn": _ink(Color.parse(theme.warning or theme.primary)),
        "bad": _ink(Color.parse(theme.error or "#d04040")) + Style(bold=True),
        "head": _ink(Color.parse(accent)) + Style(bold=True),
        "bar": Style(bold=True),
        "mark": Style(underline=True),
        "cursor": Style(bgcolor=background.blend(_colour(accent, "#808080"), 0.28).rich_color, bold=True),
        "panel": Style(bgcolor=panel.rich_color),
    }
    for number, said in enumerate(_SERIES[dark]):
        found[f"series{number}"] = _ink(Color.parse(said))
    return found


def _ink(colour: Color) -> Style:
    return Style(color=colour.rich_color)


def _known(said: str | None) -> bool:
    """Whether a theme says which colour it is: a terminal's own (`ansi_...`) has no value that could be blended."""
    return bool(said) and not str(said).startswith("ansi")


def _colour(said: str | None, otherwise: str) -> Color:
    return Color.parse(said if said and _known(said) else otherwise)
