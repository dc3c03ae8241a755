//! Reads a token request off the wire: the client's credentials (RFC 6749 §2.3.1) or a caller's key, and the parameters
//! to forward. Nothing is altered: what cannot be forwarded as it was sent is an error. Pure.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::Request;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use super::response::{self, Response};
use crate::oauth::{ClientCredentials, ClientId};
use crate::secret::ClientSecret;

const CLIENT_CREDENTIALS: &str = "client_credentials";
const FORM: &str = "application/x-www-form-urlencoded";

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
    Key(HeaderValue),
}

/// What is wrong with a request, in the terms of RFC 6749 §5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `invalid_request`, and why.
    InvalidRequest(&'static str),
    /// `unsupported_grant_type`
    UnsupportedGrantType,
    /// `invalid_client`: no credentials, or none that can be read.
    InvalidClient,
}

const NOT_UTF_8: Fault = Fault::InvalidRequest("a parameter is not UTF-8");
const TWO_WAYS: Fault = Fault::InvalidRequest("the client authenticates in two ways");

/// Reads a token request.
///
/// # Errors
/// As [`Fault`] lists.
pub fn read(request: &Request<Bytes>) -> Result<IncomingRequest, Fault> {
    let authorization = single(request, AUTHORIZATION, "more than one Authorization header")?;
    let content_type = single(request, CONTENT_TYPE, "more than one Content-Type header")?;
    if !content_type.is_some_and(is_form) && !request.body().is_empty() {
        return Err(Fault::InvalidRequest(
            "the body is not application/x-www-form-urlencoded",
        ));
    }
    let form = Form::parse(request.body())?;
    let authentication = match (authorization, form.id, form.secret) {
        (None, Some(id), Some(secret)) => Authentication::Credentials(ClientCredentials {
            id: ClientId(id),
            secret,
        }),
        (None, ..) => return Err(Fault::InvalidClient),
        (Some(_), _, Some(_)) => return Err(TWO_WAYS),
        (Some(value), id, None) => match (Authentication::read(value)?, id) {
            (Authentication::Credentials(basic), Some(id)) if basic.id.0 != id => {
                return Err(TWO_WAYS);
            }
            (Authentication::Key(_), Some(_)) => return Err(TWO_WAYS),
            (authentication, _) => authentication,
        },
    };
    match (form.grant.as_deref(), &authentication) {
        (Some(CLIENT_CREDENTIALS), _) | (None, Authentication::Key(_)) => Ok(IncomingRequest {
            authentication,
            parameters: form.parameters,
        }),
        (Some(_), _) => Err(Fault::UnsupportedGrantType),
        (None, _) => Err(Fault::InvalidRequest("grant_type is missing")),
    }
}

impl Authentication {
    /// Reads an Authorization header.
    fn read(value: &HeaderValue) -> Result<Self, Fault> {
        let text = value.to_str().map_err(|_| Fault::InvalidClient)?;
        let (scheme, rest) = text.split_once(' ').ok_or(Fault::InvalidClient)?;
        if scheme.eq_ignore_ascii_case("basic") {
            Ok(Self::Credentials(basic(rest.trim())?))
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let key = HeaderValue::from_str(rest.trim());
            Ok(Self::Key(key.map_err(|_| Fault::InvalidClient)?))
        } else {
            Err(Fault::InvalidClient)
        }
    }
}

/// The credentials of HTTP Basic, each form-urlencoded (RFC 6749 §2.3.1).
fn basic(encoded: &str) -> Result<ClientCredentials, Fault> {
    let decoded = BASE64_STANDARD.decode(encoded);
    let pair = Zeroizing::new(decoded.map_err(|_| Fault::InvalidClient)?);
    let colon = pair.iter().position(|byte| *byte == b':');
    let (id, secret) = pair.split_at(colon.ok_or(Fault::InvalidClient)?);
    let (id, secret) = (decode(id)?, decode(&secret[1..])?);
    if id.is_empty() || secret.is_empty() {
        return Err(Fault::InvalidClient);
    }
    Ok(ClientCredentials {
        id: ClientId(id),
        secret: ClientSecret::exact(secret),
    })
}

/// The parameters of a form.
#[derive(Default)]
struct Form {
    grant: Option<String>,
    id: Option<String>,
    secret: Option<ClientSecret>,
    /// The others, as they were sent.
    parameters: String,
}

impl Form {
    fn parse(body: &[u8]) -> Result<Self, Fault> {
        let body = std::str::from_utf8(body).map_err(|_| NOT_UTF_8)?;
        let mut form = Self::default();
        let mut names = Vec::new();
        for pair in body.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name.as_bytes())?;
            if names.contains(&name) {
                return Err(Fault::InvalidRequest("a parameter is given more than once"));
            }
            // A parameter without a value counts as left out (RFC 6749 §3.2).
            let value = || Ok(Some(decode(value.as_bytes())?).filter(|value| !value.is_empty()));
            match name.as_str() {
                "grant_type" => form.grant = value()?,
                "client_id" => form.id = value()?,
                "client_secret" => form.secret = value()?.map(ClientSecret::exact),
                _ => {
                    if !form.parameters.is_empty() {
                        form.parameters.push('&');
                    }
                    form.parameters.push_str(pair);
                }
            }
            names.push(name);
        }
        Ok(form)
    }
}

/// Decodes one form-urlencoded name or value.
fn decode(text: &[u8]) -> Result<String, Fault> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let decoded = percent_decode(&spaced).decode_utf8().map(Cow::into_owned);
    decoded.map_err(|_| NOT_UTF_8)
}

/// The one field of this name, if there is any.
fn single<'a>(
    request: &'a Request<Bytes>,
    name: HeaderName,
    why: &'static str,
) -> Result<Option<&'a HeaderValue>, Fault> {
    let mut fields = request.headers().get_all(name).iter();
    match (fields.next(), fields.next()) {
        (_, Some(_)) => Err(Fault::InvalidRequest(why)),
        (field, None) => Ok(field),
    }
}

fn is_form(content_type: &HeaderValue) -> bool {
    content_type.to_str().is_ok_and(|value| {
        let media_type = value.split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case(FORM)
    })
}

impl Fault {
    /// The response; `refusal` describes an `invalid_client`.
    pub fn response(self, refusal: &str) -> Response {
        let bad = StatusCode::BAD_REQUEST;
        match self {
            Self::InvalidRequest(why) => response::error(bad, "invalid_request", why),
            Self::UnsupportedGrantType => {
                let why = "the only grant type here is client_credentials";
                response::error(bad, "unsupported_grant_type", why)
            }
            Self::InvalidClient => {
                response::error(StatusCode::UNAUTHORIZED, "invalid_client", refusal)
            }
        }
    }
}

/// Names the scheme in a 401 for a caller that used the Authorization header (RFC 6749 §5.2).
pub fn add_challenge(response: &mut Response, request: &Request<Bytes>, challenge: &'static str) {
    let used_header = request.headers().contains_key(AUTHORIZATION);
    if response.status() == StatusCode::UNAUTHORIZED && used_header {
        let challenge = HeaderValue::from_static(challenge);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
}

#[cfg(test)]
mod tests {
    use super::Fault::{InvalidClient, InvalidRequest, UnsupportedGrantType};
    use super::*;

    const GRANT: &str = "grant_type=client_credentials";

    /// Reads a request with these header fields beside a form's Content-Type: id and secret, or the key, and the
    /// parameters.
    fn read(authorization: &[&str], body: &[u8]) -> Result<(String, String, String), Fault> {
        let mut request = Request::builder().header(CONTENT_TYPE, FORM);
        for value in authorization {
            request = request.header(AUTHORIZATION, *value);
        }
        let request = request.body(Bytes::copy_from_slice(body)).unwrap();
        super::read(&request).map(|read| match read.authentication {
            Authentication::Credentials(ClientCredentials { id, secret }) => {
                (id.0, secret.expose().to_owned(), read.parameters)
            }
            Authentication::Key(key) => {
                let key = key.to_str().unwrap().to_owned();
                (String::new(), key, read.parameters)
            }
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
        let twice = InvalidRequest("a parameter is given more than once");
        let good = "client_id=i&client_secret=s";
        let with_grant = |body: &str| format!("{GRANT}&{body}");
        for (authorization, body, fault) in [
            ("", good.to_owned(), InvalidRequest("grant_type is missing")),
            (
                "",
                format!("grant_type=&{good}"),
                InvalidRequest("grant_type is missing"),
            ),
            (
                "",
                format!("grant_type=password&{good}"),
                UnsupportedGrantType,
            ),
            (
                "Bearer k",
                "grant_type=password".into(),
                UnsupportedGrantType,
            ),
            ("", GRANT.into(), InvalidClient),
            ("", with_grant("client_id=i&client_secret="), InvalidClient),
            ("", String::new(), InvalidClient),
            ("", with_grant(&format!("{good}&{GRANT}")), twice),
            ("", with_grant(&format!("{good}&client_id=i")), twice),
            ("", with_grant(&format!("{good}&client%5Fsecret=s")), twice),
            ("", with_grant(&format!("{good}&scope=a&scope=b")), twice),
            ("", with_grant(&format!("{good}&x&x=")), twice),
            ("Basic aTpz", with_grant(good), TWO_WAYS),
            ("Basic aTpz", with_grant("client_id=other"), TWO_WAYS),
            ("Bearer key", with_grant(good), TWO_WAYS),
            ("Bearer key", with_grant("client_id=i"), TWO_WAYS),
            ("Digest x", with_grant(good), TWO_WAYS),
            ("Digest x", GRANT.into(), InvalidClient),
            ("Basic aTp", GRANT.into(), InvalidClient),
            ("Basic aQ==", GRANT.into(), InvalidClient),
            ("Basic", GRANT.into(), InvalidClient),
            (&basic(":s"), GRANT.into(), InvalidClient),
            (&basic("i:"), GRANT.into(), InvalidClient),
            (&basic("i:%ff"), GRANT.into(), NOT_UTF_8),
            (&basic(b"i:\xff"), GRANT.into(), NOT_UTF_8),
            ("", with_grant("client_id=i&client_secret=%fe"), NOT_UTF_8),
            ("", with_grant("client_id=%ff&client_secret=s"), NOT_UTF_8),
        ] {
            let fields = [authorization]
                .into_iter()
                .filter(|value| !value.is_empty());
            let fields: Vec<_> = fields.collect();
            let fault = Err(fault);
            assert_eq!(read(&fields, body.as_bytes()), fault, "{fields:?} {body}");
        }
        let raw = [GRANT.as_bytes(), b"&client_id=i&client_secret=\xff"].concat();
        assert_eq!(read(&[], &raw), Err(NOT_UTF_8));
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
            let mut request = Request::builder();
            for value in content_types {
                request = request.header(CONTENT_TYPE, *value);
            }
            let body = format!("{GRANT}&client_id=i&client_secret=s");
            let request = request.body(Bytes::from(body)).unwrap();
            assert_eq!(super::read(&request).is_ok(), is_read, "{content_types:?}");
        }
    }
}
