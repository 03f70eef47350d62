//! Accounts as the API reads and shows them.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Account, Arrivals};
use crate::http::envelope::{instant, resource};
use crate::http::{Code, Fault, Fields, Input, Problem};
use crate::identity::{currencies, passwords};

const MAX_NAME_CHARS: usize = 200;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"name": "Rivergate Plumbing", "timeZone": "Europe/Zurich", "currency": "CHF", "arrivals": "propose", "version": 1,
    "createdAt": "2026-11-30T08:00:00Z", "updatedAt": "2026-11-30T08:00:00Z"}))]
pub struct AccountAttributes {
    pub name: String,
    /// IANA name.
    pub time_zone: String,
    /// ISO 4217.
    pub currency: String,
    /// What becomes of an arrival that a geofence saw: propose (somebody decides) · accept (it is taken for true)
    pub arrivals: &'static str,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

pub fn account_resource(account: &Account) -> Value {
    let attributes = AccountAttributes {
        name: account.name.clone(),
        time_zone: account.time_zone.clone(),
        currency: account.currency.clone(),
        arrivals: account.arrivals.name(),
        version: account.version,
        created_at: instant(account.created_at),
        updated_at: instant(account.updated_at),
    };
    resource("account", account.id, attributes)
}

/// A sign-up whose every field is valid.
#[derive(Clone, Debug)]
pub struct SignUp {
    pub name: String,
    pub time_zone: String,
    pub currency: String,
    pub owner: Owner,
}

#[derive(Clone, Debug, Default)]
pub struct Owner {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub password: String,
    pub phone: Option<String>,
}

pub fn read_sign_up(input: &Input) -> Result<SignUp, Problem> {
    let document = input.document("account")?;
    if document.id.is_some() {
        return Err(Fault::new(Code::VALIDATION_ERROR, "The server makes an account's id.").at("/data/id").into());
    }
    let mut fields = document.fields();
    let name = fields.need_text("name", MAX_NAME_CHARS);
    let time_zone = time_zone(&mut fields);
    let currency = currency(&mut fields);
    for (missing, required) in [(time_zone.is_none(), "timeZone"), (currency.is_none(), "currency")] {
        if missing && fields.value(required).is_none() {
            fields.fault(required, format!("{required} is required."));
        }
    }
    let owner = fields.nested("owner", read_owner);
    if owner.is_none() && fields.value("owner").is_none() {
        fields.fault("owner", "owner is required.");
    }
    fields.finish()?;
    let (time_zone, currency) = (time_zone.unwrap_or_default(), currency.unwrap_or_default());
    Ok(SignUp { name, time_zone, currency, owner: owner.unwrap_or_default() })
}

fn read_owner(fields: &mut Fields<'_>) -> Owner {
    Owner {
        first_name: fields.need_text("firstName", MAX_NAME_CHARS),
        last_name: fields.need_text("lastName", MAX_NAME_CHARS),
        email: fields.need_email("email"),
        password: passwords::need(fields),
        phone: fields.phone("phone"),
    }
}

fn time_zone(fields: &mut Fields<'_>) -> Option<String> {
    fields.time_zone("timeZone").map(|zone| zone.name().to_owned())
}

fn currency(fields: &mut Fields<'_>) -> Option<String> {
    fields.choice("currency", currencies::parse, "the currencies of ISO 4217, such as CHF")
}

/// What a PATCH wants to be otherwise.
#[derive(Clone, Debug)]
pub struct Edit {
    name: Option<String>,
    time_zone: Option<String>,
    currency: Option<String>,
    arrivals: Option<Arrivals>,
}

pub fn read_edit(input: &Input) -> Result<Edit, Problem> {
    let document = input.document("account")?;
    let mut fields = document.fields();
    let edit = Edit {
        name: fields.text("name", MAX_NAME_CHARS),
        time_zone: time_zone(&mut fields),
        currency: currency(&mut fields),
        arrivals: fields.choice("arrivals", Arrivals::parse, "propose, accept"),
    };
    fields.finish()?;
    Ok(edit)
}

impl Edit {
    /// Names of the attributes that became different.
    pub fn apply(&self, account: &mut Account) -> Vec<String> {
        let pairs = [
            ("name", &self.name, &mut account.name),
            ("timeZone", &self.time_zone, &mut account.time_zone),
            ("currency", &self.currency, &mut account.currency),
        ];
        let mut changed = Vec::new();
        for (name, wanted, held) in pairs {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != held) {
                held.clone_from(wanted);
                changed.push(name.to_owned());
            }
        }
        if let Some(wanted) = self.arrivals.filter(|wanted| *wanted != account.arrivals) {
            account.arrivals = wanted;
            changed.push("arrivals".to_owned());
        }
        changed
    }
}
