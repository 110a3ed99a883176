-- How the passages of each knowledge base were made, and the index that is made beside it or was
-- before it.

CREATE TABLE indexes (
    knowledge_base   TEXT   NOT NULL REFERENCES knowledge_bases (id),
    generation       BIGINT NOT NULL,        -- counts the indexes of a knowledge base
    role             TEXT   NOT NULL
                     CHECK (role IN ('active', 'building', 'rejected', 'previous')),
    embedding_model  TEXT   NOT NULL,
    dimension        BIGINT,                 -- of its vectors; unknown of the oldest
    chunking         TEXT   NOT NULL,        -- JSON: version, target_tokens, max_tokens
    started          BIGINT NOT NULL,
    finished         BIGINT,                 -- when all was in it
    verdict          TEXT,                   -- JSON: what the test questions said
    PRIMARY KEY (knowledge_base, generation)
);
CREATE UNIQUE INDEX indexes_active ON indexes (knowledge_base) WHERE role = 'active';
CREATE UNIQUE INDEX indexes_beside ON indexes (knowledge_base) WHERE role <> 'active';

-- Which revision of a document an index that is not the active one has; documents.placed tells it
-- of the active one.
CREATE TABLE placements (
    document    TEXT   NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    generation  BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    failure     TEXT,                        -- why it has no passages there
    PRIMARY KEY (document, generation)
);

-- Those of earlier versions were cut with these sizes unless their settings said otherwise.
INSERT INTO indexes (knowledge_base, generation, role, embedding_model, chunking, started, finished)
    SELECT id, 0, 'active', embedding_model,
           '{"version":1,"target_tokens":220,"max_tokens":400}', created, created
    FROM knowledge_bases;

-- Questions whose documents are known; a new index must answer them as well as the old one.
CREATE TABLE test_questions (
    knowledge_base  TEXT   NOT NULL REFERENCES knowledge_bases (id),
    id              TEXT   NOT NULL,
    query           TEXT   NOT NULL,
    relevant        TEXT   NOT NULL,         -- JSON array of file names or external ids
    PRIMARY KEY (knowledge_base, id)
);
