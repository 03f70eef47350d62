//! Patterns for LIKE and ILIKE made of what somebody typed, in which `%` and `_` mean themselves.

/// Matches whatever contains `text`.
pub fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.trim().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::containing;

    #[test]
    fn what_was_typed_means_itself() {
        assert_eq!(containing(" 50%_a\\b "), "%50\\%\\_a\\\\b%");
    }
}
