//! Text chosen by a server, made fit to be shown: what could be a secret is taken out of it here,
//! at its birth; what could deceive a terminal is escaped by `ui`, at the very end.

use std::fmt;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::secret::{ClientSecret, is_b64token_char};

/// What stands where a secret stood.
const REDACTED: &str = "[redacted]";

/// A run of this many b64token characters could be a token.
const TOKEN_LENGTH: usize = 40;

/// How many characters of a server's text are shown.
const SHOWN_LENGTH: usize = 200;

/// Server text without secrets, and not long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerText(String);

impl fmt::Display for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Knows the forms in which a server could quote the secret back.
pub struct Redactor(Vec<Zeroizing<String>>);

impl Redactor {
    /// Looks for `secret` as it is, form- and percent-encoded, in JSON, and in base64.
    pub fn new(secret: &ClientSecret) -> Self {
        let secret = secret.expose();
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = Value::from(secret).to_string();
        let json = json[1..json.len() - 1].to_owned();
        let mut forms = vec![
            secret.to_owned(),
            form.replace('+', "%20"),
            form,
            json.replace('/', "\\/"),
            ascii_json(secret),
            json,
        ];
        for (offset, engine) in
            (0..3).flat_map(|n| [(n, BASE64_STANDARD_NO_PAD), (n, BASE64_URL_SAFE_NO_PAD)])
        {
            forms.push(base64_at(offset, secret, &engine));
        }
        forms.retain(|form| !form.is_empty());
        forms.sort_unstable_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self(forms.into_iter().map(Zeroizing::new).collect())
    }

    /// Takes the secret out of what a server sent beside a token: that is stored, and printed.
    pub fn clean(&self, members: &mut Map<String, Value>) {
        members
            .values_mut()
            .for_each(|value| self.clean_value(value));
    }

    fn clean_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.without_secret(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.clean_value(value)),
            Value::Object(members) => self.clean(members),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn without_secret(&self, text: &str) -> String {
        let forms = self.0.iter();
        forms.fold(text.to_owned(), |text, form| {
            replace_ignoring_case(&text, form)
        })
    }

    /// Whether the secret is in `text`, in any of the forms that are looked for.
    pub fn finds_secret(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.0
            .iter()
            .any(|form| text.contains(&form.to_ascii_lowercase()))
    }

    /// The beginning of `text`, with `[redacted]` for the secret and for whatever is as long and
    /// plain as a token.
    pub fn show(&self, text: &str) -> ServerText {
        let shown = without_tokens(&self.without_secret(text));
        let shown = shown.trim();
        match shown.char_indices().nth(SHOWN_LENGTH) {
            Some((end, _)) => ServerText(format!("{}…", &shown[..end])),
            None => ServerText(shown.to_owned()),
        }
    }
}

/// The part of the base64 of any text with `secret` after `offset` (mod 3) bytes that depends on
/// `secret` alone: `id:secret` in a Basic header shifts it.
fn base64_at(offset: usize, secret: &str, engine: &impl Engine) -> String {
    let bytes = [&[0; 2][..offset], secret.as_bytes()].concat();
    let encoded = engine.encode(&bytes);
    let start = (offset * 8).div_ceil(6);
    let end = if offset == 0 {
        encoded.len()
    } else {
        bytes.len() * 8 / 6
    };
    encoded.get(start..end).unwrap_or_default().to_owned()
}

/// `text` inside a JSON string as an encoder writes it that keeps to ASCII.
fn ascii_json(text: &str) -> String {
    let mut json = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ (b' '..=b'~')) if !br#""\<>&'+"#.contains(&byte) => {
                json.push(char::from(byte))
            }
            _ => json.push_str(&format!("\\u{unit:04x}")),
        }
    }
    json
}

/// Hexadecimal digits may come in either case, and more than that does no harm.
fn replace_ignoring_case(text: &str, needle: &str) -> String {
    let (haystack, needle) = (text.to_ascii_lowercase(), needle.to_ascii_lowercase());
    let mut replaced = String::with_capacity(text.len());
    let mut end = 0;
    for (start, _) in haystack.match_indices(&needle) {
        replaced.push_str(&text[end..start]);
        replaced.push_str(REDACTED);
        end = start + needle.len();
    }
    replaced.push_str(&text[end..]);
    replaced
}

fn without_tokens(text: &str) -> String {
    let is_token_char = |c| is_b64token_char(c) || c == '=';
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.find(|c| !is_token_char(c)).unwrap_or(rest.len()));
        kept.push_str(if run.len() < TOKEN_LENGTH {
            run
        } else {
            REDACTED
        });
        let next = after.find(is_token_char).unwrap_or(after.len());
        kept.push_str(&after[..next]);
        rest = &after[next..];
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(secret: &str, text: &str) -> String {
        Redactor::new(&ClientSecret::new(secret.into()))
            .show(text)
            .to_string()
    }

    #[test]
    fn the_secret_is_taken_out_in_every_form() {
        let secret = "p+q /é\"\\<7";
        for (name, quoted) in [
            ("raw", secret.to_owned()),
            ("upper case", secret.to_ascii_uppercase()),
            ("form", "p%2Bq+%2F%C3%A9%22%5C%3C7".into()),
            ("form, lower case", "p%2bq+%2f%c3%a9%22%5c%3c7".into()),
            ("percent", "p%2Bq%20%2F%C3%A9%22%5C%3C7".into()),
            ("JSON", "p+q /é\\\"\\\\<7".into()),
            ("JSON with \\/", "p+q \\/é\\\"\\\\<7".into()),
            (
                "ASCII JSON",
                "p\\u002bq /\\u00e9\\u0022\\u005c\\u003c7".into(),
            ),
            ("base64", BASE64_STANDARD_NO_PAD.encode(secret)),
            ("base64url", BASE64_URL_SAFE_NO_PAD.encode(secret)),
        ] {
            assert_eq!(
                show(secret, &format!("<{quoted}>")),
                "<[redacted]>",
                "{name}"
            );
        }
    }

    #[test]
    fn the_secret_is_taken_out_of_basic_credentials() {
        let secret = "correct horse";
        for id in ["a", "ab", "abc"] {
            let basic = BASE64_STANDARD_NO_PAD.encode(format!("{id}:{secret}"));
            let shown = show(secret, &basic);
            assert!(shown.contains(REDACTED), "{shown}");
            assert!(
                basic.len() - (shown.len() - REDACTED.len()) > secret.len(),
                "{shown}"
            );
        }
    }

    #[test]
    fn what_could_be_a_token_is_taken_out() {
        let (short, long) = ("a".repeat(39), "a".repeat(40));
        assert_eq!(show("s3cret", &short), short);
        assert_eq!(show("s3cret", &long), REDACTED);
        assert_eq!(show("s3cret", &format!("x {long}== y")), "x [redacted] y");
        assert_eq!(show("s3cret", &format!("é{long}é")), "é[redacted]é");
    }

    #[test]
    fn no_more_than_the_beginning_is_shown() {
        let shown = show("s3cret", &"é ".repeat(200));
        assert_eq!(shown.chars().count(), SHOWN_LENGTH + 1);
        let shown = show("s3cret", &format!("{}s3cret", "é".repeat(SHOWN_LENGTH - 3)));
        assert!(
            !shown.contains("s3c"),
            "cut after the secret is found: {shown}"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_form_of_the_secret_is_shown(
            secret in "\\PC{8,30}", before in "\\PC{0,60}", after in "\\PC{0,60}", form: usize, shift in 0_usize..3,
        ) {
            let redactor = Redactor::new(&ClientSecret::new(secret.clone()));
            let form = redactor.0[form % redactor.0.len()].to_string();
            let shifted = [&[b':'; 2][..shift], secret.as_bytes(), before.as_bytes()].concat();
            let texts = [
                format!("{before}{form}{after}"),
                format!("{before}{form}{form}{after}"),
                format!("{before}{}{after}", BASE64_STANDARD_NO_PAD.encode(&shifted)),
                format!("{before}{}{after}", BASE64_URL_SAFE_NO_PAD.encode(&shifted)),
            ];
            for text in texts {
                let shown = redactor.show(&text).to_string().replace(REDACTED, "\n");
                for form in &redactor.0 {
                    assert!(!shown.contains(form.as_str()), "{form:?} in {shown:?} of {text:?}");
                }
                assert!(shown.chars().count() <= SHOWN_LENGTH + 1);
            }
        }

        #[test]
        fn what_is_not_the_secret_is_shown_as_it_is(text in "[a-z ]{0,30}") {
            assert_eq!(show("S3CRET-of-ours", &text), text.trim());
        }
    }
}
