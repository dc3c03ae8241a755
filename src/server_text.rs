//! Text chosen by a server, made fit to be shown: what could be a secret is taken out of it here,
//! at its birth; what could deceive a terminal is escaped by `report`, at the very end.

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
    pub fn quotes_secret(&self, text: &str) -> bool {
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
mod tests;
