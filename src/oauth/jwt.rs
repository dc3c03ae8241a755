//! As much of a JSON Web Token (RFC 7519) as can be seen from outside. Nothing is verified: the
//! token is for the API to check, and its claims are used only to tell how long it lives.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Whether `text` has the compact form (RFC 7515 §3.1): three base64url parts, the first of them
/// a JSON object.
pub fn is_jwt(text: &str) -> bool {
    parts(text).is_some_and(|[header, _, _]| object(&header).is_some())
}

/// The claims of a JWT (RFC 7519 §4).
pub fn claims(text: &str) -> Option<Map<String, Value>> {
    let [header, payload, _] = parts(text)?;
    object(&header)?;
    object(&payload)
}

/// `exp − iat`, the lifetime that the issuer gave it (RFC 7519 §4.1.4, §4.1.6); unknown if it is not above zero.
pub fn lifetime(text: &str) -> Option<Duration> {
    let claims = claims(text)?;
    let seconds = |name: &str| claims.get(name)?.as_f64();
    let lifetime = Duration::try_from_secs_f64(seconds("exp")? - seconds("iat")?);
    lifetime.ok().filter(|lifetime| !lifetime.is_zero())
}

fn parts(text: &str) -> Option<[Vec<u8>; 3]> {
    let mut parts = text.split('.').map(|part| match part {
        "" => None,
        part => BASE64_URL_SAFE_NO_PAD.decode(part).ok(),
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(header: &str, payload: &str) -> String {
        let encode = |part: &str| BASE64_URL_SAFE_NO_PAD.encode(part);
        format!(
            "{}.{}.{}",
            encode(header),
            encode(payload),
            encode("signature")
        )
    }

    #[test]
    fn only_the_compact_form_is_a_jwt() {
        assert!(is_jwt(&jwt("{}", "{}")));
        assert!(
            is_jwt(&jwt("{}", "not json")),
            "the payload may be encrypted"
        );
        let good = jwt("{}", "{}");
        for bad in [
            "OK",
            "",
            "a.b.c",
            "..",
            &jwt("[]", "{}"),
            &format!("{good}."),
            &format!("{good}.e30"),
            &good.replace('.', ".."),
        ] {
            assert!(!is_jwt(bad), "{bad}");
        }
    }

    #[test]
    fn lifetime_is_exp_less_iat() {
        for (payload, expected) in [
            (r#"{"iat":100,"exp":3700}"#, Some(3600)),
            (r#"{"iat":100.5,"exp":101.5}"#, Some(1)),
            (r#"{"iat":100,"exp":50}"#, None),
            (r#"{"iat":100,"exp":100}"#, None),
            (r#"{"exp":3700}"#, None),
            (r#"{"iat":"100","exp":3700}"#, None),
            (r#"{"iat":0,"exp":1e300}"#, None),
            ("[]", None),
        ] {
            assert_eq!(
                lifetime(&jwt("{}", payload)),
                expected.map(Duration::from_secs),
                "{payload}"
            );
        }
    }
}
