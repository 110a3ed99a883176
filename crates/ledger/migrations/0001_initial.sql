-- Keys, knowledge bases and documents.
-- Times are milliseconds since 1970-01-01 UTC. Only what SQLite and PostgreSQL share is used.

CREATE TABLE api_keys (
    id         TEXT   NOT NULL PRIMARY KEY,  -- visible prefix of the secret
    name       TEXT   NOT NULL,
    digest     TEXT   NOT NULL,              -- SHA-256 of the secret, hexadecimal
    scopes     TEXT   NOT NULL,              -- names separated by one space
    created    BIGINT NOT NULL,
    expires    BIGINT,
    revoked    BIGINT,
    last_used  BIGINT
);

CREATE TABLE knowledge_bases (
    id               TEXT   NOT NULL PRIMARY KEY,
    title            TEXT   NOT NULL,
    embedding_model  TEXT   NOT NULL,
    language         TEXT   NOT NULL,
    state            TEXT   NOT NULL CHECK (state IN ('active', 'deleting')),
    created          BIGINT NOT NULL
);

CREATE TABLE documents (
    id              TEXT   NOT NULL PRIMARY KEY,
    knowledge_base  TEXT   NOT NULL REFERENCES knowledge_bases (id),
    file_name       TEXT   NOT NULL,
    media_type      TEXT   NOT NULL,
    bytes           BIGINT NOT NULL,
    sha256          TEXT   NOT NULL,
    state           TEXT   NOT NULL
                    CHECK (state IN ('pending', 'indexing', 'ready', 'failed', 'deleting')),
    reason_code     TEXT,
    reason_text     TEXT,
    title           TEXT,
    language        TEXT,
    pages           BIGINT,
    chunks          BIGINT,
    created         BIGINT NOT NULL,
    updated         BIGINT NOT NULL
);

-- The same content is held once per knowledge base. A document on its way out does not stand in
-- the way of a fresh upload of the same file.
CREATE UNIQUE INDEX documents_by_content ON documents (knowledge_base, sha256)
    WHERE state <> 'deleting';
-- The worker's queue, and the counts.
CREATE INDEX documents_by_state ON documents (state, id);
-- Listing by cursor.
CREATE INDEX documents_by_knowledge_base ON documents (knowledge_base, id);
-- Whether a blob is still needed.
CREATE INDEX documents_by_digest ON documents (sha256);
