"""Prints which test proves which requirement: `python tests/hardening/table.py`.

Tests say it themselves, with the marker `proves`. A fault or an attack goes by its name, a requirement by its number.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent

MEANINGS = {
    "R9 in substance: no event waits for the next one": "time to the first byte; its milliseconds are benchmarked",
    "R10": "slow readers cost little memory and delay nobody",
    "R11": "cut-off connections give everything back",
    "R13": "events are the same however a stream is split",
    "R14": "an attempt is repeated only before content, and never as often as callers ask",
    "R15": "a provider that fails rests, and is tried again by one call",
    "R16": "with everything failing, upstreams get little more than callers sent",
    "R17": "never again to the same target with the same credential after the caller's own mistake",
    "R18": "body cap",
    "R19": "strange JSON, UTF-8, nesting, numbers, names: 4xx, at once",
    "R20": "compressed requests and replies, bombs",
    "R21": "header caps",
    "R22": "request smuggling",
    "R23": "hop-by-hop and private headers, both ways",
    "R24": "line ends add no header and no log line",
    "R25": "refused callers read it in their own dialect",
    "R26": "keys are stored as keyed hashes only",
    "R28": "a revoked key stops everywhere within a second",
    "R29": "no cache knows a secret by a part of it",
    "R30": "every route asks who calls, but for health",
    "R31": "nobody raises their own rights, and an admin key calls no models",
    "R32": "a limit passes exactly itself, over all processes together",
    "R33": "a budget holds under concurrent calls, and is settled to the nano-dollar",
    "R34": "who leaves pays at least for what was delivered",
    "R35": "holds of a process that died are freed",
    "R36": "a cached answer costs nothing and counts as a request",
    "R37": "prices are those of the public lists",
    "R38": "the store frozen, slow or gone",
    "R39": "scripts flushed or refused",
    "R40": "no cached answer crosses tenants or differs in a field",
    "R41": "what an upstream keeps is shown to its owner only",
    "R43": "webhooks are signed by the standard",
    "R44": "what counts as delivered, and what disables",
    "R45": "the schedule of tries",
    "R46": "no message is lost by a kill",
    "R47": "no webhook reaches an address inside",
    "R48": "stopping: drain, then an error",
    "R49": "a reload is whole or not at all",
    "R50": "a plugin that raises or hangs lets nothing through and takes nothing down",
    "R51": "steps of the clock break no limit",
    "R52": "a worker that is killed fails only what it was serving",
}
"""What the numbers stand for."""

ELSEWHERE = {
    "R14": ["plugins/failover/tests/test_matrix.py", "plugins/failover/tests/test_recovery.py"],
    "R15": ["plugins/failover/tests/test_outages.py", "plugins/failover/tests/test_breaker.py (against a model)"],
    "R16": ["plugins/failover/tests/test_outages.py"],
    "R17": ["plugins/failover/tests/test_recovery.py", "plugins/openai/tests/test_keys.py"],
    "R25": ["plugins/auth/tests/test_callers.py"],
    "R26": ["plugins/auth/tests/test_secret.py", "plugins/auth/tests/test_served.py (SQLite's files)"],
    "R28": ["plugins/auth/tests/test_served.py (four workers)", "plugins/auth/tests/test_lookup.py"],
    "R29": ["plugins/auth/tests/test_tokens.py (equal beginnings and ends)"],
    "R30": ["plugins/auth/tests/test_endpoints.py", "plugins/admin/tests/test_access.py"],
    "R31": ["plugins/auth/tests/test_endpoints.py"],
    "R33": ["plugins/budget/tests/test_processes.py (four workers; SQLite and Redis)"],
    "R34": ["tests/journey/test_unsaid_usage.py"],
    "R35": ["plugins/budget/tests/test_processes.py", "plugins/rate_limit/tests/test_processes.py"],
    "R36": ["plugins/cache/tests/test_flights.py"],
    "R37": ["tests/recordings/test_prices.py (every recorded usage)"],
    "R38": [
        "plugins/redis/tests/test_outages.py",
        "plugins/redis/tests/test_gateway.py",
        "plugins/cache/tests/test_stores.py",
    ],
    "R39": ["plugins/redis/tests/test_calls.py"],
    "R40": ["plugins/cache/tests/test_keys.py (by hypothesis)"],
    "R41": ["plugins/openai/tests/test_responses_served.py"],
    "R43": ["plugins/webhooks/tests/test_delivery.py"],
    "R44": ["plugins/webhooks/tests/test_schedule.py"],
    "R45": ["plugins/webhooks/tests/test_schedule.py"],
    "R46": ["plugins/webhooks/tests/test_processes.py (SQLite and Redis)"],
    "R47": ["plugins/webhooks/tests/test_guard.py"],
    "R13": [
        "core/tests/framing/test_sse.py (every split of every event, by hypothesis)",
        "plugins/openai/tests/test_recordings.py, tests/recordings (every recording)",
    ],
    "R19": [
        "core/tests/test_json_guard.py (against Python's parser, by hypothesis)",
        "plugins/openai/tests/test_requests.py (JSONTestSuite, all places)",
    ],
    "R20": ["core/tests/front/test_body.py (every coding)"],
    "R21": [
        "core/tests/front/test_head.py (exact caps)",
        "core/tests/serving/test_http2.py (HTTP/2: heads without end, heads that unpack, floods of cancelled requests)",
    ],
    "R22": ["core/tests/front/test_head.py (whichever engine)"],
    "R32": ["plugins/rate_limit/tests/test_processes.py (four workers, two gateways; SQLite and Redis)"],
    "R49": ["tests/serving/test_reloads.py", "tests/journey/test_gateway.py"],
    "R50": ["core/tests/test_chain.py", "core/tests/test_bounded.py", "tests/journey/test_relays.py"],
    "R51": [
        "core/tests/store (a clock set back, for every back end)",
        "plugins/rate_limit/tests/test_limits.py (an hour either way)",
    ],
    "R52": ["tests/serving/test_workers.py"],
}
"""Proofs that need no served gateway."""


class Gathered:
    """A pytest plugin that notes the markers of what was collected."""

    def __init__(self) -> None:
        self.proofs: dict[str, dict[str, None]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Every test once, whatever its parameters; dicts keep the order."""
        for item in items:
            test = f"{item.path.name}::{item.name.partition('[')[0]}"
            for mark in item.iter_markers("proves"):
                for requirement in mark.args:
                    self.proofs.setdefault(requirement, {})[test] = None


def gathered() -> dict[str, list[str]]:
    """Tests by requirement; faults and attacks in the order of the tests, then the numbers in theirs."""
    plugin = Gathered()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = pytest.main(["--collect-only", "-q", str(HERE)], plugins=[plugin])
    if code != 0:
        raise SystemExit(said.getvalue())
    return {name: list(plugin.proofs[name]) for name in sorted(plugin.proofs, key=_order)}


def _order(requirement: str) -> tuple[int, int]:
    number = re.match(r"R(\d+)", requirement)
    return (2, int(number[1])) if number else (int(requirement.startswith("CVE")), 0)


def table() -> str:
    """The table as Markdown."""
    lines = ["| requirement | proof |", "|---|---|"]
    here = gathered()
    for name in sorted({**here, **ELSEWHERE}, key=_order):
        tests = here.get(name, [])
        shown = f"{name.partition(' ')[0]}: {MEANINGS[name]}" if name in MEANINGS else name.replace("|", r"\|")
        proofs = [f"`{test}`" for test in tests] + ELSEWHERE.get(name, [])
        lines.append(f"| {shown} | {'<br>'.join(proofs)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
