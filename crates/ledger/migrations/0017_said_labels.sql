-- What people said of a ticket, apart from what was proposed and they left as it is. JSON object;
-- null for tickets that were settled before there was this column, of which all labels count.
ALTER TABLE triage_tickets ADD COLUMN said TEXT;
