-- What a provider says of a call by its status callbacks. They come in any
-- order, more than once, before the call's own row or without one ever, so each
-- is kept as it came, and the row of the call is completed from them by
-- whichever of the two comes last.
ALTER TABLE calls ADD COLUMN provider_status TEXT;
ALTER TABLE calls ADD COLUMN provider_duration_ms INTEGER;
ALTER TABLE calls ADD COLUMN hangup_cause TEXT;
ALTER TABLE calls ADD COLUMN provider_error TEXT;

CREATE TABLE call_statuses (
	status_id TEXT NOT NULL PRIMARY KEY CHECK (length(status_id) = 36),
	provider TEXT NOT NULL,
	provider_call_id TEXT NOT NULL,
	at TEXT NOT NULL CHECK (julianday(at) IS NOT NULL),
	stage INTEGER NOT NULL CHECK (stage BETWEEN 0 AND 3),
	status TEXT,
	duration_ms INTEGER,
	hangup_cause TEXT,
	error TEXT
) STRICT;
CREATE INDEX call_statuses_by_call
	ON call_statuses (provider, provider_call_id, stage);

-- All calls that a provider told of, streamed or not. Of each value the one of
-- the latest stage; of one stage the latest.
CREATE VIEW provider_calls AS
	SELECT k.provider, k.provider_call_id,
		(SELECT s.status FROM call_statuses AS s
			WHERE s.provider = k.provider
			AND s.provider_call_id = k.provider_call_id
			AND s.status IS NOT NULL
			ORDER BY s.stage DESC, s.at DESC, s.status_id DESC
			LIMIT 1) AS provider_status,
		(SELECT s.duration_ms FROM call_statuses AS s
			WHERE s.provider = k.provider
			AND s.provider_call_id = k.provider_call_id
			AND s.duration_ms IS NOT NULL
			ORDER BY s.stage DESC, s.at DESC, s.status_id DESC
			LIMIT 1) AS provider_duration_ms,
		(SELECT s.hangup_cause FROM call_statuses AS s
			WHERE s.provider = k.provider
			AND s.provider_call_id = k.provider_call_id
			AND s.hangup_cause IS NOT NULL
			ORDER BY s.stage DESC, s.at DESC, s.status_id DESC
			LIMIT 1) AS hangup_cause,
		(SELECT s.error FROM call_statuses AS s
			WHERE s.provider = k.provider
			AND s.provider_call_id = k.provider_call_id
			AND s.error IS NOT NULL
			ORDER BY s.stage DESC, s.at DESC, s.status_id DESC
			LIMIT 1) AS provider_error
	FROM (SELECT DISTINCT provider, provider_call_id
		FROM call_statuses) AS k;

CREATE TRIGGER call_statuses_complete AFTER INSERT ON call_statuses
BEGIN
	UPDATE calls
	SET (provider_status, provider_duration_ms, hangup_cause,
		provider_error) =
		(SELECT p.provider_status, p.provider_duration_ms,
			p.hangup_cause, p.provider_error
		FROM provider_calls AS p
		WHERE p.provider = NEW.provider
		AND p.provider_call_id = NEW.provider_call_id)
	WHERE provider = NEW.provider
	AND provider_call_id = NEW.provider_call_id;
END;

-- Most calls have no status yet: one look at the index each.
CREATE TRIGGER calls_complete AFTER INSERT ON calls
WHEN EXISTS (SELECT 1 FROM call_statuses AS s
	WHERE s.provider = NEW.provider
	AND s.provider_call_id = NEW.provider_call_id)
BEGIN
	UPDATE calls
	SET (provider_status, provider_duration_ms, hangup_cause,
		provider_error) =
		(SELECT p.provider_status, p.provider_duration_ms,
			p.hangup_cause, p.provider_error
		FROM provider_calls AS p
		WHERE p.provider = NEW.provider
		AND p.provider_call_id = NEW.provider_call_id)
	WHERE call_id = NEW.call_id;
END;
