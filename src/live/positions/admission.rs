//! Which phone a foreign app speaks for: its token is wherever the app could be told to put it.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::loose;
use super::osmand::Parameters;
use crate::http::caller::bearer;
use crate::http::{App, Caller, Code, Problem};
use crate::live::devices::{self, PREFIX};

const NAMES: &[&str] = &["token", "id", "deviceid", "device_id"];

/// The token in the head of a request: in the URL, as a bearer, or as either part of Basic.
pub fn in_head(request: &HttpRequest, query: &Parameters) -> Option<String> {
    let in_query = query.all(NAMES).map(str::to_owned);
    in_query.chain(bearer(request)).chain(basic(request)).find(|token| token.starts_with(PREFIX))
}

/// The token in a form, or beside the positions in JSON.
pub fn in_body(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        token: Option<&'a RawValue>,
        #[serde(borrow)]
        id: Option<&'a RawValue>,
        #[serde(borrow)]
        device_id: Option<&'a RawValue>,
    }
    if !loose::is_json(body) {
        let form = Parameters::read_form(body);
        return form.all(NAMES).find(|token| token.starts_with(PREFIX)).map(str::to_owned);
    }
    let named: Named<'_> = serde_json::from_slice(body).ok().filter(|_| !loose::is_array(body))?;
    let given = [named.token, named.device_id, named.id];
    let texts = given.into_iter().flatten().filter_map(loose::value);
    texts.filter_map(|given| loose::text(Some(&given)).map(str::to_owned)).find(|it| it.starts_with(PREFIX))
}

pub async fn admit(app: &App, token: Option<String>) -> Result<Caller, Problem> {
    let missing = || Problem::new(Code::UNAUTHENTICATED, "Send the device's token: ?token=, id=, Basic or Bearer.");
    devices::admit(&app.store, token.ok_or_else(missing)?.trim()).await
}

fn basic(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    [password, user].into_iter().find(|part| part.starts_with(PREFIX)).map(str::to_owned)
}
