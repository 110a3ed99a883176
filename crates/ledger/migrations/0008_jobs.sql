-- Work that outlives requests and restarts: the queue, its items, and what begins by the clock.

CREATE TABLE jobs (
    id              TEXT   NOT NULL PRIMARY KEY,
    kind            TEXT   NOT NULL,         -- which code runs it
    title           TEXT   NOT NULL,         -- for people
    knowledge_base  TEXT,                    -- it is about this one and goes with it
    priority        BIGINT NOT NULL CHECK (priority IN (0, 1, 2)),  -- high, normal, low
    state           TEXT   NOT NULL
                    CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    wanted          TEXT   NOT NULL CHECK (wanted IN ('run', 'pause', 'cancel')),
    params          TEXT   NOT NULL,         -- JSON
    created         BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    not_before      BIGINT NOT NULL,
    started         BIGINT,
    finished        BIGINT,
    attempts        BIGINT NOT NULL,         -- since it last got on
    losses          BIGINT NOT NULL,         -- attempts that ended with their process, since then
    max_attempts    BIGINT,                  -- without end when null
    lease_owner     TEXT,                    -- of one attempt
    lease_until     BIGINT,
    total           BIGINT,                  -- unknown when null
    done            BIGINT NOT NULL,
    failed          BIGINT NOT NULL,
    pace_since      BIGINT,                  -- when this attempt began,
    pace_from       BIGINT NOT NULL,         -- and how far the job was then
    error_code      TEXT,
    error_text      TEXT,
    schedule        TEXT,                    -- what began it
    unique_key      TEXT                     -- one unfinished job of a kind for each
);
CREATE UNIQUE INDEX jobs_unfinished_once ON jobs (kind, unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('queued', 'running', 'paused');
CREATE INDEX jobs_queue ON jobs (state, priority, id);
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_kind ON jobs (kind, id);
CREATE INDEX jobs_by_key ON jobs (kind, unique_key, id) WHERE unique_key IS NOT NULL;
CREATE INDEX jobs_by_knowledge_base ON jobs (knowledge_base) WHERE knowledge_base IS NOT NULL;
CREATE INDEX jobs_by_finish ON jobs (finished) WHERE finished IS NOT NULL;

CREATE TABLE job_items (
    job         TEXT   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    ordinal     BIGINT NOT NULL,
    key         TEXT   NOT NULL,
    payload     TEXT   NOT NULL,             -- JSON
    state       TEXT   NOT NULL CHECK (state IN ('pending', 'running', 'done', 'failed')),
    attempts    BIGINT NOT NULL,
    losses      BIGINT NOT NULL,             -- attempts that ended with their process
    not_before  BIGINT NOT NULL,
    result      TEXT,                        -- JSON
    error_code  TEXT,
    error_text  TEXT,
    PRIMARY KEY (job, ordinal)
);
CREATE UNIQUE INDEX job_items_by_key ON job_items (job, key);
CREATE INDEX job_items_by_state ON job_items (job, state, ordinal);
-- When the next item that failed may be tried again. Not of those that were not tried yet: claims go
-- by ordinal and must not be led to sort by time.
CREATE INDEX job_items_by_time ON job_items (job, not_before)
    WHERE state = 'pending' AND not_before > 0;

CREATE TABLE schedules (
    name          TEXT   NOT NULL PRIMARY KEY,
    kind          TEXT   NOT NULL,
    title         TEXT   NOT NULL,
    params        TEXT   NOT NULL,           -- JSON
    priority      BIGINT NOT NULL CHECK (priority IN (0, 1, 2)),
    max_attempts  BIGINT,
    cron          TEXT   NOT NULL,
    next_run      BIGINT NOT NULL,
    last_run      BIGINT,
    last_job      TEXT
);

-- Which attempt of which job has a document in work.
ALTER TABLE documents ADD COLUMN claimed_by TEXT;
-- The next document of a knowledge base, and how many wait.
CREATE INDEX documents_in_state ON documents (knowledge_base, state, id);

-- Calibrations that had no result yet are jobs from now on.
INSERT INTO jobs (id, kind, title, knowledge_base, priority, state, wanted, params, created,
                  created_by, not_before, attempts, losses, max_attempts, done, failed, pace_from,
                  unique_key)
    SELECT 'job_0_calibrate_' || knowledge_base, 'calibrate', knowledge_base, knowledge_base, 1,
           'queued', 'run', '{"kept":' || CAST(kept AS TEXT) || '}', 0, 'upgrade', 0, 0, 0, 5, 0, 0,
           0, knowledge_base
    FROM calibrations_begun;
DROP TABLE calibrations_begun;
