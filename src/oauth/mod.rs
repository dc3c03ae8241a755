//! OAuth 2.0's client credentials grant (RFC 6749 §4.4) in nouns. Knows neither the cache nor
//! where credentials come from; everything but `http` and `tls` is pure.

mod endpoint;
mod http;
mod jwt;
mod redact;
mod request;
mod response;
mod retry;
mod tls;
mod token;

pub use endpoint::{DEFAULT_BASE_URL, TokenEndpoint};
pub use http::Client;
pub use jwt::claims;
pub use redact::Redactor;
pub use request::{ClientCredentials, ClientId};
pub use response::{TokenError, TokenErrorKind, parse as parse_response};
pub use retry::pause;
pub use token::{Freshness, MinTtl, Token};
