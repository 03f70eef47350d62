-- What tells a true position from noise, and the three words that are not "on shift": when a phone sent a point and how
-- far its clock was off, whether a worker says that he can take work, and whether he agrees to be followed.

ALTER TABLE tracks ADD COLUMN sent_at timestamptz, ADD COLUMN ahead_ms integer NOT NULL DEFAULT 0;
ALTER TABLE last_positions ADD COLUMN sent_at timestamptz, ADD COLUMN ahead_ms integer NOT NULL DEFAULT 0;

-- Whoever withdraws his consent has no last position any more.
GRANT DELETE ON last_positions TO muster_server;

ALTER TABLE workers ADD COLUMN available boolean NOT NULL DEFAULT true,
    ADD COLUMN tracking_consent boolean NOT NULL DEFAULT true;
