"""One exchange from its first hook to its one outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from ..dialect import Request
from ..errors import PluginFailed, ProviderError, Refused, Rejected, StoreError
from ..hooks import Wait
from ..neutral import End, Happening, Listing
from ..reply import Reply
from ..target import Plan, Target
from .attempts import Attempts
from .delivery import Delivery
from .holding import Holding
from .patience import Patience
from .settling import owes, settle
from .sink import Sink
from .source import Source
from .verdict import cut_off, internal, status_of

if TYPE_CHECKING:
    from ..exchange import Exchange, Outcome

log = logging.getLogger("tollhouse.journey")

Read = Callable[[], Awaitable[bytes]]


class Journey:
    """Drives one exchange. `run` never raises but for a cancellation that did not come from its own caller leaving."""

    __slots__ = ("_ended", "_interrupted", "_phase_began", "delivery", "exchange", "holding", "sink")

    def __init__(self, exchange: Exchange, sink: Sink) -> None:
        self.exchange, self.sink = exchange, sink
        self.delivery: Delivery | None = None
        self.holding = Holding(exchange)
        self._ended = False
        self._interrupted = False
        self._phase_began = exchange.started

    async def run(self, read: Read, *, authenticated: bool = False) -> None:
        """The whole way. `read` gives the caller's body when the journey wants it; `authenticated` says that
        `exchange.principal` is already known."""
        exchange = self.exchange
        gateway = exchange.gateway
        exchange.edition.enter(exchange)
        task = asyncio.current_task(gateway.deadlines.running())
        assert task is not None
        exchange.interrupt = self._interrupt(task)
        try:
            await self._travel(read, authenticated)
        except asyncio.CancelledError:
            if not self._interrupted or exchange.left or task.uncancel() > 0:
                await self._end("disconnected" if exchange.left else "failed", asyncio.CancelledError())
                raise
            await self._tell("failed", exchange.verdict or cut_off())
        except Rejected as error:
            await self._tell("rejected", error)
        except ProviderError as error:
            await self._tell("failed", error)
        except Refused as error:
            await self._tell("rejected", Rejected(error.message, code=error.code, should_retry=False))
        except StoreError as error:
            log.error("exchange %s: %s", exchange.id, error)
            await self._tell(
                "failed",
                Rejected(
                    "The gateway's state is out of reach right now; try again shortly.",
                    status=503,
                    type="server_error",
                    code="store_unavailable",
                    retry_after=1.0,
                ),
            )
        except Exception as error:
            if not isinstance(error, PluginFailed):
                log.exception("exchange %s failed inside the core", exchange.id)
            await self._tell("failed", internal())
        finally:
            if self.delivery is not None and self.delivery.keepalive is not None:
                await self.delivery.close()
            exchange.interrupt = None
            exchange.edition.leave(exchange)
            gateway.ended(exchange)
            _let_go(exchange)

    def _interrupt(self, task: asyncio.Task[object]) -> Callable[[], object]:
        def interrupt() -> None:
            self._interrupted = True
            task.cancel()

        return interrupt

    async def _travel(self, read: Read, authenticated: bool) -> None:
        exchange, chain = self.exchange, self.exchange.edition.chain
        if not authenticated and chain["authenticate"].calls:
            await self._authenticate()
            self._phase("authenticate")
        principal = exchange.principal
        if not principal.may_take(exchange.dialect.name, exchange.task, exchange.path):
            raise Rejected(
                f"This key may not send {exchange.task} requests to {exchange.path[:200]} in the "
                f"{exchange.dialect.name} dialect.",
                status=403,
                code="forbidden",
            )
        if exchange.route.body == "read":
            exchange.request = exchange.dialect.request(await read(), exchange.route, exchange.tail)
        else:
            exchange.request = Request(b"", dialect=exchange.dialect, route=exchange.route)
        exchange.model = exchange.request.model
        exchange.gateway.began(exchange)
        self._phase("read")
        self.delivery = Delivery(exchange, self.sink)
        if exchange.task == "models":
            await self._list()
            return
        if chain["admit"].calls:
            await chain["admit"].each(exchange)
            exchange.model = exchange.request.model
            self._phase("admit")
        exchange.deadline = exchange.started + exchange.edition.timeouts(exchange.model).total
        self.delivery.keep_alive()
        reply, plugin = await self._hold()
        if reply is not None:
            await self._answer(reply, plugin)
            await self._finish("answered")
            return
        await Attempts(exchange, self.delivery, self.holding).run()
        self._phase("upstream")
        await self._finish("completed")

    async def _authenticate(self) -> None:
        exchange = self.exchange
        principal, _ = await exchange.edition.chain["authenticate"].first(exchange)
        if principal is None:
            raise Rejected(
                "No valid API key was given. Send one as `Authorization: Bearer KEY`.",
                status=401,
                code="invalid_api_key",
            )
        exchange.principal = principal
        if not principal.may("caller"):
            raise Rejected("This key may not call models.", status=403, code="forbidden")

    async def _list(self) -> None:
        """Answer a question for the models from what this caller may use; no upstream, no counters."""
        exchange = self.exchange
        names = exchange.edition.models_for(exchange.principal)
        wanted = exchange.tail
        if wanted:
            if wanted not in names:
                raise exchange.edition.unknown_model(wanted, exchange.principal)
            names = [wanted]
        await self._answer(Reply(happenings=_listing(names)), "", relays=False)
        await self._finish("answered")

    async def _hold(self) -> tuple[Reply | None, str]:
        """Route, ask for an answer without upstream, and hold what is demanded; again after every wait."""
        exchange, chain = self.exchange, self.exchange.edition.chain
        while True:
            exchange.plan = self._configured()
            if chain["route"].calls:
                await self._route()
            if not exchange.plan.targets:
                raise ProviderError("The route names no target.", kind="overloaded", code="no_target")
            reply, plugin = None, ""
            if chain["answer"].calls:
                reply, plugin = await chain["answer"].first(exchange)
                self._phase("answer")
                if isinstance(reply, Wait):
                    await self.holding.wait(reply)
                    self._phase("wait")
                    continue
            if not chain["demand"].calls:
                return reply, plugin
            held = await self.holding.claim(None if reply else exchange.plan.targets[0])
            self._phase("hold")
            if held:
                return reply, plugin

    async def _route(self) -> None:
        """Let the plugins put the targets into another order, or name others."""
        exchange = self.exchange
        plan, plugin = await exchange.edition.chain["route"].first(exchange)
        if plan is not None:
            exchange.plan = plan
            for reason in plan.reasons:
                exchange.note(plugin, reason)
        self._phase("route")

    def _configured(self) -> Plan:
        """The targets in the configured order."""
        exchange = self.exchange
        edition = exchange.edition
        if exchange.task == "passthrough":
            if not exchange.owned and not exchange.principal.may_pass(exchange.path):
                raise Rejected(
                    "This key is limited to named models, and what passes through unread could ask for any.",
                    status=403,
                    code="forbidden",
                )
            return Plan((Target(edition.passthrough(exchange), ""),))
        return edition.plan(exchange.model, exchange.principal)

    async def _answer(self, reply: Reply, plugin: str, *, relays: bool = True) -> None:
        """Deliver a reply that no upstream gave, through the relays listed above the plugin that gave it."""
        exchange = self.exchange
        delivery = self.delivery
        assert delivery is not None
        dialect = exchange.edition.dialects.get(reply.dialect)
        decoder = dialect.decoder(exchange.task) if dialect and relays else None
        patience = Patience(exchange.gateway.deadlines, 0.0)
        source = Source(reply, decoder, patience, None)
        step = exchange.edition.chain["relay"]
        delivery.restart(reply)
        try:
            layers = step.wrap(exchange, source, plugin) if relays else [source]
            await delivery.carry(layers, step)
        finally:
            patience.close()
            source.release(exchange.gateway)

    async def _finish(self, outcome: Outcome) -> None:
        """Everything was said but the last bytes: settle what is held before the caller can know the end, then
        send them."""
        assert self.delivery is not None
        exchange = self.exchange
        if exchange.gates:
            await self.delivery.pass_gates()
        if exchange.hold or exchange.outgoing:
            await self._end(outcome)
        await self.delivery.finish()
        if not self._ended and self._concluded(outcome):
            await self._settled()

    async def _tell(self, outcome: Outcome, error: Rejected | ProviderError) -> None:
        """The exchange ends with an error the caller may read, if they are still there."""
        exchange = self.exchange
        if self._ended:
            return
        exchange.status = status_of(error)
        delivery = self.delivery
        if delivery is None:
            if exchange.request is None:
                exchange.request = Request(b"", dialect=exchange.dialect, route=exchange.route)
            delivery = self.delivery = Delivery(exchange, self.sink)
        try:
            status = exchange.status
            await self._end(outcome, error)
            await delivery.fail(status, error)
        except asyncio.CancelledError:
            await self._end(outcome, error)
            raise

    async def _end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Fix the outcome and settle, once."""
        if not self._ended and self._concluded(outcome, error):
            await self._settled()

    async def _settled(self) -> None:
        """Settle; that goes on even if this wait is cancelled."""
        exchange = self.exchange
        await asyncio.shield(exchange.gateway.finishing(settle(exchange)))

    def _concluded(self, outcome: Outcome, error: BaseException | None = None) -> bool:
        """Fix the outcome; whether there is something to settle."""
        exchange = self.exchange
        self._ended = True
        exchange.outcome, exchange.error = outcome, error
        if outcome == "disconnected" or (not exchange.status and isinstance(error, asyncio.CancelledError)):
            exchange.status = 499
        elif not exchange.status:
            exchange.status = 200
        return owes(exchange)

    def _phase(self, name: str) -> None:
        """The time since the last call belongs to the phase `name`."""
        now = self.exchange.now()
        phases = self.exchange.phases
        phases[name] = phases.get(name, 0.0) + now - self._phase_began
        self._phase_began = now


def _let_go(exchange: Exchange) -> None:
    """Free what an exchange holds as soon as nobody needs it, not when the collector comes round. An error's
    traceback holds the frames that hold the exchange, and with it everything buffered for it."""
    exchange.let_go()
    errors = [attempt.error for attempt in exchange.attempts if attempt.error is not None]
    for error in (exchange.error, *errors):
        held: BaseException | None = error
        while held is not None:
            held.__traceback__ = None
            held = held.__cause__ or held.__context__


async def _listing(names: list[str]) -> AsyncIterator[Happening]:
    yield Listing(models=names)
    yield End()
