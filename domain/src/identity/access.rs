//! The six roles and what each may do, as data: role × permission × scope. Whatever is not in the table is denied.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Full access.
    Owner,
    /// Everything except billing.
    Admin,
    /// Sees everything, edits jobs and schedules.
    Manager,
    /// Schedules and assigns.
    Dispatcher,
    /// Sees and works on the visits assigned to him.
    Worker,
    /// Clocks in and out, reports his position.
    LimitedWorker,
}

impl Role {
    pub const ALL: [Role; 6] =
        [Role::Owner, Role::Admin, Role::Manager, Role::Dispatcher, Role::Worker, Role::LimitedWorker];

    /// Roles of people who are dispatched, and see only what is theirs.
    pub fn is_field(self) -> bool {
        matches!(self, Role::Worker | Role::LimitedWorker)
    }

    pub fn name(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Manager => "manager",
            Role::Dispatcher => "dispatcher",
            Role::Worker => "worker",
            Role::LimitedWorker => "limitedWorker",
        }
    }

    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// May `self` give `other` to somebody, or take it away? Nobody hands out more than he has.
    pub fn may_grant(self, other: Role) -> bool {
        match self {
            Role::Owner => true,
            Role::Admin => other != Role::Owner,
            Role::Manager | Role::Dispatcher | Role::Worker | Role::LimitedWorker => false,
        }
    }
}

macro_rules! permissions {
    ($($name:ident = $text:literal),+ $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $($name),+ }
        impl Permission {
            pub const ALL: &'static [Permission] = &[$(Permission::$name),+];
            pub fn name(self) -> &'static str { match self { $(Permission::$name => $text),+ } }
        }
    };
}

permissions! {
    ClientsRead = "clients:read",
    ClientsWrite = "clients:write",
    ClientsDelete = "clients:delete",
    JobsRead = "jobs:read",
    JobsWrite = "jobs:write",
    JobsComplete = "jobs:complete",
    ScheduleRead = "schedule:read",
    ScheduleWrite = "schedule:write",
    ScheduleForce = "schedule:force",
    VisitsProgress = "visits:progress",
    PositionsRead = "positions:read",
    PositionsWrite = "positions:write",
    AvailabilityWrite = "availability:write",
    TeamRead = "team:read",
    TeamWrite = "team:write",
    SettingsRead = "settings:read",
    SettingsWrite = "settings:write",
    EventsRead = "events:read",
}

/// How far a permission reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Only what is assigned to, or about, the caller.
    Own,
    /// The whole account.
    Account,
}

/// The table. `None` is a denial.
pub fn scope_of(role: Role, permission: Permission) -> Option<Scope> {
    use Permission as P;
    let office = match permission {
        P::ClientsRead | P::ClientsWrite | P::JobsRead | P::JobsWrite | P::JobsComplete => Role::Dispatcher,
        P::ScheduleRead | P::ScheduleWrite | P::ScheduleForce | P::AvailabilityWrite => Role::Dispatcher,
        P::VisitsProgress | P::PositionsRead | P::TeamRead | P::SettingsRead | P::EventsRead => Role::Dispatcher,
        P::ClientsDelete => Role::Manager,
        P::TeamWrite | P::SettingsWrite => Role::Admin,
        P::PositionsWrite => return own_positions(role),
    };
    if role <= office {
        return Some(Scope::Account);
    }
    let own = match role {
        Role::Worker => matches!(
            permission,
            P::JobsRead
                | P::ScheduleRead
                | P::VisitsProgress
                | P::PositionsRead
                | P::AvailabilityWrite
                | P::TeamRead
                | P::SettingsRead
        ),
        Role::LimitedWorker => matches!(permission, P::PositionsRead | P::AvailabilityWrite | P::SettingsRead),
        Role::Owner | Role::Admin | Role::Manager | Role::Dispatcher => false,
    };
    own.then_some(Scope::Own)
}

/// A position is always one's own: an owner who also works in the field reports his, nobody reports another's.
fn own_positions(role: Role) -> Option<Scope> {
    match role {
        Role::Owner | Role::Admin | Role::Manager | Role::Dispatcher | Role::Worker | Role::LimitedWorker => {
            Some(Scope::Own)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a permission, one column a role (owner admin manager dispatcher worker limitedWorker):
    /// A account, o own, - denied. Changing who may do what means changing this table on purpose.
    const TABLE: &str = "
        clients:read     A A A A - -
        clients:write    A A A A - -
        clients:delete   A A A - - -
        jobs:read        A A A A o -
        jobs:write       A A A A - -
        jobs:complete    A A A A - -
        schedule:read    A A A A o -
        schedule:write   A A A A - -
        schedule:force   A A A A - -
        visits:progress  A A A A o -
        positions:read   A A A A o o
        positions:write  o o o o o o
        availability:write A A A A o o
        team:read        A A A A o -
        team:write       A A - - - -
        settings:read    A A A A o o
        settings:write   A A - - - -
        events:read      A A A A - -
    ";

    #[test]
    fn each_role_can_do_exactly_what_the_table_says() {
        let mut seen = 0;
        for line in TABLE.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let name = words.next().expect("a permission");
            let permission = *Permission::ALL.iter().find(|p| p.name() == name).expect("known");
            for role in Role::ALL {
                let expected = match words.next().expect("six columns") {
                    "A" => Some(Scope::Account),
                    "o" => Some(Scope::Own),
                    _ => None,
                };
                assert_eq!(scope_of(role, permission), expected, "{} {name}", role.name());
            }
            seen += 1;
        }
        assert_eq!(seen, Permission::ALL.len());
    }

    #[test]
    fn nobody_hands_out_more_than_he_has() {
        assert!(Role::Owner.may_grant(Role::Owner) && Role::Admin.may_grant(Role::Admin));
        assert!(!Role::Admin.may_grant(Role::Owner) && !Role::Manager.may_grant(Role::Worker));
    }
}
