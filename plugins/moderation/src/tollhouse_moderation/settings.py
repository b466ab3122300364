"""What an operator may say about moderation: the table [moderation], and rules at every level."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct
from tollhouse.config import DurationOrOff, Size, Spoken

Action = Literal["block", "mask", "flag", "shadow"]
ACTIONS: tuple[Action, ...] = ("block", "mask", "flag", "shadow")
"""What a rule does, strictest first."""


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule in its long form."""

    check: str
    """Which check."""
    action: Action = "block"
    """What happens to what it finds."""
    on: tuple[Literal["input", "output"], ...] | None = None
    """Where it looks; absent where its check usually does."""
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    """The least score that counts; absent the check's own."""
    mode: Literal["closed", "open"] = "closed"
    """What happens when it cannot run: closed refuses, open goes on and says so."""
    name: str = ""
    """What verdicts call it; default the check's name."""
    entities: tuple[str, ...] = ()
    """Only these kinds of findings."""
    terms: tuple[str, ...] = ()
    """`terms`: words and phrases, upper and lower case alike."""
    patterns: tuple[str, ...] = ()
    """`terms` and `secrets`: further regular expressions, in RE2's syntax."""
    file: str = ""
    """`secrets`: further patterns in Gitleaks' format; a relative path begins where the gateway was started."""
    limit: Annotated[int, Meta(ge=1)] | None = None
    """`size`: the most characters."""
    model: str = ""
    """`provider`: who is asked, `provider/model`."""
    region: str = ""
    """`pii`: the country of telephone numbers without a country code, such as `US`."""
    schema: dict[str, Any] | None = None
    """`schema`: the JSON Schema in place of the one the caller asks for."""
    retry: bool = True
    """`schema`: whether the model is asked once more, with what was wrong."""
    options: dict[str, Any] = {}
    """What checks of other plugins take."""

    def __post_init__(self) -> None:
        """A rule of a check that comes with this plugin is tried at once; others are at start-up."""
        from .checks import builtin

        if (maker := builtin().get(self.check)) is not None:
            maker(self)

    @property
    def title(self) -> str:
        """What verdicts call it."""
        return self.name or self.check


class Short(str, Spoken):
    """A rule in short: "pii", or "pii:mask"."""

    noun = "a rule"
    forms = ('"pii:mask"', '"secrets:block"', '"terms"', "actions " + ", ".join(ACTIONS))

    rule: Rule
    """The same in the long form."""

    def __new__(cls, value: str) -> Self:
        check, _, action = value.partition(":") if isinstance(value, str) else ("", "", "")
        if not check or (action or "block") not in ACTIONS or value.endswith(":"):
            raise cls.wrong(value)
        made = str.__new__(cls, value)
        try:
            made.rule = Rule(check=check, action=next(one for one in ACTIONS if one == (action or "block")))
        except ValueError as error:
            raise cls.wrong(value, why=str(error).rstrip(".")) from None
        return made

    def spoken(self) -> str:
        """The text itself."""
        return str(self)


class ModerationSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[moderation]`."""

    levels: Literal["together", "last"] = "together"
    """Whether the rules of all levels hold together, or the narrowest level that names a check decides about it."""
    parallel: bool = False
    """Whether rules that do not mask look at the input while the upstream already works; its answer waits for them."""
    passthrough: Literal["refuse", "allow"] = "refuse"
    """What happens to calls that nobody reads, such as uploads, under a closed rule that blocks or masks."""
    media: Literal["refuse", "allow"] = "allow"
    """What happens to images and other media in the input, which no check can read, under such a rule."""
    keep_text: bool = False
    """Whether the log keeps the text that was found."""
    log: Literal["findings", "all", "off"] = "findings"
    """What is written to the store's log `moderation`: verdicts that found something or did not run, all, or none."""
    keep: DurationOrOff = DurationOrOff("90d")
    """How long that log goes back; "off" keeps all of it."""
    hold: Size = Size("1 MiB")
    """Most of a stream that is held back for a check; a reply that needs more is refused, at most 16 MiB."""

    def __post_init__(self) -> None:
        if self.hold > 16 << 20:
            raise ValueError("hold: at most 16 MiB.")


Level: Any = tuple[Short | Rule, ...]
"""The type of the plugin's key at every level: a list of rules."""
