//! Searches output and files for secrets and tokens, in every encoding in which they could leak.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// The secrets and tokens of one environment, and the directory that is searched for them.
#[derive(Clone, Default)]
pub struct Watch {
    pub root: PathBuf,
    pub secrets: BTreeMap<String, Encodings>,
    pub tokens: BTreeMap<String, Encodings>,
    /// Files that contain a secret on purpose.
    pub exempt: BTreeSet<PathBuf>,
}

/// The names of the encodings, and the value in each.
pub type Encodings = Vec<(&'static str, String)>;

impl Watch {
    /// Adds a secret. One with control characters is searched for by its longer parts.
    pub fn add_secret(&mut self, secret: &str) {
        let parts = secret.split(|c: char| c.is_control());
        for part in parts.filter(|part| part.len() >= 6) {
            self.secrets.insert(part.to_owned(), encodings(part));
        }
    }

    pub fn add_token(&mut self, token: &str) {
        self.tokens.insert(token.to_owned(), encodings(token));
    }

    /// Fails if `bytes`, described by `place`, contain a secret.
    pub fn assert_no_secret(&self, place: &str, bytes: &[u8]) {
        assert_none(&self.secrets, "secret", place, bytes);
    }

    /// Fails if `text`, described by `place`, contains a token.
    pub fn assert_no_token(&self, place: &str, text: &str) {
        assert_none(&self.tokens, "token", place, text.as_bytes());
    }

    /// Fails if a secret is in any file below `root`, or in a file's name.
    pub fn assert_no_secret_in_files(&self) {
        let mut dirs = vec![self.root.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir).unwrap() {
                let entry = entry.unwrap();
                let path = entry.path();
                let name = path.display().to_string();
                self.assert_no_secret("a file's name", name.as_bytes());
                // Links are not followed, and a FIFO is not opened.
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    dirs.push(path);
                } else if kind.is_file() && !self.exempt.contains(&path) {
                    self.assert_no_secret(&name, &read_if_exists(&path));
                }
            }
        }
    }
}

/// Returns nothing if the program has just removed the file.
fn read_if_exists(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

fn assert_none(values: &BTreeMap<String, Encodings>, kind: &str, place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for (value, encodings) in values {
        for (encoding, encoded) in encodings {
            assert!(
                !text.contains(encoded),
                "the {kind} {value:?} is in {place}, {encoding}:\n{text}"
            );
        }
    }
}

fn encodings(secret: &str) -> Encodings {
    let bytes = secret.as_bytes();
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let form: String = form_urlencoded::byte_serialize(bytes).collect();
    let percent_encoded = percent_encode(bytes, "");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimals: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let mut found = vec![
        ("raw", secret.to_owned()),
        ("JSON-escaped", json.clone()),
        ("JSON-escaped with \\/", json.replace('/', "\\/")),
        ("form-encoded", form.clone()),
        ("form-encoded with %20", form.replace('+', "%20")),
        ("percent-encoded", percent_encode(bytes, "-._~")),
        ("percent-encoded in full", percent_encoded.clone()),
        (
            "percent-encoded in lower case",
            lower_escapes(&percent_encoded),
        ),
        (
            "as encodeURIComponent does",
            percent_encode(bytes, "-_.!~*'()"),
        ),
        ("JSON-escaped in ASCII", ascii_json(secret)),
        ("hex in capitals", hex.to_uppercase()),
        ("hex", hex),
        ("as a list of bytes", decimals.join(", ")),
    ];
    for shift in 0..3 {
        let core = base64_core(bytes, shift);
        found.push(("base64 for URLs", core.replace('+', "-").replace('/', "_")));
        found.push(("base64", core));
    }
    found
}

/// The output of an encoder that escapes what is special in HTML or not ASCII.
fn ascii_json(text: &str) -> String {
    let escape = |unit: u16| match u8::try_from(unit).map(char::from) {
        Ok(c) if c.is_ascii_alphanumeric() || " !#$%()*,-./:;=?@[]^_`{|}~".contains(c) => {
            c.to_string()
        }
        _ => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(escape).collect()
}

fn percent_encode(bytes: &[u8], unescaped: &str) -> String {
    let encode = |&byte: &u8| match char::from(byte) {
        c if c.is_ascii_alphanumeric() || unescaped.contains(c) => c.to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(encode).collect()
}

fn lower_escapes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at(2);
        text + "%" + &digits.to_lowercase() + rest
    })
}

/// The base64 characters that depend on `bytes` alone when `shift` other bytes precede them, as in `id:secret`.
fn base64_core(bytes: &[u8], shift: usize) -> String {
    let mut shifted = vec![0; shift];
    shifted.extend(bytes);
    let encoded = STANDARD.encode(&shifted);
    encoded[(shift * 8).div_ceil(6)..shifted.len() * 8 / 6].to_owned()
}

#[test]
fn every_encoding_is_found() {
    let mut watch = Watch::default();
    watch.add_secret(super::SECRET);
    let leaks = [
        super::SECRET.to_owned(),
        STANDARD.encode(super::SECRET),
        URL_SAFE.encode(format!("id:{}", super::SECRET)),
        STANDARD.encode(format!("{{\"secret\":\"{}\"}}", super::SECRET)),
        serde_json::to_string(super::SECRET).unwrap(),
        "s3%2Bcr%2Ft%26+%3D%25%22%27%5Cpw%7EZq9".to_owned(),
        "s3%2bcr%2ft%26%20%3d%25%22%27%5cpw%7eZq9".to_owned(),
        "s3\\u002bcr/t\\u0026 =%\\u0022\\u0027\\u005cpw~Zq9".to_owned(),
        "73332b63722f7426203d2522275c70777e5a7139".to_owned(),
        "73332B63722F7426203D2522275C70777E5A7139".to_owned(),
    ];
    for leak in leaks {
        let text = format!("before {leak} after");
        let caught = std::panic::catch_unwind(|| watch.assert_no_secret("a test", text.as_bytes()));
        assert!(caught.is_err(), "not found: {text}");
    }
    watch.assert_no_secret("a test", b"an innocent text");
}
