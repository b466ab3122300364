"""The store in one SQLite file: the truth on one machine, shared by its workers and by the CLI."""

from .client import SQLiteStore, open_sqlite

__all__ = ["SQLiteStore", "open_sqlite"]
