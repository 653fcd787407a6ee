-- Since when a user is as he is: what was handed out to him before ends then.
ALTER TABLE users ADD COLUMN changed_at TEXT;
