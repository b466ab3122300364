"""Where a request for a response may go: what it names, and what it asks, only some upstreams know."""

from __future__ import annotations

from tollhouse import Attempt, Exchange, Plan, Rejected, Request, Skip
from tollhouse.neutral import Chat, Opaque

from ..ownership import owner
from .name import NAME
from .request import Asked

_REFERENCES = frozenset({"item_reference", "compaction"})
"""Items that stand for what only their upstream knows."""


async def admit(exchange: Exchange) -> None:
    """Pin a request to the provider that keeps the response or the conversation it goes on with. Raises `Rejected`
    (404) when that is not the caller's."""
    if not isinstance(exchange.request, Asked):
        return
    bonds = exchange.request.bonds
    for kind, id_, param in (
        ("response", bonds.previous_response_id, "previous_response_id"),
        ("conversation", bonds.conversation_id, "conversation"),
    ):
        if id_:
            try:
                exchange.state["openai"] = await owner(exchange, kind, id_)
            except Rejected as error:
                raise Rejected(
                    f"There is no {kind} with the id in `{param}`. Only what a provider of this dialect keeps can be "
                    "gone on with; send the whole conversation in `input` instead.",
                    status=404,
                    code=f"{param}_not_found" if kind == "response" else "not_found",
                    param=param,
                ) from error


def route(exchange: Exchange) -> Plan | None:
    """The plan without the providers that do not keep what the request names; None when it names nothing."""
    pinned, plan = exchange.state.get("openai"), exchange.plan
    if pinned is None or plan is None:
        return None
    targets = [target for target in plan.targets if target.provider == pinned]
    return Plan(targets, (f"{pinned} keeps what the request goes on with",)) if targets else None


def dispatch(exchange: Exchange, attempt: Attempt) -> None:
    """Raise `Skip` for a target that cannot understand the request while the plan has one that can, else `Rejected`
    (400)."""
    request = attempt.request
    if not isinstance(request, Asked):
        return
    pinned = exchange.state.get("openai")
    targets = exchange.plan.targets if exchange.plan else ()
    if pinned is not None and attempt.target.provider != pinned:
        if any(target.provider == pinned for target in targets):
            raise Skip(f"{pinned} keeps what the request goes on with")
        raise Rejected(
            f"What this request goes on with is kept by another provider than those of the model "
            f"`{exchange.model[:100]}`. Ask for the model that began it, or send the whole conversation in `input`.",
            code="response_elsewhere",
            param="model",
        )
    if attempt.dialect is not None and attempt.dialect.name == NAME:
        return
    if what := _bound(request):
        providers = exchange.edition.providers
        if any(NAME in providers[target.provider].speaks for target in targets):
            raise Skip(f"its provider knows no {what}")
        raise Rejected(
            f"No provider of the model `{exchange.model[:100]}` speaks this dialect, and {what} means nothing to "
            "another. Send the whole conversation in `input`, and wait for the answer.",
            code="unsupported_parameter",
            param=what if what in ("background", "conversation", "previous_response_id", "prompt") else None,
        )


def _bound(request: Request) -> str:
    """What of a request another dialect cannot say without another meaning; empty for nothing."""
    assert isinstance(request, Asked)
    if request.task != "chat":
        return request.task
    if said := request.bonds.needs():
        return said
    chat = request.body
    assert isinstance(chat, Chat)
    parts = (part for message in chat.messages for part in message.parts)
    return next((p.kind for p in parts if isinstance(p, Opaque) and p.kind in _REFERENCES), "")
