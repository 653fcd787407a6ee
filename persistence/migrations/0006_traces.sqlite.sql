-- Of which W3C trace the call's handshake was a part.
ALTER TABLE calls ADD COLUMN trace_id TEXT;
