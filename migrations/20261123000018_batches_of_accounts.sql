-- Positions of many accounts are written in one statement. Its scope is the list of exactly those accounts, set for its
-- transaction as a single account is elsewhere; reading stays with one account at a time.

CREATE FUNCTION current_accounts() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN string_to_array(nullif(current_setting('app.account_ids', true), ''), ',')::uuid[];

-- The list is read once a statement, not once a row.
CREATE POLICY accounts_of_a_batch ON tracks TO muster_server
    USING (account_id = ANY ((SELECT current_accounts())::uuid[]))
    WITH CHECK (account_id = ANY ((SELECT current_accounts())::uuid[]));
CREATE POLICY accounts_of_a_batch ON last_positions TO muster_server
    USING (account_id = ANY ((SELECT current_accounts())::uuid[]))
    WITH CHECK (account_id = ANY ((SELECT current_accounts())::uuid[]));

-- A function in SQL is planned anew at every call, which took longer than all the rest of a phone's report. In PL/pgSQL its
-- plan is kept by the connection. What they say has not changed.
CREATE OR REPLACE FUNCTION session_principal(account uuid, session uuid)
    RETURNS TABLE (user_id uuid, role text, email text, session_version bigint, is_worker boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public ROWS 1
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY
        SELECT u.id, u.role, u.email, u.session_version,
               EXISTS (SELECT FROM public.workers w WHERE w.account_id = u.account_id AND w.id = u.id)
        FROM public.sessions s JOIN public.users u ON (u.account_id, u.id) = (s.account_id, s.user_id)
        WHERE s.account_id = account AND s.id = session AND s.ended_at IS NULL AND s.expires_at > now()
          AND u.status = 'active' AND u.session_version = s.session_version;
    END $$;

CREATE OR REPLACE FUNCTION ended_sessions(accounts uuid[], session_ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    AS $$
        SELECT asked.session_id FROM unnest(accounts, session_ids) AS asked (account_id, session_id)
        WHERE NOT EXISTS (
            SELECT FROM public.sessions s JOIN public.users u ON (u.account_id, u.id) = (s.account_id, s.user_id)
            WHERE s.account_id = asked.account_id AND s.id = asked.session_id AND s.ended_at IS NULL
              AND s.expires_at > now() AND u.status = 'active' AND u.session_version = s.session_version)
    $$;

CREATE OR REPLACE FUNCTION stream_heads(accounts uuid[])
    RETURNS TABLE (account_id uuid, seq bigint, board_seq bigint, epoch uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY SELECT s.account_id, s.seq, s.board_seq, s.epoch FROM public.account_stream s
        WHERE s.account_id = ANY (accounts);
    END $$;

CREATE OR REPLACE FUNCTION device_principal(token_digest bytea)
    RETURNS TABLE (account_id uuid, device_id uuid, worker_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public ROWS 1
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY
        SELECT d.account_id, d.id, d.worker_id
        FROM public.directory l JOIN public.devices d ON (d.account_id, d.id) = (l.account_id, l.subject)
             JOIN public.workers w ON (w.account_id, w.id) = (d.account_id, d.worker_id)
        WHERE l.kind = 'device' AND l.digest = token_digest AND d.revoked_at IS NULL AND w.active;
    END $$;
