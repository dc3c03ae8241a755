//! Text from a server or proxy, made safe to show: without the client secret, without anything as long as a token, and
//! without anything that a terminal or a CI log obeys. Pure.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::mem;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::secret::{ClientSecret, is_b64token_char};

/// Replaces what is not shown.
const REDACTED: &str = "[redacted]";

/// Replaces a text that quotes the client secret.
const NOT_SHOWN: &str = "(not shown: it quotes the client secret)";

/// At most this many characters of a text are shown.
const SHOWN_CHARS: usize = 200;

/// A run of this many b64token characters may be a token.
const TOKEN_CHARS: usize = 20;

/// The same in claims, which are meant to be identifiers: a UUID has 36 characters.
const IDENTIFIER_CHARS: usize = 40;

/// Any this many consecutive letters and digits of the secret count as a quotation of it.
const PIECE_CHARS: usize = 4;

/// The members of a JSON body that are meant for people; `Error` is the vendor's, and names are compared without case.
const FOR_PEOPLE: [&str; 5] = ["error", "error_description", "message", "title", "detail"];

/// What an object below one of these has besides.
const FOR_PEOPLE_BELOW: [&str; 2] = ["code", "description"];

/// Finds the client secret in text that a server sent, and hides it. The default value knows no secret.
///
/// Encoders escape punctuation in many ways, but leave letters and digits alone. So these alone are compared, without
/// case.
#[derive(Default)]
pub struct Redactor {
    secret: Zeroizing<String>,
    /// The runs of letters and digits in it, separated by spaces.
    runs: Zeroizing<String>,
}

impl Redactor {
    /// Creates a redactor for `secret`. A secret of fewer than four letters and digits is found only as a whole, and
    /// one of a single character not at all: it would be found in every text.
    pub fn new(secret: &ClientSecret) -> Self {
        let secret = secret.expose();
        let runs = match letters_and_digits(secret) {
            letters if letters.len() < PIECE_CHARS => letters,
            _ => Zeroizing::new(runs(secret)),
        };
        Self {
            secret: Zeroizing::new(secret.to_owned()),
            runs,
        }
    }

    /// The beginning of `text`; none of it if it quotes the secret.
    pub fn show(&self, text: &str) -> String {
        self.show_runs(text, is_b64token_char)
    }

    /// The same for a URL, a host name or a media type, whose parts are short where the whole is long.
    pub fn show_parts(&self, text: &str) -> String {
        self.show_runs(text, |c| is_b64token_char(c) && !matches!(c, '.' | '/'))
    }

    /// The members of a JSON object that are meant for people, or else the names of all: any other value may be a token.
    pub fn show_members(&self, members: &Map<String, Value>) -> String {
        let mut texts = Vec::new();
        collect_for_people(members, &FOR_PEOPLE, &mut texts);
        if texts.is_empty() {
            let names: Vec<_> = members.keys().map(String::as_str).collect();
            return self.show(&format!("members: {}", names.join(", ")));
        }
        self.show(&texts.join(", "))
    }

    /// Whether `text` has the whole secret in it: as it is, or escaped, which is its runs in their order with anything
    /// between them.
    pub fn quotes_secret(&self, text: &str) -> bool {
        let letters = letters_and_digits(text);
        let mut rest = letters.as_str();
        let mut is_next = |run| {
            let after = rest.split_once(run).map(|(_, after)| after);
            rest = after.unwrap_or_default();
            after.is_some()
        };
        self.secret.len() >= PIECE_CHARS && text.contains(self.secret.as_str())
            || self.runs.len() > 1 && self.runs.split(' ').all(&mut is_next)
    }

    /// Whether `text` has four consecutive letters and digits of the secret in it.
    fn quotes_piece(&self, text: &str) -> bool {
        let (text, secret) = (letters_and_digits(text), letters_and_digits(&self.secret));
        let mut pieces = text.as_bytes().windows(PIECE_CHARS);
        pieces.any(|piece| {
            secret
                .as_bytes()
                .windows(PIECE_CHARS)
                .any(|own| own == piece)
        })
    }

    /// Replaces names and values that quote the secret in what a server sent beside a token, which is stored and printed.
    pub fn clean(&self, members: &mut Map<String, Value>) {
        let clean = |(name, value): (String, Value)| {
            let is_named = name == "access_token" || !self.quotes_secret(&name);
            let is_kept = !self.quotes_secret(&value.to_string());
            (
                if is_named { name } else { REDACTED.to_owned() },
                if is_kept { value } else { REDACTED.into() },
            )
        };
        *members = mem::take(members).into_iter().map(clean).collect();
    }

    /// Replaces a claim that is to be shown if it quotes the secret or has a long run in it.
    pub fn clean_for_show(&self, value: &mut Value) {
        let text = value.to_string();
        let mut runs = text.split(|c| !is_b64token_char(c));
        if self.quotes_secret(&text) || runs.any(|run| run.len() >= IDENTIFIER_CHARS) {
            *value = REDACTED.into();
        }
    }

    fn show_runs(&self, text: &str, is_run: impl Fn(char) -> bool) -> String {
        let redacted = without_tokens(text.trim(), is_run);
        let shown: String = redacted.chars().take(SHOWN_CHARS).collect();
        if self.quotes_secret(text) || self.quotes_piece(&shown) {
            return NOT_SHOWN.to_owned();
        }
        let more = if shown.len() < redacted.len() {
            "…"
        } else {
            ""
        };
        escaped(&shown).into_owned() + more
    }
}

fn letters_and_digits(text: &str) -> Zeroizing<String> {
    let letters = text.chars().filter(char::is_ascii_alphanumeric);
    Zeroizing::new(letters.map(|c| c.to_ascii_lowercase()).collect())
}

fn runs(text: &str) -> String {
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    let runs: Vec<_> = runs.filter(|run| !run.is_empty()).collect();
    runs.join(" ").to_ascii_lowercase()
}

fn collect_for_people<'a>(
    members: &'a Map<String, Value>,
    names: &[&str],
    texts: &mut Vec<&'a str>,
) {
    for (name, value) in members {
        let is_for_people = |known: &&str| known.eq_ignore_ascii_case(name);
        match value {
            _ if !names.iter().any(is_for_people) => {}
            Value::String(text) if !text.trim().is_empty() => texts.push(text),
            Value::Object(below) => {
                collect_for_people(below, &[&FOR_PEOPLE[..], &FOR_PEOPLE_BELOW].concat(), texts);
            }
            _ => {}
        }
    }
}

/// `text` with each run of characters replaced that is as long as a token.
fn without_tokens(text: &str, is_run: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for part in text.split_inclusive(|c| !is_run(c)) {
        let run = part.find(|c| !is_run(c)).unwrap_or(part.len());
        match run < TOKEN_CHARS {
            true => shown.push_str(part),
            false => shown.extend([REDACTED, &part[run..]]),
        }
    }
    shown
}

/// `text` with every character escaped that moves the cursor, ends the line, or reorders or hides what is read, and with
/// `##` broken up: Azure Pipelines and TeamCity obey commands such as `##vso[…]` in the middle of a line.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |c, shown| match c {
        '#' => shown.push_str(" #"),
        c => shown.extend(c.escape_default()),
    })
}

/// The same for JSON text, whose meaning stays (RFC 8259 §7).
pub fn escaped_json(json: String) -> String {
    let escaped = escape(&json, |c, shown| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    });
    match escaped {
        Cow::Owned(escaped) => escaped,
        Cow::Borrowed(_) => json,
    }
}

fn escape(text: &str, push_escaped: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(is_invisible) && !text.contains("##") {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_invisible(c) || (c == '#' && shown.ends_with('#')) {
            true => push_escaped(c, &mut shown),
            false => shown.push(c),
        }
    }
    shown.into()
}

/// Whether `c` is a control character, a bidirectional control (UAX #9) or without width.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests;
