-- Who may come in, and as whom. An e-mail address is one identity across accounts, and the password belongs to it.

CREATE TABLE identities (
    id              uuid PRIMARY KEY,
    email           text NOT NULL CONSTRAINT identities_email UNIQUE CHECK (email = lower(email)),
    password_hash   text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON identities TO muster_server;

CREATE TABLE users (
    account_id      uuid NOT NULL REFERENCES accounts,
    id              uuid NOT NULL,
    identity_id     uuid NOT NULL REFERENCES identities,
    email           text NOT NULL,
    first_name      text NOT NULL,
    last_name       text NOT NULL,
    phone           text,
    role            text NOT NULL CHECK (role IN ('owner', 'admin', 'manager', 'dispatcher', 'worker', 'limitedWorker')),
    -- invited: known elsewhere by this e-mail, and has not accepted yet
    status          text NOT NULL CHECK (status IN ('active', 'inactive', 'invited')),
    -- Grows when everything signed for this user must end.
    session_version bigint NOT NULL DEFAULT 1,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT users_email UNIQUE (account_id, email)
);
CREATE INDEX users_identity ON users (identity_id);
CALL guard('users', 'SELECT, INSERT, UPDATE');

CREATE TABLE sessions (
    account_id      uuid NOT NULL,
    id              uuid NOT NULL,
    user_id         uuid NOT NULL,
    session_version bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    ended_because   text,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users
);
CREATE INDEX sessions_user ON sessions (account_id, user_id);
CALL guard('sessions', 'SELECT, INSERT, UPDATE');

-- One live refresh token a session; a used one is remembered, because its second use means that somebody stole it.
CREATE TABLE refresh_tokens (
    account_id  uuid NOT NULL,
    digest      bytea NOT NULL,
    session_id  uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    used_at     timestamptz,
    PRIMARY KEY (account_id, digest),
    FOREIGN KEY (account_id, session_id) REFERENCES sessions
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (account_id, session_id);
CALL guard('refresh_tokens', 'SELECT, INSERT, UPDATE');

CREATE TABLE workers (
    account_id      uuid NOT NULL,
    id              uuid NOT NULL,
    skills          text[] NOT NULL DEFAULT '{}',
    home_lat        double precision,
    home_lng        double precision,
    time_zone       text NOT NULL,
    -- [{"weekday","start","end"}]; empty: every hour is a working hour
    working_hours   jsonb NOT NULL DEFAULT '[]',
    active          boolean NOT NULL DEFAULT true,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, id) REFERENCES users
);
CALL guard('workers', 'SELECT, INSERT, UPDATE');

-- Whom a session speaks for, in one round trip and before a tenant scope is set. No row: the session has ended.
CREATE FUNCTION session_principal(account uuid, session uuid)
    RETURNS TABLE (user_id uuid, role text, email text, session_version bigint, is_worker boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    AS $$
        SELECT u.id, u.role, u.email, u.session_version,
               EXISTS (SELECT FROM public.workers w WHERE w.account_id = u.account_id AND w.id = u.id)
        FROM public.sessions s JOIN public.users u ON (u.account_id, u.id) = (s.account_id, s.user_id)
        WHERE s.account_id = account AND s.id = session AND s.ended_at IS NULL AND s.expires_at > now()
          AND u.status = 'active' AND u.session_version = s.session_version
    $$;
REVOKE ALL ON FUNCTION session_principal FROM PUBLIC;

-- Which of these sessions (pairs of account and session) have ended.
CREATE FUNCTION ended_sessions(accounts uuid[], session_ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    AS $$
        SELECT asked.session_id FROM unnest(accounts, session_ids) AS asked (account_id, session_id)
        WHERE NOT EXISTS (SELECT FROM public.session_principal(asked.account_id, asked.session_id))
    $$;
REVOKE ALL ON FUNCTION ended_sessions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_principal, ended_sessions TO muster_server;

CREATE TABLE time_off (
    account_id  uuid NOT NULL,
    id          uuid NOT NULL,
    worker_id   uuid NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL CHECK (starts_at < ends_at),
    reason      text,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, worker_id) REFERENCES workers,
    CONSTRAINT time_off_no_overlap EXCLUDE USING gist
        (account_id WITH =, worker_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&)
);
CALL guard('time_off', 'SELECT, INSERT, DELETE');
