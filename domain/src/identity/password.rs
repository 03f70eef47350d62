//! What makes a password good enough. Says why not; the words are the edge's.

/// bcrypt reads no further, so a longer one would be cut silently.
const MAX_BYTES: usize = 72;
const MIN_CHARS: usize = 8;
const MIN_CLASSES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    TooShort,
    TooLong,
    /// bcrypt ends at a NUL.
    HasNul,
    /// Fewer than three of: lower case, upper case, digit, symbol.
    TooPlain,
    /// Among those that are tried first.
    Breached,
}

pub fn password_fault(password: &str) -> Option<PasswordFault> {
    if password.chars().count() < MIN_CHARS {
        return Some(PasswordFault::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Some(PasswordFault::TooLong);
    }
    if password.contains('\0') {
        return Some(PasswordFault::HasNul);
    }
    if classes(password) < MIN_CLASSES {
        return Some(PasswordFault::TooPlain);
    }
    let lower = password.to_lowercase();
    BREACHED.split_whitespace().any(|known| known == lower).then_some(PasswordFault::Breached)
}

fn classes(password: &str) -> usize {
    let is_symbol = |c: char| !c.is_lowercase() && !c.is_uppercase() && !c.is_numeric();
    let found = [
        password.chars().any(char::is_lowercase),
        password.chars().any(char::is_uppercase),
        password.chars().any(char::is_numeric),
        password.chars().any(is_symbol),
    ];
    found.into_iter().filter(|found| *found).count()
}

/// In lower case: the most common of published lists, and the usual ways to dress them up.
const BREACHED: &str = "
    12345678 123456789 1234567890 password password1 password12 password123 password1234 password1! password12!
    password123! password@123 password@1 password#1 p@ssword p@ssword1 p@ssword1! p@ssword123 p@ssw0rd p@ssw0rd1
    p@ssw0rd! p@ssw0rd1! p@ssw0rd123 pa$$word pa$$word1 pa$$w0rd pa$$w0rd1 passw0rd passw0rd1 passw0rd! passw0rd1!
    passw0rd123 pass@123 pass@1234 pass1234 pass1234! passwort1 passwort1! passwort123! qwerty123 qwerty123! qwerty@123
    qwerty1! qwerty12 qwerty12! qwertyuiop qwertz123 qwertz123! 1q2w3e4r 1q2w3e4r! 1q2w3e4r5t 1qaz2wsx 1qaz2wsx!
    1qaz@wsx !qaz2wsx zaq12wsx zaq1@wsx q1w2e3r4 abc12345 abc123456 abc@1234 abcd1234 abcd1234! abcd@1234 aa123456
    aa123456! aa@123456 a1b2c3d4 a123456789 asdf1234 asdf1234! asdfghjkl admin123 admin123! admin@123 admin1234
    admin@1234 administrator1 changeme changeme1 changeme1! changeme123 changeme123! welcome1 welcome1! welcome12
    welcome123 welcome123! welcome@1 welcome@123 letmein1 letmein1! letmein123 letmein123! iloveyou iloveyou1 iloveyou1!
    sunshine1 sunshine1! princess1 princess1! football1 football1! baseball1 baseball1! monkey123 monkey123! dragon123
    dragon123! superman1 superman1! batman123 master123 master123! michael1 michael1! charlie1 charlie1! shadow123
    trustno1 trustno1! hello123 hello123! hello@123 secret123 secret123! test1234 test1234! test@123 test@1234 temp1234
    temp1234! temp@123 login123 login123! user1234 user@123 root1234 root@123 guest123 guest@123 india@123 summer2023
    summer2023! summer2024 summer2024! summer2025! summer2026! winter2023! winter2024! winter2025! winter2026!
    spring2024! spring2025! spring2026! autumn2024! autumn2025! company1 company1! company123! starwars1 pokemon1
    computer1 computer1! internet1 whatever1 freedom1 blink182! liverpool1 chelsea1 arsenal1 samsung1 samsung1!
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_must_be_long_varied_and_not_well_known() {
        let table: &[(&str, Option<PasswordFault>)] = &[
            ("correct-horse-9", None),
            ("Demo-dispatch-1", None),
            ("Ünïcode9", None),
            ("Sh0rt-!", Some(PasswordFault::TooShort)),
            ("onlylowercase", Some(PasswordFault::TooPlain)),
            ("lower and spaces", Some(PasswordFault::TooPlain)),
            ("P@ssw0rd1!", Some(PasswordFault::Breached)),
            ("Password123", Some(PasswordFault::Breached)),
            ("Abcdef1!\0x", Some(PasswordFault::HasNul)),
        ];
        for (password, expected) in table {
            assert_eq!(password_fault(password), *expected, "{password:?}");
        }
    }

    #[test]
    fn nothing_is_cut_off_silently() {
        let longest = format!("Aa1-{}", "x".repeat(68));
        assert_eq!(password_fault(&longest), None);
        assert_eq!(password_fault(&format!("{longest}x")), Some(PasswordFault::TooLong));
        let multibyte = format!("Aa1-{}", "é".repeat(35));
        assert_eq!(password_fault(&multibyte), Some(PasswordFault::TooLong), "74 bytes in 39 characters");
    }
}
