"""The tables of the catalogue.

```
 commits    number, when, why                      a write is one commit, whole or not at all
 series     a key: how values were computed        formula, code, membership, …: not ours to know
 symbols    the columns of files
 segments   a file: its series (F), dates (D) and symbols (N), and since which commit each date
            of it is there; `gone` since it was folded into another one
 living     how many segments are read, and the sum of their ids: none is overlooked
 records    a text by kind and name, since which commit; without a text it was taken out then
```

The view `factor_metadata` is for whoever queries: a row for each registered factor.
"""

from __future__ import annotations

FORMAT = 2
SCHEMA = """
CREATE TABLE commits (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, what TEXT NOT NULL);
CREATE TABLE series (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, seal BLOB NOT NULL);
CREATE TABLE symbols (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, names TEXT NOT NULL);
CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, gone REAL, file TEXT NOT NULL, dtype TEXT NOT NULL,
    series BLOB NOT NULL, digests BLOB NOT NULL,
    dates BLOB NOT NULL, since BLOB NOT NULL,
    symbols INTEGER NOT NULL REFERENCES symbols (id),
    rank INTEGER NOT NULL, seal BLOB NOT NULL,
    inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL);
CREATE TABLE living (segments INTEGER NOT NULL, ids INTEGER NOT NULL);
INSERT INTO living VALUES (0, 0);
CREATE TABLE records (
    kind TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, text TEXT, seal BLOB NOT NULL,
    PRIMARY KEY (kind, name, since)) WITHOUT ROWID;
CREATE VIEW factor_metadata AS SELECT
    f.name AS factor_id,
    json_extract(f.text, '$.description') AS description,
    json_extract(f.text, '$.formula') AS formula,
    json_extract(f.text, '$.category') AS category,
    json_extract(f.text, '$.dependencies') AS dependencies,
    json_extract(f.text, '$.created_at') AS created_at,
    (SELECT json_extract(s.text, '$.updated') FROM records AS s
     WHERE s.kind = 'state' AND s.name = json_extract(f.text, '$.series')
     ORDER BY s.since DESC LIMIT 1) AS last_updated
    FROM records AS f WHERE f.kind = 'factor' AND f.text IS NOT NULL AND f.since =
    (SELECT max(since) FROM records WHERE kind = f.kind AND name = f.name);
"""
