//! How somebody stands in an account, and who may change that.

use super::Role;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub role: Role,
    /// May he come in at all?
    pub active: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandingRejection {
    /// The one who asks may neither give this role nor take it away.
    NotGranted(Role),
    /// Nobody would be left who may do everything.
    LastOwner,
}

impl Standing {
    fn leads(self) -> bool {
        self.active && self.role == Role::Owner
    }

    /// `other_owners`: how many other active owners the account has.
    pub fn check_change(self, to: Standing, by: Role, other_owners: i64) -> Result<(), StandingRejection> {
        if self == to {
            return Ok(());
        }
        if let Some(role) = [self.role, to.role].into_iter().find(|role| !by.may_grant(*role)) {
            return Err(StandingRejection::NotGranted(role));
        }
        if self.leads() && !to.leads() && other_owners == 0 {
            return Err(StandingRejection::LastOwner);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Standing = Standing { role: Role::Owner, active: true };
    const ADMIN: Standing = Standing { role: Role::Admin, active: true };

    #[test]
    fn an_account_keeps_an_active_owner() {
        let gone = Standing { active: false, ..OWNER };
        assert_eq!(OWNER.check_change(ADMIN, Role::Owner, 0), Err(StandingRejection::LastOwner));
        assert_eq!(OWNER.check_change(gone, Role::Owner, 0), Err(StandingRejection::LastOwner));
        assert_eq!(OWNER.check_change(ADMIN, Role::Owner, 1), Ok(()));
        assert_eq!(gone.check_change(OWNER, Role::Owner, 0), Ok(()));
        assert_eq!(OWNER.check_change(OWNER, Role::Worker, 0), Ok(()), "nothing changes");
    }

    #[test]
    fn who_may_not_give_a_role_may_not_take_it_away() {
        let refused = Err(StandingRejection::NotGranted(Role::Owner));
        assert_eq!(OWNER.check_change(Standing { active: false, ..OWNER }, Role::Admin, 5), refused);
        assert_eq!(ADMIN.check_change(OWNER, Role::Admin, 5), refused);
        assert_eq!(ADMIN.check_change(Standing { active: false, ..ADMIN }, Role::Admin, 5), Ok(()));
    }
}
