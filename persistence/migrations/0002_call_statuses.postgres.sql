-- What a provider says of a call by its status callbacks. They come in any
-- order, more than once, before the call's own row or without one ever, so each
-- is kept as it came, and the row of the call is completed from them by
-- whichever of the two comes last.
ALTER TABLE calls
	ADD COLUMN provider_status text,
	ADD COLUMN provider_duration_ms bigint,
	ADD COLUMN hangup_cause text,
	ADD COLUMN provider_error text;

CREATE TABLE call_statuses (
	status_id uuid PRIMARY KEY,
	provider text NOT NULL,
	provider_call_id text NOT NULL,
	at timestamptz NOT NULL,
	stage bigint NOT NULL CHECK (stage BETWEEN 0 AND 3),
	status text,
	duration_ms bigint,
	hangup_cause text,
	error text
);
CREATE INDEX call_statuses_by_call
	ON call_statuses (provider, provider_call_id, stage);

-- Of each value the one of the latest stage; of one stage the latest.
CREATE FUNCTION provider_says(of_provider text, of_call text,
	OUT provider_status text, OUT provider_duration_ms bigint,
	OUT hangup_cause text, OUT provider_error text)
LANGUAGE sql STABLE AS $$
	SELECT
		(SELECT s.status FROM call_statuses AS s
			WHERE s.provider = of_provider
			AND s.provider_call_id = of_call
			AND s.status IS NOT NULL
			ORDER BY s.stage DESC, s.at DESC, s.status_id DESC
			LIMIT 1),
		(SELECT s.duration_ms FROM call_statuses AS s
			WHERE s.provider = of_provider
			AND s.provider_call_id = of_call
			AND s.duration_ms IS NOT NULL
			ORDER BY s.stage DESC, s.at DESC, s.status_id DESC
			LIMIT 1),
		(SELECT s.hangup_cause FROM call_statuses AS s
			WHERE s.provider = of_provider
			AND s.provider_call_id = of_call
			AND s.hangup_cause IS NOT NULL
			ORDER BY s.stage DESC, s.at DESC, s.status_id DESC
			LIMIT 1),
		(SELECT s.error FROM call_statuses AS s
			WHERE s.provider = of_provider
			AND s.provider_call_id = of_call
			AND s.error IS NOT NULL
			ORDER BY s.stage DESC, s.at DESC, s.status_id DESC
			LIMIT 1)
$$;

-- All calls that a provider told of, streamed or not.
CREATE VIEW provider_calls AS
	SELECT k.provider, k.provider_call_id, p.*
	FROM (SELECT DISTINCT provider, provider_call_id
		FROM call_statuses) AS k
	CROSS JOIN LATERAL provider_says(k.provider, k.provider_call_id) AS p;

-- Two nodes may write a call and its status in the same instant, and neither
-- would see the other's. So statuses are written alone; calls wait for nobody
-- but for them. A transaction writes its statuses first.
CREATE FUNCTION call_statuses_lock() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(7525353127513943394);
	RETURN NULL;
END $$;
CREATE FUNCTION calls_lock() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock_shared(7525353127513943394);
	RETURN NULL;
END $$;

CREATE FUNCTION call_statuses_complete() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE calls AS c
	SET (provider_status, provider_duration_ms, hangup_cause,
		provider_error) =
		(SELECT p.provider_status, p.provider_duration_ms,
			p.hangup_cause, p.provider_error
		FROM provider_says(c.provider, c.provider_call_id) AS p)
	WHERE (c.provider, c.provider_call_id) IN
		(SELECT a.provider, a.provider_call_id FROM added AS a);
	RETURN NULL;
END $$;
-- Most calls have no status yet: one look at the index each.
CREATE FUNCTION calls_complete() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE calls AS c
	SET (provider_status, provider_duration_ms, hangup_cause,
		provider_error) =
		(SELECT p.provider_status, p.provider_duration_ms,
			p.hangup_cause, p.provider_error
		FROM provider_says(c.provider, c.provider_call_id) AS p)
	FROM added AS a
	WHERE c.call_id = a.call_id
	AND (SELECT true FROM call_statuses AS s
		WHERE s.provider = a.provider
		AND s.provider_call_id = a.provider_call_id LIMIT 1);
	RETURN NULL;
END $$;

CREATE TRIGGER call_statuses_lock BEFORE INSERT ON call_statuses
	FOR EACH STATEMENT EXECUTE FUNCTION call_statuses_lock();
CREATE TRIGGER call_statuses_complete AFTER INSERT ON call_statuses
	REFERENCING NEW TABLE AS added
	FOR EACH STATEMENT EXECUTE FUNCTION call_statuses_complete();
CREATE TRIGGER calls_lock BEFORE INSERT ON calls
	FOR EACH STATEMENT EXECUTE FUNCTION calls_lock();
CREATE TRIGGER calls_complete AFTER INSERT ON calls
	REFERENCING NEW TABLE AS added
	FOR EACH STATEMENT EXECUTE FUNCTION calls_complete();
