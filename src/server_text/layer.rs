//! A text as bytes that know where in it they came from, and the same without one kind of escapes. Encoders differ in
//! what they escape and how, so the secret is not encoded as each of them would: the text is decoded.

use std::iter;
use std::ops::Range;

/// What escapes begin with: `%2B`; `\u002b`, `\x2b` and `\"`; `&#x2B;` and `&quot;`.
pub const MARKS: [u8; 3] = [b'%', b'\\', b'&'];

/// The longest entity that is looked for: `&#x10FFFF;`.
const ENTITY_LENGTH: usize = 10;

/// Folded bytes, each with where the character of the text began that it came from; and where the text ends.
pub struct Layer {
    bytes: Vec<u8>,
    origins: Vec<usize>,
}

impl Layer {
    /// The text as it is.
    pub fn new(text: &str) -> Self {
        let origins = text
            .char_indices()
            .flat_map(|(at, c)| iter::repeat_n(at, c.len_utf8()));
        Self {
            bytes: folded(text.as_bytes()),
            origins: origins.chain([text.len()]).collect(),
        }
    }

    /// The same without the escapes that begin with `mark`; `None` if it has none.
    pub fn unescaped(&self, mark: u8) -> Option<Self> {
        if !self.bytes.contains(&mark) {
            return None;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut origins = Vec::with_capacity(self.origins.len());
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            let escape = (*byte == mark).then(|| unescape(&self.bytes[at..], &mut bytes));
            let length = escape.flatten().unwrap_or_else(|| {
                bytes.push(*byte);
                1
            });
            origins.resize(bytes.len(), self.origins[at]);
            at += length;
        }
        origins.extend(self.origins.last());
        // Every escape is longer than what it stands for.
        (bytes.len() < self.bytes.len()).then_some(Self { bytes, origins })
    }

    /// The places in the text that stand for `form`, which is folded and not empty; they may overlap.
    pub fn places(&self, form: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let matches = self.bytes.windows(form.len()).enumerate();
        matches
            .filter(move |(_, window)| *window == form)
            .map(move |(at, _)| {
                let last = self.origins[at + form.len() - 1];
                // One character can be several bytes.
                let after = &self.origins[at + form.len()..];
                let end = after.iter().find(|origin| **origin > last);
                self.origins[at]..*end.unwrap_or(&last)
            })
    }
}

/// Letters of either case, a space and the plus that means one in a form, and the two alphabets of base64 are the same
/// here: to find more than the secret does no harm.
pub fn folded(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().map(fold).collect()
}

fn fold(byte: u8) -> u8 {
    match byte {
        b' ' | b'-' => b'+',
        b'_' => b'/',
        _ => byte.to_ascii_lowercase(),
    }
}

/// Adds to `bytes` what the escape stands for with which folded `text` begins; its length.
fn unescape(text: &[u8], bytes: &mut Vec<u8>) -> Option<usize> {
    if let [b'%', digits @ ..] | [b'\\', b'x', digits @ ..] = text
        && let Some(byte) = digits.get(..2).and_then(|digits| number(digits, 16))
    {
        bytes.push(fold(u8::try_from(byte).ok()?));
        return Some(text.len() - digits.len() + 2);
    }
    let (c, length) = match text {
        [b'%' | b'\\', b'u', ..] => utf16(text)?,
        [b'\\', b'b', ..] => ('\u{8}', 2),
        [b'\\', b'f', ..] => ('\u{c}', 2),
        [b'\\', b't', ..] => ('\t', 2),
        [b'\\', c, ..] if c.is_ascii_punctuation() => (char::from(*c), 2),
        [b'&', ..] => entity(text)?,
        _ => return None,
    };
    bytes.extend(c.encode_utf8(&mut [0; 4]).bytes().map(fold));
    Some(length)
}

/// `\uXXXX`, or two of them for what lies beyond 16 bits (RFC 8259 §7).
fn utf16(text: &[u8]) -> Option<(char, usize)> {
    let (mark, _) = text.split_at_checked(2)?;
    let unit = |n: usize| {
        let digits = text.get(6 * n..6 * n + 6)?.strip_prefix(mark)?;
        u16::try_from(number(digits, 16)?).ok()
    };
    let c = char::decode_utf16((0..2).map_while(unit)).next()?.ok()?;
    Some((c, 6 * c.len_utf16()))
}

/// The entities that those write who escape what has a meaning in HTML, and all in numbers.
fn entity(text: &[u8]) -> Option<(char, usize)> {
    let end = text
        .iter()
        .take(ENTITY_LENGTH)
        .position(|byte| *byte == b';')?;
    let c = match &text[1..end] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x', digits @ ..] => char::from_u32(number(digits, 16)?)?,
        [b'#', digits @ ..] => char::from_u32(number(digits, 10)?)?,
        _ => return None,
    };
    Some((c, end + 1))
}

/// A handful of digits.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        Some(number * radix + char::from(*digit).to_digit(radix)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(text: &str, mark: u8) -> Option<String> {
        let layer = Layer::new(text).unescaped(mark)?;
        Some(String::from_utf8_lossy(&layer.bytes).into_owned())
    }

    #[test]
    fn escapes_stand_for_what_they_stand_for() {
        for (text, expected) in [
            ("%2B%2fx%c3%A4", "+/xä"),
            ("%u00e4%ud83d%uDE00", "ä😀"),
            (r"\u002b\u00E4\uD83d\ude00", "+ä😀"),
            (r"\x3c\xC3\xa4", "<ä"),
            (r#"\"\\\/\'\t\b\f"#, "\"\\/'\t\u{8}\u{c}"),
            ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"),
            ("&#39;&#x27;&#X1F600;&#0000228;", "''😀ä"),
            ("%2525", "%25"),
            ("&amp;lt;", "&lt;"),
        ] {
            let mark = text.as_bytes()[0];
            assert_eq!(unescaped(text, mark).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [
            "",
            "%",
            "%2",
            "%g0",
            "%+1",
            "%u12",
            "\\",
            "\\x",
            "\\xg0",
            "\\u12g4",
            "\\ud83d",
            "\\q",
            "\\ud83dx\\ude00",
            "\\ude00",
            "&",
            "&;x",
            "&nbsp;",
            "&lt",
            "&#xd800;",
            "&#12a;",
            "&#x110000;",
            "&#9999999;",
            "&#x0000027;",
        ] {
            for mark in MARKS {
                assert_eq!(unescaped(text, mark), None, "{text}");
            }
        }
    }

    #[test]
    fn a_place_is_the_whole_of_what_was_written() {
        for (text, form, expected) in [
            ("%41&b%61", "a", &["%41", "%61"] as &[_]),
            (r"\u00e4éä", "ä", &[r"\u00e4", "ä"]),
            (r"\ud83d\ude00é", "😀", &[r"\ud83d\ude00"]),
            ("&lt;aaa", "aa", &["aa", "aa"]),
            ("%20 ", "ab", &[]),
        ] {
            let layer = Layer::new(text).unescaped(text.as_bytes()[0]).unwrap();
            let places = layer.places(form.as_bytes());
            let written: Vec<_> = places.map(|place| &text[place]).collect();
            assert_eq!(written, expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn places_are_parts_of_the_text(text in "([%\\\\&][ux#]?[0-9a-f;]{0,6}|\\PC){0,40}", form: [u8; 1]) {
            let layer = Layer::new(&text);
            let decoded = MARKS.iter().filter_map(|mark| layer.unescaped(*mark)).collect::<Vec<_>>();
            for layer in decoded.iter().chain([&layer]) {
                for place in layer.places(&form) {
                    assert!(!text[place].is_empty());
                }
            }
        }
    }
}
