-- What is looked for when calls are removed after their time, and when somebody
-- asks for the calls of a number.
CREATE INDEX calls_recorded ON calls (node_id, started_at)
	WHERE recording_path IS NOT NULL;
CREATE INDEX calls_by_from ON calls (from_number, call_id);
CREATE INDEX calls_by_to ON calls (to_number, call_id);
