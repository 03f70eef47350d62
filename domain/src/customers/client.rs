//! A client: a person or a company for whom work is done.

use chrono::{DateTime, Utc};

use super::put;
use crate::ids::ClientId;

#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    pub id: ClientId,
    pub details: ClientDetails,
    /// Inactive ones keep their history and get no new jobs.
    pub active: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What somebody wrote about the client. Two clients may share an address or a number: a landlord and his tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientDetails {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// `None` keeps what there is; `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientPatch {
    pub first_name: Option<Option<String>>,
    pub last_name: Option<Option<String>>,
    pub company_name: Option<Option<String>>,
    pub email: Option<Option<String>>,
    pub phone: Option<Option<String>>,
    pub active: Option<bool>,
}

impl ClientDetails {
    /// Has a person's or a company's name: without one nobody could find the client again.
    pub fn is_named(&self) -> bool {
        self.first_name.is_some() || self.last_name.is_some() || self.company_name.is_some()
    }

    /// The company, or else the person.
    pub fn display_name(&self) -> String {
        let person = [&self.first_name, &self.last_name].into_iter().flatten();
        self.company_name.clone().unwrap_or_else(|| person.cloned().collect::<Vec<_>>().join(" "))
    }

    /// Names of the attributes in which the two differ.
    pub fn changed_since(&self, old: &ClientDetails) -> Vec<String> {
        let pairs = [
            ("firstName", self.first_name == old.first_name),
            ("lastName", self.last_name == old.last_name),
            ("companyName", self.company_name == old.company_name),
            ("email", self.email == old.email),
            ("phone", self.phone == old.phone),
        ];
        pairs.into_iter().filter(|(_, same)| !same).map(|(name, _)| name.to_owned()).collect()
    }
}

impl ClientPatch {
    pub fn apply(self, details: &mut ClientDetails, active: &mut bool) {
        put(&mut details.first_name, self.first_name);
        put(&mut details.last_name, self.last_name);
        put(&mut details.company_name, self.company_name);
        put(&mut details.email, self.email);
        put(&mut details.phone, self.phone);
        put(active, self.active);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(first: Option<&str>, last: Option<&str>, company: Option<&str>) -> ClientDetails {
        let own = |text: Option<&str>| text.map(str::to_owned);
        ClientDetails { first_name: own(first), last_name: own(last), company_name: own(company), ..Default::default() }
    }

    #[test]
    fn a_client_is_called_by_company_or_else_by_person() {
        assert_eq!(named(Some("Eva"), Some("Kunz"), None).display_name(), "Eva Kunz");
        assert_eq!(named(None, Some("Kunz"), None).display_name(), "Kunz");
        assert_eq!(named(Some("Eva"), Some("Kunz"), Some("Kunz AG")).display_name(), "Kunz AG");
    }

    #[test]
    fn an_address_alone_is_not_a_name() {
        assert!(!ClientDetails { email: Some("eva@example.com".into()), ..Default::default() }.is_named());
        assert!(named(None, None, Some("Kunz AG")).is_named());
    }
}
