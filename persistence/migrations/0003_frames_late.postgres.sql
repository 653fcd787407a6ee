-- How well what we said went out: messages with audio that left after their
-- time, and those that never left.
ALTER TABLE calls
	ADD COLUMN frames_late bigint,
	ADD COLUMN frames_dropped bigint;
