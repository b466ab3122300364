"""Which route a path belongs to, and what it takes of the path."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse import Route
from tollhouse.routes import Routes


class Spoken:
    """As much of a dialect as routing looks at."""

    name = "spoken"
    routes = (
        Route("POST", "/v1/models/{model}:ask", "chat"),
        Route("POST", "/deployments/{model}/ask", "chat"),
        Route("POST", "/model/{model:path}/ask", "chat"),
        Route("POST", "/model/{model:path}/ask-stream", "chat"),
        Route("*", "/model/{rest}", "passthrough"),
    )


@pytest.mark.parametrize(
    ("path", "route", "tail"),
    [
        ("/v1/models/a/b:ask", "/v1/models/{model}:ask", "a/b"),
        ("/deployments/a:0/ask", "/deployments/{model}/ask", "a:0"),
        ("/deployments/a/b/ask", None, ""),
        ("/model/a/ask", "/model/{model:path}/ask", "a"),
        ("/model/arn:x:y/z.w:0/ask", "/model/{model:path}/ask", "arn:x:y/z.w:0"),
        ("/model/a/ask-stream", "/model/{model:path}/ask-stream", "a"),
        ("/model/ask/ask", "/model/{model:path}/ask", "ask"),
        ("/model/a/other", "/model/{rest}", "/model/a/other"),
        ("/model/ask", "/model/{rest}", "/model/ask"),
    ],
)
def test_a_name_in_a_path_takes_slashes_only_where_it_may(path: str, route: str | None, tail: str) -> None:
    spoken: Any = Spoken()
    match = Routes([spoken], [], {}).match("POST", path, {})
    assert (match.route.path if match else None, match.tail if match else "") == (route, tail)
