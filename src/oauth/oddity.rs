//! What looks wrong with a client id or secret that was refused. Pure; never shows the value.

use super::{ClientCredentials, TokenError, TokenErrorKind};
use crate::server_text::is_invisible;

/// What a value is enclosed in that was copied with its quotes.
const QUOTES: [(&str, &str); 5] = [("\"", "\""), ("'", "'"), ("`", "`"), ("“", "”"), ("‘", "’")];

/// What stands around a name that a shell, CI system or template was to replace.
const REFERENCES: [(&str, &str); 5] = [
    ("$(", ")"),
    ("${", "}"),
    ("{{", "}}"),
    ("%", "%"),
    ("<", ">"),
];

/// Names the first oddity of `credentials` in the hint of a refusal. Other errors stay as they are.
pub fn explain_refusal(credentials: &ClientCredentials, mut error: TokenError) -> TokenError {
    let ClientCredentials { id, secret } = credentials;
    if error.kind == TokenErrorKind::Refused {
        let secret = oddity(secret.expose()).map(|oddity| ("secret", oddity));
        let odd = secret.or_else(|| Some(("id", oddity(&id.0)?)));
        if let Some((name, oddity)) = odd {
            error.problem.hint = format!("check how the client {name} is set: it {oddity}");
        }
    }
    error
}

fn oddity(text: &str) -> Option<&'static str> {
    let is_between = |&(start, end): &(&str, &str)| {
        let inner = text
            .strip_prefix(start)
            .and_then(|text| text.strip_suffix(end));
        inner.is_some_and(|inner| !inner.is_empty())
    };
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
    };
    if text.trim() != text {
        Some("begins or ends with white space")
    } else if text.contains(is_invisible) {
        Some("contains an invisible character")
    } else if QUOTES.iter().any(is_between) {
        Some("is enclosed in quotes")
    } else if !text.is_empty() && text.chars().all(|c| matches!(c, '*' | '•')) {
        Some("consists of asterisks")
    } else if REFERENCES.iter().any(is_between)
        || text.strip_prefix('$').is_some_and(is_name)
        || text.contains("://")
    {
        Some("looks like an unresolved reference")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::ClientId;
    use crate::secret::ClientSecret;

    #[test]
    fn oddities_are_named() {
        let space = Some("begins or ends with white space");
        let invisible = Some("contains an invisible character");
        let quotes = Some("is enclosed in quotes");
        let mask = Some("consists of asterisks");
        let reference = Some("looks like an unresolved reference");
        for (text, expected) in [
            ("", None),
            ("s3cret", None),
            ("s3 cret", None),
            ("$", None),
            ("pa$$w0rd", None),
            ("$3cret!", None),
            ("100%", None),
            ("%", None),
            ("<", None),
            ("\"", None),
            ("it's", None),
            ("a*b", None),
            (" s3cret", space),
            ("s3cret\t", space),
            ("s3cret\n", space),
            ("\u{a0}s3cret", space),
            ("\u{feff}s3cret", invisible),
            ("s3c\u{200b}ret", invisible),
            ("s3cret\u{7f}", invisible),
            ("\"s3cret\"", quotes),
            ("'s3cret'", quotes),
            ("“s3cret”", quotes),
            ("***", mask),
            ("••••••••", mask),
            ("$(CELLS_SECRET)", reference),
            ("${CELLS_SECRET}", reference),
            ("${{ secrets.CELLS_SECRET }}", reference),
            ("{{ cells_secret }}", reference),
            ("$CELLS_SECRET", reference),
            ("$env:CELLS_SECRET", reference),
            ("%CELLS_SECRET%", reference),
            ("<your client secret>", reference),
            ("op://vault/item/field", reference),
            ("ref+vault://secret/cells#secret", reference),
        ] {
            assert_eq!(oddity(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_a_refusal_gets_the_hint() {
        let credentials = |id: &str, secret: &str| ClientCredentials {
            id: ClientId(id.to_owned()),
            secret: ClientSecret::new(secret.to_owned()),
        };
        let hint = |kind, credentials: &ClientCredentials| {
            explain_refusal(credentials, TokenError::new(kind, "what", "hint"))
                .problem
                .hint
        };
        let (refused, invalid) = (TokenErrorKind::Refused, TokenErrorKind::Invalid);
        assert_eq!(hint(refused, &credentials("id", "s3cret")), "hint");
        assert_eq!(hint(invalid, &credentials("id", "***")), "hint");
        let secret = "check how the client secret is set: it consists of asterisks";
        assert_eq!(hint(refused, &credentials("${ID}", "***")), secret);
        let id = "check how the client id is set: it is enclosed in quotes";
        assert_eq!(hint(refused, &credentials("'id'", "s3cret")), id);
    }
}
