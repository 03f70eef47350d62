//! Tokens as text: signed access tokens and random refresh tokens. Whether the session behind one still lives is the
//! sessions' business.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use muster_domain::identity::Role;
use muster_domain::ids::{AccountId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::http::{Code, Problem};
use crate::store::Secrets;

pub const ACCESS_LIVES_S: i64 = 3_600;
const ISSUER: &str = "muster";
const REFRESH_PREFIX: &str = "mrt_";
/// PKCS #8 in front of an Ed25519 seed (RFC 8410).
const PKCS8_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    pub sub: UserId,
    pub email: String,
    pub role: Role,
    pub account_id: AccountId,
    pub sid: SessionId,
    pub iat: i64,
    pub exp: i64,
    pub iss: String,
}

impl Claims {
    pub fn new(
        (account_id, sid): (AccountId, SessionId),
        sub: UserId,
        email: String,
        role: Role,
        now: DateTime<Utc>,
    ) -> Self {
        let iat = now.timestamp();
        Self { sub, email, role, account_id, sid, iat, exp: iat + ACCESS_LIVES_S, iss: ISSUER.into() }
    }
}

/// Signs and verifies access tokens with the server's own key.
pub struct Tokens {
    header: Header,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl Tokens {
    pub fn new(secrets: &Secrets) -> Self {
        let signing = EncodingKey::from_ed_der(&[PKCS8_ED25519.as_slice(), &secrets.signing].concat());
        let public = Jwk::from_encoding_key(&signing, Algorithm::EdDSA).expect("any 32 bytes are an Ed25519 seed");
        let verifying = DecodingKey::from_jwk(&public).expect("it was just derived");
        let mut header = Header::new(Algorithm::EdDSA);
        let thumbprint = Sha256::digest(serde_json::to_vec(&public).expect("a key can be written"));
        header.kid = Some(URL_SAFE_NO_PAD.encode(&thumbprint[..9]));
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.leeway = 0;
        Self { header, signing, verifying, validation }
    }

    pub fn sign(&self, claims: &Claims) -> String {
        encode(&self.header, claims, &self.signing).expect("the key fits the algorithm")
    }

    pub fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let decoded = decode::<Claims>(token, &self.verifying, &self.validation);
        decoded.map(|decoded| decoded.claims).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::ExpiredSignature => {
                Problem::new(Code::SESSION_ENDED, "The access token has expired.")
            }
            _ => Problem::new(Code::UNAUTHENTICATED, "This is no token of this server."),
        })
    }
}

/// `mrt_<account>.<secret>`: the account comes first, so that its row can be found within its tenant scope.
#[derive(Clone)]
pub struct RefreshToken {
    pub account: AccountId,
    secret: [u8; 32],
}

impl RefreshToken {
    pub fn fresh(account: AccountId) -> Self {
        Self { account, secret: rand::random() }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (account, secret) = text.strip_prefix(REFRESH_PREFIX)?.split_once('.')?;
        let account = AccountId(Uuid::from_slice(&URL_SAFE_NO_PAD.decode(account).ok()?).ok()?);
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        Some(Self { account, secret })
    }

    pub fn text(&self) -> String {
        let (account, secret) = (URL_SAFE_NO_PAD.encode(self.account.0), URL_SAFE_NO_PAD.encode(self.secret));
        format!("{REFRESH_PREFIX}{account}.{secret}")
    }

    /// What is stored of it.
    pub fn digest(&self) -> Vec<u8> {
        Sha256::digest(self.secret).to_vec()
    }

    /// The token that follows this one. It can be made again when the answer that carried it was lost, and by nobody
    /// without the server's key; so nothing of it needs to be kept in the clear.
    pub fn successor(&self, secrets: &Secrets) -> Self {
        let secret = secrets.keyed_hash(&[b"successor of refresh token ".as_slice(), &self.secret].concat());
        Self { account: self.account, secret }
    }
}
