-- What was labelled since: it counts at once, before all is learnt from anew.
CREATE INDEX triage_examples_by_change ON triage_examples (policy, created);
