"""What an operator looks at, as plain state: events and snapshots go in, what to show comes out; no terminal here."""
