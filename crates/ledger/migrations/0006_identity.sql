-- Who calls: users with roles, groups, sessions; owners, limits and rotation of keys.

CREATE TABLE users (
    id            TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL UNIQUE,     -- what they sign in with, lower case
    full_name     TEXT   NOT NULL,
    role          TEXT   NOT NULL CHECK (role IN ('reader', 'reviewer', 'operator', 'admin')),
    labels        TEXT   NOT NULL,            -- JSON array, '*' for all
    denied        TEXT   NOT NULL,            -- JSON array
    password      TEXT   NOT NULL,            -- argon2id, PHC string
    must_change   BIGINT NOT NULL,            -- 1: the password was given by somebody else
    created       BIGINT NOT NULL,
    disabled      BIGINT,
    last_sign_in  BIGINT
);

CREATE TABLE user_groups (
    id       TEXT   NOT NULL PRIMARY KEY,
    title    TEXT   NOT NULL,
    labels   TEXT   NOT NULL,                 -- JSON array, '*' for all
    denied   TEXT   NOT NULL,                 -- JSON array
    created  BIGINT NOT NULL
);

CREATE TABLE group_members (
    user_group  TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    member      TEXT NOT NULL,                -- id of a user or of a key's family
    PRIMARY KEY (user_group, member)
);
CREATE INDEX group_members_by_member ON group_members (member);

CREATE TABLE sessions (
    digest     TEXT   NOT NULL PRIMARY KEY,   -- SHA-256 of the secret, hexadecimal
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,               -- moves on with each use,
    idle       BIGINT NOT NULL,               -- by this many milliseconds,
    ends       BIGINT NOT NULL                -- up to here
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Names are hashed: people type their password into the wrong field.
CREATE TABLE sign_in_failures (
    subject   TEXT   NOT NULL PRIMARY KEY,    -- SHA-256 of the name, hexadecimal
    failures  BIGINT NOT NULL,
    last      BIGINT NOT NULL
);

ALTER TABLE api_keys ADD COLUMN denied TEXT NOT NULL DEFAULT '[]';        -- JSON array
ALTER TABLE api_keys ADD COLUMN owner TEXT REFERENCES users (id);         -- NULL: an application's
ALTER TABLE api_keys ADD COLUMN family TEXT;                              -- the first of its rotations
ALTER TABLE api_keys ADD COLUMN requests_per_minute BIGINT;
ALTER TABLE api_keys ADD COLUMN tokens_per_minute BIGINT;
ALTER TABLE api_keys ADD COLUMN concurrent_requests BIGINT;
ALTER TABLE api_keys ADD COLUMN monthly_tokens BIGINT;
UPDATE api_keys SET family = id;
