//! The habits of this house that can be checked by reading: where what may be imported, how long things are, what files
//! begin with. Each failure names file and line, and the sentence to follow. Runs nothing of the product.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_HANDLER_LINES: usize = 15;
/// Made by tools or by others.
const SKIPPED: &[&str] = &["target", "node_modules", "dist", ".git", ".muster"];

/// One text file of the project.
struct Source {
    /// Below the project's root, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    /// Lines of code that is not a test: a file's tests are at its end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.lines().position(|line| line.trim_start().starts_with("#[cfg(test)]"));
        let end = if self.is_test() { 0 } else { tests.unwrap_or(usize::MAX) };
        self.lines().take(end).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    fn is(&self, extensions: &[&str]) -> bool {
        extensions.iter().any(|extension| self.path.ends_with(&format!(".{extension}")))
    }

    fn is_in(&self, rooms: &[&str]) -> bool {
        rooms.iter().any(|room| self.path.starts_with(room))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn project() -> Vec<Source> {
    let mut found = Vec::new();
    walk(root(), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(dir: &Path, found: &mut Vec<Source>) {
    for path in fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() || SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let below = path.strip_prefix(root()).expect("it is below the root");
            found.push(Source { path: below.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

fn rust() -> Vec<Source> {
    project().into_iter().filter(|source| source.is(&["rs"])).collect()
}

/// Fails with every place, and the sentence to follow.
#[track_caller]
fn follow(sentence: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{sentence}\n  {}", broken.join("\n  "));
}

fn at(source: &Source, line: usize, what: &str) -> String {
    format!("{}:{line}: {}", source.path, what.trim())
}

/// Lines of code in these rooms that contain one of the words.
fn containing(rooms: &[&str], words: &[&str]) -> Vec<String> {
    let mut broken = Vec::new();
    for source in rust().iter().filter(|source| source.is_in(rooms)) {
        for (number, line) in source.code() {
            if words.iter().any(|word| has_word(line, word)) {
                broken.push(at(source, number, line));
            }
        }
    }
    broken
}

/// The word itself, not a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let joined_before = before.is_some_and(part) && word.starts_with(part);
        let joined_after = after.is_some_and(part) && word.ends_with(part);
        !joined_before && !joined_after
    })
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut broken = Vec::new();
    for source in project().iter().filter(|source| source.is(&["rs", "ts", "tsx"])) {
        let opening = source.text.lines().next().unwrap_or_default();
        let said = if source.is(&["rs"]) { opening.starts_with("//! ") } else { opening.starts_with("/") };
        if !said || source.text.lines().next().is_some_and(|line| line.contains("placeholder")) {
            broken.push(at(source, 1, opening));
        }
    }
    follow("A file opens with one to four lines: what it is for and what it deliberately does not do.", broken);
}

#[test]
fn a_file_fits_in_one_sitting() {
    let mut broken = Vec::new();
    for source in project().iter().filter(|source| source.is(&["rs", "ts", "tsx"])) {
        let lines = source.text.lines().count();
        if lines > MAX_FILE_LINES {
            broken.push(at(source, lines, "the last line"));
        }
    }
    follow("A file has at most 500 lines.", broken);
}

/// A function: where it begins, its signature, and how many lines there are in all and between its braces.
struct Function {
    line: usize,
    signature: String,
    lines: usize,
    body_lines: usize,
}

/// As rustfmt writes them: the closing brace stands below the word that opened the item.
fn functions(source: &Source) -> Vec<Function> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let opens =
            line.trim_start().split(' ').take(5).any(|word| word == "fn") && !line.trim_start().starts_with("//");
        if !opens {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        let body = (start..lines.len()).find(|i| lines[*i].ends_with('{') || lines[*i].ends_with(';'));
        let Some(body) = body.filter(|i| lines[*i].ends_with('{')) else { continue };
        let Some(end) = (body..lines.len()).find(|i| lines[*i] == closing) else { continue };
        let signature = lines[start..=body].iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        found.push(Function { line: start + 1, signature, lines: end - start + 1, body_lines: end - body - 1 });
    }
    found
}

#[test]
fn a_function_fits_on_one_screen() {
    let mut broken = Vec::new();
    for source in &rust() {
        let long = functions(source).into_iter().filter(|function| function.lines > MAX_FUNCTION_LINES);
        broken.extend(long.map(|function| at(source, function.line, &format!("{} lines", function.lines))));
    }
    follow("A function has at most 70 lines.", broken);
}

#[test]
fn a_handler_extracts_calls_and_answers() {
    let mut broken = Vec::new();
    for source in rust().iter().filter(|source| source.is_in(&["src/"]) && source.path.ends_with("/routes.rs")) {
        let handlers = functions(source).into_iter().filter(|function| {
            function.signature.starts_with("pub async fn")
                && function.signature.contains("Result<HttpResponse, Problem>")
        });
        let long = handlers.filter(|handler| handler.body_lines > MAX_HANDLER_LINES);
        broken.extend(long.map(|handler| at(source, handler.line, &format!("{} lines", handler.body_lines))));
    }
    follow("A handler has at most 15 lines: extract, call, answer. Rules belong into the domain.", broken);
}

#[test]
fn the_domain_knows_no_clock_no_chance_and_no_world() {
    let words = [
        "Utc::now",
        "Local::now",
        "Instant",
        "SystemTime",
        "rand",
        "now_v7",
        "new_v4",
        "HashMap",
        "HashSet",
        "async",
        "tokio",
        "sqlx",
        "actix",
        "actix_web",
        "reqwest",
        "std::env",
        "std::fs",
        "std::net",
        "println",
        "serde_json",
    ];
    follow(
        "domain/ decides from its arguments: no clock, randomness, order of a hash, waiting, storage or network.",
        containing(&["domain/src/"], &words),
    );
}

#[test]
fn actors_see_the_world_only_through_their_ports() {
    let words = ["sqlx", "actix_web", "reqwest", "std::env", "std::fs", "TcpStream", "TcpListener", "UdpSocket"];
    follow("Everything outside the actors is a trait in actors/src/ports.rs.", containing(&["actors/src/"], &words));
}

#[test]
fn the_frame_knows_no_noun() {
    let mut words = vec!["sqlx", "reqwest", "crate::boot"];
    words.extend(NOUNS);
    follow("src/http/ is the frame around every noun: no SQL, no rule, no vendor.", containing(&["src/http/"], &words));
    words.extend(["actix_web", "crate::http"]);
    words.retain(|word| *word != "sqlx");
    follow("src/store/ talks to PostgreSQL and knows neither HTTP nor nouns.", containing(&["src/store/"], &words));
}

const NOUNS: [&str; 9] = [
    "crate::identity",
    "crate::customers",
    "crate::sales",
    "crate::work",
    "crate::dispatch",
    "crate::live",
    "crate::money",
    "crate::files",
    "crate::outbound",
];

#[test]
fn vendors_stay_in_their_own_room() {
    let nouns = ["src/identity/", "src/customers/", "src/work/", "src/dispatch/", "src/live/", "src/background/"];
    follow("Only src/integrations/ speaks to vendors.", containing(&nouns, &["reqwest"]));
    let strict = ["sqlx", "actix", "muster_actors", "crate::store", "crate::http"];
    follow("src/integrations/ maps a vendor to our words, and no more.", containing(&["src/integrations/"], &strict));
    follow("src/background/ is no server.", containing(&["src/background/"], &["actix_web"]));
}

#[test]
fn only_boot_knows_everybody() {
    let mut broken = containing(&["src/"], &["crate::boot"]);
    broken.retain(|place| !place.starts_with("src/cli/") && !place.starts_with("src/main.rs"));
    follow("src/boot.rs imports everybody and is imported by the command line alone.", broken);
}

#[test]
fn sql_is_in_stores() {
    let words =
        ["sqlx::query", "query_as", "query_scalar", "QueryBuilder", "\"SELECT ", "\"INSERT INTO", "\"DELETE FROM"];
    let mut broken = containing(&["src/"], &words);
    broken.retain(|place| {
        let path = place.split(':').next().unwrap_or_default();
        !(path.starts_with("src/store/") || path.ends_with("/store.rs") || path.contains("/store/"))
    });
    follow("SQL is only in a noun's store.rs, and in src/store/.", broken);
}

#[test]
fn mailboxes_are_bounded() {
    follow(
        "Use try_send and count refusals: do_send ignores the mailbox's bound.",
        containing(&["src/", "actors/"], &["do_send"]),
    );
}

#[test]
fn imports_name_what_they_bring_in_order() {
    let mut broken = Vec::new();
    for source in &rust() {
        let mut last = 0;
        for (number, line) in source.code().chain(source.lines().filter(|_| source.is_test())) {
            if line.contains("prelude::*") && line.trim_start().starts_with("use ") {
                broken.push(at(source, number, line));
            }
            // Only those at the top of the file.
            let Some(path) = line.strip_prefix("use ").or_else(|| line.strip_prefix("pub use ")) else { continue };
            let of_a_test = source.is_test() && path.starts_with("super::*");
            if path.trim_end().ends_with("::*;") && !of_a_test {
                broken.push(at(source, number, line));
            }
            if line.starts_with("pub ") {
                continue;
            }
            let rank = match path.split(':').next().unwrap_or_default() {
                "std" | "core" => 1,
                "crate" | "super" | "self" => 3,
                own if source.text.contains(&format!("mod {own};")) => 3,
                _ => 2,
            };
            if rank < last {
                broken.push(at(source, number, line));
            }
            last = rank.max(last);
        }
    }
    follow("Imports are std, then crates, then ours, each by name; no globs.", broken);
}

#[test]
fn nothing_is_called_helper() {
    let mut broken = Vec::new();
    let endings = ["Manager", "Helper", "Helpers", "Util", "Utils", "Service"];
    let files = ["manager", "helper", "helpers", "util", "utils", "service", "services", "common", "misc"];
    for source in project().iter().filter(|source| source.is(&["rs", "ts", "tsx"])) {
        let parts = source.path.split(['/', '.']);
        if parts.into_iter().any(|part| files.contains(&part)) {
            broken.push(at(source, 1, "the name of the file"));
        }
        for (number, line) in source.lines() {
            let mut words = line
                .trim_start()
                .trim_start_matches("export ")
                .trim_start_matches("pub ")
                .split([' ', '<', '(', '{', ':']);
            let declares = words
                .next()
                .is_some_and(|word| ["struct", "enum", "trait", "type", "class", "interface"].contains(&word));
            let name = words.next().unwrap_or_default();
            if declares && endings.iter().any(|ending| name.ends_with(ending)) {
                broken.push(at(source, number, line));
            }
        }
    }
    follow("A name says what a thing is in the business: no Manager, Helper, Util or Service.", broken);
}

#[test]
fn a_failure_is_handled_or_explained() {
    let words = [".unwrap()", ".unwrap_err()", "todo!", "unimplemented!", "dbg!"];
    follow(
        "No unwrap outside tests: handle it, or expect(\"why it cannot be\").",
        containing(&["src/", "domain/src/", "actors/src/"], &words),
    );
}

#[test]
fn every_path_in_the_documents_exists() {
    let rooms =
        ["src", "domain", "actors", "migrations", "static", "tests", "loadtests", "docs", "ops", "scripts", ".ci"];
    let mut broken = Vec::new();
    for source in project().iter().filter(|source| source.path == "README.md" || source.is_in(&["docs/"])) {
        for (number, line) in source.lines().filter(|_| source.is(&["md"])) {
            for named in line.split('`').skip(1).step_by(2).chain(linked(line)) {
                let named =
                    named.trim_end_matches(['/', '.', ',', ':']).split(['#', ' ', ':']).next().unwrap_or_default();
                let below_root =
                    named.split('/').next().is_some_and(|first| rooms.contains(&first)) && named.contains('/');
                let plain = !named.contains(['*', '<', '>', '{', '}', '…', '$']);
                if below_root && plain && !exists(named) {
                    broken.push(at(source, number, named));
                }
            }
        }
    }
    follow("Every path that a document names exists.", broken);
}

/// What the line links to.
fn linked(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// What is built is not committed, and may be missing.
fn exists(named: &str) -> bool {
    let made = ["static/dist", "static/node_modules"];
    made.iter().any(|dir| named.starts_with(dir)) || root().join(named).exists()
}

#[test]
fn registries_are_not_named() {
    // In pieces, so that this file does not name them.
    let hosts: Vec<String> = [
        ["registry", "npmjs", "org"],
        ["registry", "yarnpkg", "com"],
        ["index", "crates", "io"],
        ["static", "crates", "io"],
        ["files", "pythonhosted", "org"],
        ["proxy", "golang", "org"],
        ["sum", "golang", "org"],
    ]
    .iter()
    .map(|parts| parts.join("."))
    .collect();
    let mut broken = Vec::new();
    for source in &project() {
        for (number, line) in source.lines() {
            if hosts.iter().any(|host| line.contains(host.as_str())) {
                broken.push(at(source, number, line));
            }
        }
    }
    follow("Which registry packages come from is the machine's business, not the project's.", broken);
}

#[test]
fn migrations_are_in_order_and_never_share_a_number() {
    let names = fs::read_dir(root().join("migrations")).expect("a folder");
    let mut seen = BTreeSet::new();
    let mut broken = Vec::new();
    let mut paths: Vec<PathBuf> = names.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let number = name.split('_').next().unwrap_or_default().to_owned();
        if number.len() != 14 || !number.chars().all(|c| c.is_ascii_digit()) || !seen.insert(number) {
            broken.push(format!("migrations/{name}"));
        }
    }
    follow("A migration is called by its moment, YYYYMMDDhhmmss_what.sql, and no two by the same.", broken);
}
