-- What waits for a person's decision, what was decided, and how long that took.

CREATE TABLE reviews (
    id             TEXT   NOT NULL PRIMARY KEY,
    kind           TEXT   NOT NULL,          -- the use case
    external_id    TEXT,                     -- the filer's own name for it
    state          TEXT   NOT NULL CHECK (state IN ('open', 'decided', 'withdrawn')),
    version        BIGINT NOT NULL,          -- counts what a decision must have seen
    priority       BIGINT NOT NULL CHECK (priority IN (0, 1, 2)),  -- high, normal, low
    due            BIGINT,
    confidence     DOUBLE PRECISION,
    labels         TEXT   NOT NULL,          -- JSON array, sorted; empty for everybody
    team           TEXT,                     -- id of a group, which may be gone
    role           TEXT   NOT NULL CHECK (role IN ('reviewer', 'operator', 'admin')),
    assignee       TEXT,                     -- id of a user
    four_eyes      BIGINT NOT NULL,
    queues_job     BIGINT NOT NULL,          -- 1: its decision becomes a job
    filed_by       TEXT   NOT NULL,          -- a user, a key's family or server:…
    created        BIGINT NOT NULL,
    updated        BIGINT NOT NULL,
    opinions       BIGINT NOT NULL,          -- decisions of persons so far
    verdict        TEXT CHECK (verdict IN ('approved', 'corrected', 'rejected')),
    ended          BIGINT,                   -- decided or withdrawn
    erased         BIGINT,                   -- its contents are gone
    claimed_by     TEXT,                     -- a user or a key's family
    claimed_since  BIGINT,
    claimed_until  BIGINT,                   -- the claim counts for nothing from then on
    reason_code    TEXT   NOT NULL,
    -- Contents. Last, so that lists do not read them.
    title          TEXT   NOT NULL,
    reason_text    TEXT   NOT NULL,
    proposal       TEXT   NOT NULL,          -- JSON
    value_schema   TEXT                      -- JSON Schema of what may be decided
);
CREATE UNIQUE INDEX reviews_open_once ON reviews (filed_by, kind, external_id)
    WHERE external_id IS NOT NULL AND state = 'open';
CREATE INDEX reviews_queue ON reviews (state, priority, due, id);
CREATE INDEX reviews_by_state ON reviews (state, id);
CREATE INDEX reviews_by_kind ON reviews (kind, id);
CREATE INDEX reviews_by_end ON reviews (ended) WHERE ended IS NOT NULL;
CREATE INDEX reviews_by_claim ON reviews (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX reviews_by_labels ON reviews (labels);

-- What a proposal stands on.
CREATE TABLE review_evidence (
    review          TEXT   NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    ordinal         BIGINT NOT NULL,
    knowledge_base  TEXT,
    document        TEXT,                    -- may be gone
    page            BIGINT,
    span_start      BIGINT,
    span_end        BIGINT,
    quote           TEXT   NOT NULL,
    PRIMARY KEY (review, ordinal)
);
CREATE INDEX review_evidence_by_document ON review_evidence (document) WHERE document IS NOT NULL;
CREATE INDEX review_evidence_by_base ON review_evidence (knowledge_base)
    WHERE knowledge_base IS NOT NULL;

-- What persons decided, one row each; only erasure changes them.
CREATE TABLE review_decisions (
    review     TEXT   NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    ordinal    BIGINT NOT NULL,              -- from 0
    reviewer   TEXT   NOT NULL,              -- a user or a key's family
    verdict    TEXT   NOT NULL CHECK (verdict IN ('approved', 'corrected', 'rejected')),
    final      BIGINT NOT NULL,              -- 1: the review was decided by it
    version    BIGINT NOT NULL,              -- of the review that was seen
    claimed    BIGINT,                       -- when the reviewer took it up first
    decided    BIGINT NOT NULL,
    worked     BIGINT,                       -- milliseconds; unknown without a claim
    value      TEXT,                         -- JSON, of a correction
    patch      TEXT,                         -- JSON Patch from the proposal to it
    comment    TEXT   NOT NULL,
    PRIMARY KEY (review, ordinal)
);
CREATE UNIQUE INDEX review_decisions_once ON review_decisions (review, reviewer);
CREATE INDEX review_decisions_by_reviewer ON review_decisions (reviewer, review);

-- How long who had which review, of claims that ended without a decision.
CREATE TABLE review_work (
    review   TEXT   NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    reviewer TEXT   NOT NULL,
    claimed  BIGINT NOT NULL,                -- first
    worked   BIGINT NOT NULL,                -- milliseconds
    PRIMARY KEY (review, reviewer)
);
CREATE INDEX review_work_by_reviewer ON review_work (reviewer);
