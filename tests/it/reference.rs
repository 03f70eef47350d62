//! The reference pages, written from the code. `UPDATE=1` writes them anew; otherwise they must be as they would be.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use muster::http::Code;
use muster_domain::identity::{Permission, Role, Scope, scope_of};
use muster_domain::journal::{JobVerb, RecordVerb, TimeOffVerb, VisitVerb, WorkerVerb};

/// Holds `docs/reference/{name}.md` to the text that the code gives.
#[track_caller]
fn page(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/reference/{name}.md"));
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("docs/ can be written");
        fs::write(&path, text).expect("docs/ can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/reference/{name}.md is out of date: UPDATE=1 cargo test --test it reference");
}

#[test]
fn every_error_code_is_explained() {
    let mut text = String::from(
        "# Errors\n\nWritten from the code. A refused request answers with `errors`: every fault at once, each with one of\n\
         these codes in `code`, its place in `source`, and what helps to mend it in `meta`. *Again* says whether the same\n\
         request may succeed later.\n\n| code | status | again | meaning |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let again = if code.is_retryable() { "yes" } else { "no" };
        let meaning = format!("**{}.** {}", code.title(), code.means());
        let name = code.name();
        writeln!(text, "| <a id=\"{name}\"></a>`{name}` | {} | {again} | {meaning} |", code.status())
            .expect("a string");
    }
    page("errors", &text);
}

#[test]
fn every_permission_is_listed_for_every_role() {
    let mut text = String::from(
        "# Permissions\n\nWritten from the code. *account*: on everything of the account. *own*: only on what is assigned to, or\n\
         about, oneself. Without a mark the answer is 403 `FORBIDDEN`.\n\n| permission |",
    );
    for role in Role::ALL {
        write!(text, " {} |", role.name()).expect("a string");
    }
    writeln!(text, "\n|---|{}", "---|".repeat(Role::ALL.len())).expect("a string");
    for permission in Permission::ALL {
        write!(text, "| `{}` |", permission.name()).expect("a string");
        for role in Role::ALL {
            let mark = match scope_of(role, *permission) {
                Some(Scope::Account) => "account",
                Some(Scope::Own) => "own",
                None => "",
            };
            write!(text, " {mark} |").expect("a string");
        }
        text.push('\n');
    }
    page("permissions", &text);
}

#[test]
fn every_event_type_is_listed() {
    let mut text = String::from(
        "# Events\n\nWritten from the code. Every change is one line of the account's journal, in the order of its commit, and\n\
         is read with `GET /api/v1/events`. Each has `seq`, `type`, `at`, `actor` and `subject` (the id of what it is about),\n\
         and carries what it is about as it is **after** the change.\n",
    );
    let families: [(&str, &str, Vec<&str>); 5] = [
        (
            "Visits",
            "`visit` (the resource), `reason`, `occurredAt` (the reporter's own clock). `visit.superseded` changes nothing: it \
             is the evidence of a report by somebody who was no longer assigned.",
            VisitVerb::ALL.iter().map(|verb| verb.kind()).collect(),
        ),
        (
            "Jobs",
            "`job`, `reason`. `job.scheduled` and `job.statusChanged` follow from the job's visits.",
            JobVerb::ALL.iter().map(|verb| verb.kind()).collect(),
        ),
        ("Workers", "`worker`.", WorkerVerb::ALL.iter().map(|verb| verb.kind()).collect()),
        ("Time off", "`timeOff`.", TimeOffVerb::ALL.iter().map(|verb| verb.kind()).collect()),
        (
            "Records",
            "`version` and `changed` (names of attributes); their content stays in the record, so that a person can be \
             forgotten.",
            RecordVerb::ALL.iter().map(|verb| verb.kind()).collect(),
        ),
    ];
    for (title, carries, kinds) in families {
        writeln!(text, "\n## {title}\n\nCarry {carries}\n").expect("a string");
        kinds.iter().for_each(|kind| writeln!(text, "- `{kind}`").expect("a string"));
    }
    page("events", &text);
}

#[test]
fn every_setting_and_every_metric_is_listed() {
    page("settings", &muster::settings::page());
    page("metrics", &muster::observe::page());
}
