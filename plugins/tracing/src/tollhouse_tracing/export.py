"""Sends spans to a collector by OTLP over HTTP, https://opentelemetry.io/docs/specs/otlp/#otlphttp, in the batch
processor's thread."""

from __future__ import annotations

import gzip
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = logging.getLogger("tollhouse.tracing")

AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which OTLP tries again."""
TRIES = 3
PAUSE = 1.0
"""Seconds before a second try; twice as many before a third."""


class Exporter(SpanExporter):
    """Sends batches, and says once when that begins to fail and once when it works again. Spans that cannot be sent
    are lost. It follows no redirect and uses no proxy from the environment."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], timeout: float) -> None:
        self._endpoint, self._timeout = endpoint, timeout
        self._headers = {**headers, "content-type": "application/x-protobuf", "content-encoding": "gzip"}
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Straight)
        self._hurry = threading.Event()
        self._until = float("inf")
        self._failing = False
        self.lost = 0
        """Spans that could not be sent."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch."""
        why = self._delivered(gzip.compress(encode_spans(spans).SerializeToString(), 1))
        if why:
            self.lost += len(spans)
            if not self._failing:
                log.warning("spans cannot be sent and are lost until they can: %s", why)
        elif self._failing:
            log.warning("spans are sent again; %d were lost", self.lost)
        self._failing = bool(why)
        return SpanExportResult.FAILURE if why else SpanExportResult.SUCCESS

    def hurry(self, seconds: float) -> None:
        """From now on try each batch once, and none after so many seconds."""
        self._until = time.monotonic() + seconds
        self._hurry.set()

    def shutdown(self) -> None:
        """Nothing is open."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits here."""
        return True

    def _delivered(self, body: bytes) -> str:
        """Empty, or why it could not be sent."""
        why = "there was no time left"
        for number in range(TRIES):
            if number and self._hurry.wait(PAUSE * number):
                break
            timeout = min(self._timeout, self._until - time.monotonic())
            if timeout <= 0:
                break
            request = urllib.request.Request(self._endpoint, body, self._headers)  # noqa: S310  (http or https, checked)
            try:
                with self._opener.open(request, timeout=timeout) as response:
                    response.read(1 << 16)
            except urllib.error.HTTPError as error:
                why = f"the collector answered {error.code}"
                error.close()
                if error.code not in AGAIN:
                    break
            except (OSError, HTTPException) as error:
                reason = getattr(error, "reason", error)
                why = f"{type(reason).__name__}: {getattr(reason, 'strerror', None) or 'no answer'}"
            else:
                return ""
        return why


class _Straight(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, not an address."""

    def redirect_request(self, *_: Any) -> None:
        """None."""
        return
