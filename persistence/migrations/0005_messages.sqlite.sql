-- Messages, and the sessions that the database makes of them. No version wrote
-- to the first shape of messages.
--
-- A session is what one person and one account of ours say without being idle
-- for longer than the messages' idle_ms. Its id is that of its first message.
-- It covers the time from idle before its beginning to idle_at. A message joins
-- the session that covers it, or opens one; open sessions that touch become
-- one. So any order of messages ends in the same sessions. A closed one is told
-- already: it takes what belongs to its time, and stays closed and apart.
--
-- Times are compared as text, so those of messages have all their digits.
DROP TABLE messages;
CREATE TABLE messages (
	message_id TEXT NOT NULL PRIMARY KEY CHECK (length(message_id) = 36),
	session_id TEXT CHECK (length(session_id) = 36),
	provider TEXT NOT NULL,
	channel TEXT NOT NULL,
	account_id TEXT NOT NULL,
	provider_message_id TEXT NOT NULL,
	peer TEXT NOT NULL,
	peer_phone TEXT,
	peer_user_id TEXT,
	direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
	at TEXT NOT NULL CHECK (julianday(at) IS NOT NULL
		AND at GLOB '????-??-??T??:??:??.??????Z'),
	kind TEXT NOT NULL,
	body TEXT,
	data TEXT CHECK (data IS NULL OR json_valid(data)),
	idle_ms INTEGER NOT NULL CHECK (idle_ms >= 1000),
	status TEXT,
	status_at TEXT
) STRICT;
CREATE INDEX messages_by_session ON messages (session_id, at);
CREATE INDEX messages_by_provider ON messages (provider, provider_message_id);

-- closed_at is idle_at by then, whenever somebody came to close it.
ALTER TABLE sessions ADD COLUMN idle_at TEXT;
ALTER TABLE sessions ADD COLUMN inbound_count INTEGER;
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
	close_id TEXT NOT NULL PRIMARY KEY CHECK (length(close_id) = 36),
	session_id TEXT NOT NULL CHECK (length(session_id) = 36),
	channel TEXT NOT NULL,
	account_id TEXT,
	peer TEXT NOT NULL,
	opened_at TEXT NOT NULL,
	last_message_at TEXT,
	closed_at TEXT NOT NULL,
	close_reason TEXT NOT NULL,
	duration_ms INTEGER,
	message_count INTEGER,
	inbound_count INTEGER,
	outbound_count INTEGER,
	claimed_at TEXT,
	told INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX session_summaries_by_session ON session_summaries (session_id);
CREATE INDEX session_summaries_untold ON session_summaries (closed_at)
	WHERE NOT told;

-- What became of a message; each as it came, in any order and more than once.
CREATE TABLE message_statuses (
	status_id TEXT NOT NULL PRIMARY KEY CHECK (length(status_id) = 36),
	provider TEXT NOT NULL,
	channel TEXT NOT NULL,
	account_id TEXT NOT NULL,
	provider_message_id TEXT NOT NULL,
	peer TEXT,
	status TEXT NOT NULL,
	rank INTEGER NOT NULL CHECK (rank BETWEEN 0 AND 9),
	at TEXT NOT NULL CHECK (julianday(at) IS NOT NULL),
	data TEXT CHECK (data IS NULL OR json_valid(data))
) STRICT;
CREATE INDEX message_statuses_by_message
	ON message_statuses (provider, provider_message_id, rank);

-- What a webhook told that is neither.
CREATE TABLE message_notices (
	notice_id TEXT NOT NULL PRIMARY KEY CHECK (length(notice_id) = 36),
	provider TEXT NOT NULL,
	account_id TEXT,
	at TEXT NOT NULL CHECK (julianday(at) IS NOT NULL),
	kind TEXT NOT NULL,
	data TEXT CHECK (data IS NULL OR json_valid(data))
) STRICT;
CREATE INDEX message_notices_by_time ON message_notices (at);

-- Two open sessions were one: what `gone` had is the first one's. The view is
-- only a name to insert such pairs into.
CREATE VIEW session_merges AS
	SELECT session_id AS first_id, session_id AS gone_id
	FROM sessions WHERE false;
CREATE TRIGGER session_merges_do INSTEAD OF INSERT ON session_merges
BEGIN
	UPDATE messages SET session_id = NEW.first_id
		WHERE session_id = NEW.gone_id;
	UPDATE sessions SET previous_session_id = NEW.first_id
		WHERE previous_session_id = NEW.gone_id;
	UPDATE sessions
	SET peer_user_id = coalesce(sessions.peer_user_id, g.peer_user_id),
		peer_phone = coalesce(sessions.peer_phone, g.peer_phone),
		peer = coalesce(sessions.peer_user_id, g.peer_user_id,
			sessions.peer),
		last_message_at =
			max(sessions.last_message_at, g.last_message_at),
		window_expires_at = coalesce(
			max(sessions.window_expires_at, g.window_expires_at),
			sessions.window_expires_at, g.window_expires_at),
		idle_at = max(sessions.idle_at, g.idle_at),
		message_count = sessions.message_count + g.message_count,
		inbound_count = sessions.inbound_count + g.inbound_count,
		rev = sessions.rev + g.rev
	FROM sessions AS g
	WHERE sessions.session_id = NEW.first_id
	AND g.session_id = NEW.gone_id;
	DELETE FROM sessions WHERE session_id = NEW.gone_id;
END;

-- A message as the sessions see it: whose it is, and what time it takes.
CREATE VIEW message_spans AS
	SELECT message_id, channel, account_id, peer_user_id AS user,
		coalesce(peer_phone, iif(peer_user_id IS NULL, peer, NULL))
			AS phone,
		coalesce(peer_user_id, peer) AS peer,
		direction = 'inbound' AS inbound, at,
		strftime('%Y-%m-%dT%H:%M:%S', substr(at, 1, 19),
			'+' || (idle_ms / 1000) || ' seconds')
			|| substr(at, 20) AS idle_at,
		iif(direction = 'inbound', strftime('%Y-%m-%dT%H:%M:%S',
			substr(at, 1, 19), '+1 day') || substr(at, 20), NULL)
			AS window_expires_at,
		session_id
	FROM messages;

-- Each message beside the sessions of its peer: by the user's id where both
-- have one, else by the number.
CREATE VIEW message_peers AS
	SELECT m.message_id, m.at, m.idle_at AS until, s.*
	FROM message_spans AS m JOIN sessions AS s
	ON s.channel = m.channel AND s.account_id = m.account_id
	AND (s.peer_user_id = m.user OR s.peer_phone = m.phone
		AND (s.peer_user_id IS NULL OR m.user IS NULL));

CREATE TRIGGER messages_join AFTER INSERT ON messages
BEGIN
	-- The session that covers it, or a new one under its own id.
	UPDATE messages
	SET session_id = coalesce((SELECT p.session_id FROM message_peers AS p
			WHERE p.message_id = NEW.message_id
			AND p.idle_at >= p.at AND p.opened_at <= p.until
			AND (p.state = 'closed' OR (p.opened_at, p.session_id)
				<= (p.at, p.message_id))
			ORDER BY p.state DESC, p.opened_at > p.at,
				iif(p.opened_at <= p.at, p.opened_at, NULL) DESC,
				p.opened_at, p.session_id
			LIMIT 1), NEW.message_id),
		(status, status_at) = (SELECT s.status, s.at
			FROM message_statuses AS s
			WHERE s.provider = NEW.provider
			AND s.provider_message_id = NEW.provider_message_id
			ORDER BY s.rank DESC, s.at DESC, s.status_id DESC
			LIMIT 1)
	WHERE message_id = NEW.message_id;

	INSERT INTO sessions (session_id, channel, account_id, peer,
		peer_phone, peer_user_id, state, opened_at, last_message_at,
		idle_at, message_count, inbound_count, previous_session_id, rev)
	SELECT m.message_id, m.channel, m.account_id, m.peer,
		coalesce(m.phone, (SELECT p.peer_phone FROM message_peers AS p
			WHERE p.message_id = m.message_id AND p.idle_at < p.at
			ORDER BY p.idle_at DESC, p.opened_at DESC, p.session_id
			LIMIT 1)),
		m.user, 'open', m.at, m.at, m.idle_at, 0, 0,
		(SELECT p.session_id FROM message_peers AS p
			WHERE p.message_id = m.message_id AND p.idle_at < p.at
			ORDER BY p.idle_at DESC, p.opened_at DESC, p.session_id
			LIMIT 1), 0
	FROM message_spans AS m
	WHERE m.message_id = NEW.message_id AND m.session_id = m.message_id
	ON CONFLICT (session_id) DO NOTHING;
	UPDATE sessions SET previous_session_id = NEW.message_id
	WHERE session_id = (SELECT p.session_id FROM message_peers AS p
		JOIN sessions AS mine ON mine.session_id = p.message_id
		WHERE p.message_id = NEW.message_id AND p.idle_at >= p.at
		AND (p.opened_at, p.session_id) > (p.at, p.message_id)
		AND mine.message_count = 0
		ORDER BY p.opened_at, p.session_id LIMIT 1);

	-- A closed one never reaches into the present, where the next message
	-- begins a session of its own.
	UPDATE sessions
	SET peer_user_id = coalesce(sessions.peer_user_id, m.user),
		peer_phone = coalesce(sessions.peer_phone, m.phone),
		peer = coalesce(sessions.peer_user_id, m.user, sessions.peer),
		opened_at = min(sessions.opened_at, m.at),
		last_message_at = max(sessions.last_message_at, m.at),
		window_expires_at = coalesce(
			max(sessions.window_expires_at, m.window_expires_at),
			sessions.window_expires_at, m.window_expires_at),
		idle_at = iif(state = 'open', max(sessions.idle_at, m.idle_at),
			max(sessions.idle_at, min(m.idle_at,
				strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')))),
		closed_at = iif(state = 'open', NULL,
			max(sessions.closed_at, min(m.idle_at,
				strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')))),
		message_count = message_count + 1,
		inbound_count = inbound_count + m.inbound,
		rev = rev + 1
	FROM message_spans AS m
	WHERE m.message_id = NEW.message_id
	AND sessions.session_id = m.session_id;

	INSERT INTO session_merges (first_id, gone_id)
	SELECT first_id, gone_id FROM (SELECT first_value(s.session_id)
			OVER (ORDER BY s.opened_at, s.session_id) AS first_id,
			s.session_id AS gone_id
		FROM messages AS m
		JOIN sessions AS mine ON mine.session_id = m.session_id
		JOIN sessions AS s ON s.channel = mine.channel
			AND s.account_id = mine.account_id
			AND (s.peer_user_id = mine.peer_user_id
				OR s.peer_phone = mine.peer_phone
				AND (s.peer_user_id IS NULL
					OR mine.peer_user_id IS NULL))
		WHERE m.message_id = NEW.message_id
		AND mine.state = 'open' AND s.state = 'open'
		AND s.idle_at >= mine.opened_at
		AND s.opened_at <= mine.idle_at)
	WHERE first_id <> gone_id;
END;

CREATE TRIGGER message_statuses_complete AFTER INSERT ON message_statuses
BEGIN
	UPDATE messages
	SET (status, status_at) =
		(SELECT s.status, s.at FROM message_statuses AS s
		WHERE s.provider = NEW.provider
		AND s.provider_message_id = NEW.provider_message_id
		ORDER BY s.rank DESC, s.at DESC, s.status_id DESC LIMIT 1)
	WHERE provider = NEW.provider
	AND provider_message_id = NEW.provider_message_id;
END;

-- The close_id is the session's with one bit turned over: the same whoever
-- closes it, and nobody else's.
CREATE TRIGGER sessions_summarise AFTER UPDATE ON sessions
WHEN NEW.state = 'closed'
BEGIN
	INSERT INTO session_summaries (close_id, session_id, channel,
		account_id, peer, opened_at, last_message_at, closed_at,
		close_reason, duration_ms, message_count, inbound_count,
		outbound_count)
	VALUES (substr(NEW.session_id, 1, 19)
			|| substr('23016745ab89efcd', instr('0123456789abcdef',
				substr(NEW.session_id, 20, 1)), 1)
			|| substr(NEW.session_id, 21),
		NEW.session_id, NEW.channel, NEW.account_id, NEW.peer,
		NEW.opened_at, NEW.last_message_at, NEW.closed_at,
		NEW.close_reason,
		CAST(round((julianday(NEW.last_message_at)
			- julianday(NEW.opened_at)) * 86400000) AS INTEGER),
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
END;
