//! HTTP transport: one POST to the token endpoint, with the proxy, TLS and connections behind it. Apart from the server's
//! own TLS, no other directory names ureq or rustls.

mod client;
mod connect;
mod error;
mod issuer;
mod proxy;
mod roots;
mod tls;
mod tls_error;
mod transport;
mod tunnel;

pub use client::{Client, Event};
pub use proxy::{Named, Proxy, ProxyVariables};
pub use roots::Trust;
