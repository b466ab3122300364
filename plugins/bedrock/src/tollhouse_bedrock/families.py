"""What a model's maker makes of reasoning and sampling, told by the model's id.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html and
https://platform.claude.com/docs/en/about-claude/models/migration-guide
"""

from __future__ import annotations

import re
from typing import Literal

Family = Literal["claude", "nova", "gpt-oss", "qwen", "other"]
"""`other` takes nothing but what all do."""

_WORDS: dict[str, Family] = {"claude": "claude", "nova": "nova", "gpt-oss": "gpt-oss", "qwen": "qwen"}
_ON_BUDGET = re.compile(r"claude-(?:instant|v2|[23](?!\d)|(?:opus|sonnet|haiku)-4(?:-20\d{6}|-[0-6](?!\d)|\Z|-v1|:))")


def family(model: str) -> Family:
    """Whose a model is. The id of a profile of one's own tells nothing."""
    return next((found for word, found in _WORDS.items() if word in model), "other")


def on_budget(model: str) -> bool:
    """Whether a Claude thinks on a budget and takes sampling parameters; later ones think by effort and refuse both."""
    return _ON_BUDGET.search(model) is not None


def may_cache(model: str) -> bool:
    """Whether a model may take cache points: Claude and Nova do, and what is hidden behind an ARN may be one."""
    return family(model) in ("claude", "nova") or model.startswith("arn:")
