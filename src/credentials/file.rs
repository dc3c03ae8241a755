//! The client secret from a file or standard input, and the text encodings that such input comes in.

use std::io::{self, IsTerminal as _};

use zeroize::Zeroize as _;

use super::SecretSource;
use crate::input::{self, Bytes};
use crate::problem::Problem;
use crate::secret::ClientSecret;
use crate::time::Deadline;

/// Longer than any client secret; a device or the wrong file may be longer.
pub const SIZE_LIMIT: usize = 64 * 1024;

const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";
const UTF16_LE_BOM: &[u8] = b"\xFF\xFE";
const UTF16_BE_BOM: &[u8] = b"\xFE\xFF";

/// Reads the client secret from standard input, up to its end.
///
/// # Errors
/// If standard input is a terminal, which would show the secret, or as for [`parse`].
pub fn read_stdin(source: &SecretSource, deadline: Deadline) -> Result<ClientSecret, Problem> {
    if io::stdin().is_terminal() {
        return Err(Problem::new(
            "standard input is a terminal, which would show the client secret as it is typed",
            "leave out --client-secret-file to be prompted without echo",
        ));
    }
    parse(input::read_stdin(SIZE_LIMIT, deadline), source)
}

/// The client secret in the content of a file, which `source` describes.
///
/// # Errors
/// If the file could not be read, or is not text.
pub fn parse(content: io::Result<Bytes>, source: &SecretSource) -> Result<ClientSecret, Problem> {
    let text = content.map_err(|error| error.to_string());
    let text = text.and_then(|bytes| decode(&bytes).map_err(str::to_owned));
    text.map(ClientSecret::new).map_err(|why| {
        Problem::new(
            format!("cannot read the client secret from {source}: {why}"),
            "name a readable file that contains only the client secret",
        )
    })
}

/// Decodes UTF-8 with or without a byte order mark, and UTF-16 with one, which Windows PowerShell's `>` writes.
///
/// # Errors
/// If `bytes` are not text.
pub fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    if let Some(bytes) = bytes.strip_prefix(UTF16_LE_BOM) {
        return decode_utf16(bytes, u16::from_le_bytes);
    }
    if let Some(bytes) = bytes.strip_prefix(UTF16_BE_BOM) {
        return decode_utf16(bytes, u16::from_be_bytes);
    }
    let bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err("it is not UTF-8 text"),
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, &'static str> {
    let (pairs, rest) = bytes.as_chunks();
    let mut units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    let text = String::from_utf16(&units);
    units.zeroize();
    match text {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err("it is not UTF-16 text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_by_its_byte_order_mark() {
        for (bytes, expected) in [
            (&b"secret"[..], Ok("secret")),
            (b"\xEF\xBB\xBFsecret\r\n", Ok("secret\r\n")),
            (b"\xFF\xFEs\0\xE9\0", Ok("sé")),
            (b"\xFE\xFF\0s\0\xE9", Ok("sé")),
            (b"\xFF\xFE\x3D\xD8\x11\xDD", Ok("\u{1F511}")),
            (b"", Ok("")),
            (b"\xEF\xBB\xBF", Ok("")),
            (b"\xFF\xFE", Ok("")),
            // Only the first mark is one.
            (b"\xEF\xBB\xBF\xEF\xBB\xBFs", Ok("\u{FEFF}s")),
            (b"\xFF\xFEs", Err("it is not UTF-16 text")),
            (b"\xFF\xFE\x3D\xD8", Err("it is not UTF-16 text")),
            (b"secret\xFF", Err("it is not UTF-8 text")),
        ] {
            assert_eq!(decode(bytes), expected.map(str::to_owned), "{bytes:?}");
        }
    }
}
