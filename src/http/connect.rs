//! TCP connections by Happy Eyeballs (RFC 8305): the addresses of both families in turn, and the first to connect wins.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::report::Reporter;
use crate::time::Deadline;

/// How long one address is waited for before the next is tried as well (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How many addresses are tried at most. Each may take a thread.
const MOST_ADDRESSES: usize = 32;

/// An address that could not be connected to, and why.
pub type FailedAddress = (SocketAddr, io::Error);

/// Looks up the addresses of `host`. Blocks for as long as the system's resolver does.
///
/// # Errors
/// If the name has no address, or the resolver cannot tell.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

/// Connects to whichever of `addresses` answers first. Reports each that fails or is slow.
///
/// # Errors
/// How each address that was tried failed.
pub fn connect(
    addresses: Vec<SocketAddr>,
    deadline: Deadline,
    report: Reporter,
) -> Result<TcpStream, Vec<FailedAddress>> {
    let addresses = interleave(addresses);
    if let [address] = addresses[..] {
        return attempt(address, deadline).map_err(|error| vec![(address, error)]);
    }
    let (sender, results) = mpsc::channel();
    let mut waiting = addresses.into_iter();
    let mut pending = Vec::new();
    let mut failed = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            let sender = sender.clone();
            let attempt = move || {
                // Another address may have won already.
                let _ = sender.send((address, attempt(address, deadline)));
            };
            match thread::Builder::new().spawn(attempt) {
                Ok(_) => pending.push(address),
                Err(error) => failed.push((address, error)),
            }
        } else if pending.is_empty() {
            return Err(failed);
        }
        let wait = match waiting.len() {
            0 => deadline.remaining(),
            _ => ATTEMPT_DELAY.min(deadline.remaining()),
        };
        match results.recv_timeout(wait) {
            Ok((address, Ok(stream))) => {
                report.verbose(|| format!("connected to {address}"));
                return Ok(stream);
            }
            Ok((address, Err(error))) => {
                report.verbose(|| format!("cannot connect to {address}: {error}"));
                pending.retain(|other| *other != address);
                failed.push((address, error));
            }
            Err(_) if deadline.remaining().is_zero() => {
                let timed_out = |address| (address, io::ErrorKind::TimedOut.into());
                failed.extend(pending.into_iter().map(timed_out));
                return Err(failed);
            }
            Err(_) => {
                if let Some(address) = pending.last() {
                    report.verbose(|| {
                        format!("no answer from {address} yet; trying the next address")
                    });
                }
            }
        }
    }
}

fn attempt(address: SocketAddr, deadline: Deadline) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, deadline.time_left()?)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The addresses in the resolver's order (RFC 6724), but with the families in turn (RFC 8305 §4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let starts_with_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == starts_with_v6);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut interleaved = Vec::new();
    while interleaved.len() < MOST_ADDRESSES {
        match (preferred.next(), other.next()) {
            (None, None) => break,
            pair => interleaved.extend(pair.0.into_iter().chain(pair.1)),
        }
    }
    interleaved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_tried_in_turn_beginning_with_the_resolvers_first() {
        let v6 = |port| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port));
        let v4 = |port| SocketAddr::from(([127, 0, 0, 1], port));
        for (resolved, tried) in [
            (vec![v4(1), v4(2)], vec![v4(1), v4(2)]),
            (vec![v6(1), v6(2), v4(3)], vec![v6(1), v4(3), v6(2)]),
            (vec![v4(1), v6(2), v6(3)], vec![v4(1), v6(2), v6(3)]),
            (vec![], vec![]),
        ] {
            assert_eq!(interleave(resolved), tried);
        }
        let many = (0..1000).map(v6).chain([v4(1000)]).collect();
        let tried = interleave(many);
        assert_eq!((tried.len(), tried[1]), (MOST_ADDRESSES, v4(1000)));
    }
}
