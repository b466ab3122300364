"""The plugin's name: in gateway.toml, in store keys and among an exchange's labels."""

PLUGIN = "cache"
