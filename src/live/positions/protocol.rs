//! The ways on which positions come in, and how often what happens on each.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::wire::Profile;
use super::{Outcome, owntracks, transistor};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `POST /positions`.
    Api,
    /// Frames of the stream.
    Socket,
    Owntracks,
    Osmand,
    Overland,
    Transistor,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Api => "api",
            Protocol::Socket => "socket",
            Protocol::Owntracks => "owntracks",
            Protocol::Osmand => "osmand",
            Protocol::Overland => "overland",
            Protocol::Transistor => "transistor",
        }
    }

    pub fn count(self, outcome: &Outcome) {
        let points = |outcome: &'static str, count: usize| {
            metrics::counter!("muster_ingest_points_total", "protocol" => self.name(), "outcome" => outcome)
                .increment(count as u64);
        };
        points("accepted", outcome.accepted);
        points("duplicate", outcome.duplicates);
        for rejected in &outcome.rejected {
            self.count_refusal(rejected.code);
        }
    }

    /// Of a point, or of a request in which none could be found.
    pub fn count_refusal(self, code: &'static str) {
        metrics::counter!("muster_ingest_rejected_total", "protocol" => self.name(), "code" => code).increment(1);
    }

    /// What an app must hear to forget what it sent; `news`: how often it is to report from now on, if it is to change.
    pub fn thanks(self, news: Option<Profile>) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        match self {
            Protocol::Owntracks => answer.json(news.map(owntracks::command).into_iter().collect::<Vec<Value>>()),
            Protocol::Overland => answer.json(json!({"result": "ok"})),
            Protocol::Transistor => answer.json(news.map_or_else(|| json!({}), transistor::command)),
            Protocol::Osmand | Protocol::Api | Protocol::Socket => answer.finish(),
        }
    }
}
