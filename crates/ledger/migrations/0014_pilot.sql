-- Labelled sets, their runs item by item, the thresholds that runs vouch for, changes of models.

CREATE TABLE pilot_sets (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    job         TEXT   NOT NULL,             -- what it measures: search, chat, …
    sha256      TEXT   NOT NULL,             -- of its items as they were filed: its version
    items       BIGINT NOT NULL,
    labels      TEXT   NOT NULL,             -- JSON array, sorted; empty for everybody
    created_by  TEXT   NOT NULL,             -- a user or a key's family
    created     BIGINT NOT NULL
);
-- Not unique: one of which something was erased is another set than the one that is filed again.
CREATE INDEX pilot_sets_by_name ON pilot_sets (name, job, sha256);
CREATE INDEX pilot_sets_by_labels ON pilot_sets (labels);

CREATE TABLE pilot_set_items (
    pilot_set  TEXT   NOT NULL REFERENCES pilot_sets (id) ON DELETE CASCADE,
    ordinal    BIGINT NOT NULL,              -- from 0
    id         TEXT   NOT NULL,              -- its own name
    item       TEXT   NOT NULL,              -- JSON; null once it was erased
    PRIMARY KEY (pilot_set, ordinal)
);
CREATE UNIQUE INDEX pilot_set_items_by_id ON pilot_set_items (pilot_set, id);
CREATE INDEX pilot_set_items_erased ON pilot_set_items (pilot_set) WHERE item = 'null';

CREATE TABLE pilot_runs (
    id              TEXT   NOT NULL PRIMARY KEY,
    pilot_set       TEXT   NOT NULL REFERENCES pilot_sets (id),
    state           TEXT   NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'cancelled')),
    job_id          TEXT,                    -- the job that does it, which may be gone
    knowledge_base  TEXT,                    -- what was asked, which may be gone
    labels          TEXT   NOT NULL,         -- of what its answers may quote
    created_by      TEXT   NOT NULL,
    created         BIGINT NOT NULL,
    ended           BIGINT,
    done_right        BIGINT NOT NULL DEFAULT 0,  -- counted in the transaction that notes an item
    done_handed_over  BIGINT NOT NULL DEFAULT 0,
    done_wrong        BIGINT NOT NULL DEFAULT 0,
    done_failed       BIGINT NOT NULL DEFAULT 0,
    error_code      TEXT,
    error_text      TEXT,
    meta            TEXT   NOT NULL          -- JSON: models, versions, settings; null once erased
);
CREATE INDEX pilot_runs_by_set ON pilot_runs (pilot_set, id);
CREATE INDEX pilot_runs_by_end ON pilot_runs (ended) WHERE ended IS NOT NULL;
CREATE INDEX pilot_runs_by_labels ON pilot_runs (labels);
CREATE INDEX pilot_runs_by_base ON pilot_runs (knowledge_base) WHERE knowledge_base IS NOT NULL;

-- One row for each item that is done, written once.
CREATE TABLE pilot_run_items (
    run      TEXT   NOT NULL REFERENCES pilot_runs (id) ON DELETE CASCADE,
    ordinal  BIGINT NOT NULL,                -- of the item in its set
    outcome  TEXT   NOT NULL CHECK (outcome IN ('right', 'handed_over', 'wrong', 'failed')),
    result   TEXT   NOT NULL,                -- JSON; null once it was erased
    PRIMARY KEY (run, ordinal)
);
CREATE INDEX pilot_run_items_by_outcome ON pilot_run_items (run, outcome, ordinal);
CREATE INDEX pilot_run_items_erased ON pilot_run_items (run) WHERE result = 'null';

-- The documents that a result quotes: who erases them erases it.
CREATE TABLE pilot_run_documents (
    run       TEXT   NOT NULL,
    ordinal   BIGINT NOT NULL,
    document  TEXT   NOT NULL,
    PRIMARY KEY (run, ordinal, document),
    FOREIGN KEY (run, ordinal) REFERENCES pilot_run_items (run, ordinal) ON DELETE CASCADE
);
CREATE INDEX pilot_run_documents_by_document ON pilot_run_documents (document);

-- Confidences from which on results are accepted, and what was promised with them.
CREATE TABLE pilot_thresholds (
    id           TEXT   NOT NULL PRIMARY KEY,
    job          TEXT   NOT NULL,
    target       TEXT   NOT NULL,            -- what of the job: a field, a knowledge base; may be empty
    threshold    DOUBLE PRECISION NOT NULL,
    promise      TEXT   NOT NULL,            -- JSON: the bound, its certainty, the coverage
    run          TEXT   NOT NULL,            -- the one that vouches for it
    replaces     TEXT,                       -- what was in force before
    accepted_by  TEXT   NOT NULL,
    accepted     BIGINT NOT NULL,
    active       BIGINT NOT NULL,
    ended        BIGINT,                     -- when it was replaced or taken back
    ended_by     TEXT,
    taken_back   BIGINT NOT NULL DEFAULT 0   -- 1: it was taken back, not replaced
);
CREATE UNIQUE INDEX pilot_thresholds_active ON pilot_thresholds (job, target) WHERE active = 1;
CREATE INDEX pilot_thresholds_by_target ON pilot_thresholds (job, target, id);
CREATE INDEX pilot_thresholds_by_run ON pilot_thresholds (run) WHERE active = 1;

-- Models that took the place of others, with the runs that were compared.
CREATE TABLE model_switches (
    id              TEXT   NOT NULL PRIMARY KEY,
    role            TEXT   NOT NULL CHECK (role IN ('generator', 'encoder', 'reranker')),
    from_model      TEXT   NOT NULL,
    to_model        TEXT   NOT NULL,
    run_before      TEXT,
    run_after       TEXT,
    switched_by     TEXT   NOT NULL,
    switched        BIGINT NOT NULL,
    rolled_back     BIGINT,
    rolled_back_by  TEXT
);
CREATE INDEX model_switches_by_role ON model_switches (role, id);
