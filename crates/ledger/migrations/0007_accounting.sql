-- What was done, in a chain of hashes; what it took.

CREATE TABLE audit (
    seq       BIGINT NOT NULL PRIMARY KEY,   -- counts from 1 without gaps
    at        BIGINT NOT NULL,
    actor     TEXT   NOT NULL,               -- 'key:…', 'user:…', 'local:…', 'server:…'
    action    TEXT   NOT NULL,               -- thing and verb, such as 'documents.delete'
    target    TEXT   NOT NULL,               -- what it was done to; may be empty
    outcome   TEXT   NOT NULL,               -- 'begun', 'done', 'refused', 'failed', 'left'
    request   TEXT   NOT NULL,               -- id of the HTTP request; may be empty
    details   TEXT   NOT NULL,               -- JSON object, no contents
    content   TEXT   NOT NULL,               -- SHA-256 of the sealed content; empty without one
    previous  TEXT   NOT NULL,               -- hash of the entry before
    hash      TEXT   NOT NULL                -- SHA-256 over all of the above
);
CREATE INDEX audit_by_time ON audit (at, seq);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_action ON audit (action, seq);
CREATE INDEX audit_by_target ON audit (target, seq);
CREATE INDEX audit_by_request ON audit (request, seq);

-- Contents, which only the holder of the private key can read; they may be erased.
CREATE TABLE audit_contents (
    seq     BIGINT NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    sealed  TEXT   NOT NULL                  -- base64
);
CREATE INDEX audit_contents_by_time ON audit_contents (at);

CREATE TABLE usage (
    day                TEXT   NOT NULL,      -- YYYY-MM-DD, UTC
    key_id             TEXT   NOT NULL,      -- the first of its rotations; empty for a session or the server
    user_id            TEXT   NOT NULL,      -- who signed in, the key's owner, or whom the application names; may be empty
    model              TEXT   NOT NULL,
    use_case           TEXT   NOT NULL,      -- 'chat', 'ask', 'search', 'indexing', …
    requests           BIGINT NOT NULL,
    prompt_tokens      BIGINT NOT NULL,      -- those from the cache included
    cached_tokens      BIGINT NOT NULL,
    completion_tokens  BIGINT NOT NULL,
    compute_micros     BIGINT NOT NULL,      -- share of the time that the model computed
    PRIMARY KEY (day, key_id, user_id, model, use_case)
);
CREATE INDEX usage_by_key ON usage (key_id, day);
CREATE INDEX usage_by_user ON usage (user_id, day);
