-- Zones around properties, what an account wants to come of an arrival there, and the arrival that is proposed of a visit.

-- Null: a circle of the usual size around the location.
ALTER TABLE properties ADD COLUMN geofence jsonb
    CHECK (geofence ->> 'type' IN ('circle', 'polygon'));

ALTER TABLE accounts ADD COLUMN arrivals text NOT NULL DEFAULT 'propose' CHECK (arrivals IN ('propose', 'accept'));

-- All three or none. A dismissed one is kept until the visit is under way, or the worker has been outside again.
ALTER TABLE visits
    ADD COLUMN arrival_proposed_at timestamptz,
    ADD COLUMN arrival_proposed_by uuid,
    ADD COLUMN arrival_dismissed boolean,
    ADD CONSTRAINT visits_arrival_whole CHECK (num_nulls(arrival_proposed_at, arrival_proposed_by, arrival_dismissed) IN (0, 3)),
    ADD CONSTRAINT visits_arrival_awaited CHECK (arrival_proposed_at IS NULL OR status IN ('scheduled', 'traveling')),
    ADD CONSTRAINT visits_arrival_worker FOREIGN KEY (account_id, arrival_proposed_by) REFERENCES workers;
