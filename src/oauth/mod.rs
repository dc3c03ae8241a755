//! OAuth 2.0's client credentials grant (RFC 6749 §4.4) in nouns. Knows neither the cache nor
//! where credentials come from; everything but `http` and `tls` is pure.

mod answer;
mod endpoint;
mod error_response;
mod jwt;
mod request;
mod response;
mod retry;
mod token;
mod token_error;

pub use answer::{BODY_LIMIT, Response};
pub use endpoint::{DEFAULT_BASE_URL, TokenEndpoint};
pub use jwt::claims;
pub use request::{ClientCredentials, ClientId, TokenRequest};
pub use response::parse;
pub use retry::{Retry, pause};
pub use token::{Freshness, MinTtl, Token};
pub use token_error::{Cause, TokenError, TokenErrorKind};
