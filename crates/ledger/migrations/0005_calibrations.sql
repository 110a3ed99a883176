-- From where on the generator's judgement counts as "the passages answer", measured on the test
-- questions of a knowledge base.
CREATE TABLE calibrations (
    knowledge_base      TEXT   NOT NULL PRIMARY KEY REFERENCES knowledge_bases (id),
    judge               TEXT   NOT NULL,     -- who judged, on what
    threshold           DOUBLE PRECISION NOT NULL,
    kept                DOUBLE PRECISION NOT NULL,  -- share of the answerable that was asked for
    answerable          BIGINT NOT NULL,     -- questions whose document was among the passages
    answerable_kept     BIGINT NOT NULL,
    not_found           BIGINT NOT NULL,     -- questions whose document was not among them
    unanswerable        BIGINT NOT NULL,
    unanswerable_kept   BIGINT NOT NULL,
    measured            BIGINT NOT NULL
);

-- Those that were begun and have no result yet; a start takes them up again.
CREATE TABLE calibrations_begun (
    knowledge_base  TEXT   NOT NULL PRIMARY KEY REFERENCES knowledge_bases (id),
    kept            DOUBLE PRECISION NOT NULL
);
