-- How long things are kept; what was erased for whom.

-- When a document got the content that it has: a new file under the same external id begins anew.
ALTER TABLE documents ADD COLUMN arrived BIGINT NOT NULL DEFAULT 0;
UPDATE documents SET arrived = created;
-- What is too old, by its arrival and by its own date.
CREATE INDEX documents_by_arrival ON documents (knowledge_base, arrived);
CREATE INDEX documents_by_own_date ON documents (knowledge_base, written) WHERE written IS NOT NULL;

-- One erasure, kept after what it was about is gone: ids and hashes, no contents.
CREATE TABLE erasures (
    id            TEXT   NOT NULL PRIMARY KEY,
    subject       TEXT   NOT NULL CHECK (subject IN ('documents', 'user', 'person')),
    target        TEXT   NOT NULL,           -- id of the user; empty for the others
    fingerprints  TEXT   NOT NULL,           -- JSON array: keyed hashes of the texts that were given
    requested_by  TEXT   NOT NULL,
    created       BIGINT NOT NULL,
    finished      BIGINT,
    job           TEXT   NOT NULL,
    pending       TEXT                       -- hexadecimal: what is looked for; gone with the end
);
CREATE INDEX erasures_by_time ON erasures (created);

-- The documents of an erasure, noted before the first of them goes.
CREATE TABLE erasure_documents (
    erasure         TEXT   NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
    document        TEXT   NOT NULL,
    knowledge_base  TEXT   NOT NULL,
    parent          TEXT,                    -- the document that it was in
    sha256          TEXT   NOT NULL,
    bytes           BIGINT NOT NULL,
    passages        BIGINT NOT NULL,         -- in all indexes together
    indexes         BIGINT NOT NULL,
    outcome         TEXT,                    -- 'erased', or 'file_kept' where another document has the file
    PRIMARY KEY (erasure, document)
);

-- How much of what was removed, counted in the transaction that removed it.
CREATE TABLE erasure_counts (
    erasure  TEXT   NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
    place    TEXT   NOT NULL,
    removed  BIGINT NOT NULL,
    PRIMARY KEY (erasure, place)
);

-- What was found out on the way, once each.
CREATE TABLE erasure_findings (
    erasure  TEXT   NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
    name     TEXT   NOT NULL,
    value    TEXT   NOT NULL,                -- JSON
    PRIMARY KEY (erasure, name)
);

-- Makes the keyed hashes.
CREATE TABLE erasure_key (
    id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    key  TEXT   NOT NULL                     -- 256 random bits, hexadecimal
);
