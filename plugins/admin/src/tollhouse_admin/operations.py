"""What operators do to targets: take one out, let it back, try it."""

from __future__ import annotations

import secrets
from typing import Any

from tollhouse import Principal, Rejected, Request
from tollhouse.edition import Edition
from tollhouse.journey.sink import Collected
from tollhouse.neutral import Chat, Message, Text

from .drained import Drain
from .http import Call
from .shapes import Ok, OneTarget, Tested
from .views import workers

ORIGIN = "admin"
"""Who submits a test, in `exchange.origin`."""
TARGET = "x-admin-target"
"""How a test says in its own headers where it must go."""
TOKENS = 16


async def drain(call: Call) -> Ok:
    """Take a target out, on every worker."""
    target = _known(call, call.read(OneTarget).target)
    await call.node.drained.change(target, Drain(by=call.who, at=call.gateway.clock.time()))
    return await _told(call, "target.drained", target)


async def resume(call: Call) -> Ok:
    """Let a target take attempts again, on every worker."""
    target = _known(call, call.read(OneTarget).target)
    await call.node.drained.change(target, None)
    return await _told(call, "target.resumed", target)


async def test(call: Call) -> Tested:
    """Send a few words to one target the way a caller's request goes, and book them like a caller's. Limits and
    breakers hold for it; that it is drained does not."""
    target = _known(call, call.read(OneTarget).target)
    principal = call.principal
    asker = Principal(key=principal.key, user=principal.user, team=principal.team, tags=principal.tags)
    request = _ping(call.edition, _model(call.edition, target))
    exchange = await call.gateway.submit(request, asker, Collected(), origin=ORIGIN, headers={TARGET: target})
    asked = [attempt for attempt in exchange.attempts if attempt.target.name == target]
    ok = exchange.outcome == "completed" and bool(asked)
    error = exchange.error
    await call.audit("target.tested", target)
    return Tested(
        ok=ok,
        target=target,
        status=asked[-1].status if asked else 0,
        seconds=exchange.now() - exchange.started,
        code="" if ok else str(getattr(error, "code", None) or getattr(error, "kind", None) or exchange.outcome),
        message="" if ok else str(getattr(error, "message", "") or "The target was not asked."),
        id=exchange.id,
    )


def _model(edition: Edition, target: str) -> str:
    """A name by which this target can be asked for. Raises Rejected (409)."""
    for model in edition.config.models.values():
        if any(f"{one.provider}/{one.model}" == target for one in model.targets):
            return model.name
    if edition.config.undeclared_models or not edition.config.models:
        return target
    raise Rejected(f"No declared model goes to `{target}`.", status=409, code="target_unused", param="target")


def _ping(edition: Edition, model: str) -> Request:
    """A short question that no cache knows, in the first dialect that names its model in the body."""
    chat = Chat(messages=[Message(role="user", parts=[Text(text=f"ping {secrets.token_hex(4)}")])], max_output=TOKENS)
    for dialect in edition.dialects.values():
        for route in dialect.routes:
            if route.task == "chat" and "{" not in route.path:
                raw, _ = dialect.encode(Request(b"", dialect=dialect, route=route, model=model, body=chat), model)
                return dialect.request(raw, route)
    raise Rejected("No loaded dialect can ask a question.", status=409, code="no_dialect")


async def _told(call: Call, action: str, target: str) -> Ok:
    await call.audit(action, target)
    replies = await call.node.cluster.ask("drained", None, Any)
    return Ok(ok=not replies.missing, workers=workers(replies))


def _known(call: Call, name: str) -> str:
    """Raises Rejected (404) for what is no target here, so that no list grows by what anybody types."""
    provider, slash, model = name.partition("/")
    if not slash or not model or provider not in call.edition.providers or len(name) > 300 or not name.isprintable():
        providers = ", ".join(list(call.edition.providers)[:10])
        raise Rejected(
            f"`{name[:100]}` is no target: one reads provider/model, with a provider of {providers}.",
            status=404,
            code="target_not_found",
            param="target",
        )
    return name
