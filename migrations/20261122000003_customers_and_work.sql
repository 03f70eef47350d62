-- Clients and their properties; jobs and their visits; and the guard against being in two places at once.

CREATE TABLE clients (
    account_id      uuid NOT NULL REFERENCES accounts,
    id              uuid NOT NULL,
    first_name      text,
    last_name       text,
    company_name    text,
    email           text,
    phone           text,
    status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX clients_created ON clients (account_id, created_at, id);
CALL guard('clients', 'SELECT, INSERT, UPDATE');

CREATE TABLE properties (
    account_id      uuid NOT NULL,
    id              uuid NOT NULL,
    client_id       uuid NOT NULL,
    name            text,
    street          text,
    city            text,
    postal_code     text,
    country         text,
    lat             double precision,
    lng             double precision,
    status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT properties_of_client UNIQUE (account_id, client_id, id),
    FOREIGN KEY (account_id, client_id) REFERENCES clients,
    CHECK ((lat IS NULL) = (lng IS NULL))
);
CALL guard('properties', 'SELECT, INSERT, UPDATE');

CREATE TABLE jobs (
    account_id      uuid NOT NULL REFERENCES accounts,
    id              uuid NOT NULL,
    number          bigint NOT NULL,
    title           text NOT NULL,
    description     text,
    client_id       uuid NOT NULL,
    property_id     uuid,
    lat             double precision,
    lng             double precision,
    required_skills text[] NOT NULL DEFAULT '{}',
    priority        smallint NOT NULL,
    ended           text CHECK (ended IN ('completed', 'cancelled')),
    status          text NOT NULL,
    version         bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, client_id) REFERENCES clients,
    CONSTRAINT jobs_property_of_client FOREIGN KEY (account_id, client_id, property_id)
        REFERENCES properties (account_id, client_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX jobs_created ON jobs (account_id, created_at, id);
CREATE INDEX jobs_client ON jobs (account_id, client_id);
CREATE INDEX jobs_status ON jobs (account_id, status);
CALL guard('jobs', 'SELECT, INSERT, UPDATE');

-- Numbers that must be unique for ever live outside the partitions.
CREATE TABLE document_numbers (
    account_id  uuid NOT NULL REFERENCES accounts,
    series      text NOT NULL,
    number      bigint NOT NULL,
    subject     uuid NOT NULL,
    PRIMARY KEY (account_id, series, number),
    CONSTRAINT document_numbers_subject UNIQUE (account_id, series, subject)
);
CALL guard('document_numbers', 'SELECT, INSERT');

CREATE TABLE visits (
    account_id      uuid NOT NULL,
    id              uuid NOT NULL,
    job_id          uuid NOT NULL,
    status          text NOT NULL,
    starts_at       timestamptz,
    ends_at         timestamptz,
    former_workers  uuid[] NOT NULL DEFAULT '{}',
    lat             double precision,
    lng             double precision,
    required_skills text[] NOT NULL DEFAULT '{}',
    priority        smallint NOT NULL,
    forced          jsonb,
    overlap_group   uuid NOT NULL,
    closed_at       timestamptz,
    version         bigint NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, job_id) REFERENCES jobs,
    CHECK ((starts_at IS NULL) = (ends_at IS NULL)),
    CHECK (starts_at < ends_at)
);
CREATE INDEX visits_starts ON visits (account_id, starts_at);
CREATE INDEX visits_job ON visits (account_id, job_id);
CREATE INDEX visits_open ON visits (account_id) WHERE closed_at IS NULL;
CREATE INDEX visits_closed ON visits (account_id, closed_at) WHERE closed_at IS NOT NULL;
CALL guard('visits', 'SELECT, INSERT, UPDATE');

-- Never partitioned: the constraint below is the last guard. `during` is null without a window and once the visit is
-- closed; visits that somebody allowed to overlap share a group.
CREATE TABLE visit_assignments (
    account_id      uuid NOT NULL,
    visit_id        uuid NOT NULL,
    worker_id       uuid NOT NULL,
    during          tstzrange,
    overlap_group   uuid NOT NULL,
    PRIMARY KEY (account_id, visit_id, worker_id),
    FOREIGN KEY (account_id, visit_id) REFERENCES visits,
    CONSTRAINT visit_assignments_worker FOREIGN KEY (account_id, worker_id) REFERENCES workers,
    CHECK (NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during) AND lower_inc(during) AND NOT upper_inc(during)),
    CONSTRAINT visit_assignments_no_overlap EXCLUDE USING gist
        (account_id WITH =, worker_id WITH =, during WITH &&, overlap_group WITH <>)
);
CREATE INDEX visit_assignments_worker ON visit_assignments (account_id, worker_id);
CALL guard('visit_assignments', 'SELECT, INSERT, DELETE');

-- The first UUIDv7 of an instant.
CREATE FUNCTION uuid_from(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;

-- Makes the partitions of the coming time; the server may call it and cannot make others. `past` takes whatever is
-- older than the first; a row in the default partition is an alarm, because it would block the making of its own.
CREATE FUNCTION ensure_job_partitions() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    month timestamptz;
    part text;
BEGIN
    IF to_regclass('public.jobs_past') IS NULL THEN
        EXECUTE format('CREATE TABLE public.jobs_past PARTITION OF public.jobs FOR VALUES FROM (MINVALUE) TO (%L)',
            public.uuid_from(date_trunc('month', now(), 'UTC') - interval '2 months'));
        CREATE TABLE public.jobs_default PARTITION OF public.jobs DEFAULT;
    END IF;
    FOR month IN SELECT generate_series(date_trunc('month', now(), 'UTC') - interval '2 months',
                                        date_trunc('month', now(), 'UTC') + interval '3 months', interval '1 month') LOOP
        part := 'jobs_' || to_char(month AT TIME ZONE 'UTC', 'YYYYMM');
        IF to_regclass('public.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.jobs FOR VALUES FROM (%L) TO (%L)',
                part, public.uuid_from(month), public.uuid_from(month + interval '1 month'));
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION ensure_job_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_job_partitions TO muster_server;
SELECT ensure_job_partitions();
