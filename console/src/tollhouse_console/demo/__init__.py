"""A gateway to look at: a simulator, callers of several teams, errors, cache hits and a budget that runs out."""
