"""What callers are told when moderation ends their exchange."""

from __future__ import annotations

from tollhouse import Refused, Rejected

from .policy import Active

MISMATCH = "schema_mismatch"
"""The code of a reply that has not the form that was asked for."""


class Blocked(Exception):
    """A rule that blocks found something. `text` is what a judge judged."""

    def __init__(self, rule: Active, text: str = "") -> None:
        super().__init__(rule.title)
        self.rule, self.text = rule, text


class NotRun(Exception):
    """A closed rule could not look."""

    def __init__(self, rule: Active) -> None:
        super().__init__(rule.title)
        self.rule = rule


def input_blocked(rule: Active) -> Rejected:
    """The input may not go up."""
    return Rejected(
        f"The request was blocked by the rule `{rule.title}` of this gateway. Change what it says, or ask the "
        "gateway's operator.",
        code="content_policy_violation",
        should_retry=False,
    )


def output_blocked(rule: Active) -> Refused:
    """The reply may not come down; no other target is asked."""
    return Refused(
        f"The answer was blocked by the rule `{rule.title}` of this gateway.", code="content_filter", again=False
    )


def input_unchecked(rule: Active) -> Rejected:
    """A closed rule failed on the input."""
    return Rejected(
        f"The request could not be checked by the rule `{rule.title}` of this gateway; try again later.",
        status=503,
        type="server_error",
        code="moderation_unavailable",
    )


def wrong_form(rule: Active) -> Refused:
    """The reply has not the form that was asked for; the model may be asked again, and other targets too."""
    return Refused(
        f"The model's answer does not fit the JSON Schema that was asked for (rule `{rule.title}`).",
        code=MISMATCH,
    )


def output_unchecked(rule: Active) -> Refused:
    """A closed rule failed on the reply; another target may do better."""
    return Refused(
        f"The answer could not be checked by the rule `{rule.title}` of this gateway.", code="moderation_unavailable"
    )


def unreadable(rule: Active, what: str) -> Rejected:
    """A closed rule has no way to look at such a request."""
    return Rejected(
        f"The rule `{rule.title}` of this gateway cannot check {what}, so they may not be sent. Leave them out, or ask "
        "the gateway's operator.",
        code="not_moderated",
        should_retry=False,
    )


def too_long(rule: Active) -> Refused:
    """More of a stream would have to wait than may."""
    return Refused(
        f"The answer is too long to be checked by the rule `{rule.title}` of this gateway.", code="too_long_to_check"
    )
