//! Text from a server or proxy, made safe to show: without the client secret, without anything as long as a token, and
//! without anything that a terminal or a CI log obeys. Pure.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::mem;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
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

/// The most letters and digits that stand for one escaped byte; `\u005cu002b` has ten.
const ESCAPE_CHARS: usize = 10;

/// The members of a JSON body that are meant for people; `Error` is the vendor's, and names are compared without case.
const FOR_PEOPLE: [&str; 5] = ["error", "error_description", "message", "title", "detail"];

/// What an object below one of these has besides.
const FOR_PEOPLE_BELOW: [&str; 2] = ["code", "description"];

/// Members of a token response (RFC 6749 §5.1) that keep their names.
const TOKEN_MEMBERS: [&str; 5] = [
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "scope",
];

/// Text from a server that may be shown and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerText(String);

impl fmt::Display for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Finds the client secret in text that a server sent, and hides it. The default value knows no secret.
///
/// Encoders escape punctuation in many ways, but leave letters and digits alone. So these alone are compared, without
/// case: of the text, and of the secret as it is, in base64 and as the numbers of its bytes.
#[derive(Default)]
pub struct Redactor {
    verbatim: Zeroizing<String>,
    forms: Vec<Form>,
    pieces: Vec<Zeroizing<String>>,
}

impl Redactor {
    /// Creates a redactor for `secret`. A secret of fewer than four letters and digits is found only as a whole, and
    /// one of a single character not at all: it would be found in every text.
    pub fn new(secret: &ClientSecret) -> Self {
        let secret = secret.expose();
        let is_long = secret.chars().count() >= PIECE_CHARS;
        let letters: Zeroizing<Vec<char>> =
            Zeroizing::new(letters_and_digits(secret).chars().collect());
        let pieces = letters.windows(PIECE_CHARS);
        let base64 = (0..3).map(|offset| base64_at(offset, secret.as_bytes()));
        // Numeric escapes and dumps, with anything between the bytes: `\u0061`, `&#97;`, `61:62`.
        let hex = secret.bytes().map(|byte| format!("{byte:02x} ")).collect();
        let decimal = secret.bytes().map(|byte| format!("{byte} ")).collect();
        let octal = secret.bytes().map(|byte| format!("{byte:03o} ")).collect();
        let encoded = base64.chain([hex, decimal, octal]);
        let forms = encoded
            .map(|text| Form::new(&text))
            .filter(|form| is_long && form.len() >= PIECE_CHARS);
        Self {
            verbatim: Zeroizing::new(if is_long { secret } else { "" }.to_owned()),
            forms: forms
                .chain([Form::new(secret)])
                .filter(|form| form.len() > 1)
                .collect(),
            pieces: pieces
                .map(|piece| Zeroizing::new(piece.iter().collect()))
                .collect(),
        }
    }

    /// The beginning of `text`; none of it if it quotes the secret.
    pub fn show(&self, text: &str) -> ServerText {
        self.show_runs(text, is_b64token_char)
    }

    /// The same for a URL, a host name or a media type, whose parts are short where the whole is long.
    pub fn show_parts(&self, text: &str) -> ServerText {
        self.show_runs(text, |c| is_b64token_char(c) && !matches!(c, '.' | '/'))
    }

    /// The members of a JSON object that are meant for people, or else the names of all: any other value may be a token.
    pub fn show_members(&self, members: &Map<String, Value>) -> ServerText {
        let mut texts = Vec::new();
        collect_for_people(members, &FOR_PEOPLE, &mut texts);
        if texts.is_empty() {
            let names: Vec<_> = members.keys().map(String::as_str).collect();
            return self.show(&format!("members: {}", names.join(", ")));
        }
        self.show(&texts.join(", "))
    }

    /// Whether `text` has the whole secret in it, escaped or encoded.
    pub fn quotes_secret(&self, text: &str) -> bool {
        let is_verbatim = !self.verbatim.is_empty() && text.contains(self.verbatim.as_str());
        let letters = letters_and_digits(text);
        is_verbatim || self.forms.iter().any(|form| form.is_in(letters.as_bytes()))
    }

    /// Replaces names and values that quote the secret in what a server sent beside a token, which is stored and printed.
    pub fn clean(&self, members: &mut Map<String, Value>) {
        rewrite_members(members, &|text| {
            self.quotes_secret(text).then(|| REDACTED.to_owned())
        });
    }

    /// The same for a claim that is shown, where a long run is replaced too.
    pub fn clean_for_show(&self, value: &mut Value) {
        rewrite(value, &|text| {
            let shown = match self.quotes_secret(text) {
                true => REDACTED.to_owned(),
                false => without_runs(text, IDENTIFIER_CHARS, is_b64token_char),
            };
            (shown != text).then_some(shown)
        });
    }

    fn show_runs(&self, text: &str, is_run: impl Fn(char) -> bool + Copy) -> ServerText {
        let not_shown = || ServerText(NOT_SHOWN.to_owned());
        if self.quotes_secret(text) {
            return not_shown();
        }
        let text = text.trim();
        let end = text.char_indices().nth(SHOWN_CHARS).map(|(end, _)| end);
        // To the end of a run, so that its length is known.
        let whole_runs = end.map_or(text, |end| {
            let run = text[end..].find(|c| !is_run(c));
            run.map_or(text, |run| &text[..end + run])
        });
        let shown = without_runs(whole_runs, TOKEN_CHARS, is_run);
        let shown: String = shown.chars().take(SHOWN_CHARS).collect();
        let letters = letters_and_digits(&shown);
        if self
            .pieces
            .iter()
            .any(|piece| letters.contains(piece.as_str()))
        {
            return not_shown();
        }
        let more = if end.is_some() { "…" } else { "" };
        ServerText(escaped(&shown).into_owned() + more)
    }
}

/// A form of the secret: runs of letters and digits, in lower case, and how far apart they may be where what is
/// between them was escaped.
struct Form(Vec<Run>);

struct Run {
    text: Zeroizing<String>,
    /// Letters and digits since the end of the run before.
    longest_gap: usize,
}

impl Form {
    fn new(text: &str) -> Self {
        let is_short = text.chars().filter(char::is_ascii_alphanumeric).count() < PIECE_CHARS;
        let mut runs: Vec<Run> = Vec::new();
        let mut bytes_between = 0;
        for c in text.chars() {
            if !c.is_ascii_alphanumeric() {
                bytes_between += c.len_utf8();
                continue;
            }
            // In order as well as in one run, a few letters are in many texts.
            if runs.is_empty() || (bytes_between > 0 && !is_short) {
                runs.push(Run {
                    text: Zeroizing::new(String::with_capacity(text.len())),
                    longest_gap: bytes_between * ESCAPE_CHARS,
                });
            }
            bytes_between = 0;
            if let Some(run) = runs.last_mut() {
                run.text.push(c.to_ascii_lowercase());
            }
        }
        Self(runs)
    }

    fn len(&self) -> usize {
        self.0.iter().map(|run| run.text.len()).sum()
    }

    /// Whether `letters` has all the runs in their order, none too far from the one before.
    fn is_in(&self, letters: &[u8]) -> bool {
        let mut ends = vec![true; letters.len() + 1];
        for Run { text, longest_gap } in &self.0 {
            if !ends.contains(&true) {
                return false;
            }
            let mut next_ends = vec![false; ends.len()];
            let mut latest_end = None;
            for (at, is_end) in ends.into_iter().enumerate() {
                latest_end = if is_end { Some(at) } else { latest_end };
                if latest_end.is_some_and(|end| at - end <= *longest_gap)
                    && letters[at..].starts_with(text.as_bytes())
                {
                    next_ends[at + text.len()] = true;
                }
            }
            ends = next_ends;
        }
        ends.contains(&true)
    }
}

fn letters_and_digits(text: &str) -> Zeroizing<String> {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    Zeroizing::new(letters.map(|c| c.to_ascii_lowercase()).collect())
}

/// The part of the base64 of `bytes` that does not depend on what is encoded around them: in a Basic header they come
/// after `id:`, `offset` bytes (modulo 3) from the start.
fn base64_at(offset: usize, bytes: &[u8]) -> String {
    let bytes = Zeroizing::new([&[0; 2][..offset], bytes].concat());
    let encoded = Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(&*bytes));
    let (start, end) = ((offset * 8).div_ceil(6), bytes.len() * 8 / 6);
    encoded.get(start..end).unwrap_or_default().to_owned()
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

fn without_runs(text: &str, longest: usize, is_run: impl Fn(char) -> bool) -> String {
    let parts = text.split_inclusive(|c| !is_run(c));
    let shown = parts.map(|part| {
        let run = part.find(|c| !is_run(c)).unwrap_or(part.len());
        match run < longest {
            true => part.into(),
            false => format!("{REDACTED}{}", &part[run..]).into(),
        }
    });
    shown.collect::<Vec<Cow<str>>>().concat()
}

/// Puts what `replacement` returns in the place of names, strings and numbers.
fn rewrite_members(
    members: &mut Map<String, Value>,
    replacement: &impl Fn(&str) -> Option<String>,
) {
    let new_name = |name: &str| replacement(name).filter(|_| !TOKEN_MEMBERS.contains(&name));
    if members.keys().any(|name| new_name(name).is_some()) {
        let old = mem::take(members).into_iter();
        *members = old
            .map(|(name, value)| (new_name(&name).unwrap_or(name), value))
            .collect();
    }
    members
        .values_mut()
        .for_each(|value| rewrite(value, replacement));
}

fn rewrite(value: &mut Value, replacement: &impl Fn(&str) -> Option<String>) {
    let text = match value {
        Value::String(text) => replacement(text),
        Value::Number(number) => replacement(&number.to_string()),
        Value::Array(values) => {
            return values
                .iter_mut()
                .for_each(|value| rewrite(value, replacement));
        }
        Value::Object(members) => return rewrite_members(members, replacement),
        Value::Null | Value::Bool(_) => None,
    };
    if let Some(text) = text {
        *value = Value::String(text);
    }
}

/// `text` with every character escaped that moves the cursor, ends the line, or reorders or hides what is read, and with
/// `##` broken up: Azure Pipelines and TeamCity obey commands such as `##vso[…]` in the middle of a line.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) && !text.contains("##") {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_invisible(c) {
            shown.extend(c.escape_default());
        } else {
            if c == '#' && shown.ends_with('#') {
                shown.push(' ');
            }
            shown.push(c);
        }
    }
    shown.into()
}

/// The same for JSON text, whose meaning stays (RFC 8259 §7).
pub fn escaped_json(json: String) -> String {
    if !json.contains(is_invisible) && !json.contains("##") {
        return json;
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_invisible(c) || (c == '#' && shown.ends_with('#')) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
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
