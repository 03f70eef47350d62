-- Where everybody was: one row a point, by day of the phone's own clock; the newest of each worker apart; and the
-- phones' credentials. No foreign keys from tracks: they are written thousands at a time.

CREATE TABLE tracks (
    account_id  uuid NOT NULL,
    worker_id   uuid NOT NULL,
    at          timestamptz NOT NULL,
    point       uuid NOT NULL,
    received_at timestamptz NOT NULL,
    lat         double precision NOT NULL,
    lng         double precision NOT NULL,
    accuracy_m  real,
    speed_mps   real,
    heading_deg real,
    altitude_m  real,
    battery_pct real,
    charging    boolean,
    source      text,
    activity    text,
    mock        boolean NOT NULL,
    CONSTRAINT tracks_pkey PRIMARY KEY (account_id, worker_id, at, point)
) PARTITION BY RANGE (at);
CALL guard('tracks', 'SELECT, INSERT');

CREATE TABLE last_positions (
    account_id  uuid NOT NULL,
    worker_id   uuid NOT NULL,
    at          timestamptz NOT NULL,
    point       uuid NOT NULL,
    received_at timestamptz NOT NULL,
    lat         double precision NOT NULL,
    lng         double precision NOT NULL,
    accuracy_m  real,
    speed_mps   real,
    heading_deg real,
    altitude_m  real,
    battery_pct real,
    charging    boolean,
    source      text,
    activity    text,
    mock        boolean NOT NULL,
    PRIMARY KEY (account_id, worker_id)
) WITH (fillfactor = 50);
CALL guard('last_positions', 'SELECT, INSERT, UPDATE');

-- A phone's credential. The token is shown once; only its SHA-256 is here and in `directory`.
CREATE TABLE devices (
    account_id  uuid NOT NULL,
    id          uuid NOT NULL,
    worker_id   uuid NOT NULL,
    label       text NOT NULL,
    digest      bytea NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    PRIMARY KEY (account_id, id),
    CONSTRAINT devices_worker FOREIGN KEY (account_id, worker_id) REFERENCES workers
);
CREATE INDEX devices_of_worker ON devices (account_id, worker_id);
CALL guard('devices', 'SELECT, INSERT, UPDATE');

-- Makes the days around now; the server may call it and cannot make others. `past` takes what is older than the first
-- day; a row in the default partition is an alarm, because it would block the making of its day.
CREATE FUNCTION ensure_track_partitions() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    today timestamptz := date_trunc('day', now(), 'UTC');
    day timestamptz;
    part text;
BEGIN
    IF to_regclass('public.tracks_past') IS NULL THEN
        EXECUTE format('CREATE TABLE public.tracks_past PARTITION OF public.tracks FOR VALUES FROM (MINVALUE) TO (%L)',
            today - interval '7 days');
        CREATE TABLE public.tracks_default PARTITION OF public.tracks DEFAULT;
    END IF;
    FOR day IN SELECT generate_series(today - interval '7 days', today + interval '14 days', interval '1 day') LOOP
        part := 'tracks_' || to_char(day AT TIME ZONE 'UTC', 'YYYYMMDD');
        IF to_regclass('public.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.tracks FOR VALUES FROM (%L) TO (%L)',
                part, day, day + interval '1 day');
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION ensure_track_partitions FROM PUBLIC;
SELECT ensure_track_partitions();

-- Everything that is partitioned by time, in one call.
CREATE FUNCTION ensure_partitions() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
    AS 'SELECT public.ensure_job_partitions(); SELECT public.ensure_track_partitions()';
REVOKE ALL ON FUNCTION ensure_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_partitions TO muster_server;

-- Whom a device's token speaks for, before a tenant scope is set. No row: revoked, or its worker is inactive.
CREATE FUNCTION device_principal(token_digest bytea)
    RETURNS TABLE (account_id uuid, device_id uuid, worker_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    AS $$
        SELECT d.account_id, d.id, d.worker_id
        FROM public.directory l JOIN public.devices d ON (d.account_id, d.id) = (l.account_id, l.subject)
             JOIN public.workers w ON (w.account_id, w.id) = (d.account_id, d.worker_id)
        WHERE l.kind = 'device' AND l.digest = token_digest AND d.revoked_at IS NULL AND w.active
    $$;
REVOKE ALL ON FUNCTION device_principal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION device_principal TO muster_server;
