"""Text for a call's arguments and a function's response is edited as JSON; all else as in any dialect."""

from __future__ import annotations

import pytest
from tollhouse import Edit
from tollhouse_gemini.patch import patch


@pytest.mark.parametrize(
    ("said", "written"),
    [('{"k": 1.50}', b'{"k": 1.50}'), ("words", b'{"output":"words"}'), ("{broken", b'{"output":"{broken"}')],
)
@pytest.mark.parametrize("path", [("functionCall", "args"), ("function_response", "response")])
def test_text_for_an_object_becomes_one(path: tuple[str, ...], said: str, written: bytes) -> None:
    raw = b'{"' + path[0].encode() + b'":{"' + path[1].encode() + b'":{}}}'
    assert written in patch(raw, [Edit(path, said)])
