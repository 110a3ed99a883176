-- Questions that the documents did not answer, for those who write the documents.
CREATE TABLE unanswered (
    knowledge_base  TEXT   NOT NULL REFERENCES knowledge_bases (id),
    id              TEXT   NOT NULL,         -- of its words, whatever their order and form
    question        TEXT   NOT NULL,         -- as it was asked last
    times           BIGINT NOT NULL,
    first_asked     BIGINT NOT NULL,
    last_asked      BIGINT NOT NULL,
    PRIMARY KEY (knowledge_base, id)
);
CREATE INDEX unanswered_by_time ON unanswered (last_asked);
