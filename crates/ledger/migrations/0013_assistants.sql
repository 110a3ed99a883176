-- Assistants, which are configuration, and their conversations with customers.

CREATE TABLE assistants (
    id              TEXT   NOT NULL PRIMARY KEY,
    slug            TEXT   NOT NULL UNIQUE,   -- in public addresses
    name            TEXT   NOT NULL UNIQUE,
    draft           TEXT   NOT NULL,          -- JSON: what is being worked on
    draft_days      BIGINT,                   -- its retention
    version         BIGINT NOT NULL,          -- counts the changes of the draft
    published       BIGINT,                   -- number of the version that answers
    retention_days  BIGINT,                   -- of conversations; null: for ever
    retired         BIGINT,                   -- nobody begins a conversation any more
    created         BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    updated         BIGINT NOT NULL,
    updated_by      TEXT   NOT NULL
);

-- What was published, never changed.
CREATE TABLE assistant_versions (
    assistant       TEXT   NOT NULL REFERENCES assistants (id) ON DELETE CASCADE,
    number          BIGINT NOT NULL,          -- from 1
    config          TEXT   NOT NULL,          -- JSON
    retention_days  BIGINT,
    note            TEXT   NOT NULL,
    restores        BIGINT,                   -- the version that it brings back
    published       BIGINT NOT NULL,
    published_by    TEXT   NOT NULL,
    PRIMARY KEY (assistant, number)
);

CREATE TABLE conversations (
    id               TEXT   NOT NULL PRIMARY KEY,
    assistant        TEXT   NOT NULL REFERENCES assistants (id),
    config_number    BIGINT NOT NULL,         -- the published version; 0: the draft, to try it
    channel          TEXT   NOT NULL CHECK (channel IN ('api', 'widget')),
    who              TEXT   NOT NULL,         -- a user, a key's family, or a visitor's keyed hash
    external_id      TEXT,                    -- the opener's own name for it
    language         TEXT   NOT NULL,
    labels           TEXT   NOT NULL,         -- JSON array, sorted: who may see it
    state            TEXT   NOT NULL CHECK (state IN ('bot', 'waiting', 'human', 'closed')),
    version          BIGINT NOT NULL,         -- counts what changed who has it
    team             TEXT,                    -- id of a group, which may be gone
    assignee         TEXT,                    -- who has it, while it is with a person
    reason           TEXT,                    -- of the last hand-over
    close_reason     TEXT,
    failures         BIGINT NOT NULL,         -- of the assistant, in a row
    messages         BIGINT NOT NULL,         -- so far; ordinals are from 1
    handed_over      BIGINT,                  -- first
    waiting_since    BIGINT,                  -- while it waits
    closed           BIGINT,
    created          BIGINT NOT NULL,
    touched          BIGINT NOT NULL,         -- last message or change of who has it
    resolved         BIGINT,                  -- what the customer said: 1 yes, 0 no
    erased           BIGINT,                  -- something of it was erased
    -- Contents. Last, so that lists do not read them.
    card             TEXT                     -- JSON: what people are told at the hand-over
);
CREATE UNIQUE INDEX conversations_open_once ON conversations (assistant, who, external_id)
    WHERE external_id IS NOT NULL AND state <> 'closed';
CREATE INDEX conversations_by_state ON conversations (state, id);
CREATE INDEX conversations_by_assistant ON conversations (assistant, created);
CREATE INDEX conversations_by_touch ON conversations (assistant, touched);
CREATE INDEX conversations_by_who ON conversations (who, id);
CREATE INDEX conversations_by_assignee ON conversations (assignee) WHERE assignee IS NOT NULL;
CREATE INDEX conversations_by_labels ON conversations (labels);

CREATE TABLE conversation_messages (
    conversation  TEXT   NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    ordinal       BIGINT NOT NULL,
    message_id    TEXT,                       -- the customer's own name for it
    role          TEXT   NOT NULL CHECK (role IN ('customer', 'assistant', 'human', 'notice')),
    author        TEXT,                       -- who wrote it, of a person's
    at            BIGINT NOT NULL,
    outcome       TEXT CHECK (outcome IN ('answered', 'fixed', 'abstained', 'other')),
    answers       BIGINT,                     -- ordinal of the message that it answers
    thumb         BIGINT,                     -- 1 up, -1 down
    judged        BIGINT,                     -- when
    erased        BIGINT,
    text          TEXT   NOT NULL,
    details       TEXT,                       -- JSON: how an answer came to be
    comment       TEXT   NOT NULL,            -- of the customer, on the answer
    PRIMARY KEY (conversation, ordinal)
);
CREATE UNIQUE INDEX conversation_messages_once ON conversation_messages (conversation, message_id)
    WHERE message_id IS NOT NULL;
-- One answer of the assistant for each message.
CREATE UNIQUE INDEX conversation_answers_once ON conversation_messages (conversation, answers)
    WHERE answers IS NOT NULL;

-- What a person wrote.
CREATE INDEX conversation_messages_by_author
    ON conversation_messages (author, conversation, ordinal) WHERE author IS NOT NULL;

-- The documents that answers and cards quote.
CREATE TABLE conversation_citations (
    conversation    TEXT   NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    message         BIGINT NOT NULL,          -- its ordinal; 0: the card
    knowledge_base  TEXT   NOT NULL,
    document        TEXT   NOT NULL,          -- may be gone
    PRIMARY KEY (conversation, message, document)
);
CREATE INDEX conversation_citations_by_document ON conversation_citations (document);
CREATE INDEX conversation_citations_by_base ON conversation_citations (knowledge_base);

-- What changed who has it, in order.
CREATE TABLE conversation_acts (
    conversation  TEXT   NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    ordinal       BIGINT NOT NULL,            -- from 1
    act           TEXT   NOT NULL,
    state         TEXT   NOT NULL,            -- afterwards
    reason        TEXT,
    actor         TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    answered      BIGINT,                     -- of a hand-over: when a person answered first
    PRIMARY KEY (conversation, ordinal)
);

CREATE INDEX conversation_acts_by_actor ON conversation_acts (actor);

-- E-mails that tell of a hand-over; they go with what they tell of.
CREATE TABLE conversation_mails (
    conversation  TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    mail          TEXT NOT NULL,
    PRIMARY KEY (conversation, mail)
);

-- Questions that an assistant did not answer.
CREATE TABLE conversation_gaps (
    conversation  TEXT   NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    message       BIGINT NOT NULL,            -- the customer's
    assistant     TEXT   NOT NULL REFERENCES assistants (id),
    at            BIGINT NOT NULL,
    language      TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    question      TEXT   NOT NULL,            -- as it stands by itself
    model         TEXT,                       -- that made the embedding
    embedding     TEXT,                       -- base64 of 32-bit floats, little-endian
    PRIMARY KEY (conversation, message)
);
CREATE INDEX conversation_gaps_by_time ON conversation_gaps (assistant, at);

-- What a visitor of a web page holds.
CREATE TABLE widget_sessions (
    digest        TEXT   NOT NULL PRIMARY KEY, -- SHA-256 of the secret, hexadecimal
    conversation  TEXT   NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    created       BIGINT NOT NULL,
    expires       BIGINT NOT NULL
);
CREATE INDEX widget_sessions_by_conversation ON widget_sessions (conversation);

-- How much was used of what a day allows, UTC.
CREATE TABLE widget_counts (
    assistant      TEXT   NOT NULL REFERENCES assistants (id) ON DELETE CASCADE,
    day            TEXT   NOT NULL,           -- YYYY-MM-DD
    visitor        TEXT   NOT NULL,           -- keyed hash; empty for all together
    conversations  BIGINT NOT NULL,
    messages       BIGINT NOT NULL,
    PRIMARY KEY (assistant, day, visitor)
);
CREATE INDEX widget_counts_by_day ON widget_counts (day);
