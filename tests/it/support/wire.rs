//! One connection of the scripted server: plain or TLS, and never waiting longer than the test.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How often a waiting connection looks whether the test is over.
const TICK: Duration = Duration::from_millis(20);
/// How long the other side may take to close after a whole answer.
const GOODBYE_LIMIT: Duration = Duration::from_secs(5);

pub struct Wire<'a> {
    stream: Stream,
    /// Says that the test is over.
    over: &'a dyn Fn() -> bool,
}

enum Stream {
    Plain(TcpStream),
    /// The handshake takes place at the first byte read or written.
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl<'a> Wire<'a> {
    pub fn new(
        socket: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        over: &'a dyn Fn() -> bool,
    ) -> Self {
        socket.set_read_timeout(Some(TICK)).unwrap();
        socket.set_write_timeout(Some(TICK)).unwrap();
        // A dripped byte is a packet of its own.
        socket.set_nodelay(true).unwrap();
        let stream = match tls {
            None => Stream::Plain(socket),
            Some(config) => {
                let connection = ServerConnection::new(config).unwrap();
                Stream::Tls(Box::new(StreamOwned::new(connection, socket)))
            }
        };
        Self { stream, over }
    }

    /// At least one byte, or 0 at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let over = self.over;
        patiently(over, || match &mut self.stream {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        })
    }

    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let over = self.over;
        while !bytes.is_empty() {
            let written = patiently(over, || match &mut self.stream {
                Stream::Plain(socket) => socket.write(bytes),
                Stream::Tls(stream) => stream.write(bytes),
            })?;
            bytes = &bytes[written..];
        }
        patiently(over, || match &mut self.stream {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(stream) => stream.flush(),
        })
    }

    /// Reads and forgets until the other side leaves, below TLS: no handshake takes place.
    pub fn hang(&mut self) {
        let over = self.over;
        let mut buffer = [0; 1024];
        while matches!(patiently(over, || self.socket().read(&mut buffer)), Ok(1..)) {}
    }

    /// Ends as a good server does: nothing that was sent is lost.
    pub fn close(mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let _ = self.socket().shutdown(Shutdown::Write);
        let since = Instant::now();
        let over = self.over;
        let mut buffer = [0; 1024];
        let gone = || over() || since.elapsed() > GOODBYE_LIMIT;
        while matches!(
            patiently(&gone, || self.socket().read(&mut buffer)),
            Ok(1..)
        ) {}
    }

    /// Ends with a TCP reset.
    pub fn reset(mut self) {
        let linger = socket2::SockRef::from(&*self.socket()).set_linger(Some(Duration::ZERO));
        linger.unwrap();
    }

    fn socket(&mut self) -> &mut TcpStream {
        match &mut self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &mut stream.sock,
        }
    }
}

/// Tries again after every tick until something happens or the test is over.
fn patiently<T>(
    over: &dyn Fn() -> bool,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if over() {
                    return Err(error);
                }
            }
            result => return result,
        }
    }
}
