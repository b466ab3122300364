"""The plugin's name, as gateway.toml and the store say it."""

NAME = "moderation"
ORIGIN = "submit:moderation"
"""The origin of exchanges that this plugin submits itself; it does not moderate those."""
