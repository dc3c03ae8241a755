//! The client credentials grant of OAuth 2.0 (RFC 6749 §4.4) in nouns: endpoint, request, response, token, and why there
//! is none. Pure; knows neither the transport nor the cache nor where credentials come from.

mod endpoint;
mod error_response;
mod jwt;
mod oddity;
mod request;
mod response;
mod retry;
mod token;
mod token_error;
mod token_response;

pub use endpoint::{DEFAULT_BASE_URL, TokenEndpoint};
pub use jwt::claims;
pub use oddity::explain_refusal;
pub use request::{ClientCredentials, ClientId, TokenRequest};
pub use response::{BODY_LIMIT, Response, challenge_schemes};
pub use retry::{Retry, is_transient_status, pause};
pub use token::{Freshness, MinTtl, Token};
pub use token_error::{Reason, TokenError, TokenErrorKind};
pub use token_response::parse;
