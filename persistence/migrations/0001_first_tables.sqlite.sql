-- The rows of the contract. Times are UTC as ISO 8601 text, ids are UUIDv7.
-- STRICT and the checks refuse what PostgreSQL's types refuse.
CREATE TABLE calls (
	call_id TEXT NOT NULL PRIMARY KEY CHECK (length(call_id) = 36),
	node_id TEXT NOT NULL,
	provider TEXT NOT NULL,
	provider_call_id TEXT,
	stream_id TEXT,
	account_id TEXT,
	direction TEXT,
	from_number TEXT,
	to_number TEXT,
	state TEXT NOT NULL CHECK (state IN ('live', 'ended')),
	started_at TEXT NOT NULL CHECK (julianday(started_at) IS NOT NULL),
	ended_at TEXT CHECK (julianday(ended_at) IS NOT NULL OR ended_at IS NULL),
	duration_ms INTEGER,
	end_reason TEXT,
	codec TEXT,
	sample_rate INTEGER,
	frames_in INTEGER,
	frames_out INTEGER,
	bytes_in INTEGER,
	bytes_out INTEGER,
	frames_lost INTEGER,
	max_gap_ms INTEGER,
	dtmf TEXT,
	custom TEXT CHECK (custom IS NULL OR json_valid(custom)),
	recording_path TEXT,
	rev INTEGER NOT NULL
) STRICT;
CREATE INDEX calls_live ON calls (node_id) WHERE state = 'live';
CREATE INDEX calls_by_provider ON calls (provider, provider_call_id);
CREATE INDEX calls_by_start ON calls (started_at);

-- No foreign keys: records may arrive in any order.
CREATE TABLE call_events (
	event_id TEXT NOT NULL PRIMARY KEY CHECK (length(event_id) = 36),
	call_id TEXT NOT NULL CHECK (length(call_id) = 36),
	at TEXT NOT NULL CHECK (julianday(at) IS NOT NULL),
	kind TEXT NOT NULL,
	data TEXT CHECK (data IS NULL OR json_valid(data))
) STRICT;
CREATE INDEX call_events_by_call ON call_events (call_id, at);

CREATE TABLE sessions (
	session_id TEXT NOT NULL PRIMARY KEY CHECK (length(session_id) = 36),
	channel TEXT NOT NULL,
	account_id TEXT,
	peer TEXT NOT NULL,
	peer_phone TEXT,
	peer_user_id TEXT,
	state TEXT NOT NULL,
	opened_at TEXT NOT NULL CHECK (julianday(opened_at) IS NOT NULL),
	last_message_at TEXT CHECK (julianday(last_message_at) IS NOT NULL OR last_message_at IS NULL),
	window_expires_at TEXT CHECK (julianday(window_expires_at) IS NOT NULL OR window_expires_at IS NULL),
	closed_at TEXT CHECK (julianday(closed_at) IS NOT NULL OR closed_at IS NULL),
	close_reason TEXT,
	message_count INTEGER,
	previous_session_id TEXT CHECK (length(previous_session_id) = 36),
	rev INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_peer ON sessions (channel, account_id, peer);
CREATE INDEX sessions_open ON sessions (last_message_at)
	WHERE closed_at IS NULL;

CREATE TABLE messages (
	message_id TEXT NOT NULL PRIMARY KEY CHECK (length(message_id) = 36),
	session_id TEXT NOT NULL CHECK (length(session_id) = 36),
	direction TEXT NOT NULL,
	at TEXT NOT NULL CHECK (julianday(at) IS NOT NULL),
	kind TEXT NOT NULL,
	body TEXT,
	data TEXT CHECK (data IS NULL OR json_valid(data))
) STRICT;
CREATE INDEX messages_by_session ON messages (session_id, at);

CREATE TABLE nodes (
	node_id TEXT NOT NULL PRIMARY KEY,
	started_at TEXT NOT NULL CHECK (julianday(started_at) IS NOT NULL),
	seen_at TEXT NOT NULL CHECK (julianday(seen_at) IS NOT NULL)
) STRICT;

CREATE TABLE users (
	user_id TEXT NOT NULL PRIMARY KEY CHECK (length(user_id) = 36),
	email TEXT NOT NULL UNIQUE,
	password_hash TEXT NOT NULL,
	role TEXT NOT NULL,
	created_at TEXT NOT NULL CHECK (julianday(created_at) IS NOT NULL)
) STRICT;
