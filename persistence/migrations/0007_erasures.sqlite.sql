-- What was erased on request: a trace that it was, and what keeps it away.
--
-- target is whom or what it is about, in plain words, for as long as late
-- records of it may come; then it is forgotten, and subject, a keyed hash of it,
-- is all that is left.
CREATE TABLE erasures (
	erasure_id TEXT NOT NULL PRIMARY KEY
		CHECK (length(erasure_id) = 36),
	what TEXT NOT NULL CHECK (what IN ('call', 'number')),
	subject TEXT NOT NULL,
	target TEXT,
	requested_by TEXT NOT NULL,
	requested_at TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('erasing', 'watching', 'done')),
	finished_at TEXT,
	calls INTEGER NOT NULL DEFAULT 0,
	call_events INTEGER NOT NULL DEFAULT 0,
	call_statuses INTEGER NOT NULL DEFAULT 0,
	recordings INTEGER NOT NULL DEFAULT 0,
	messages INTEGER NOT NULL DEFAULT 0,
	message_statuses INTEGER NOT NULL DEFAULT 0,
	message_notices INTEGER NOT NULL DEFAULT 0,
	sessions INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX erasures_open ON erasures (erasure_id) WHERE state <> 'done';
CREATE INDEX erasures_by_subject ON erasures (subject);

-- What may not come back: the id of a call or a message, or a provider and its
-- id of either. Whoever writes records looks here first (store_tables.c).
CREATE TABLE erased (
	key TEXT NOT NULL PRIMARY KEY,
	erasure_id TEXT NOT NULL
) STRICT;

-- What the disks of the nodes still have of it. A call goes at once, its
-- recording by the node that took it.
CREATE TABLE erased_files (
	call_id TEXT NOT NULL PRIMARY KEY CHECK (length(call_id) = 36),
	erasure_id TEXT NOT NULL,
	node_id TEXT NOT NULL,
	started_at TEXT NOT NULL,
	recording_path TEXT
) STRICT;
CREATE INDEX erased_files_by_node ON erased_files (node_id);
CREATE INDEX erased_files_by_erasure ON erased_files (erasure_id);

-- A call is counted in the statement that takes it in hand, once, however often
-- a process dies before the call has gone.
CREATE TRIGGER erased_files_count AFTER INSERT ON erased_files
BEGIN
	UPDATE erasures SET calls = calls + 1
	WHERE erasure_id = NEW.erasure_id;
END;

-- What a number is looked for by, as calls have it since migration 4.
CREATE INDEX messages_by_peer ON messages (peer);
CREATE INDEX messages_by_phone ON messages (peer_phone);
CREATE INDEX message_statuses_by_peer ON message_statuses (peer);
CREATE INDEX sessions_by_peer ON sessions (peer);
CREATE INDEX sessions_by_peer_phone ON sessions (peer_phone);

-- What is looked for when rows are removed after their time.
CREATE INDEX call_events_by_time ON call_events (at);
CREATE INDEX call_statuses_by_time ON call_statuses (at);
CREATE INDEX messages_by_time ON messages (at);
CREATE INDEX message_statuses_by_time ON message_statuses (at);
CREATE INDEX session_summaries_by_time ON session_summaries (closed_at);
