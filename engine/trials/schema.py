"""The tables of the trial ledger, and the format that they are of."""

from __future__ import annotations

FORMAT = 1
MARK = 0x54524C53  # SQLite's application id: this file is a trial ledger, and nothing else

# A trial is a strategy on data; a run is one look at it. What is long stands apart, so that
# thousands of trials are counted from few pages.
SCHEMA = """
CREATE TABLE sources (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE symbol_sets (hash TEXT PRIMARY KEY, symbols TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE calendars (hash TEXT PRIMARY KEY, days BLOB NOT NULL);
CREATE TABLE data (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    source TEXT NOT NULL REFERENCES sources,
    symbols TEXT NOT NULL REFERENCES symbol_sets,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    UNIQUE (kind, source, symbols, first, last)
);
CREATE TABLE trials (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    data INTEGER NOT NULL REFERENCES data,
    finished INTEGER NOT NULL DEFAULT 0,
    n INTEGER,
    sharpe REAL,
    skew REAL,
    kurtosis REAL,
    error REAL,
    rows_per_year REAL,
    UNIQUE (key, data)
);
CREATE INDEX trials_by_key ON trials (key, data, finished, n, sharpe, rows_per_year);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    trial INTEGER NOT NULL REFERENCES trials,
    folder TEXT NOT NULL,
    bundle TEXT NOT NULL,
    overrides TEXT NOT NULL,
    began TEXT NOT NULL,
    finished INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_by_folder ON runs (folder);
CREATE INDEX runs_by_trial ON runs (trial);
CREATE TABLE returns (
    trial INTEGER PRIMARY KEY REFERENCES trials,
    calendar TEXT NOT NULL REFERENCES calendars,
    net BLOB NOT NULL,
    excess BLOB NOT NULL
)
"""
