-- The ground every noun stands on: accounts, their stream position, the journal, kept answers, and the directory that
-- leads from a credential to its account. Run by the owner; the server connects as muster_server, which owns nothing.

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'muster_server') THEN
        RAISE EXCEPTION 'role muster_server is missing: CREATE ROLE muster_server LOGIN PASSWORD ''…''';
    END IF;
END $$;

CREATE EXTENSION IF NOT EXISTS btree_gist;
GRANT USAGE ON SCHEMA public TO muster_server;

-- The account of the running transaction; null (so: no row) when none is set.
CREATE FUNCTION current_account() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.account_id', true), '')::uuid;

-- Row-level security for a table of accounts, and what the server may do with it.
CREATE PROCEDURE guard(tab regclass, rights text, key text DEFAULT 'account_id') LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tab);
    EXECUTE format('CREATE POLICY account_only ON %s TO muster_server USING (%I = current_account()) WITH CHECK (%I = current_account())', tab, key, key);
    EXECUTE format('CREATE POLICY owner_all ON %s TO %I USING (true) WITH CHECK (true)', tab, current_user);
    EXECUTE format('GRANT %s ON %s TO muster_server', rights, tab);
END $$;

CREATE TABLE accounts (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    time_zone   text NOT NULL,
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CALL guard('accounts', 'SELECT, INSERT, UPDATE', 'id');

-- The account's lock, its history's counter and its boards' fence in one row. Nothing refers to it and it has no other
-- index, so that its updates stay on their page.
CREATE TABLE account_stream (
    account_id  uuid PRIMARY KEY,
    seq         bigint NOT NULL DEFAULT 0,
    board_seq   bigint NOT NULL DEFAULT 0,
    epoch       uuid NOT NULL,
    chain       bytea NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CALL guard('account_stream', 'SELECT, INSERT, UPDATE');

-- What happened. `payload` is json, not jsonb: the digest is over its very text. The chain is over digests, so that a
-- payload can be erased without breaking it.
CREATE TABLE journal (
    account_id  uuid NOT NULL,
    seq         bigint NOT NULL,
    at          timestamptz NOT NULL,
    by          jsonb NOT NULL,
    kind        text NOT NULL,
    subject     uuid NOT NULL,
    audience    uuid[] NOT NULL,
    moves_board boolean NOT NULL,
    payload     json NOT NULL,
    digest      bytea NOT NULL,
    chain       bytea NOT NULL,
    PRIMARY KEY (account_id, seq)
);
CREATE INDEX journal_subject ON journal (account_id, subject, seq);
CALL guard('journal', 'SELECT, INSERT');

CREATE TABLE board_snapshots (
    account_id  uuid PRIMARY KEY,
    position    bigint NOT NULL,
    version     smallint NOT NULL,
    payload     json NOT NULL,
    saved_at    timestamptz NOT NULL
);
CALL guard('board_snapshots', 'SELECT, INSERT, UPDATE, DELETE');

-- Answers kept for 24 hours under the caller's Idempotency-Key.
CREATE TABLE kept_answers (
    account_id  uuid NOT NULL,
    principal   uuid NOT NULL,
    route       text NOT NULL,
    key         text NOT NULL,
    body_hash   bytea NOT NULL,
    status      smallint NOT NULL,
    body        bytea NOT NULL,
    sealed      boolean NOT NULL DEFAULT false,
    etag        text,
    location    text,
    kept_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT kept_answers_pkey PRIMARY KEY (account_id, principal, route, key)
);
CREATE INDEX kept_answers_age ON kept_answers (kept_at);
CALL guard('kept_answers', 'SELECT, INSERT, DELETE');

-- The same for sign-up, which has no account yet.
CREATE TABLE signup_answers (
    key         text PRIMARY KEY,
    body_hash   bytea NOT NULL,
    status      smallint NOT NULL,
    body        bytea NOT NULL,
    location    text,
    kept_at     timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT ON signup_answers TO muster_server;

-- Before the account is known, only this is read: hashed credentials and addresses, and where they lead.
CREATE TABLE directory (
    kind        text NOT NULL CHECK (kind IN ('email', 'device', 'ticket')),
    digest      bytea NOT NULL,
    account_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    subject     uuid NOT NULL,
    expires_at  timestamptz,
    PRIMARY KEY (kind, digest, account_id)
);
GRANT SELECT, INSERT, DELETE ON directory TO muster_server;

-- Keys of the server, wrapped by MUSTER_SECRET.
CREATE TABLE server_keys (
    name        text PRIMARY KEY,
    wrapped     bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT ON server_keys TO muster_server;

-- Work that may wait, written with what causes it.
CREATE TABLE job_outbox (
    account_id  uuid NOT NULL REFERENCES accounts,
    id          uuid NOT NULL,
    queue       text NOT NULL,
    payload     jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, id)
);
CALL guard('job_outbox', 'SELECT, INSERT, DELETE');

-- Where several accounts stand, for a server that must notice what another one wrote.
CREATE FUNCTION stream_heads(accounts uuid[])
    RETURNS TABLE (account_id uuid, seq bigint, board_seq bigint, epoch uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    AS 'SELECT s.account_id, s.seq, s.board_seq, s.epoch FROM public.account_stream s WHERE s.account_id = ANY (accounts)';
REVOKE ALL ON FUNCTION stream_heads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stream_heads TO muster_server;
