//! Accounts are kept apart by the database itself: asked of its catalogue for every table that there is, and tried on
//! each of them as the server's role. What is exempt is on a list here, with the reason.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use uuid::Uuid;

use crate::harness::cluster::{TestDb, connect, database, execute};

/// Tables without row-level security. Each is read before it is known whose request it is, by a key that only the
/// rightful caller has, or belongs to no account.
const EXEMPT: [(&str, &str); 5] = [
    ("_sqlx_migrations", "the server has no right to it at all"),
    ("directory", "leads from a hashed credential to its account"),
    ("identities", "an e-mail address and its password belong to several accounts"),
    ("server_keys", "wrapped keys of the server"),
    ("signup_answers", "kept answers of requests that make an account"),
];

/// Functions that run as the owner and so look past row-level security.
const TRUSTED: [(&str, &str); 7] = [
    ("device_principal", "by the hash of a phone's token"),
    ("ended_sessions", "says only which of the sessions asked for have ended"),
    ("ensure_job_partitions", "makes partitions, returns nothing"),
    ("ensure_partitions", "makes partitions, returns nothing"),
    ("ensure_track_partitions", "makes partitions, returns nothing"),
    ("session_principal", "by account and session, both out of a signed token"),
    ("stream_heads", "numbers of accounts whose ids are known"),
];

/// Tables of accounts: their name and the column with the account.
const GUARDED: &str =
    "SELECT c.oid, c.relname::text AS name, CASE c.relname WHEN 'accounts' THEN 'id' ELSE 'account_id' END AS key
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relrowsecurity AND c.relforcerowsecurity";

async fn names(conn: &mut PgConnection, sql: &str) -> Vec<String> {
    let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await;
    rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn owner() -> PgConnection {
    connect(&database().await.owner_url).await
}

async fn unguarded(owner: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND NOT relispartition AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY relname::text COLLATE \"C\"";
    names(owner, sql).await
}

async fn odd_guards(owner: &mut PgConnection) -> Vec<String> {
    let sql = format!(
        "SELECT g.name || ': ' || coalesce(string_agg(p.policyname || ' ' || p.roles::text || ' ' || p.cmd || ' '
             || p.permissive || ' ' || coalesce(p.qual, '-') || ' ' || coalesce(p.with_check, '-'), '; '), 'no policy')
         FROM ({GUARDED}) AS g LEFT JOIN pg_policies p ON p.schemaname = 'public' AND p.tablename = g.name
             AND p.policyname <> 'accounts_of_a_batch'
         GROUP BY g.name, g.key
         HAVING count(*) <> 2
             OR count(*) FILTER (WHERE p.roles = '{{muster_server}}' AND p.cmd = 'ALL'
                 AND p.qual = format('(%s = current_account())', g.key) AND p.with_check = p.qual) <> 1
             OR count(*) FILTER (WHERE p.roles = '{{muster_owner}}' AND p.cmd = 'ALL'
                 AND p.qual = 'true' AND p.with_check = 'true') <> 1"
    );
    names(owner, &sql).await
}

/// Tables whose rows of many accounts are written in one statement, and what that scope says.
async fn batched(owner: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT tablename || ': ' || roles::text || ' ' || cmd || ' ' || qual || ' / ' || with_check
        FROM pg_policies WHERE policyname = 'accounts_of_a_batch' ORDER BY tablename COLLATE \"C\"";
    names(owner, sql).await
}

/// A key without the account would tell whoever tries it what another account holds.
async fn unique_beyond_the_account(owner: &mut PgConnection) -> Vec<String> {
    let sql = format!(
        "SELECT i.indexrelid::regclass::text FROM ({GUARDED}) AS g JOIN pg_index i ON i.indrelid = g.oid
         WHERE (i.indisunique OR i.indisexclusion) AND NOT EXISTS (SELECT FROM pg_attribute a
             WHERE a.attrelid = g.oid AND a.attnum = i.indkey[0] AND a.attname = g.key)
         UNION ALL SELECT g.name || ' has no primary key' FROM ({GUARDED}) AS g
         WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = g.oid AND i.indisprimary)"
    );
    names(owner, &sql).await
}

/// Foreign keys look past row-level security, so the account must be part of each.
async fn references_beyond_the_account(owner: &mut PgConnection) -> Vec<String> {
    let sql = format!(
        "WITH g AS ({GUARDED})
         SELECT f.conrelid::regclass || ' -> ' || f.confrelid::regclass
         FROM pg_constraint f LEFT JOIN g AS child ON child.oid = f.conrelid LEFT JOIN g AS parent ON parent.oid = f.confrelid
         WHERE f.contype = 'f' AND f.conparentid = 0 AND (child.oid IS NOT NULL OR parent.oid IS NOT NULL)
             AND NOT EXISTS (
                 SELECT FROM unnest(f.conkey, f.confkey) AS pair (here, there)
                 JOIN pg_attribute h ON h.attrelid = f.conrelid AND h.attnum = pair.here AND h.attname = child.key
                 JOIN pg_attribute t ON t.attrelid = f.confrelid AND t.attnum = pair.there AND t.attname = parent.key)
         ORDER BY 1"
    );
    names(owner, &sql).await
}

async fn powers(owner: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT 'power' FROM pg_roles WHERE rolname = 'muster_server'
            AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)
        UNION ALL SELECT 'member of ' || m.roleid::regrole FROM pg_auth_members m WHERE m.member = 'muster_server'::regrole
        UNION ALL SELECT 'owns ' || d.classid::regclass || ' ' || d.objid FROM pg_shdepend d
            WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = 'muster_server'::regrole AND d.deptype = 'o'
                AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL SELECT 'may create in public' WHERE has_schema_privilege('muster_server', 'public', 'CREATE')
        UNION ALL SELECT 'may create schemas' WHERE has_database_privilege('muster_server', current_database(), 'CREATE')";
    names(owner, sql).await
}

async fn odd_rights(owner: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT c.relname || ': ' || a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner
            AND (a.grantee <> 'muster_server'::regrole OR c.relispartition OR a.is_grantable
                OR a.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))";
    names(owner, sql).await
}

const OURS: &str = "p.pronamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend d
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')";

async fn trusted(owner: &mut PgConnection) -> Vec<String> {
    let sql = format!(
        "SELECT p.proname::text FROM pg_proc p WHERE p.prosecdef AND {OURS} ORDER BY p.proname::text COLLATE \"C\""
    );
    names(owner, &sql).await
}

/// Trusted functions without a pinned search_path or for everybody, and views that look past the guards.
async fn misleading(owner: &mut PgConnection) -> Vec<String> {
    let sql = format!(
        "SELECT p.proname::text FROM pg_proc p WHERE p.prosecdef AND {OURS}
             AND ('search_path=pg_catalog, public' <> ALL (coalesce(p.proconfig, '{{}}'))
                 OR p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))
         UNION ALL SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relkind = 'm'
             OR relkind = 'v' AND NOT 'security_invoker=true' = ANY (coalesce(reloptions, '{{}}')))"
    );
    names(owner, &sql).await
}

#[tokio::test]
async fn every_table_is_guarded_or_on_the_list() {
    let mut owner = owner().await;
    assert_eq!(unguarded(&mut owner).await, EXEMPT.map(|(table, _)| table));
    assert_eq!(odd_guards(&mut owner).await, [""; 0], "both reading and writing, for the server; all for the owner");
    let only_listed = "(account_id = ANY (( SELECT current_accounts() AS current_accounts)::uuid[]))";
    let expected = ["last_positions", "tracks"]
        .map(|table| format!("{table}: {{muster_server}} ALL {only_listed} / {only_listed}"));
    assert_eq!(batched(&mut owner).await, expected, "a batch reaches the accounts it names, and no other table");
}

#[tokio::test]
async fn a_batch_writes_for_the_accounts_it_names_and_for_no_other() {
    let db = database().await;
    let mut server = connect(&db.server_url).await;
    let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
    for (scope, account, is_written) in [
        (format!("{a},{b}"), a, true),
        (format!("{a},{b}"), b, true),
        (format!("{a},{b}"), c, false),
        (String::new(), a, false),
    ] {
        let mut tx = sqlx::Connection::begin(&mut server).await.expect("a transaction");
        sqlx::query("SELECT set_config('app.account_ids', $1, true)")
            .bind(&scope)
            .execute(&mut *tx)
            .await
            .expect("set");
        let written = sqlx::query(
            "INSERT INTO tracks (account_id, worker_id, at, point, received_at, lat, lng, mock)
             VALUES ($1, $1, now(), $1, now(), 47, 9, false)",
        )
        .bind(account)
        .execute(&mut *tx)
        .await;
        assert_eq!(written.is_ok(), is_written, "{account} within {scope}");
    }
}

#[tokio::test]
async fn what_is_unique_is_unique_within_its_account_and_refers_only_to_it() {
    let mut owner = owner().await;
    assert_eq!(unique_beyond_the_account(&mut owner).await, [""; 0]);
    assert_eq!(references_beyond_the_account(&mut owner).await, ["directory -> accounts", "users -> identities"]);
}

#[tokio::test]
async fn the_servers_role_owns_nothing_and_has_no_power() {
    let mut owner = owner().await;
    assert_eq!(powers(&mut owner).await, [""; 0]);
    let set = names(&mut owner, "SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = 'muster_server'").await;
    for name in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
        assert!(set.iter().any(|one| one.starts_with(&format!("{name}="))), "{name} is not in {set:?}");
    }
}

#[tokio::test]
async fn rights_are_given_on_tables_as_wholes_and_no_more_than_needed() {
    let mut owner = owner().await;
    assert_eq!(odd_rights(&mut owner).await, [""; 0]);
    let history = "SELECT a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'journal'::regclass AND a.grantee = 'muster_server'::regrole ORDER BY 1";
    assert_eq!(names(&mut owner, history).await, ["INSERT", "SELECT"], "what happened is only ever added to");
}

#[tokio::test]
async fn whatever_looks_past_the_guards_is_on_the_list_and_cannot_be_misled() {
    let mut owner = owner().await;
    assert_eq!(trusted(&mut owner).await, TRUSTED.map(|(function, _)| function));
    assert_eq!(misleading(&mut owner).await, [""; 0]);
}

/// The negative control: each of the questions above sees what it asks for.
#[tokio::test]
async fn a_planted_hole_of_each_kind_is_seen() {
    let mut owner = owner().await;
    execute(
        &mut owner,
        "CREATE TABLE hole (account_id uuid, id uuid UNIQUE, identity uuid REFERENCES identities);
         GRANT TRUNCATE ON hole TO muster_server;
         CREATE TABLE loose (account_id uuid, id uuid UNIQUE, job uuid, session uuid, other uuid REFERENCES hole (id));
         CALL guard('loose', 'SELECT');
         DROP POLICY account_only ON loose;
         CREATE POLICY account_only ON loose TO muster_server USING (account_id = current_account());
         CREATE FUNCTION loophole() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM users';
         CREATE VIEW everybody AS SELECT * FROM users;
         GRANT CREATE ON SCHEMA public TO muster_server;
         GRANT SELECT ON tracks_past TO muster_server",
    )
    .await;
    let is_in =
        |seen: Vec<String>, what: &str| assert!(seen.iter().any(|one| one.starts_with(what)), "{what}: {seen:?}");
    is_in(unguarded(&mut owner).await, "hole");
    is_in(odd_guards(&mut owner).await, "loose: ");
    is_in(unique_beyond_the_account(&mut owner).await, "loose_id_key");
    is_in(unique_beyond_the_account(&mut owner).await, "loose has no primary key");
    is_in(references_beyond_the_account(&mut owner).await, "loose -> hole");
    is_in(powers(&mut owner).await, "may create in public");
    is_in(odd_rights(&mut owner).await, "hole: TRUNCATE");
    is_in(odd_rights(&mut owner).await, "tracks_past: SELECT");
    is_in(trusted(&mut owner).await, "loophole");
    is_in(misleading(&mut owner).await, "loophole");
    is_in(misleading(&mut owner).await, "everybody");
}

/// One row of each of two accounts in every guarded table. Foreign keys and checks are dropped, so that a row can be
/// made from its columns' types alone; the guards are left as they are.
async fn filled() -> (TestDb, Vec<Table>, Uuid, Uuid) {
    let db = database().await;
    let mut owner = connect(&db.owner_url).await;
    let drops = names(
        &mut owner,
        "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f') AND conparentid = 0
             AND coninhcount = 0 AND conrelid <> 0",
    )
    .await;
    for drop in drops {
        execute(&mut owner, drop).await;
    }
    let (ours, theirs) = (Uuid::now_v7(), Uuid::now_v7());
    let columns = format!(
        "SELECT g.name, g.key, array_agg(a.attname::text) AS columns, array_agg(format_type(a.atttypid, null)) AS types
         FROM ({GUARDED}) AS g JOIN pg_attribute a ON a.attrelid = g.oid
         WHERE a.attnum > 0 AND a.attnotnull AND NOT a.atthasdef AND a.attname <> g.key GROUP BY g.name, g.key"
    );
    let mut tables = Vec::new();
    for row in owner.fetch_all(AssertSqlSafe(columns)).await.expect("the catalogue") {
        let (names, types): (Vec<String>, Vec<String>) = (row.get("columns"), row.get("types"));
        let columns = names.into_iter().zip(types).collect();
        let table = Table { name: row.get("name"), key: row.get("key"), columns };
        for account in [ours, theirs] {
            execute(&mut owner, table.insert(account)).await;
        }
        tables.push(table);
    }
    assert!(tables.len() >= 20);
    (db, tables, ours, theirs)
}

struct Table {
    name: String,
    key: String,
    columns: BTreeMap<String, String>,
}

impl Table {
    fn insert(&self, account: Uuid) -> String {
        let values = self.columns.values().map(|kind| match kind.as_str() {
            "uuid" => "gen_random_uuid()".to_owned(),
            "timestamp with time zone" => "now()".to_owned(),
            "json" | "jsonb" => "'{}'".to_owned(),
            "bytea" => "gen_random_uuid()::text::bytea".to_owned(),
            "text" => "gen_random_uuid()::text".to_owned(),
            array if array.ends_with("[]") => "'{}'".to_owned(),
            number => format!("'1'::{number}"),
        });
        let columns: BTreeSet<&str> = self.columns.keys().map(String::as_str).collect();
        let columns = columns.into_iter().collect::<Vec<_>>().join(", ");
        let values = values.collect::<Vec<_>>().join(", ");
        let comma = if columns.is_empty() { "" } else { ", " };
        format!("INSERT INTO {} ({}{comma}{columns}) VALUES ('{account}'{comma}{values})", self.name, self.key)
    }
}

async fn visible(server: &mut PgConnection, table: &Table) -> Result<Vec<Uuid>, String> {
    let sql = format!("SELECT {} FROM {}", table.key, table.name);
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(server).await.map_err(|error| error.to_string())
}

/// Which SQLSTATE it fails with, or how many rows it touched; nothing of it stays.
async fn tried(server: &mut PgConnection, scope: Option<Uuid>, sql: String) -> Result<u64, String> {
    let text = scope.map(|account| account.to_string()).unwrap_or_default();
    execute(server, format!("BEGIN; SELECT set_config('app.account_id', '{text}', true)")).await;
    let outcome = sqlx::query(AssertSqlSafe(sql)).execute(&mut *server).await;
    execute(server, "ROLLBACK").await;
    match outcome {
        Ok(done) => Ok(done.rows_affected()),
        Err(sqlx::Error::Database(error)) => Err(error.code().unwrap_or_default().into_owned()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn without_an_account_nothing_is_seen_at_the_first_use_of_a_connection_nor_at_the_second() {
    let (db, tables, ours, _) = filled().await;
    let mut server = connect(&db.server_url).await;
    for table in &tables {
        assert_eq!(visible(&mut server, table).await, Ok(vec![]), "{} at first", table.name);
    }
    execute(&mut server, format!("BEGIN; SELECT set_config('app.account_id', '{ours}', true); COMMIT")).await;
    for table in &tables {
        assert_eq!(visible(&mut server, table).await, Ok(vec![]), "{} afterwards", table.name);
        assert_eq!(tried(&mut server, None, table.insert(ours)).await, Err("42501".into()), "{}", table.name);
    }
}

#[tokio::test]
async fn one_account_sees_its_own_row_of_every_table_and_can_neither_see_nor_touch_nor_make_anothers() {
    let (db, tables, ours, theirs) = filled().await;
    let mut server = connect(&db.server_url).await;
    let denied = Err("42501".to_owned());
    for table in &tables {
        let Table { name, key, .. } = table;
        execute(&mut server, format!("BEGIN; SELECT set_config('app.account_id', '{ours}', true)")).await;
        assert_eq!(visible(&mut server, table).await, Ok(vec![ours]), "{name}");
        execute(&mut server, "COMMIT").await;
        assert_eq!(tried(&mut server, Some(ours), table.insert(theirs)).await, denied, "{name}");
        // What it has no right to at all is denied as a whole; else the other account's row is not there.
        let steal = format!("UPDATE {name} SET {key} = '{ours}' WHERE {key} = '{theirs}'");
        let stolen = tried(&mut server, Some(ours), steal).await;
        assert!(stolen == Ok(0) || stolen == denied, "{name}: {stolen:?}");
        let given = tried(&mut server, Some(ours), format!("UPDATE {name} SET {key} = '{theirs}'")).await;
        assert_eq!(given, denied, "{name}");
        let gone = tried(&mut server, Some(ours), format!("DELETE FROM {name} WHERE {key} = '{theirs}'")).await;
        assert!(gone == Ok(0) || gone == denied, "{name}: {gone:?}");
    }
}

#[tokio::test]
async fn a_partition_cannot_be_reached_past_its_table() {
    let (db, ..) = filled().await;
    let mut owner = connect(&db.owner_url).await;
    let partitions =
        names(&mut owner, "SELECT relname::text FROM pg_class WHERE relispartition AND relkind = 'r'").await;
    assert!(partitions.len() > 20, "{partitions:?}");
    let mut server = connect(&db.server_url).await;
    for partition in partitions {
        let read = tried(&mut server, None, format!("SELECT FROM {partition}")).await;
        assert_eq!(read, Err("42501".to_owned()), "{partition}");
    }
}
