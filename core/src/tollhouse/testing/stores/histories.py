"""What every store must do in any order of events."""

from __future__ import annotations

from collections.abc import Callable

from .stage import OnStage


class Histories(OnStage):
    """Against the model, over a fake clock."""

    def test_any_history_is_as_the_model_says(self, urls: Callable[[], str]) -> None:
        from .machine import check_histories  # hypothesis, which the processes of other tests do without

        check_histories(type(self).opener, urls)
