-- The rows of the contract. Times are UTC, ids are UUIDv7.
-- A row of calls is written two to four times; the free space of each page
-- keeps its versions together.
CREATE TABLE calls (
	call_id uuid PRIMARY KEY,
	node_id text NOT NULL,
	provider text NOT NULL,
	provider_call_id text,
	stream_id text,
	account_id text,
	direction text,
	from_number text,
	to_number text,
	state text NOT NULL CHECK (state IN ('live', 'ended')),
	started_at timestamptz NOT NULL,
	ended_at timestamptz,
	duration_ms bigint,
	end_reason text,
	codec text,
	sample_rate bigint,
	frames_in bigint,
	frames_out bigint,
	bytes_in bigint,
	bytes_out bigint,
	frames_lost bigint,
	max_gap_ms bigint,
	dtmf text,
	custom jsonb,
	recording_path text,
	rev bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX calls_live ON calls (node_id) WHERE state = 'live';
CREATE INDEX calls_by_provider ON calls (provider, provider_call_id);
CREATE INDEX calls_by_start ON calls (started_at);

-- No foreign keys: records may arrive in any order.
CREATE TABLE call_events (
	event_id uuid PRIMARY KEY,
	call_id uuid NOT NULL,
	at timestamptz NOT NULL,
	kind text NOT NULL,
	data jsonb
);
CREATE INDEX call_events_by_call ON call_events (call_id, at);

CREATE TABLE sessions (
	session_id uuid PRIMARY KEY,
	channel text NOT NULL,
	account_id text,
	peer text NOT NULL,
	peer_phone text,
	peer_user_id text,
	state text NOT NULL,
	opened_at timestamptz NOT NULL,
	last_message_at timestamptz,
	window_expires_at timestamptz,
	closed_at timestamptz,
	close_reason text,
	message_count bigint,
	previous_session_id uuid,
	rev bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sessions_by_peer ON sessions (channel, account_id, peer);
CREATE INDEX sessions_open ON sessions (last_message_at)
	WHERE closed_at IS NULL;

CREATE TABLE messages (
	message_id uuid PRIMARY KEY,
	session_id uuid NOT NULL,
	direction text NOT NULL,
	at timestamptz NOT NULL,
	kind text NOT NULL,
	body text,
	data jsonb
);
CREATE INDEX messages_by_session ON messages (session_id, at);

CREATE TABLE nodes (
	node_id text PRIMARY KEY,
	started_at timestamptz NOT NULL,
	seen_at timestamptz NOT NULL
);

CREATE TABLE users (
	user_id uuid PRIMARY KEY,
	email text NOT NULL UNIQUE,
	password_hash text NOT NULL,
	role text NOT NULL,
	created_at timestamptz NOT NULL
);
