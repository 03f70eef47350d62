//! Users as the API reads and shows them.

use muster_domain::identity::Role;
use muster_domain::ids::UserId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Status, User};
use crate::http::envelope::{instant, resource};
use crate::http::{Fields, Input, Problem};
use crate::identity::passwords;

const MAX_NAME_CHARS: usize = 200;
const ROLES: &str = "owner, admin, manager, dispatcher, worker, limitedWorker";

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"firstName": "Ann", "lastName": "Roe", "email": "ann@example.com", "phone": null,
    "role": "owner", "status": "active", "isWorker": false, "version": 1,
    "createdAt": "2026-11-30T08:00:00Z", "updatedAt": "2026-11-30T08:00:00Z"}))]
pub struct UserAttributes {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: Option<String>,
    /// owner, admin, manager, dispatcher, worker, limitedWorker
    pub role: String,
    /// active, inactive, invited
    pub status: String,
    /// Has a worker's profile, under the same id.
    pub is_worker: bool,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

impl From<&User> for UserAttributes {
    fn from(user: &User) -> Self {
        Self {
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            email: user.email.clone(),
            phone: user.phone.clone(),
            role: user.role.name().into(),
            status: user.status.name().into(),
            is_worker: user.is_worker,
            version: user.version,
            created_at: instant(user.created_at),
            updated_at: instant(user.updated_at),
        }
    }
}

pub fn user_resource(user: &User) -> Value {
    resource("user", user.id, UserAttributes::from(user))
}

/// Somebody who is to be added; whether he is new or known shows only in the database.
#[derive(Clone, Debug)]
pub struct Hire {
    pub id: UserId,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: Option<String>,
    pub password: Option<String>,
    pub role: Role,
}

pub fn read_hire(input: &Input) -> Result<Hire, Problem> {
    let document = input.document("user")?;
    let mut fields = document.fields();
    let role = fields.need_choice("role", Role::parse, ROLES);
    let hire = hire_fields(&mut fields, UserId(document.id_or_new()), role.unwrap_or(Role::LimitedWorker));
    fields.finish()?;
    Ok(hire)
}

/// What a user and a worker have in common.
pub fn hire_fields(fields: &mut Fields<'_>, id: UserId, role: Role) -> Hire {
    Hire {
        id,
        role,
        first_name: fields.need_text("firstName", MAX_NAME_CHARS),
        last_name: fields.need_text("lastName", MAX_NAME_CHARS),
        email: fields.need_email("email"),
        phone: fields.phone("phone"),
        password: passwords::read(fields),
    }
}

/// What a PATCH wants to be otherwise.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// `Some(None)` clears it.
    pub phone: Option<Option<String>>,
    pub role: Option<Role>,
    /// `Some(false)`: inactive.
    pub active: Option<bool>,
}

pub fn read_edit(input: &Input) -> Result<Edit, Problem> {
    let document = input.document("user")?;
    let mut fields = document.fields();
    let mut edit = edit_fields(&mut fields);
    edit.role = fields.choice("role", Role::parse, ROLES);
    fields.finish()?;
    Ok(edit)
}

/// What a user and a worker have in common.
pub fn edit_fields(fields: &mut Fields<'_>) -> Edit {
    let clears_phone = fields.has("phone") && fields.value("phone").is_none();
    let phone = fields.phone("phone");
    let active = |name: &str| match Status::parse(name)? {
        Status::Active => Some(true),
        Status::Inactive => Some(false),
        Status::Invited => None,
    };
    Edit {
        first_name: fields.text("firstName", MAX_NAME_CHARS),
        last_name: fields.text("lastName", MAX_NAME_CHARS),
        phone: if clears_phone { Some(None) } else { phone.map(Some) },
        role: None,
        active: fields.choice("status", active, "active, inactive"),
    }
}

impl Edit {
    /// Changes names and phone; the names of the attributes that became different.
    pub fn apply_details(&self, user: &mut User) -> Vec<String> {
        let mut changed = Vec::new();
        let names =
            [("firstName", &self.first_name, &mut user.first_name), ("lastName", &self.last_name, &mut user.last_name)];
        for (name, wanted, held) in names {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != held) {
                held.clone_from(wanted);
                changed.push(name.to_owned());
            }
        }
        if let Some(phone) = self.phone.as_ref().filter(|phone| **phone != user.phone) {
            user.phone.clone_from(phone);
            changed.push("phone".to_owned());
        }
        changed
    }

    pub fn has_details(&self) -> bool {
        self.first_name.is_some() || self.last_name.is_some() || self.phone.is_some()
    }
}
