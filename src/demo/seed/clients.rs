//! Finds the clients of the demonstration, and makes those that are missing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refusal, Session, Tell, Wanted, each};
use crate::demo::city::City;
use crate::demo::people::{self, NewClient};

/// Their ids, in the order of the plan.
pub async fn find(owner: &Session, city: &City, wanted: &Wanted, tell: Tell<'_>) -> Result<Vec<Uuid>, Refusal> {
    let plan = people::clients(city, wanted.seed, wanted.clients);
    let known = known(owner).await?;
    let missing: Vec<&NewClient> = plan.iter().filter(|client| !known.contains_key(&client.email)).collect();
    let made = each("clients", missing, tell, |client| async move {
        let answer = owner.post("/clients", "client", introduction(client)).await?;
        Ok(read(&answer["data"]))
    });
    let mut known = known;
    known.extend(made.await?.into_iter().flatten());
    Ok(plan.iter().filter_map(|client| known.get(&client.email).copied()).collect())
}

async fn known(owner: &Session) -> Result<BTreeMap<String, Uuid>, Refusal> {
    Ok(owner.get_all("/clients").await?.iter().filter_map(read).collect())
}

fn read(client: &Value) -> Option<(String, Uuid)> {
    Some((client["attributes"]["email"].as_str()?.to_owned(), client["id"].as_str()?.parse().ok()?))
}

fn introduction(client: &NewClient) -> Value {
    let name = if client.company_name.is_some() { "Premises" } else { "Home" };
    let address = json!({
        "street": client.address.street, "city": client.city, "postalCode": client.postal_code, "country": "CH",
    });
    let property = json!({"name": name, "address": address, "location": client.address.door});
    let mut introduction = json!({"email": client.email, "phone": client.phone, "properties": [property]});
    let names =
        [("firstName", &client.first_name), ("lastName", &client.last_name), ("companyName", &client.company_name)];
    for (name, value) in names {
        if let Some(value) = value {
            introduction[name] = json!(value);
        }
    }
    introduction
}
