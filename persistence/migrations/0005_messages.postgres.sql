-- Messages, and the sessions that the database makes of them. No version wrote
-- to the first shape of messages.
--
-- A session is what one person and one account of ours say without being idle
-- for longer than the messages' idle_ms. Its id is that of its first message.
-- It covers the time from idle before its beginning to idle_at. A message joins
-- the session that covers it, or opens one; open sessions that touch become
-- one. So any order of messages ends in the same sessions. A closed one is told
-- already: it takes what belongs to its time, and stays closed and apart.
DROP TABLE messages;
CREATE TABLE messages (
	message_id uuid PRIMARY KEY,
	session_id uuid NOT NULL,
	provider text NOT NULL,
	channel text NOT NULL,
	account_id text NOT NULL,
	provider_message_id text NOT NULL,
	peer text NOT NULL,
	peer_phone text,
	peer_user_id text,
	direction text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
	at timestamptz NOT NULL,
	kind text NOT NULL,
	body text,
	data jsonb,
	idle_ms bigint NOT NULL CHECK (idle_ms >= 1000),
	status text,
	status_at timestamptz
);
CREATE INDEX messages_by_session ON messages (session_id, at);
CREATE INDEX messages_by_provider ON messages (provider, provider_message_id);

-- closed_at is idle_at by then, whenever somebody came to close it.
ALTER TABLE sessions
	ADD COLUMN idle_at timestamptz,
	ADD COLUMN inbound_count bigint,
	ADD CHECK (state IN ('open', 'closed'));
DROP INDEX sessions_by_peer;
DROP INDEX sessions_open;
CREATE INDEX sessions_by_user
	ON sessions (peer_user_id, account_id, channel, idle_at);
CREATE INDEX sessions_by_phone
	ON sessions (peer_phone, account_id, channel, idle_at);
CREATE INDEX sessions_by_previous ON sessions (previous_session_id)
	WHERE previous_session_id IS NOT NULL;
CREATE INDEX sessions_by_opening ON sessions (opened_at, session_id);
CREATE INDEX sessions_open ON sessions (idle_at) WHERE state = 'open';

-- What became of a session, as of its last message: one row for each that is
-- closed. told: whoever wants to know of the end was told; claimed_at: when a
-- node last set out to tell it.
CREATE TABLE session_summaries (
	close_id uuid PRIMARY KEY,
	session_id uuid NOT NULL,
	channel text NOT NULL,
	account_id text,
	peer text NOT NULL,
	opened_at timestamptz NOT NULL,
	last_message_at timestamptz,
	closed_at timestamptz NOT NULL,
	close_reason text NOT NULL,
	duration_ms bigint,
	message_count bigint,
	inbound_count bigint,
	outbound_count bigint,
	claimed_at timestamptz,
	told boolean NOT NULL DEFAULT false
);
CREATE INDEX session_summaries_by_session ON session_summaries (session_id);
CREATE INDEX session_summaries_untold ON session_summaries (closed_at)
	WHERE NOT told;

-- What became of a message; each as it came, in any order and more than once.
CREATE TABLE message_statuses (
	status_id uuid PRIMARY KEY,
	provider text NOT NULL,
	channel text NOT NULL,
	account_id text NOT NULL,
	provider_message_id text NOT NULL,
	peer text,
	status text NOT NULL,
	rank bigint NOT NULL CHECK (rank BETWEEN 0 AND 9),
	at timestamptz NOT NULL,
	data jsonb
);
CREATE INDEX message_statuses_by_message
	ON message_statuses (provider, provider_message_id, rank);

-- What a webhook told that is neither.
CREATE TABLE message_notices (
	notice_id uuid PRIMARY KEY,
	provider text NOT NULL,
	account_id text,
	at timestamptz NOT NULL,
	kind text NOT NULL,
	data jsonb
);
CREATE INDEX message_notices_by_time ON message_notices (at);

-- Two nodes that write at once would open two sessions for one person, or miss
-- each other's status. So both tables are written by one at a time. It is taken
-- after the lock of calls: a transaction writes them first.
CREATE FUNCTION messages_lock() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(7525353127513943395);
	RETURN NULL;
END $$;
CREATE TRIGGER messages_lock BEFORE INSERT ON messages
	FOR EACH STATEMENT EXECUTE FUNCTION messages_lock();
CREATE TRIGGER message_statuses_lock BEFORE INSERT ON message_statuses
	FOR EACH STATEMENT EXECUTE FUNCTION messages_lock();

-- By the user's id where both have one, else by the number.
CREATE FUNCTION same_peer(a_user text, a_phone text, b_user text, b_phone text)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT a_user = b_user
		OR a_phone = b_phone AND (a_user IS NULL OR b_user IS NULL)
$$;

-- Two open sessions were one: what `gone` had is the first one's.
CREATE FUNCTION sessions_merge(first_id uuid, gone_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE messages SET session_id = first_id WHERE session_id = gone_id;
	UPDATE sessions SET previous_session_id = first_id
		WHERE previous_session_id = gone_id;
	UPDATE sessions AS f
	SET peer_user_id = coalesce(f.peer_user_id, g.peer_user_id),
		peer_phone = coalesce(f.peer_phone, g.peer_phone),
		peer = coalesce(f.peer_user_id, g.peer_user_id, f.peer),
		last_message_at = greatest(f.last_message_at, g.last_message_at),
		window_expires_at =
			greatest(f.window_expires_at, g.window_expires_at),
		idle_at = greatest(f.idle_at, g.idle_at),
		message_count = f.message_count + g.message_count,
		inbound_count = f.inbound_count + g.inbound_count,
		rev = f.rev + g.rev
	FROM sessions AS g
	WHERE f.session_id = first_id AND g.session_id = gone_id;
	DELETE FROM sessions WHERE session_id = gone_id;
END $$;

-- The plans of a function are made once, and maybe while the tables are empty.
CREATE FUNCTION messages_join() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
	idle interval := NEW.idle_ms / 1000 * interval '1 second';
	inbound integer := (NEW.direction = 'inbound')::integer;
	phone text := coalesce(NEW.peer_phone,
		CASE WHEN NEW.peer_user_id IS NULL THEN NEW.peer END);
	before sessions;
	mine sessions;
	other sessions;
BEGIN
	PERFORM FROM messages WHERE message_id = NEW.message_id;
	IF FOUND THEN
		RETURN NULL;
	END IF;

	-- The session loop may be closing it: then we see it closed.
	SELECT s.* INTO mine FROM sessions AS s
	WHERE s.channel = NEW.channel AND s.account_id = NEW.account_id
	AND same_peer(s.peer_user_id, s.peer_phone, NEW.peer_user_id, phone)
	AND s.idle_at >= NEW.at AND s.opened_at <= NEW.at + idle
	AND (s.state = 'closed'
		OR (s.opened_at, s.session_id) <= (NEW.at, NEW.message_id))
	ORDER BY s.state DESC, s.opened_at > NEW.at,
		CASE WHEN s.opened_at <= NEW.at THEN s.opened_at END DESC,
		s.opened_at, s.session_id
	LIMIT 1 FOR UPDATE;

	IF mine.session_id IS NULL THEN
		SELECT s.* INTO before FROM sessions AS s
		WHERE s.channel = NEW.channel AND s.account_id = NEW.account_id
		AND same_peer(s.peer_user_id, s.peer_phone,
			NEW.peer_user_id, phone)
		AND s.idle_at < NEW.at
		ORDER BY s.idle_at DESC, s.opened_at DESC, s.session_id
		LIMIT 1;
		INSERT INTO sessions (session_id, channel, account_id, peer,
			peer_phone, peer_user_id, state, opened_at,
			last_message_at, window_expires_at, idle_at,
			message_count, inbound_count, previous_session_id, rev)
		VALUES (NEW.message_id, NEW.channel, NEW.account_id,
			coalesce(NEW.peer_user_id, NEW.peer),
			coalesce(phone, before.peer_phone), NEW.peer_user_id,
			'open', NEW.at, NEW.at,
			CASE inbound WHEN 1 THEN NEW.at + interval '24 hours' END,
			NEW.at + idle, 1, inbound, before.session_id, 1)
		RETURNING * INTO mine;
		UPDATE sessions SET previous_session_id = mine.session_id
		WHERE session_id = (SELECT s.session_id FROM sessions AS s
			WHERE s.channel = NEW.channel
			AND s.account_id = NEW.account_id
			AND same_peer(s.peer_user_id, s.peer_phone,
				NEW.peer_user_id, phone)
			AND s.idle_at >= NEW.at
			AND (s.opened_at, s.session_id) >
				(NEW.at, NEW.message_id)
			ORDER BY s.opened_at, s.session_id LIMIT 1);
	ELSE
		-- A closed one never reaches into the present, where the next
		-- message begins a session of its own.
		UPDATE sessions AS s
		SET peer_user_id = coalesce(s.peer_user_id, NEW.peer_user_id),
			peer_phone = coalesce(s.peer_phone, phone),
			peer = coalesce(s.peer_user_id, NEW.peer_user_id, s.peer),
			opened_at = least(s.opened_at, NEW.at),
			last_message_at = greatest(s.last_message_at, NEW.at),
			window_expires_at = greatest(s.window_expires_at,
				CASE inbound WHEN 1
				THEN NEW.at + interval '24 hours' END),
			idle_at = greatest(s.idle_at,
				CASE s.state WHEN 'open' THEN NEW.at + idle
				ELSE least(NEW.at + idle, now()) END),
			closed_at = greatest(s.closed_at,
				CASE s.state WHEN 'closed'
				THEN least(NEW.at + idle, now()) END),
			message_count = s.message_count + 1,
			inbound_count = s.inbound_count + inbound,
			rev = s.rev + 1
		WHERE s.session_id = mine.session_id
		RETURNING s.* INTO mine;
	END IF;

	FOR other IN SELECT s.* FROM sessions AS s
		WHERE mine.state = 'open' AND s.state = 'open'
		AND s.channel = mine.channel AND s.account_id = mine.account_id
		AND same_peer(s.peer_user_id, s.peer_phone,
			mine.peer_user_id, mine.peer_phone)
		AND s.idle_at >= mine.opened_at AND s.opened_at <= mine.idle_at
		AND s.session_id <> mine.session_id
		ORDER BY s.opened_at, s.session_id
		FOR UPDATE
	LOOP
		IF (other.opened_at, other.session_id) <
			(mine.opened_at, mine.session_id) THEN
			PERFORM sessions_merge(other.session_id, mine.session_id);
			mine := other;
		ELSE
			PERFORM sessions_merge(mine.session_id, other.session_id);
		END IF;
	END LOOP;

	NEW.session_id := mine.session_id;
	SELECT s.status, s.at INTO NEW.status, NEW.status_at
	FROM message_statuses AS s
	WHERE s.provider = NEW.provider
	AND s.provider_message_id = NEW.provider_message_id
	ORDER BY s.rank DESC, s.at DESC, s.status_id DESC LIMIT 1;
	RETURN NEW;
END $$;
CREATE TRIGGER messages_join BEFORE INSERT ON messages
	FOR EACH ROW EXECUTE FUNCTION messages_join();

CREATE FUNCTION message_statuses_complete() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE messages AS m
	SET (status, status_at) =
		(SELECT s.status, s.at FROM message_statuses AS s
		WHERE s.provider = m.provider
		AND s.provider_message_id = m.provider_message_id
		ORDER BY s.rank DESC, s.at DESC, s.status_id DESC LIMIT 1)
	WHERE (m.provider, m.provider_message_id) IN
		(SELECT a.provider, a.provider_message_id FROM added AS a);
	RETURN NULL;
END $$;
CREATE TRIGGER message_statuses_complete AFTER INSERT ON message_statuses
	REFERENCING NEW TABLE AS added
	FOR EACH STATEMENT EXECUTE FUNCTION message_statuses_complete();

-- The close_id is the session's with one bit turned over: the same whoever
-- closes it, and nobody else's.
CREATE FUNCTION sessions_summarise() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
	id text := NEW.session_id;
BEGIN
	INSERT INTO session_summaries (close_id, session_id, channel,
		account_id, peer, opened_at, last_message_at, closed_at,
		close_reason, duration_ms, message_count, inbound_count,
		outbound_count)
	VALUES (overlay(id PLACING translate(substr(id, 20, 1),
			'0123456789abcdef', '23016745ab89efcd') FROM 20)::uuid,
		NEW.session_id, NEW.channel, NEW.account_id, NEW.peer,
		NEW.opened_at, NEW.last_message_at, NEW.closed_at,
		NEW.close_reason, 1000 *
			extract(epoch FROM NEW.last_message_at - NEW.opened_at),
		NEW.message_count, NEW.inbound_count,
		NEW.message_count - NEW.inbound_count)
	ON CONFLICT (close_id) DO UPDATE
	SET peer = excluded.peer, opened_at = excluded.opened_at,
		last_message_at = excluded.last_message_at,
		closed_at = excluded.closed_at,
		duration_ms = excluded.duration_ms,
		message_count = excluded.message_count,
		inbound_count = excluded.inbound_count,
		outbound_count = excluded.outbound_count;
	RETURN NULL;
END $$;
CREATE TRIGGER sessions_summarise AFTER UPDATE ON sessions
	FOR EACH ROW WHEN (NEW.state = 'closed')
	EXECUTE FUNCTION sessions_summarise();
