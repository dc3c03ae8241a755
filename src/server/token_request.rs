//! Reads a token request off the wire: the client's credentials (RFC 6749 §2.3.1) or a caller's key, and the parameters
//! to forward. Nothing is altered: what cannot be forwarded as it was sent is an error.

use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use percent_encoding::percent_decode_str;
use tokio::time;
use zeroize::Zeroizing;

use super::listener::{CLIENT_TIMEOUT, MAX_BODY};
use super::response::ErrorObject;
use crate::oauth::{ClientCredentials, ClientId};
use crate::secret::ClientSecret;

/// A well-formed request for the client credentials grant.
#[derive(Debug)]
pub struct IncomingRequest {
    /// How the caller authenticates.
    pub authentication: Authentication,
    /// All other parameters, in order and encoded as they were sent.
    pub parameters: String,
}

/// How a caller authenticates.
#[derive(Debug)]
pub enum Authentication {
    /// With its own credentials, from the form or from HTTP Basic.
    Credentials(ClientCredentials),
    /// With `Authorization: Bearer KEY` (RFC 6750 §2.1) and no credentials.
    Key(String),
}

impl<S: Sync> FromRequest<S> for IncomingRequest {
    type Rejection = ErrorObject;

    async fn from_request(request: Request, _: &S) -> Result<Self, ErrorObject> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect();
        let status = match time::timeout(CLIENT_TIMEOUT, body).await {
            Ok(Ok(body)) => return read(&head.headers, &body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => StatusCode::PAYLOAD_TOO_LARGE,
            Ok(Err(_)) => StatusCode::BAD_REQUEST,
            Err(_) => StatusCode::REQUEST_TIMEOUT,
        };
        let why = status.canonical_reason().unwrap_or_default();
        Err(ErrorObject::new(status, why))
    }
}

/// Reads a token request.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<IncomingRequest, ErrorObject> {
    let authorization = single(headers, AUTHORIZATION)?;
    let content_type = single(headers, CONTENT_TYPE)?;
    if !content_type.is_some_and(is_form) && !body.is_empty() {
        return invalid_request("the body is not application/x-www-form-urlencoded");
    }
    let ([grant, id, secret], parameters) = parse(body)?;
    let authentication = match (authorization, id, secret) {
        (None, Some(id), Some(secret)) => Authentication::credentials(id, secret),
        (None, ..) => return Err(invalid_client()),
        (Some(_), _, Some(_)) => return invalid_request(TWO_WAYS),
        (Some(value), id, None) => match (authentication(value)?, id) {
            (Authentication::Credentials(basic), Some(id)) if basic.id.0 != id => {
                return invalid_request(TWO_WAYS);
            }
            (Authentication::Key(_), Some(_)) => return invalid_request(TWO_WAYS),
            (authentication, _) => authentication,
        },
    };
    match (grant.as_deref(), &authentication) {
        (Some("client_credentials"), _) | (None, Authentication::Key(_)) => Ok(IncomingRequest {
            authentication,
            parameters,
        }),
        (None, _) => invalid_request("grant_type is missing"),
        (Some(_), _) => {
            let why = "the only grant type here is client_credentials";
            let mut error = ErrorObject::new(StatusCode::BAD_REQUEST, why);
            error.code = "unsupported_grant_type".into();
            Err(error)
        }
    }
}

const NOT_UTF_8: &str = "a parameter is not UTF-8";
const TWO_WAYS: &str = "the client authenticates in two ways";

fn invalid_request<T>(why: &'static str) -> Result<T, ErrorObject> {
    Err(ErrorObject::new(StatusCode::BAD_REQUEST, why))
}

fn invalid_client() -> ErrorObject {
    ErrorObject::new(StatusCode::UNAUTHORIZED, "credentials are required")
}

/// Reads an Authorization header.
fn authentication(value: &str) -> Result<Authentication, ErrorObject> {
    let (scheme, rest) = value.split_once(' ').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => basic(rest.trim()),
        "bearer" => Ok(Authentication::Key(rest.trim().to_owned())),
        _ => Err(invalid_client()),
    }
}

/// The credentials of HTTP Basic, each form-urlencoded (RFC 6749 §2.3.1).
fn basic(encoded: &str) -> Result<Authentication, ErrorObject> {
    let pair = Zeroizing::new(BASE64_STANDARD.decode(encoded).unwrap_or_default());
    let Ok(pair) = str::from_utf8(&pair) else {
        return invalid_request(NOT_UTF_8);
    };
    let (id, secret) = pair.split_once(':').unwrap_or_default();
    match (decode(id)?, decode(secret)?) {
        (id, secret) if id.is_empty() || secret.is_empty() => Err(invalid_client()),
        (id, secret) => Ok(Authentication::credentials(id, secret)),
    }
}

impl Authentication {
    fn credentials(id: String, secret: String) -> Self {
        Self::Credentials(ClientCredentials {
            id: ClientId(id),
            secret: ClientSecret::exact(secret),
        })
    }
}

/// The grant type, id and secret of a form, and its other parameters as they were sent.
fn parse(body: &[u8]) -> Result<([Option<String>; 3], String), ErrorObject> {
    const OURS: [&str; 3] = ["grant_type", "client_id", "client_secret"];
    let Ok(body) = str::from_utf8(body) else {
        return invalid_request(NOT_UTF_8);
    };
    let (mut names, mut ours, mut others) = (Vec::new(), [const { None }; 3], Vec::new());
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)?;
        if names.contains(&name) {
            return invalid_request("a parameter is given more than once");
        }
        match OURS.iter().position(|ours| *ours == name) {
            // A parameter without a value counts as left out (RFC 6749 §3.2).
            Some(at) => ours[at] = Some(decode(value)?).filter(|it| !it.is_empty()),
            None => others.push(pair),
        }
        names.push(name);
    }
    Ok((ours, others.join("&")))
}

/// Decodes one form-urlencoded name or value.
fn decode(text: &str) -> Result<String, ErrorObject> {
    let text = text.replace('+', " ");
    match percent_decode_str(&text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => invalid_request(NOT_UTF_8),
    }
}

/// The one field of this name, if there is any. A value that is not text counts as empty.
fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ErrorObject> {
    let mut fields = headers.get_all(name).iter();
    match (fields.next(), fields.next()) {
        (_, Some(_)) => invalid_request("Authorization or Content-Type is given more than once"),
        (field, None) => Ok(field.map(|value| value.to_str().unwrap_or_default())),
    }
}

fn is_form(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    const GRANT: &str = "grant_type=client_credentials";

    /// Reads a request with these header fields beside a form's Content-Type: id and secret, or the key, and the
    /// parameters.
    fn read(authorization: &[&str], body: &[u8]) -> Result<(String, String, String), String> {
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_TYPE, FORM.parse().unwrap());
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        let read = super::read(&headers, body).map_err(|error| error.description.into_owned())?;
        Ok(match read.authentication {
            Authentication::Credentials(ClientCredentials { id, secret }) => {
                (id.0, secret.expose().to_owned(), read.parameters)
            }
            Authentication::Key(key) => (String::new(), key, read.parameters),
        })
    }

    fn basic(text: impl AsRef<[u8]>) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(text))
    }

    #[test]
    fn credentials_come_from_the_form_or_from_basic_and_other_parameters_stay_as_sent() {
        let basic = |text: &str| Some(basic(text));
        for (authorization, body, id, secret, parameters) in [
            (
                None,
                "client_id=a+b%2B&client_secret=%26%3D+",
                "a b+",
                "&= ",
                "",
            ),
            (
                None,
                "client_id=i&client_secret=%EF%BF%BD",
                "i",
                "\u{fffd}",
                "",
            ),
            (None, "client_id=i&client_secret=s%0A", "i", "s\n", ""),
            (None, "client_id=i&client_secret=s%0D%0A", "i", "s\r\n", ""),
            (
                None,
                "client_secret=s&b=%7e+x&client_id=i&a=&&c",
                "i",
                "s",
                "b=%7e+x&a=&c",
            ),
            (basic("i:s"), "scope=x%20y", "i", "s", "scope=x%20y"),
            (basic("a+b:%26%3D"), "client_id=a+b", "a b", "&=", ""),
            (basic("i:s:=&x"), "", "i", "s:=&x", ""),
            (basic("i:s\n"), "", "i", "s\n", ""),
            (
                basic("i:s").map(|value| value.replace("Basic", "bAsIc")),
                "",
                "i",
                "s",
                "",
            ),
            (Some("Bearer  key".to_owned()), "x=y", "", "key", "x=y"),
        ] {
            let body = format!("{GRANT}&{body}");
            let fields: Vec<_> = authorization.iter().map(String::as_str).collect();
            let expected = (id.to_owned(), secret.to_owned(), parameters.to_owned());
            assert_eq!(read(&fields, body.as_bytes()), Ok(expected), "{body}");
        }
        let key = ("".to_owned(), "key".to_owned(), "".to_owned());
        assert_eq!(read(&["Bearer key"], b""), Ok(key), "no body");
    }

    #[test]
    fn each_fault_is_told_apart() {
        const TWICE: &str = "a parameter is given more than once";
        const NO_GRANT: &str = "grant_type is missing";
        const OTHER_GRANT: &str = "the only grant type here is client_credentials";
        const NO_CLIENT: &str = "credentials are required";
        let good = "client_id=i&client_secret=s";
        let with_grant = |body: &str| format!("{GRANT}&{body}");
        for (authorization, body, fault) in [
            ("", good.to_owned(), NO_GRANT),
            ("", format!("grant_type=&{good}"), NO_GRANT),
            ("", format!("grant_type=password&{good}"), OTHER_GRANT),
            ("Bearer k", "grant_type=password".into(), OTHER_GRANT),
            ("", GRANT.into(), NO_CLIENT),
            ("", with_grant("client_id=i&client_secret="), NO_CLIENT),
            ("", String::new(), NO_CLIENT),
            ("", with_grant(&format!("{good}&{GRANT}")), TWICE),
            ("", with_grant(&format!("{good}&client_id=i")), TWICE),
            ("", with_grant(&format!("{good}&client%5Fsecret=s")), TWICE),
            ("", with_grant(&format!("{good}&scope=a&scope=b")), TWICE),
            ("", with_grant(&format!("{good}&x&x=")), TWICE),
            ("Basic aTpz", with_grant(good), TWO_WAYS),
            ("Basic aTpz", with_grant("client_id=other"), TWO_WAYS),
            ("Bearer key", with_grant(good), TWO_WAYS),
            ("Bearer key", with_grant("client_id=i"), TWO_WAYS),
            ("Digest x", with_grant(good), TWO_WAYS),
            ("Digest x", GRANT.into(), NO_CLIENT),
            ("Basic aTp", GRANT.into(), NO_CLIENT),
            ("Basic aQ==", GRANT.into(), NO_CLIENT),
            ("Basic", GRANT.into(), NO_CLIENT),
            (&basic(":s"), GRANT.into(), NO_CLIENT),
            (&basic("i:"), GRANT.into(), NO_CLIENT),
            (&basic("i:%ff"), GRANT.into(), NOT_UTF_8),
            (&basic(b"i:\xff"), GRANT.into(), NOT_UTF_8),
            ("", with_grant("client_id=i&client_secret=%fe"), NOT_UTF_8),
            ("", with_grant("client_id=%ff&client_secret=s"), NOT_UTF_8),
        ] {
            let fields = [authorization]
                .into_iter()
                .filter(|value| !value.is_empty());
            let fields: Vec<_> = fields.collect();
            let fault = Err(fault.to_owned());
            assert_eq!(read(&fields, body.as_bytes()), fault, "{fields:?} {body}");
        }
        let raw = [GRANT.as_bytes(), b"&client_id=i&client_secret=\xff"].concat();
        assert_eq!(read(&[], &raw), Err(NOT_UTF_8.to_owned()));
        assert!(read(&["Basic aTpz", "Basic aTpz"], GRANT.as_bytes()).is_err());
    }

    #[test]
    fn the_body_has_one_content_type_and_it_is_a_forms() {
        for (content_types, is_read) in [
            (&[FORM][..], true),
            (&["Application/X-WWW-Form-Urlencoded; charset=utf-8"], true),
            (&[], false),
            (&["application/json"], false),
            (&[""], false),
            (&[FORM, FORM], false),
            (&[FORM, "application/json"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in content_types {
                headers.append(CONTENT_TYPE, value.parse().unwrap());
            }
            let body = format!("{GRANT}&client_id=i&client_secret=s");
            let read = super::read(&headers, body.as_bytes());
            assert_eq!(read.is_ok(), is_read, "{content_types:?}");
        }
    }
}
