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
    "R18": "body cap",
    "R19": "strange JSON, UTF-8, nesting, numbers, names: 4xx, at once",
    "R20": "compressed requests and replies, bombs",
    "R21": "header caps",
    "R22": "request smuggling",
    "R23": "hop-by-hop and private headers, both ways",
    "R24": "line ends add no header and no log line",
    "R32": "a limit passes exactly itself, over all processes together",
    "R48": "stopping: drain, then an error",
    "R49": "a reload is whole or not at all",
    "R50": "a plugin that raises or hangs lets nothing through and takes nothing down",
    "R51": "steps of the clock break no limit",
    "R52": "a worker that is killed fails only what it was serving",
}
"""What the numbers stand for."""

ELSEWHERE = {
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
