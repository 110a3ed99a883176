-- What happened and some webhook wants to know. One that no webhook takes is not stored.
CREATE TABLE events (
    id        TEXT   NOT NULL PRIMARY KEY,
    kind      TEXT   NOT NULL,               -- such as review.created
    payload   TEXT   NOT NULL,               -- JSON object: ids, no contents
    created   BIGINT NOT NULL
);

-- Addresses that are told of events.
CREATE TABLE webhooks (
    id               TEXT   NOT NULL PRIMARY KEY,
    url              TEXT   NOT NULL,
    kinds            TEXT   NOT NULL,        -- JSON array of kinds; ["*"] for all
    description      TEXT   NOT NULL,
    enabled          BIGINT NOT NULL,
    disabled_reason  TEXT,                   -- when the server disabled it
    secret           TEXT   NOT NULL,        -- needed to sign, so not hashed
    previous_secret  TEXT,                   -- signs as well until previous_until
    previous_until   BIGINT,
    created          BIGINT NOT NULL,
    updated          BIGINT NOT NULL,
    delivered        BIGINT NOT NULL,        -- events, since the creation
    dead             BIGINT NOT NULL,
    dropped          BIGINT NOT NULL,        -- events beyond what may wait
    failures         BIGINT NOT NULL,        -- attempts that failed since the last one that did not
    last_delivered   BIGINT,
    last_failed      BIGINT,
    last_error       TEXT
);

-- One event on its way to one webhook.
CREATE TABLE webhook_deliveries (
    id             TEXT   NOT NULL PRIMARY KEY,
    webhook        TEXT   NOT NULL REFERENCES webhooks (id),
    event          TEXT   NOT NULL REFERENCES events (id),
    state          TEXT   NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts       BIGINT NOT NULL,          -- begun since the creation or the last retry by hand
    next_attempt   BIGINT NOT NULL,
    claimed_until  BIGINT NOT NULL,          -- 0: nobody is at it
    status         BIGINT,                   -- HTTP status of the last attempt
    error          TEXT,                     -- why the last attempt failed
    created        BIGINT NOT NULL,
    updated        BIGINT NOT NULL,
    UNIQUE (event, webhook)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, state, next_attempt);
CREATE INDEX webhook_deliveries_claimed ON webhook_deliveries (webhook, state, claimed_until);
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (updated);

-- E-mails on their way. What they say goes when they were sent.
CREATE TABLE mails (
    id             TEXT   NOT NULL PRIMARY KEY,
    recipient      TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    text           TEXT   NOT NULL,
    html           TEXT,
    state          TEXT   NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts       BIGINT NOT NULL,
    next_attempt   BIGINT NOT NULL,
    claimed_until  BIGINT NOT NULL,
    error          TEXT,
    created        BIGINT NOT NULL,
    updated        BIGINT NOT NULL
);
CREATE INDEX mails_due ON mails (state, next_attempt);
CREATE INDEX mails_old ON mails (updated);
