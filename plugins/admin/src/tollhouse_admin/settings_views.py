"""What the API answers about models, spend, plugins, the configuration and the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tollhouse.config import Model, TargetEntry
from tollhouse.edition import Edition
from tollhouse.errors import ConfigError, Rejected
from tollhouse.store.arguments import DIMENSIONS
from tollhouse.target import Target

from . import config_view
from .http import Call, Faulty
from .node import Took, problems
from .settings_shapes import (
    Audit,
    Configuration,
    Difference,
    Draft,
    HookState,
    Plugins,
    PluginState,
    Problem,
    Reloaded,
    Verdict,
)
from .shapes import Models, ModelState, ModelTarget, Spend, Spent, TokenPrice
from .views import DAY, workers

RELOADING = 90.0
"""Seconds a cluster's reload may take: each node tries its file out first."""
SLOWEST = 10.0
"""Seconds the check of a text may take."""


async def models(call: Call) -> Models:
    """The declared models with their prices."""
    items = [_model(call.edition, one) for one in call.edition.config.models.values()]
    return Models(items=items, next="")


async def spend(call: Call) -> Spend:
    """Sums of the ledger. Raises Rejected (400) for a column there is none of."""
    now = call.gateway.clock.time()
    by = [one for one in call.query.get("by", "model").split(",") if one]
    where = dict(_pair(one) for one in call.query.get("where", "").split(",") if one)
    since, until = call.number("since", now // DAY * DAY), call.number("until", now + 1)
    for column in (*by, *where):
        if column not in DIMENSIONS or (column == "hour" and column in where):
            known = ", ".join(DIMENSIONS)
            raise Rejected(f"There is no column `{column[:40]}` to sum or choose by: {known}.", code="invalid_query")
    since = since // 3600 * 3600
    sums = await call.gateway.store.sums(by, since, until, where or None)
    items = [
        Spent(
            by=list(one.by),
            requests=one.requests,
            input=one.input,
            output=one.output,
            cost=one.cost,
            unpriced=one.unpriced,
            saved=one.saved,
        )
        for one in sums
    ]
    return Spend(items=items, since=since, until=until)


async def plugins(call: Call) -> Plugins:
    """The plugins, and what their hooks cost in all workers together."""
    edition = call.edition
    steps = edition.chain.steps().items()
    replies = await call.node.cluster.ask("hooks", None, list[HookState])
    total: dict[tuple[str, str], HookState] = {}
    for worker in replies.replied:
        for one in replies.by.get(worker, ()):
            known = total.setdefault((one.hook, one.plugin), one)
            if known is not one:
                known.calls += one.calls
                known.errors += one.errors
                known.seconds = None if known.seconds is None or one.seconds is None else known.seconds + one.seconds
    states = [
        PluginState(
            name=one.name,
            distribution=one.found.distribution,
            version=one.found.version,
            hooks=[name for name, step in steps if any(call.plugin == one.name for call in step.calls)],
        )
        for one in edition.plugged
    ]
    return Plugins(plugins=states, hooks=list(total.values()), workers=workers(replies))


async def configuration(call: Call) -> Configuration:
    """What serves."""
    edition = call.edition
    return Configuration(
        lines=config_view.lines(edition), file=edition.loaded.path.name, edition=call.gateway.edition.number
    )


async def validate(call: Call) -> Verdict:
    """Whether a text would do."""
    draft = call.read(Draft)
    try:
        async with asyncio.timeout(SLOWEST):
            await asyncio.to_thread(config_view.check, call.edition, draft.text)
    except ConfigError as error:
        return Verdict(ok=False, errors=problems(error))
    except TimeoutError:
        return Verdict(ok=False, errors=[Problem(path="", message="It takes too long to read.", hint="")])
    return Verdict(ok=True, errors=[])


async def difference(call: Call) -> Difference:
    """The file on disk against what serves. Raises Rejected (409) when the file cannot be read."""
    try:
        changed = await asyncio.to_thread(config_view.difference, call.edition)
    except ConfigError as error:
        raise _refused("The file on disk cannot be read", problems(error)) from None
    return Difference(changed=changed)


async def reload(call: Call) -> Reloaded:
    """Serve by the file on disk, on every node. Raises Rejected (409) with what is wrong; a node that refuses keeps
    serving by what it had."""
    peers = await call.node.cluster.peers()
    first = {peer.node: peer.id for peer in reversed(peers)}
    first[call.node.cluster.node] = call.node.cluster.id
    replies = await call.node.cluster.ask("reload", None, Took, to=list(first.values()), patience=RELOADING)
    if wrong := [one for took in replies.by.values() for one in took.errors]:
        await call.audit("config.refused", call.edition.loaded.path.name)
        raise _refused("The configuration was refused, and the old one keeps serving", wrong)
    await call.audit("config.reloaded", call.edition.loaded.path.name)
    return Reloaded(edition=call.gateway.edition.number, workers=workers(replies))


async def audit(call: Call) -> Audit:
    """A page of the audit log."""
    return await call.node.book.read(call.query.get("after", ""), call.limit())


def _refused(words: str, wrong: Sequence[Problem]) -> Faulty:
    first = ": ".join(part for part in (wrong[0].path, wrong[0].message) if part)
    return Faulty(f"{words}: {first}", status=409, code="config_refused", errors=wrong)


def _pair(text: str) -> tuple[str, str]:
    column, colon, value = text.partition(":")
    if not colon:
        raise Rejected("`where` reads column:value, several with commas.", code="invalid_query", param="where")
    return column, value


def _model(edition: Edition, model: Model) -> ModelState:
    return ModelState(name=model.name, targets=[_target(edition, one) for one in model.targets])


def _target(edition: Edition, entry: TargetEntry) -> ModelTarget:
    target = Target(entry.provider, entry.model, entry.weight)
    rates = edition.rates(target) if edition.chain["price"] else None
    price = None
    if rates is not None:
        price = TokenPrice(input=f"{rates.rate('input'):f}", output=f"{rates.rate('output'):f}", source=rates.source)
    return ModelTarget(target=target.name, weight=entry.weight, price=price)
