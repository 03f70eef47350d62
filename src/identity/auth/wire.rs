//! Credentials and tokens as the API reads and shows them: bare, without the envelope.

use actix_web::HttpResponse;
use muster_domain::ids::AccountId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Membership;
use crate::http::{Code, Fault, Fields, Input, Problem};
use crate::identity::tokens::{ACCESS_LIVES_S, RefreshToken};

/// Longer ones are not compared with anything.
const MAX_PASSWORD_CHARS: usize = 1_000;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"accessToken": "eyJ…", "refreshToken": "mrt_…", "expiresIn": 3600}))]
pub struct TokenPair {
    pub access_token: String,
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
}

#[derive(Debug)]
pub struct Credentials {
    pub email: String,
    pub password: String,
    pub account: Option<AccountId>,
}

pub struct Pair {
    pub access_token: String,
    pub refresh_token: String,
}

impl Pair {
    pub fn respond(self) -> HttpResponse {
        let Pair { access_token, refresh_token } = self;
        HttpResponse::Ok().json(TokenPair { access_token, refresh_token, expires_in: ACCESS_LIVES_S })
    }
}

/// Not checked for form: what could not be anybody's is merely wrong.
pub fn read_credentials(input: &Input) -> Result<Credentials, Problem> {
    let object = input.object()?;
    let mut fields = Fields::new(&object, "");
    let email = fields.need_text("email", 320).to_lowercase();
    let password = match fields.value("password") {
        Some(Value::String(password)) if password.chars().count() <= MAX_PASSWORD_CHARS => password.clone(),
        Some(_) => {
            fields.fault("password", "password must be text of at most 1000 characters.");
            String::new()
        }
        None => {
            fields.fault("password", "password is required.");
            String::new()
        }
    };
    let account = fields.id("accountId").map(AccountId);
    fields.finish()?;
    Ok(Credentials { email, password, account })
}

pub fn read_acceptance(input: &Input) -> Result<(Credentials, AccountId), Problem> {
    let credentials = read_credentials(input)?;
    let account = credentials.account.ok_or_else(|| -> Problem {
        Fault::new(Code::VALIDATION_ERROR, "accountId is required.").at("/accountId").into()
    })?;
    Ok((credentials, account))
}

/// `None` for text that is no refresh token at all.
pub fn read_refresh(input: &Input) -> Result<Option<RefreshToken>, Problem> {
    let object = input.object()?;
    let mut fields = Fields::new(&object, "");
    let text = fields.need_text("refreshToken", 200);
    fields.finish()?;
    Ok(RefreshToken::parse(&text))
}

pub fn account_required(memberships: &[Membership]) -> Problem {
    let accounts: Vec<Value> =
        memberships.iter().map(|found| json!({ "id": found.account, "name": found.account_name })).collect();
    let detail = "You are in several accounts: say which one in accountId.";
    Fault::new(Code::ACCOUNT_REQUIRED, detail).at("/accountId").meta(json!({ "accounts": accounts })).into()
}
