-- Who may read a document, where it came from, and what reading it found out.

-- Keys made before labels existed could read everything and still can.
ALTER TABLE api_keys ADD COLUMN labels TEXT NOT NULL DEFAULT '["*"]';  -- JSON array, '*' for all

ALTER TABLE documents ADD COLUMN external_id TEXT;                  -- the owner's name for it
ALTER TABLE documents ADD COLUMN source TEXT;                       -- the folder that keeps it in step
ALTER TABLE documents ADD COLUMN parent TEXT REFERENCES documents (id);  -- the mail or archive it was in
ALTER TABLE documents ADD COLUMN labels TEXT NOT NULL DEFAULT '[]';      -- JSON array, sorted
ALTER TABLE documents ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';    -- JSON object of texts, sorted
ALTER TABLE documents ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;     -- counts changes of content, labels, metadata
ALTER TABLE documents ADD COLUMN placed BIGINT NOT NULL DEFAULT 0;       -- the revision that the store has
ALTER TABLE documents ADD COLUMN format TEXT;
ALTER TABLE documents ADD COLUMN author TEXT;
ALTER TABLE documents ADD COLUMN written TEXT;                      -- ISO 8601, as the document says
ALTER TABLE documents ADD COLUMN modified TEXT;                     -- ISO 8601, as the document says
ALTER TABLE documents ADD COLUMN warnings TEXT NOT NULL DEFAULT '[]';    -- JSON array

-- The same content is held once per audience, unless its owner gave it a name of its own or it
-- came within another document.
DROP INDEX documents_by_content;
CREATE UNIQUE INDEX documents_by_content ON documents (knowledge_base, sha256, labels)
    WHERE state <> 'deleting' AND external_id IS NULL AND parent IS NULL;
CREATE UNIQUE INDEX documents_by_external_id ON documents (knowledge_base, external_id)
    WHERE state <> 'deleting' AND external_id IS NOT NULL;
-- The files within a document, once each.
CREATE UNIQUE INDEX documents_by_parent ON documents (parent, sha256, file_name)
    WHERE state <> 'deleting' AND parent IS NOT NULL;
-- Which audiences a knowledge base has.
CREATE INDEX documents_by_labels ON documents (knowledge_base, labels);
-- What a synchronised folder has brought.
CREATE INDEX documents_by_source ON documents (knowledge_base, source, id) WHERE source IS NOT NULL;
