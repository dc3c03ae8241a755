//! Text chosen by a server, made fit to be shown: what could be a secret is taken out of it here,
//! at its birth; what could deceive a terminal is escaped by `ui`, at the very end.

mod layer;

use std::borrow::Cow;
use std::ops::Range;
use std::{fmt, mem};

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::secret::{ClientSecret, is_b64token_char};
use layer::{Layer, MARKS, folded};

/// What stands where a secret stood.
const REDACTED: &str = "[redacted]";

/// A run of this many b64token characters could be a token.
const TOKEN_LENGTH: usize = 40;

/// Fewer characters of base64 are in every text, and tell next to nothing of a secret.
const SHORTEST_BASE64: usize = 4;

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

/// How many encoders may have had the text, one after another: a URL in JSON in a JSON string.
const LAYERS: usize = 3;

/// The names of RFC 6749 §5.1 are no secret, and others look for them.
const NAMES: [&str; 5] = [
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "scope",
];

/// Knows what a server could quote the secret as, but for escapes. The default knows no secret.
#[derive(Default)]
pub struct Redactor(Vec<Zeroizing<Vec<u8>>>);

impl Redactor {
    /// Looks for `secret` as it is, for it inside of base64, and for either behind whatever escapes.
    pub fn new(secret: &ClientSecret) -> Self {
        let secret = secret.expose();
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let mut written = vec![secret.as_bytes().to_vec(), form.into_bytes()];
        // Where `\xe4` and `%E4` are whole characters.
        written.extend(latin1(secret));
        let mut forms = Vec::new();
        for bytes in written {
            let encoded = (0..3).map(|offset| base64_at(offset, &bytes));
            let encoded = encoded.chain([BASE64_STANDARD_NO_PAD.encode(&bytes)]);
            forms.extend(
                encoded
                    .filter(|form| form.len() >= SHORTEST_BASE64)
                    .map(String::into_bytes),
            );
            forms.push(bytes);
        }
        let mut forms: Vec<_> = forms.iter().map(|form| folded(form)).collect();
        forms.retain(|form| !form.is_empty());
        forms.sort_unstable();
        forms.dedup();
        Self(forms.into_iter().map(Zeroizing::new).collect())
    }

    /// Takes the secret out of what a server sent beside a token: that is stored, and printed.
    pub fn clean(&self, members: &mut Map<String, Value>) {
        rewrite_members(
            members,
            &|text| match self.without_secret(text, text.len()) {
                Cow::Owned(text) => Some(text),
                Cow::Borrowed(_) => None,
            },
        );
    }

    /// Takes the secret, and what could be a token, out of a value that is shown.
    pub fn clean_for_show(&self, value: &mut Value) {
        rewrite(value, &|text| {
            let shown = without_tokens(&self.without_secret(text, text.len()));
            (shown != text).then_some(shown)
        });
    }

    /// Whether the secret is in `text`, in any of the forms that are looked for.
    pub fn finds_secret(&self, text: &str) -> bool {
        !self.places(text).is_empty()
    }

    /// The beginning of `text`, with `[redacted]` for the secret and for whatever is as long and
    /// plain as a token.
    pub fn show(&self, text: &str) -> ServerText {
        beginning(&self.without_secret(text, text.len()))
    }

    /// The same of a long `text` that was cut off. A secret or a token that was cut in two with it is not found, so the
    /// second half is not shown; nor is what reaches into it.
    pub fn show_cut(&self, text: &str) -> ServerText {
        let middle = (0..=text.len() / 2).rfind(|at| text.is_char_boundary(*at));
        let kept = self.without_secret(text, middle.unwrap_or_default());
        let kept = kept.trim_end_matches(is_token_char);
        beginning(&format!("{kept}{REDACTED}"))
    }

    /// `text` up to `end`, without a secret that begins there.
    fn without_secret<'a>(&self, text: &'a str, end: usize) -> Cow<'a, str> {
        let places = self.places(text);
        if places.is_empty() {
            return Cow::Borrowed(&text[..end]);
        }
        let mut kept = String::with_capacity(end);
        let mut at = 0;
        for place in places.iter().take_while(|place| place.start < end) {
            if place.start >= at {
                kept.push_str(&text[at..place.start]);
                kept.push_str(REDACTED);
            }
            at = at.max(place.end);
        }
        kept.push_str(text.get(at..end).unwrap_or_default());
        Cow::Owned(kept)
    }

    /// Where the secret is in `text`, in order; places may overlap.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        self.search(&Layer::new(text), LAYERS, &mut places);
        places.sort_unstable_by_key(|place| place.start);
        places
    }

    fn search(&self, layer: &Layer, layers_below: usize, places: &mut Vec<Range<usize>>) {
        for form in &self.0 {
            places.extend(layer.places(form));
        }
        if let Some(layers_below) = layers_below.checked_sub(1) {
            let below = MARKS.iter().filter_map(|mark| layer.unescaped(*mark));
            below.for_each(|layer| self.search(&layer, layers_below, places));
        }
    }
}

/// Puts what `cleaned` returns in the place of every name, string and number.
fn rewrite_members(members: &mut Map<String, Value>, cleaned: &impl Fn(&str) -> Option<String>) {
    let new_name = |name: &str| cleaned(name).filter(|_| !NAMES.contains(&name));
    if members.keys().any(|name| new_name(name).is_some()) {
        let old = mem::take(members).into_iter();
        *members = old
            .map(|(name, value)| (new_name(&name).unwrap_or(name), value))
            .collect();
    }
    members
        .values_mut()
        .for_each(|value| rewrite(value, cleaned));
}

fn rewrite(value: &mut Value, cleaned: &impl Fn(&str) -> Option<String>) {
    let text = match value {
        Value::String(text) => cleaned(text),
        Value::Number(number) => cleaned(&number.to_string()),
        Value::Array(values) => return values.iter_mut().for_each(|value| rewrite(value, cleaned)),
        Value::Object(members) => return rewrite_members(members, cleaned),
        Value::Null | Value::Bool(_) => None,
    };
    if let Some(text) = text {
        *value = Value::String(text);
    }
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

/// The part of the base64 of any bytes with `secret` after `offset` (mod 3) others that depends on
/// `secret` alone: `id:secret` in a Basic header shifts it.
fn base64_at(offset: usize, secret: &[u8]) -> String {
    let bytes = [&[0; 2][..offset], secret].concat();
    let encoded = BASE64_STANDARD_NO_PAD.encode(&bytes);
    let start = (offset * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded.get(start..end).unwrap_or_default().to_owned()
}

/// What is shown of a text without secrets.
fn beginning(text: &str) -> ServerText {
    let shown = without_tokens(text);
    let shown = shown.trim();
    match shown.char_indices().nth(SHOWN_LENGTH) {
        Some((end, _)) => ServerText(format!("{}…", &shown[..end])),
        None => ServerText(shown.to_owned()),
    }
}

fn is_token_char(c: char) -> bool {
    is_b64token_char(c) || c == '='
}

fn without_tokens(text: &str) -> String {
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
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::*;

    fn redactor(secret: &str) -> Redactor {
        Redactor::new(&ClientSecret::new(secret.into()))
    }

    fn show(secret: &str, text: &str) -> String {
        redactor(secret).show(text).to_string()
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

    /// What encoders make of a secret: hardly two of them escape the same characters.
    #[test]
    fn the_secret_is_taken_out_whoever_encoded_it() {
        let odd = r#"ab<c>+d/e~f&g"h\i"#;
        for (name, secret, quoted) in [
            (
                "Python's quote",
                "s3cr3t+very/secret=42",
                "s3cr3t%2Bvery/secret%3D42",
            ),
            ("encodeURIComponent", "a!b(c)d+e f", "a!b(c)d%2Be%20f"),
            ("escape, Latin-1", "pässwört+x", "p%E4ssw%F6rt+x"),
            ("Go's JSON", odd, r#"ab\u003cc\u003e+d/e~f\u0026g\"h\\i"#),
            (
                ".NET's JSON",
                odd,
                r#"ab\u003Cc\u003E\u002Bd/e~f\u0026g\u0022h\\i"#,
            ),
            ("quote_plus", odd, "ab%3Cc%3E%2Bd%2Fe~f%26g%22h%5Ci"),
            (
                "Python's JSON",
                "pässwört\"x+1",
                r#"p\u00e4ssw\u00f6rt\"x+1"#,
            ),
            ("JSON beyond 16 bits", "pass🔑word", r"pass\ud83d\udd11word"),
            (
                "a log of nginx",
                "pä\"ss+wört",
                r"p\xC3\xA4\x22ss+w\xC3\xB6rt",
            ),
            ("HTML", odd, r"ab&lt;c&gt;+d/e~f&amp;g&quot;h\i"),
            (
                "HTML in numbers",
                "it's+\"<ü>\"",
                "it&#39;s&#x2B;&#34;&#60;&#xFC;&gt;&#x22;",
            ),
            ("HTML, a backslash left", r"c:\temp&x", r"c:\temp&amp;x"),
            ("a string in a shell", "pa$$ w'rd", r"pa\$\$\ w\'rd"),
            ("JSON in JSON", odd, r#"ab<c>+d/e~f&g\\\"h\\\\i"#),
            ("a URL in JSON in HTML", "a/b+c&d", r"a\/b%2Bc\u0026amp;d"),
            ("a URL in a URL", "a/b+c&d", "a%252Fb%252Bc%2526d"),
            ("base64 in a URL", "<<???>>~~", "PDw%2FPz8%2BPn5%2B"),
            ("base64 in JSON", "<<???>>~~", r"PDw\/Pz8+Pn5+"),
            ("base64 in a form", "<<???>>~~", "PDw/Pz8 Pn5 "),
            (
                "form in base64",
                "s3cret+&=",
                &BASE64_STANDARD_NO_PAD.encode("s3cret%2B%26%3D"),
            ),
        ] {
            assert_eq!(
                show(secret, &format!("({quoted})")),
                "([redacted])",
                "{name}"
            );
            assert!(redactor(secret).finds_secret(quoted), "{name}");
        }
    }

    #[test]
    fn what_stands_around_the_secret_stays_as_it_was_written() {
        for (text, expected) in [
            ("%41&amp;s3cr%65t\\n+x", "%41&amp;[redacted]\\n+x"),
            ("ä\\s3cret%C3", "ä\\[redacted]%C3"),
            ("s3cretS3CRET", "[redacted][redacted]"),
            ("s3cre%74s3cre%", "[redacted]s3cre%"),
        ] {
            assert_eq!(show("s3cret", text), expected);
        }
        assert_eq!(
            show("abcab", "xabcabcabx"),
            "x[redacted]x",
            "places overlap"
        );
    }

    #[test]
    fn a_long_text_is_looked_through_without_delay() {
        let start = std::time::Instant::now();
        for part in ["%2525", "\\\\\\u0026", "&amp;amp;%", "a", "%5Cu0026amp;"] {
            let text = part.repeat(64 * 1024 / part.len());
            show("aaaaaaaaaaaaaaaaaaaaaaaaaaaab", &text);
        }
        // Thousands of times as long would be quadratic.
        assert!(start.elapsed().as_secs() < 60);
    }

    #[test]
    fn of_a_text_that_was_cut_the_end_is_not_shown() {
        let secret = "s3cret-s3cret-s3cret!";
        for cut in 1..secret.len() {
            for before in [
                "A".repeat(1000),
                "A".repeat(1000) + " ",
                format!("{secret} ").repeat(10),
            ] {
                let text = format!("said {before}{}", &secret[..cut]);
                let shown = redactor(secret).show_cut(&text).to_string();
                assert!(shown.starts_with("said [redacted]"), "{shown}");
                assert!(
                    shown.ends_with("[redacted]") && !shown.contains("s3c"),
                    "{shown}"
                );
            }
        }
        for at in 0..40 {
            let text = format!("{}{secret} {}", "é ".repeat(at), "é ".repeat(40 - at));
            let shown = redactor(secret).show_cut(&text).to_string();
            assert!(!shown.contains("s3c") && !shown.contains("cret"), "{shown}");
        }
        assert_eq!(redactor(secret).show_cut("").to_string(), REDACTED);
    }

    fn cleaned(secret: &str, json: &str) -> String {
        let mut members = serde_json::from_str(json).unwrap();
        redactor(secret).clean(&mut members);
        Value::Object(members).to_string()
    }

    #[test]
    fn names_strings_and_numbers_beside_a_token_are_cleaned() {
        for (secret, json, expected) in [
            (
                "1234567890123456",
                r#"{"z":1.50,"k1234567890123456":"v","num":1234567890123456,"n":-12345678901234560.5,"a":true}"#,
                r#"{"z":1.50,"k[redacted]":"v","num":"[redacted]","n":"-[redacted]0.5","a":true}"#,
            ),
            (
                "s3cret",
                r#"{"a":[{"s3cret":{"xS3%63ret":["s3cret",null]}}],"b":"s3cre"}"#,
                r#"{"a":[{"[redacted]":{"x[redacted]":["[redacted]",null]}}],"b":"s3cre"}"#,
            ),
            (
                "token",
                r#"{"access_token":null,"token_type":"a token","my_token":1}"#,
                r#"{"access_token":null,"token_type":"a [redacted]","my_[redacted]":1}"#,
            ),
        ] {
            assert_eq!(cleaned(secret, json), expected);
        }
    }

    #[test]
    fn what_could_be_a_token_is_taken_out_of_what_is_shown_without_a_secret_too() {
        let long = "a".repeat(40);
        let mut value = serde_json::json!({ "a": ["b c", long.as_str(), 7], "n": long.as_str() });
        Redactor::default().clean_for_show(&mut value);
        let expected = serde_json::json!({ "a": ["b c", REDACTED, 7], "n": REDACTED });
        assert_eq!(value, expected);
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

    /// Its base64 would be one letter, or two, and those are everywhere.
    #[test]
    fn a_secret_of_a_letter_does_not_hide_all_that_is_said() {
        let said = "invalid_client: these are not the credentials";
        assert_eq!(show("x", said), said);
        assert_eq!(show("xy", said), said);
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

    /// `text` with each character as it is or escaped, as `choices` has it, in one of three ways.
    fn escaped(text: &str, mark: u8, choices: u64) -> String {
        let escape = |c: char| match mark {
            b'%' => c
                .to_string()
                .bytes()
                .map(|byte| format!("%{byte:02X}"))
                .collect(),
            b'\\' => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect(),
            _ => format!("&#x{:x};", u32::from(c)),
        };
        let all = text.chars().enumerate();
        all.map(
            |(n, c)| match choices >> (n % 64) & 1 == 1 || c == char::from(mark) {
                true => escape(c),
                false => c.to_string(),
            },
        )
        .collect()
    }

    proptest::proptest! {
        #[test]
        fn no_form_of_the_secret_is_shown(
            secret in "\\PC{8,30}", before in "\\PC{0,60}", after in "\\PC{0,60}", shift in 0_usize..3,
            layers in proptest::collection::vec((0..3_usize, proptest::prelude::any::<u64>()), 0..=LAYERS),
        ) {
            let shifted = [&[b':'; 2][..shift], secret.as_bytes(), before.as_bytes()].concat();
            for form in [
                secret.clone(),
                BASE64_STANDARD_NO_PAD.encode(&shifted),
                BASE64_URL_SAFE_NO_PAD.encode(&shifted),
            ] {
                let quoted = layers.iter().fold(form, |text, (mark, choices)| escaped(&text, MARKS[*mark], *choices));
                // The space, so that what stands before it is no part of an escape.
                for text in [format!("{before} {quoted}{after}"), format!("{before} {quoted}{quoted}{after}")] {
                    let redacted = redactor(&secret).without_secret(&text, text.len()).into_owned();
                    assert!(redacted.contains(REDACTED), "{redacted:?} of {text:?}");
                    let shown = redactor(&secret).show(&text).to_string();
                    let rest = shown.replace(REDACTED, "\n");
                    assert!(!redactor(&secret).finds_secret(&rest), "{shown:?} of {text:?}");
                    assert!(shown.chars().count() <= SHOWN_LENGTH + 1);
                }
            }
        }

        #[test]
        fn what_is_not_the_secret_is_shown_as_it_is(text in "[a-z ]{0,30}") {
            assert_eq!(show("S3CRET-of-ours", &text), text.trim());
        }
    }
}
