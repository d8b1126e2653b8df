"""The tables, as migrations. Adding one here is the only way the schema changes.

Tables of wide rows keep SQLite's row ids: their keys sit in narrow indexes of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

VERSION = 5
"""What `PRAGMA user_version` holds when every migration below has run: opening an up-to-date store imports nothing."""

_FIRST = """
CREATE TABLE record (
    id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, fields TEXT NOT NULL, stamps TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'alive', folded_into TEXT,
    dirty INTEGER NOT NULL DEFAULT 1, due INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX record_dirty ON record(kind, id) WHERE dirty = 1 OR due > 0;

CREATE TABLE link (
    system TEXT NOT NULL, kind TEXT NOT NULL, remote_id TEXT NOT NULL, stream TEXT NOT NULL, record TEXT,
    seen TEXT NOT NULL, base TEXT, times TEXT, sent TEXT, problems TEXT,
    version TEXT NOT NULL DEFAULT '', modified INTEGER NOT NULL DEFAULT 0, own INTEGER NOT NULL DEFAULT 0,
    gone TEXT, hub_id TEXT, dirty INTEGER NOT NULL DEFAULT 1,
    pulled TEXT, state TEXT, listed TEXT,
    UNIQUE (system, kind, remote_id)
);
CREATE UNIQUE INDEX link_record ON link(record, system) WHERE record IS NOT NULL;
CREATE INDEX link_unmatched ON link(kind, system) WHERE record IS NULL AND dirty = 1;

CREATE TABLE alias (
    system TEXT NOT NULL, kind TEXT NOT NULL, old_id TEXT NOT NULL, remote_id TEXT NOT NULL,
    PRIMARY KEY (system, kind, old_id)
) WITHOUT ROWID;

CREATE TABLE matchkey (
    kind TEXT NOT NULL, key TEXT NOT NULL, system TEXT NOT NULL, remote_id TEXT NOT NULL,
    PRIMARY KEY (kind, key, system, remote_id)
) WITHOUT ROWID;

CREATE TABLE cursor (
    system TEXT NOT NULL, stream TEXT NOT NULL, baseline INTEGER NOT NULL DEFAULT 0, token TEXT,
    started INTEGER NOT NULL DEFAULT 0, since INTEGER NOT NULL DEFAULT 0, joined INTEGER NOT NULL DEFAULT 0,
    full_at INTEGER NOT NULL DEFAULT 0, swept_at INTEGER NOT NULL DEFAULT 0, listing TEXT,
    PRIMARY KEY (system, stream)
) WITHOUT ROWID;

CREATE TABLE intent (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, record TEXT NOT NULL, system TEXT NOT NULL, kind TEXT NOT NULL,
    stream TEXT NOT NULL, op TEXT NOT NULL, remote_id TEXT, payload TEXT NOT NULL, reasons TEXT NOT NULL,
    sent_at INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'prepared'
);

CREATE TABLE orders (
    seq INTEGER PRIMARY KEY, op TEXT NOT NULL, system TEXT NOT NULL, kind TEXT NOT NULL, stream TEXT NOT NULL,
    record TEXT NOT NULL, remote_id TEXT, fields TEXT NOT NULL, reasons TEXT NOT NULL, title TEXT NOT NULL,
    blanks INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX orders_lane ON orders(kind, op, system, stream, seq);
CREATE INDEX orders_create ON orders(record, system) WHERE op = 'create';

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY, run TEXT NOT NULL, at INTEGER NOT NULL, record TEXT, system TEXT NOT NULL,
    kind TEXT NOT NULL, remote_id TEXT, op TEXT NOT NULL, outcome TEXT NOT NULL, changes TEXT, note TEXT
);
CREATE INDEX journal_record ON journal(record);

CREATE TABLE effect (
    key TEXT PRIMARY KEY, record TEXT NOT NULL, rule TEXT NOT NULL, system TEXT NOT NULL, action TEXT NOT NULL,
    state TEXT NOT NULL, remote_id TEXT, url TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX effect_record ON effect(record);

CREATE TABLE rejection (
    record TEXT NOT NULL, system TEXT NOT NULL, kind TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL,
    code TEXT NOT NULL, message TEXT NOT NULL, schema TEXT NOT NULL, run TEXT NOT NULL,
    PRIMARY KEY (record, system, field)
) WITHOUT ROWID;

CREATE TABLE awaits (
    target TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (target, record)
) WITHOUT ROWID;

CREATE TABLE review (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, kind TEXT, record TEXT,
    system TEXT, remote_id TEXT, summary TEXT NOT NULL, detail TEXT NOT NULL, accept TEXT NOT NULL,
    reject TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open', choice TEXT,
    opened_run TEXT NOT NULL, opened_at INTEGER NOT NULL, answered_at INTEGER
);
CREATE INDEX review_record ON review(record) WHERE record IS NOT NULL;
CREATE INDEX review_remote ON review(system, remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX review_open ON review(state, topic);

CREATE TABLE run (
    id TEXT PRIMARY KEY, command TEXT NOT NULL, started INTEGER NOT NULL, finished INTEGER, outcome TEXT, summary TEXT
) WITHOUT ROWID;

CREATE TABLE lease (
    name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, owner TEXT NOT NULL, until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE schema_cache (
    system TEXT NOT NULL, stream TEXT NOT NULL, fetched INTEGER NOT NULL, body TEXT NOT NULL, fingerprint TEXT NOT NULL,
    PRIMARY KEY (system, stream)
) WITHOUT ROWID;

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, each migration once."""
    from sqlite_utils import Database, Migrations

    migrations = Migrations("tieline")

    @migrations()
    def first(db: Database) -> None:
        for statement in _FIRST.split(";\n"):
            if statement.strip():
                db.execute(statement)

    @migrations()
    def second(db: Database) -> None:
        db.execute("ALTER TABLE link ADD COLUMN risen INTEGER NOT NULL DEFAULT 0")

    @migrations()
    def third(db: Database) -> None:
        db.execute("ALTER TABLE cursor ADD COLUMN feed TEXT")
        db.execute("ALTER TABLE link ADD COLUMN provisional INTEGER NOT NULL DEFAULT 0")

    @migrations()
    def fourth(db: Database) -> None:
        db.execute(
            "CREATE TABLE torn (system TEXT NOT NULL, stream TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, "
            "message TEXT NOT NULL, run TEXT NOT NULL, listing TEXT NOT NULL, PRIMARY KEY (system, stream, id)) "
            "WITHOUT ROWID"
        )

    @migrations()
    def fifth(db: Database) -> None:
        db.execute("CREATE INDEX alias_remote ON alias(system, kind, remote_id)")

    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {VERSION:d}")
