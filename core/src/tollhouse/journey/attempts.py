"""The attempts of an exchange: dispatch, send, race, relay, recover, under one cap and one deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..attempt import Attempt, AttemptState
from ..dialect import Dialect, Receipt, Request
from ..errors import PluginFailed, ProviderError, Refused, Rejected, Skip, TollhouseError
from ..hooks import Next, Race
from ..target import Target
from ..usage import Usage
from ..wire import STRICT_HEADER, upward
from .delivered import assumed
from .delivery import Delivery
from .holding import Holding
from .patience import Patience
from .racing import race
from .source import LATE, Source

if TYPE_CHECKING:
    from ..exchange import Exchange

log = logging.getLogger("tollhouse.plugins")

SILENT = "no answer came within {:g} s"
"""Why a wait for an answer ended."""


class Attempts:
    """Everything between the plan and the last event of the reply that was delivered."""

    __slots__ = ("chain", "delivery", "exchange", "holding")

    def __init__(self, exchange: Exchange, delivery: Delivery, holding: Holding) -> None:
        self.exchange, self.delivery, self.holding = exchange, delivery, holding
        self.chain = exchange.edition.chain

    async def run(self) -> None:
        """Try targets until one delivers. Raises the last ProviderError, or the Rejected, PluginFailed or
        CancelledError that ended it; every attempt made has been observed by then."""
        exchange = self.exchange
        assert exchange.plan is not None
        waiting = list(exchange.plan.targets)
        target, request = waiting.pop(0), None
        skipped: set[Target] = set()
        while True:
            try:
                await self._try(target, request)
            except Skip as skip:
                exchange.note("dispatch", f"{target.name} skipped: {skip.reason}")
                skipped.add(target)
                if skip.instead is not None and skip.instead not in skipped:
                    target, request = skip.instead, None
                    waiting = [other for other in waiting if other != target]
                elif waiting:
                    target, request = waiting.pop(0), None
                else:
                    raise ProviderError(
                        f"No target can take this request now: {skip.reason}",
                        kind="overloaded",
                        code="no_target",
                    ) from skip
                await self.holding.raise_to(target)
            except ProviderError as error:
                step = await self._recovery(error)
                target, request = step.target, step.request
                waiting = [other for other in waiting if other != target]
            else:
                return

    def remaining(self) -> float:
        """Seconds left of the whole exchange; a little more than 0 when none are."""
        return max(0.001, self.exchange.deadline - self.exchange.now())

    async def _recovery(self, error: ProviderError) -> Next:
        """Where to go after this failure; raises it again when nowhere."""
        exchange = self.exchange
        if exchange.commit == "content" or (exchange.left and not exchange.sponsors):
            raise error
        if len(exchange.attempts) >= exchange.edition.config.max_attempts:
            exchange.note("core", f"no further attempt: {len(exchange.attempts)} were made")
            raise error
        step, plugin = await self.chain["recover"].first(exchange, exchange.attempts[-1])
        if step is None:
            raise error
        if exchange.now() + step.pause >= self.exchange.deadline:
            exchange.note("core", f"{plugin} would go on to {step.target.name}, but the deadline is too near")
            raise error
        exchange.note(plugin, f"after {error.kind}: {step.target.name}")
        if step.pause:
            await asyncio.sleep(step.pause)
        await self.holding.raise_to(step.target)
        return step  # type: ignore[no-any-return]

    async def _try(self, target: Target, request: Request | None) -> None:
        """One attempt, or a race of two, up to the last event."""
        patience = Patience(self.exchange.gateway.deadlines, self.remaining())
        source: Source | None = None
        attempt: Attempt | None = None
        terms: Race | None = None
        try:
            attempt = self.made(target, request)
            await self.dispatch(attempt)
            if self.chain["race"].calls:
                terms = self.chain["race"].first_now(self.exchange, attempt)
            if terms is None:
                source = await self.send(attempt, patience)
            else:
                source = await race(self, attempt, terms)
                source.move_to(patience)
                attempt = source.attempt
            relay = self.chain["relay"]
            self.delivery.restart(source.reply)
            try:
                await self.delivery.carry(relay.wrap(self.exchange, source) if relay.calls else [source], relay)
            finally:
                self._assume(source)
        except Skip:
            raise
        except Refused as refused:
            error = ProviderError(
                refused.message,
                kind="refused",
                code=refused.code,
                type="invalid_request_error",
                again=refused.again,
            )
            self.end(attempt, "failed", error)
            if not refused.again:
                raise Rejected(refused.message, code=refused.code, should_retry=False) from refused
            raise error from refused
        except TollhouseError as error:
            self.end(attempt, "failed", error)
            raise
        except asyncio.CancelledError:
            self.end(attempt, "won" if attempt and attempt.content_at is not None else "lost")
            raise
        except Exception:
            self.end(attempt, "failed")
            raise
        else:
            self.end(attempt, "won")
        finally:
            patience.close()
            if source is not None:
                source.release(self.exchange.gateway)

    def made(self, target: Target, request: Request | None) -> Attempt:
        """A new attempt, to be dispatched."""
        exchange = self.exchange
        edition = exchange.edition
        provider = edition.providers[target.provider]
        asked = request or exchange.request
        dialect = self._speaking(provider.speaks, asked)
        attempt = Attempt(
            exchange,
            len(exchange.attempts) + 1,
            target,
            provider,
            asked,
            dialect,
            edition.timeouts(exchange.model, target.provider),
        )
        attempt.headers = upward(exchange.headers)
        return attempt

    async def dispatch(self, attempt: Attempt) -> None:
        """Make an attempt ready to leave. Raises Skip before it counts; a ProviderError of `dispatch` is that of an
        attempt like any other, which has been observed."""
        exchange, asked, dialect, target = self.exchange, attempt.request, attempt.dialect, attempt.target
        if self.chain["dispatch"].calls:
            try:
                await self.chain["dispatch"].each(exchange, attempt)
            except ProviderError as error:
                exchange.attempts.append(attempt)
                self.end(attempt, "failed", error)
                raise
        if dialect is not None and asked.route.task != "passthrough":
            if dialect.name == asked.dialect.name:
                attempt.body = dialect.address(asked, target.model)
            else:
                attempt.body, attempt.receipt = dialect.encode(asked, target.model)
                attempt.receipt.lines[:0] = asked.losses
                if attempt.receipt.lines and self._strict():
                    raise _lossy(attempt.receipt, target)
        elif dialect is None:
            translated = asked.dialect is not exchange.dialect or asked.losses
            attempt.receipt = Receipt(list(asked.losses)) if translated else None
        exchange.attempts.append(attempt)

    def _strict(self) -> bool:
        """Whether a loss is refused: the caller's word, else the model's, else the gateway's."""
        exchange = self.exchange
        said = exchange.headers.get(STRICT_HEADER, "").lower()
        if said in ("true", "false"):
            return said == "true"
        config = exchange.edition.config
        model = config.models.get(exchange.model)
        return config.strict if model is None or model.strict is None else model.strict

    def _speaking(self, speaks: Sequence[str], request: Request) -> Dialect | None:
        """The dialect to speak upstream: the caller's if the provider knows it, else the provider's best that is
        loaded, which the edition made sure of; None for a provider of the neutral form."""
        if request.dialect.name in speaks:
            return request.dialect
        dialects = self.exchange.edition.dialects
        return next((dialects[name] for name in speaks if name in dialects), None)

    async def send(self, attempt: Attempt, patience: Patience) -> Source:
        """Ask the provider, and read ahead to the first content; closes what it opened when it fails."""
        exchange, wait = self.exchange, attempt.timeouts.first_byte
        if (bound := attempt.content_within) and bound < wait:
            patience.begin(max(0.001, attempt.started_at + bound - exchange.now()), LATE)
        else:
            patience.begin(wait, SILENT)
        try:
            reply = await attempt.provider.send(attempt)
        except asyncio.CancelledError:
            if failure := patience.failure():
                raise failure from None
            raise
        except ProviderError as error:
            attempt.status = error.status
            raise
        except Rejected:
            raise
        except Exception as error:
            broken = PluginFailed(attempt.target.provider, "send", type(error).__name__)
            log.exception("the provider %s broke its contract", attempt.target.provider)
            exchange.gateway.plugin_failed(broken)
            raise broken from error
        finally:
            patience.end()
        attempt.status, attempt.first_byte_at = reply.status, exchange.now()
        attempt.reply_headers = reply.headers
        dialect = exchange.edition.dialects.get(reply.dialect)
        decoder = dialect.decoder(attempt.request.route.task) if dialect and reply.form != "chunks" else None
        native = reply.dialect == exchange.dialect.name and exchange.request.stream
        source = Source(reply, decoder, patience, attempt, viewed=not native or bool(self.chain["relay"].calls))
        try:
            if reply.body is not None:
                source.reach_end()
            else:
                await source.reach_content()
        except BaseException:
            source.release(exchange.gateway)
            raise
        return source

    def _assume(self, source: Source) -> None:
        """A reply without usage, or cut off before its last word of it, costs at least what was delivered."""
        attempt = source.attempt
        if attempt is not None and attempt.content_at is not None:
            attempt.usage = assumed(attempt, source.reply.dialect, source.delivered)

    def end(self, attempt: Attempt | None, state: AttemptState, error: TollhouseError | None = None) -> None:
        """Close an attempt's books and let everybody observe it, exactly once. One that was given up while the
        upstream worked on it costs at least its estimated input."""
        if attempt is None or attempt.state != "pending":
            return
        exchange = self.exchange
        attempt.state, attempt.error, attempt.ended_at = state, error, exchange.now()
        given_up = state == "lost" or getattr(error, "kind", "") == "timeout"
        if given_up and attempt.usage is None and exchange.task in ("chat", "embed"):
            attempt.usage = Usage(input=exchange.tokens.input, source="estimate")
        if attempt.usage is not None:
            if attempt.request is exchange.request and exchange.task in ("chat", "embed"):
                exchange.tokens.learn(attempt.usage)
            rates = exchange.edition.rates(attempt.target)
            attempt.cost = rates.cost(attempt.usage) if rates else None
        if self.chain["observe"].calls:
            self.chain["observe"].each_now(exchange, attempt)
        exchange.gateway.attempt_ended(exchange, attempt)


def _lossy(receipt: Receipt, target: Target) -> Rejected:
    first = receipt.lines[0].partition("=")[2].partition(":")[0]
    return Rejected(
        f"{target.name} cannot be asked this without loss: {'; '.join(receipt.lines)}. Leave these out, or allow it "
        f"with the header {STRICT_HEADER}: false.",
        code="translation_loss",
        param=first,
        should_retry=False,
    )
