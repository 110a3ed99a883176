-- Tickets: by which policies they are sorted, into what, and what people made of it.

CREATE TABLE triage_policies (
    id        TEXT   NOT NULL PRIMARY KEY,   -- a slug
    version   BIGINT NOT NULL,               -- of the configuration in force
    labels    TEXT   NOT NULL,               -- JSON array, sorted: who may read its tickets
    learnt    BIGINT NOT NULL,               -- counts changes of the examples
    created   BIGINT NOT NULL,
    updated   BIGINT NOT NULL
);

-- Every configuration that there was; never changed.
CREATE TABLE triage_versions (
    policy      TEXT   NOT NULL REFERENCES triage_policies (id) ON DELETE CASCADE,
    version     BIGINT NOT NULL,             -- from 1
    created     BIGINT NOT NULL,
    created_by  TEXT   NOT NULL,
    config      TEXT   NOT NULL,             -- JSON
    PRIMARY KEY (policy, version)
);

CREATE TABLE triage_tickets (
    id            TEXT   NOT NULL PRIMARY KEY,
    policy        TEXT   NOT NULL REFERENCES triage_policies (id) ON DELETE CASCADE,
    version       BIGINT NOT NULL,           -- of the policy that decided
    external_id   TEXT,                      -- the sender's own name for it
    channel       TEXT   NOT NULL,
    created       BIGINT NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('routed', 'waiting', 'settled')),
    route         TEXT   NOT NULL CHECK (route IN ('auto', 'dispatcher', 'shadow')),
    category      TEXT,                      -- as it stands: proposed, or what a person said
    urgency       TEXT,
    team          TEXT,
    alert         BIGINT NOT NULL,
    confidence    DOUBLE PRECISION,
    proposed      TEXT   NOT NULL,           -- JSON: the labels as they were proposed
    settled       BIGINT,
    settled_by    TEXT,                      -- a user or a key's family
    review        TEXT,
    duplicate_of  TEXT,                      -- an earlier ticket, which may be gone
    outbreak      TEXT,
    erased        BIGINT,
    filed_by      TEXT   NOT NULL,
    -- Contents. Last, so that lists do not read them.
    subject       TEXT   NOT NULL,
    sender        TEXT   NOT NULL,
    body          TEXT   NOT NULL,
    decision      TEXT   NOT NULL            -- JSON: reasons, words, probabilities, similar ones
);
CREATE UNIQUE INDEX triage_tickets_once ON triage_tickets (policy, external_id)
    WHERE external_id IS NOT NULL;
CREATE INDEX triage_tickets_by_policy ON triage_tickets (policy, id);
CREATE INDEX triage_tickets_by_state ON triage_tickets (policy, state, id);
CREATE INDEX triage_tickets_by_time ON triage_tickets (policy, created);
CREATE INDEX triage_tickets_by_outbreak ON triage_tickets (outbreak) WHERE outbreak IS NOT NULL;
CREATE INDEX triage_tickets_by_settler ON triage_tickets (settled_by)
    WHERE settled_by IS NOT NULL;

-- What is known to be right.
CREATE TABLE triage_examples (
    id          TEXT   NOT NULL PRIMARY KEY,
    policy      TEXT   NOT NULL REFERENCES triage_policies (id) ON DELETE CASCADE,
    ticket      TEXT,                        -- where it came from one
    digest      TEXT   NOT NULL,             -- SHA-256 of its text
    category    TEXT,
    urgency     TEXT,
    team        TEXT,
    alert       BIGINT,
    source      TEXT   NOT NULL CHECK (source IN ('imported', 'approved', 'corrected')),
    created     BIGINT NOT NULL,
    created_by  TEXT   NOT NULL,
    text        TEXT   NOT NULL
);
CREATE UNIQUE INDEX triage_examples_once ON triage_examples (policy, digest);
CREATE INDEX triage_examples_by_policy ON triage_examples (policy, id);
CREATE INDEX triage_examples_by_ticket ON triage_examples (ticket) WHERE ticket IS NOT NULL;

-- What a model made of the text of an example or a ticket: little-endian f32.
CREATE TABLE triage_readings (
    policy  TEXT NOT NULL REFERENCES triage_policies (id) ON DELETE CASCADE,
    owner   TEXT NOT NULL,                   -- id of an example or of a ticket
    reader  TEXT NOT NULL,                   -- which model, asked what
    vector  BLOB NOT NULL,
    PRIMARY KEY (owner, reader)
);
CREATE INDEX triage_readings_by_policy ON triage_readings (policy, reader, owner);

-- Tickets that somebody must see at once.
CREATE TABLE triage_alerts (
    id               TEXT   NOT NULL PRIMARY KEY,
    policy           TEXT   NOT NULL REFERENCES triage_policies (id) ON DELETE CASCADE,
    ticket           TEXT   NOT NULL REFERENCES triage_tickets (id) ON DELETE CASCADE,
    rule             TEXT,                   -- the rule that holds; none for an urgency
    created          BIGINT NOT NULL,
    reminders        BIGINT NOT NULL,        -- that were sent
    next_reminder    BIGINT,                 -- none once it is acknowledged or they are used up
    acknowledged     BIGINT,
    acknowledged_by  TEXT,
    comment          TEXT   NOT NULL
);
CREATE UNIQUE INDEX triage_alerts_once ON triage_alerts (ticket);
CREATE INDEX triage_alerts_open ON triage_alerts (policy, acknowledged, id);
CREATE INDEX triage_alerts_due ON triage_alerts (next_reminder) WHERE next_reminder IS NOT NULL;

-- Many tickets about one thing in a short time.
CREATE TABLE triage_outbreaks (
    id        TEXT   NOT NULL PRIMARY KEY,
    policy    TEXT   NOT NULL REFERENCES triage_policies (id) ON DELETE CASCADE,
    category  TEXT,
    began     BIGINT NOT NULL,               -- its first ticket
    latest    BIGINT NOT NULL,               -- its last ticket
    tickets   BIGINT NOT NULL
);
CREATE INDEX triage_outbreaks_by_policy ON triage_outbreaks (policy, id);
