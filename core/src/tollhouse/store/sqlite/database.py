"""Opening the file: its folder and permissions, the pragmas of every connection, the versioned schema."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

from ...errors import ConfigError

VERSION = 2
"""What `PRAGMA user_version` says; a file of a newer Tollhouse is refused, never guessed at, and one of an older is
brought up to date."""

_BACKSTOP_PAGES = 65_536
"""Length of the write-ahead log at which writers checkpoint themselves, in case nobody else does."""

_WAL_LIMIT = 64 * 1024 * 1024
_making = threading.Lock()

_FIRST = """
CREATE TABLE counters (
    kind TEXT NOT NULL, key TEXT NOT NULL, until INTEGER NOT NULL,
    used INTEGER NOT NULL, at INTEGER NOT NULL, part INTEGER NOT NULL, peak INTEGER NOT NULL,
    idle INTEGER NOT NULL,
    PRIMARY KEY (key, kind, until)
) WITHOUT ROWID;
CREATE TABLE holds (
    hold TEXT PRIMARY KEY, state INTEGER NOT NULL, deadline INTEGER NOT NULL, demands BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX holds_due ON holds (state, deadline);
CREATE TABLE vals (
    version INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
    data BLOB NOT NULL, expires INTEGER, tags BLOB
);
CREATE INDEX vals_expire ON vals (expires) WHERE expires IS NOT NULL;
CREATE TABLE tags (tag TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, log TEXT NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX logs_log ON logs (log, id);
CREATE TABLE ledger (
    id TEXT PRIMARY KEY, month TEXT NOT NULL, at REAL NOT NULL, outcome TEXT NOT NULL,
    key TEXT NOT NULL, user TEXT NOT NULL, team TEXT NOT NULL, model TEXT NOT NULL, target TEXT NOT NULL,
    provider TEXT NOT NULL, tags TEXT NOT NULL, tokens TEXT NOT NULL, cost INTEGER, saved INTEGER NOT NULL,
    attempts TEXT NOT NULL, usage_source TEXT NOT NULL, request_id TEXT NOT NULL
);
CREATE INDEX ledger_month ON ledger (month);
CREATE TABLE rollups (
    hour INTEGER NOT NULL, key TEXT NOT NULL, user TEXT NOT NULL, team TEXT NOT NULL, model TEXT NOT NULL,
    target TEXT NOT NULL, provider TEXT NOT NULL, outcome TEXT NOT NULL,
    requests INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL,
    cost INTEGER NOT NULL, unpriced INTEGER NOT NULL, saved INTEGER NOT NULL,
    PRIMARY KEY (hour, key, user, team, model, target, provider, outcome)
) WITHOUT ROWID;
CREATE TABLE mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, due INTEGER NOT NULL,
    tries INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX mail_due ON mail (queue, due, id);
CREATE TABLE leaders (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, topic TEXT NOT NULL,
    sender TEXT NOT NULL, data BLOB NOT NULL
);
CREATE TABLE turns (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
"""
_SECOND = """
DROP INDEX ledger_month;
ALTER TABLE ledger DROP COLUMN month;
CREATE INDEX ledger_at ON ledger (at, id);
CREATE INDEX ledger_request ON ledger (request_id) WHERE request_id <> id;
"""
_STEPS = (_FIRST, _SECOND)
"""What leads from each schema version to the next, from none to `VERSION`."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file, which is made first if need be (folder 0700, file 0600).

    It never waits for a lock: callers see SQLITE_BUSY and try again. It starts no transaction by itself.
    """
    _make(path)
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, cached_statements=256)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    # Closing a file drops every POSIX lock its process has on it, those of SQLite's connections included, and
    # with them commits (https://sqlite.org/howtocorrupt.html, 2.2): only a file nobody can have open is touched.
    with _making:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if not connection.execute("PRAGMA page_count").fetchone()[0]:
        # So that pages of what was deleted can be given back bit by bit; a file that has tables would need a VACUUM.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_BACKSTOP_PAGES}")
    if _version(connection, path) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in _STEPS[_version(connection, path) :]:
            for statement in step.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise ConfigError(
            f"{path} was written by a newer Tollhouse (schema {version}, this one knows {VERSION})",
            path="store.url",
            hint="Upgrade Tollhouse, or name another file.",
        )
    return version
