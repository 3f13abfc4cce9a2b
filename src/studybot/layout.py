"""What an index is laid out in: its tables, as SQL."""

FORMAT = 4
"""Raised when the tables change; a file of another format is built anew by the next sync."""

KEPT = {
    "conversations": "id, began, title",
    "turns": "conversation, place, asked, question, answer, interpreted_as, refused, cited",
    "vectors": "key, row",
}
"""Tables that outlive being built anew: what the notes cannot give back, and what took longest to make.

Each with the columns that the seal of a row is of.
"""

# That a vector belongs to a text is no foreign key: SQLite would look through both tables for every vector it drops.
TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE notes (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, encoding TEXT NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, read_ns INTEGER NOT NULL
);
CREATE TABLE acronyms (note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE, short TEXT, long TEXT);
CREATE INDEX acronyms_of_note ON acronyms (note);
CREATE TABLE vectors (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, row BLOB NOT NULL, seal INTEGER);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE, name TEXT NOT NULL UNIQUE,
    heading TEXT NOT NULL, text TEXT NOT NULL, text_sha256 TEXT NOT NULL, context TEXT NOT NULL, start INTEGER NOT NULL,
    start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, vector INTEGER NOT NULL,
    seal INTEGER NOT NULL, statements_seal INTEGER NOT NULL, packed_seal INTEGER NOT NULL, packed BLOB NOT NULL
);
CREATE INDEX passages_of_note ON passages (note);
CREATE INDEX passages_saying ON passages (text_sha256);
CREATE TABLE statements (
    passage INTEGER NOT NULL REFERENCES passages ON DELETE CASCADE, place INTEGER NOT NULL, kind TEXT NOT NULL,
    start INTEGER NOT NULL, length INTEGER NOT NULL, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL,
    parent INTEGER, vector INTEGER NOT NULL, PRIMARY KEY (passage, place)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (title, path, body, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE TRIGGER words_go AFTER DELETE ON passages BEGIN DELETE FROM words WHERE rowid = old.id; END;
CREATE TABLE conversations (id TEXT PRIMARY KEY, began REAL NOT NULL, title TEXT, seal INTEGER) WITHOUT ROWID;
CREATE TABLE turns (
    conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, place INTEGER NOT NULL, asked REAL NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL, interpreted_as TEXT, refused INTEGER NOT NULL DEFAULT 0,
    cited TEXT NOT NULL DEFAULT '[]', seal INTEGER, PRIMARY KEY (conversation, place)
) WITHOUT ROWID;
"""
