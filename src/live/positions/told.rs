//! What each phone was last told about how often to report. In memory and on this server only: a phone that missed it
//! goes on as before until what its worker does changes.

use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use super::wire::Profile;

const MAX_PHONES: u64 = 100_000;
/// A phone that was silent for so long is told again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(12 * 3_600);

pub struct Told(Cache<Uuid, Profile>);

impl Default for Told {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_PHONES).time_to_idle(FORGOTTEN_AFTER).build())
    }
}

impl Told {
    /// What the phone does not know yet. Set up by our links, it begins with `Profile::SET_UP`; and one that repeats
    /// itself has not heard the answer.
    pub fn news(&self, phone: Uuid, profile: Profile, is_repeating: bool) -> Option<Profile> {
        let known = self.0.get(&phone);
        if known.unwrap_or(Profile::SET_UP) == profile && !(is_repeating && known.is_some()) {
            return None;
        }
        self.0.insert(phone, profile);
        Some(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_told_what_changes_and_again_when_it_repeats_itself() {
        let (told, bob, eve) = (Told::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let travelling = Profile { interval_s: 5, distance_m: 20 };
        assert_eq!(told.news(bob, Profile::SET_UP, false), None);
        assert_eq!(told.news(bob, Profile::SET_UP, true), None, "it knows that from its set-up");
        assert_eq!(told.news(bob, travelling, false), Some(travelling));
        assert_eq!(told.news(bob, travelling, false), None);
        assert_eq!(told.news(bob, travelling, true), Some(travelling));
        assert_eq!(told.news(eve, Profile::SET_UP, false), None);
        assert_eq!(told.news(bob, Profile::SET_UP, false), Some(Profile::SET_UP));
        assert_eq!(told.news(bob, Profile::SET_UP, false), None);
    }
}
