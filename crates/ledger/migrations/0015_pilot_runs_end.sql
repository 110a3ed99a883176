-- A run ends with its job, whoever stops that and however: by a rule of the ledger, because jobs end
-- in many places.
CREATE TRIGGER pilot_runs_end_with_their_jobs AFTER UPDATE OF state ON jobs
WHEN NEW.kind = 'pilot.run' AND NEW.state IN ('cancelled', 'failed')
BEGIN
    UPDATE pilot_runs
    SET state = NEW.state, ended = NEW.finished, error_code = NEW.error_code,
        error_text = NEW.error_text
    WHERE job_id = NEW.id AND state = 'running';
END;

-- Those whose jobs ended before.
UPDATE pilot_runs SET state = 'cancelled',
    ended = (SELECT finished FROM jobs WHERE jobs.id = pilot_runs.job_id)
WHERE state = 'running'
    AND job_id IN (SELECT id FROM jobs WHERE state IN ('cancelled', 'failed'));
