"""First steps: a gateway.toml for what is at hand, and a plugin project that works at once."""
