//! HTTP transport: one POST to the token endpoint, with the proxy, TLS and connections behind it. Apart from the server's
//! own TLS, no other directory names ureq or rustls.

mod client;
mod connect;
mod connection;
mod error;
mod exchange;
mod proxy;
mod roots;
mod tls;
mod tls_error;
mod tunnel;

pub use client::Client;
pub use proxy::{Named, Proxy, is_in_no_proxy};
pub use roots::Trust;
pub use tls::Tls;
