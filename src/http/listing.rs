//! What a list request may ask for: page, order, filters, search. Whatever a list does not know is refused by name.

use std::collections::BTreeMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::envelope::Answer;
use super::{Code, Fault, Problem};
use crate::store::work::to_micros;

const MAX_LIMIT: i64 = 200;
const DEFAULT_LIMIT: i64 = 50;
/// Offset pages end here; cursors go on.
const MAX_OFFSET: i64 = 10_000;

/// The query of a request, each parameter once.
#[derive(Clone, Debug)]
pub struct Listing {
    path: String,
    parameters: BTreeMap<String, String>,
}

/// A page by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub page: i64,
    pub limit: i64,
}

impl Page {
    pub fn offset(&self) -> i64 {
        (self.page - 1) * self.limit
    }
}

impl FromRequest for Listing {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs: Result<Vec<(String, String)>, _> =
            actix_web::web::Query::from_query(request.query_string()).map(actix_web::web::Query::into_inner);
        let unreadable = |_| Problem::new(Code::VALIDATION_ERROR, "The query string cannot be read.");
        ready(pairs.map_err(unreadable).and_then(|pairs| Self::new(request.path(), pairs)))
    }
}

impl Listing {
    fn new(path: &str, pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            if value.contains('\0') {
                return Err(invalid(&name, "must not contain NUL."));
            }
            if parameters.insert(name.clone(), value).is_some() {
                return Err(invalid(&name, "may be given only once."));
            }
        }
        Ok(Self { path: path.to_owned(), parameters })
    }

    /// Refuses every parameter not named here. Pages are `"page"` and `"limit"`.
    pub fn allow(&self, names: &[&str]) -> Result<(), Problem> {
        let unknown = self.parameters.keys().filter(|name| !names.contains(&name.as_str()));
        let faults: Vec<Fault> = unknown
            .map(|name| {
                Fault::new(Code::VALIDATION_ERROR, format!("{name} is not a parameter of this list.")).parameter(name)
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Problem { faults }) }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    pub fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        // An unescaped plus sign arrives as a space.
        let at = DateTime::parse_from_rfc3339(&text.replace(' ', "+"));
        let at = at.map_err(|_| invalid(name, "must be an instant like 2026-12-01T09:00:00Z."))?.to_utc();
        let plausible = (1970..=2200).contains(&chrono::Datelike::year(&at));
        if plausible { Ok(Some(to_micros(at))) } else { Err(invalid(name, "must lie between 1970 and 2200.")) }
    }

    pub fn need_instant(&self, name: &str) -> Result<DateTime<Utc>, Problem> {
        self.instant(name)?.ok_or_else(|| invalid(name, "is required."))
    }

    pub fn number(&self, name: &str, range: std::ops::RangeInclusive<f64>) -> Result<Option<f64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse::<f64>().ok().filter(|number| range.contains(number));
        let wrong = || invalid(name, &format!("must be a number from {} to {}.", range.start(), range.end()));
        number.map(Some).ok_or_else(wrong)
    }

    pub fn integer(&self, name: &str, range: std::ops::RangeInclusive<i64>) -> Result<Option<i64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse::<i64>().ok().filter(|number| range.contains(number));
        let wrong = || invalid(name, &format!("must be a whole number from {} to {}.", range.start(), range.end()));
        number.map(Some).ok_or_else(wrong)
    }

    pub fn id(&self, name: &str) -> Result<Option<Uuid>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| invalid(name, "must be a UUID."))
    }

    /// A comma-separated list of ids.
    pub fn ids(&self, name: &str, max: usize) -> Result<Option<Vec<Uuid>>, Problem> {
        let read = self.choices(name, |word| word.parse().ok(), "UUIDs")?;
        match read {
            Some(ids) if ids.len() > max => Err(invalid(name, &format!("may hold at most {max} ids."))),
            read => Ok(read),
        }
    }

    /// A comma-separated list of known words.
    pub fn choices<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        names: &str,
    ) -> Result<Option<Vec<T>>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let read = text.split(',').map(|word| parse(word.trim())).collect::<Option<Vec<T>>>();
        read.map(Some).ok_or_else(|| invalid(name, &format!("must be of {names}.")))
    }

    /// `filter[status]` of what is deactivated rather than deleted.
    pub fn active(&self) -> Result<Option<Vec<bool>>, Problem> {
        let parse =
            |status: &str| [("active", true), ("inactive", false)].into_iter().find(|(name, _)| *name == status);
        let chosen = self.choices("filter[status]", parse, "active, inactive")?;
        Ok(chosen.map(|chosen| chosen.into_iter().map(|(_, active)| active).collect()))
    }

    /// What to search for, if anything.
    pub fn search(&self) -> Option<String> {
        self.text("search").map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The related resources asked for with `include`.
    pub fn include(&self, known: &[&str]) -> Result<Vec<String>, Problem> {
        let find = |word: &str| known.contains(&word).then(|| word.to_owned());
        Ok(self.choices("include", find, &known.join(", "))?.unwrap_or_default())
    }

    /// The column to order by, and whether downwards. `known`: attribute and column, the first is the default.
    pub fn sort(&self, known: &[(&str, &'static str)]) -> Result<(&'static str, bool), Problem> {
        let Some(text) = self.text("sort") else { return Ok((known[0].1, false)) };
        let (name, down) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let found = known.iter().find(|(attribute, _)| *attribute == name);
        let names: Vec<&str> = known.iter().map(|(attribute, _)| *attribute).collect();
        found
            .map(|(_, column)| (*column, down))
            .ok_or_else(|| invalid("sort", &format!("must be one of {}, with - for descending.", names.join(", "))))
    }

    pub fn page(&self) -> Result<Page, Problem> {
        let limit = self.integer("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
        let page = self.integer("page", 1..=i64::from(u32::MAX))?.unwrap_or(1);
        if (page - 1).saturating_mul(limit) >= MAX_OFFSET {
            let detail = "Offset pages end at row 10,000.";
            return Err(Fault::new(Code::PAGE_TOO_DEEP, detail).parameter("page").into());
        }
        Ok(Page { page, limit })
    }

    /// The answer of a page: items, counts, and links to its neighbours that repeat the question.
    pub fn answer(&self, page: Page, total: i64, items: Vec<Value>) -> Answer {
        let pages = (total + page.limit - 1) / page.limit;
        let link = |number: i64| (1..=pages.max(1)).contains(&number).then(|| self.link(number, page.limit));
        Answer::ok(Value::Array(items))
            .meta("page", page.page)
            .meta("limit", page.limit)
            .meta("total", total)
            .meta("totalPages", pages)
            .links(json!({
                "first": link(1),
                "prev": link(page.page - 1),
                "next": link(page.page + 1),
                "last": link(pages.max(1)),
            }))
    }

    /// The same question, for what follows a cursor.
    pub fn link_after(&self, after: i64, size: i64) -> String {
        self.question([("page[after]", after), ("page[size]", size)])
    }

    fn link(&self, page: i64, limit: i64) -> String {
        self.question([("page", page), ("limit", limit)])
    }

    /// This request with other values for the `numbers`.
    fn question(&self, numbers: [(&str, i64); 2]) -> String {
        let mut query = numbers.map(|(name, number)| format!("{}={number}", escape(name))).join("&");
        for (name, value) in self.parameters.iter().filter(|(name, _)| numbers.iter().all(|(other, _)| other != name)) {
            query.push_str(&format!("&{}={}", escape(name), escape(value)));
        }
        format!("{}?{query}", self.path)
    }
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn invalid(name: &str, detail: &str) -> Problem {
    Fault::new(Code::VALIDATION_ERROR, format!("{name} {detail}")).parameter(name).into()
}
