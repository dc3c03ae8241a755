//! Asks a proxy to connect to the host: CONNECT (RFC 9110 §9.3.6), SOCKS 4 and 4a, and SOCKS 5 (RFC 1928, RFC 1929).

use std::io;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::client::USER_AGENT;
use super::error::Failure;
use super::proxy::{Proxy, ProxyKind};
use super::transport::{HEAD_LIMIT, Peer, Stream};
use crate::oauth::challenge_schemes;

/// More header fields than a proxy sends.
const MOST_FIELDS: usize = 128;

/// What a proxy said instead of connecting.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An HTTP status other than 2xx, and the authentication schemes that came with it.
    Status(u16, Vec<String>),
    /// What is wrong with an answer that is not HTTP.
    NotHttp(&'static str),
    /// A SOCKS error, and whether it may pass.
    Socks(&'static str, bool),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Proxy(refusal)
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::of_io(Peer::Proxy, error)
}

/// Asks an HTTP proxy to connect to `host`.
///
/// # Errors
/// If it does not answer with 2xx and an empty body.
pub fn http(stream: &mut dyn Stream, proxy: &Proxy, host: &str, port: u16) -> Result<(), Failure> {
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    let mut request = Zeroizing::new(format!(
        "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {USER_AGENT}\r\n\
         Proxy-Connection: Keep-Alive\r\n"
    ));
    if let Some((user, password)) = proxy.credentials() {
        let userinfo = Zeroizing::new(format!("{user}:{password}"));
        request.push_str("Proxy-Authorization: Basic ");
        BASE64_STANDARD.encode_string(&*userinfo, &mut request);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.flush())
        .map_err(failed)?;
    let mut answer = Vec::new();
    loop {
        let read_before = answer.len();
        answer.resize(read_before + 4096, 0);
        let read = stream.read(&mut answer[read_before..]).map_err(failed)?;
        answer.truncate(read_before + read);
        if read == 0 {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        while let Some((length, head)) = head(&answer)? {
            match head {
                Refusal::Status(100..=199, _) => drop(answer.drain(..length)),
                // TLS and HTTP begin with the client: what follows the head is not the host's.
                Refusal::Status(200..=299, _) if length < answer.len() => {
                    return Err(Refusal::NotHttp("its answer to CONNECT has a body").into());
                }
                Refusal::Status(200..=299, _) => return Ok(()),
                refusal => return Err(refusal.into()),
            }
        }
        if answer.len() > HEAD_LIMIT {
            return Err(Refusal::NotHttp("its header section is over 64 KiB").into());
        }
    }
}

/// The length of the head that `answer` begins with, its status and authentication schemes; `None` if more is to come.
fn head(answer: &[u8]) -> Result<Option<(usize, Refusal)>, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let length = match head.parse(answer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::NotHttp("it has more than 128 header fields"));
        }
        Err(_) => return Err(Refusal::NotHttp("it is malformed")),
    };
    let is_challenge = |field: &&httparse::Header| {
        let name = field.name;
        name.eq_ignore_ascii_case("Proxy-Authenticate")
    };
    let mut schemes = Vec::new();
    for field in head.headers.iter().filter(is_challenge) {
        schemes.extend(challenge_schemes(&String::from_utf8_lossy(field.value)));
    }
    let status = head.code.unwrap_or_default();
    Ok(Some((length, Refusal::Status(status, schemes))))
}

/// Asks a SOCKS proxy to connect to `host`, a name or an address.
///
/// # Errors
/// If it does not connect.
pub fn socks(stream: &mut dyn Stream, proxy: &Proxy, host: &str, port: u16) -> Result<(), Failure> {
    match proxy.kind() {
        ProxyKind::Socks { version: 4, .. } => socks4(stream, host, port),
        _ => socks5(stream, proxy, host, port),
    }
}

fn socks4(stream: &mut dyn Stream, host: &str, port: u16) -> Result<(), Failure> {
    let mut request = vec![4, 1];
    request.extend(port.to_be_bytes());
    match host.parse() {
        Ok(IpAddr::V4(address)) => request.extend([&address.octets()[..], &[0]].concat()),
        Ok(IpAddr::V6(_)) => return Err(Refusal::Socks("SOCKS 4 has no IPv6", false).into()),
        // SOCKS 4a: an address that cannot be, an empty user id, the name.
        Err(_) => request.extend([&[0, 0, 0, 1, 0], host.as_bytes(), &[0]].concat()),
    }
    stream.write_all(&request).map_err(failed)?;
    let [version, reply, ..]: [u8; 8] = receive(stream)?;
    match (version, reply) {
        (0, 90) => Ok(()),
        (0, 91) => Err(Refusal::Socks("it rejected the request or failed", false).into()),
        (0, _) => Err(Refusal::Socks("it rejected the user id", false).into()),
        _ => Err(NOT_SOCKS.into()),
    }
}

fn socks5(stream: &mut dyn Stream, proxy: &Proxy, host: &str, port: u16) -> Result<(), Failure> {
    let credentials = proxy.credentials();
    let methods: &[u8] = match credentials {
        Some(_) => &[5, 2, 2, 0],
        None => &[5, 1, 0],
    };
    stream.write_all(methods).map_err(failed)?;
    match (receive(stream)?, credentials) {
        ([5, 0], _) => {}
        ([5, 2], Some((user, password))) => {
            let mut request = Zeroizing::new(vec![1]);
            for text in [user, password] {
                let length = u8::try_from(text.len()).ok().filter(|length| *length > 0);
                request.push(length.ok_or(Refusal::Socks(
                    "its user name or password is empty or over 255 bytes",
                    false,
                ))?);
                request.extend(text.as_bytes());
            }
            stream.write_all(&request).map_err(failed)?;
            if !matches!(receive(stream)?, [_, 0]) {
                return Err(Refusal::Socks("it refused the user name and password", false).into());
            }
        }
        ([5, _], Some(_)) => {
            return Err(Refusal::Socks("it requires another authentication method", false).into());
        }
        ([5, _], None) => {
            return Err(Refusal::Socks("it requires a user name and password", false).into());
        }
        _ => return Err(NOT_SOCKS.into()),
    }
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => request.extend([&[1], &address.octets()[..]].concat()),
        Ok(IpAddr::V6(address)) => request.extend([&[4], &address.octets()[..]].concat()),
        Err(_) => {
            let length = u8::try_from(host.len())
                .map_err(|_| Refusal::Socks("the host's name is too long for it", false))?;
            request.extend([&[3, length], host.as_bytes()].concat());
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request).map_err(failed)?;
    let [version, reply, _, address_type] = receive(stream)?;
    if version != 5 {
        return Err(NOT_SOCKS.into());
    }
    let refusal = match reply {
        0 => None,
        2 => Some(("its rules do not allow the connection", false)),
        3 => Some(("the network is unreachable from it", true)),
        4 => Some(("the host is unreachable from it", true)),
        5 => Some(("the host refused its connection", true)),
        6 => Some(("its connection timed out", true)),
        _ => Some(("it failed", false)),
    };
    if let Some((why, is_transient)) = refusal {
        return Err(Refusal::Socks(why, is_transient).into());
    }
    // The address and port it connects from are of no use.
    match address_type {
        1 => receive::<6>(stream).map(drop),
        4 => receive::<18>(stream).map(drop),
        3 => {
            let [length] = receive(stream)?;
            let mut rest = vec![0; usize::from(length) + 2];
            stream.read_exact(&mut rest).map_err(failed)
        }
        _ => Err(NOT_SOCKS.into()),
    }
}

const NOT_SOCKS: Refusal = Refusal::Socks("its answer is not SOCKS", false);

fn receive<const N: usize>(stream: &mut dyn Stream) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let answer = b"HTTP/1.0 407 No\r\nProxy-Authenticate: NTLM\r\nproxy-authenticate: Basic realm=\"x\"\r\n\r\nbody";
        let end = answer.len() - "body".len();
        for length in 0..end {
            assert_eq!(head(&answer[..length]), Ok(None));
        }
        let schemes = vec!["NTLM".to_owned(), "Basic".to_owned()];
        let whole = Ok(Some((end, Refusal::Status(407, schemes))));
        assert_eq!(head(answer), whole);
        for nonsense in ["SSH-2.0-OpenSSH_9.9\r\n", "<html>", "\0\u{1}"] {
            assert!(head(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
    }
}
