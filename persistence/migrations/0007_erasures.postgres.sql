-- What was erased on request: a trace that it was, and what keeps it away.
--
-- target is whom or what it is about, in plain words, for as long as late
-- records of it may come; then it is forgotten, and subject, a keyed hash of it,
-- is all that is left.
CREATE TABLE erasures (
	erasure_id uuid PRIMARY KEY,
	what text NOT NULL CHECK (what IN ('call', 'number')),
	subject text NOT NULL,
	target text,
	requested_by text NOT NULL,
	requested_at timestamptz NOT NULL,
	state text NOT NULL CHECK (state IN ('erasing', 'watching', 'done')),
	finished_at timestamptz,
	calls bigint NOT NULL DEFAULT 0,
	call_events bigint NOT NULL DEFAULT 0,
	call_statuses bigint NOT NULL DEFAULT 0,
	recordings bigint NOT NULL DEFAULT 0,
	messages bigint NOT NULL DEFAULT 0,
	message_statuses bigint NOT NULL DEFAULT 0,
	message_notices bigint NOT NULL DEFAULT 0,
	sessions bigint NOT NULL DEFAULT 0
);
CREATE INDEX erasures_open ON erasures (erasure_id) WHERE state <> 'done';
CREATE INDEX erasures_by_subject ON erasures (subject);

-- What may not come back: the id of a call or a message, or a provider and its
-- id of either. Whoever writes records looks here first (store_tables.c).
CREATE TABLE erased (
	key text PRIMARY KEY,
	erasure_id uuid NOT NULL
);

-- What the disks of the nodes still have of it. A call goes at once, its
-- recording by the node that took it.
CREATE TABLE erased_files (
	call_id uuid PRIMARY KEY,
	erasure_id uuid NOT NULL,
	node_id text NOT NULL,
	started_at timestamptz NOT NULL,
	recording_path text
);
CREATE INDEX erased_files_by_node ON erased_files (node_id);
CREATE INDEX erased_files_by_erasure ON erased_files (erasure_id);

-- A call is counted in the statement that takes it in hand, once, however often
-- a process dies before the call has gone.
CREATE FUNCTION erased_files_count() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE erasures SET calls = calls + 1
	WHERE erasure_id = NEW.erasure_id;
	RETURN NULL;
END $$;
CREATE TRIGGER erased_files_count AFTER INSERT ON erased_files
	FOR EACH ROW EXECUTE FUNCTION erased_files_count();

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
