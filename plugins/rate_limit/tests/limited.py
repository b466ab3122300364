"""The configuration the tests share."""

CHAT = "/v1/chat/completions"

CONFIG = """
plugins = ["openai", "anthropic", "rate_limit"]
{top}
[providers.simulator]
ttft = "{ttft}"
tokens_per_second = 0
[models]
demo = ["simulator/echo"]
other = ["simulator/lorem"]
pair = ["simulator/echo?status=503", "simulator/echo"]
{more}
"""


def config(more="", *, top="", ttft="off"):
    """A gateway.toml with the simulator behind it."""
    return CONFIG.format(top=top, ttft=ttft, more=more)
