//! OAuth 2.0's client credentials grant (RFC 6749 §4.4) in nouns. Knows neither the cache nor
//! where credentials come from; everything but `http` and `tls` is pure.

mod diagnosis;
mod endpoint;
mod http;
mod jwt;
mod proxy;
mod redact;
mod request;
mod response;
mod retry;
mod tls;
mod token;
mod token_error;

pub use endpoint::{DEFAULT_BASE_URL, TokenEndpoint};
pub use http::{Client, Proxy, Response};
pub use jwt::claims;
pub use proxy::{Named, ProxyVariables};
pub use redact::{Redactor, ServerText};
pub use request::{ClientCredentials, ClientId};
pub use retry::pause;
pub use tls::Trust;
pub use token::{Freshness, MinTtl, Token};
pub use token_error::{Cause, TokenError, TokenErrorKind};
