//! One connection of the scripted server, plain or TLS. It never waits longer than the test runs.

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
    /// Whether the test is over.
    over: &'a dyn Fn() -> bool,
}

enum Stream {
    Plain(TcpStream),
    /// Performs the handshake at the first read or write.
    Tls(Box<Tls<TcpStream>>),
    /// A tunnel to an https server through an https proxy.
    TlsInTls(Box<Tls<Tls<TcpStream>>>),
}

type Tls<S> = StreamOwned<ServerConnection, S>;

fn serve_tls<S: Read + Write>(config: Arc<ServerConfig>, below: S) -> Box<Tls<S>> {
    Box::new(StreamOwned::new(
        ServerConnection::new(config).unwrap(),
        below,
    ))
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
            Some(config) => Stream::Tls(serve_tls(config, socket)),
        };
        Self { stream, over }
    }

    /// The same connection with TLS from here on.
    pub fn start_tls(self, config: Arc<ServerConfig>) -> Self {
        let stream = match self.stream {
            Stream::Plain(socket) => Stream::Tls(serve_tls(config, socket)),
            Stream::Tls(stream) => Stream::TlsInTls(serve_tls(config, *stream)),
            Stream::TlsInTls(_) => panic!("no test wants TLS in TLS in TLS"),
        };
        Self { stream, ..self }
    }

    /// At least one byte, or 0 at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let over = self.over;
        patiently(over, || match &mut self.stream {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
            Stream::TlsInTls(stream) => stream.read(buffer),
        })
    }

    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let over = self.over;
        while !bytes.is_empty() {
            let written = patiently(over, || match &mut self.stream {
                Stream::Plain(socket) => socket.write(bytes),
                Stream::Tls(stream) => stream.write(bytes),
                Stream::TlsInTls(stream) => stream.write(bytes),
            })?;
            bytes = &bytes[written..];
        }
        patiently(over, || match &mut self.stream {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(stream) => stream.flush(),
            Stream::TlsInTls(stream) => stream.flush(),
        })
    }

    /// Discards input until the client closes, below TLS: no handshake takes place.
    pub fn hang(&mut self) {
        let over = self.over;
        let mut buffer = [0; 1024];
        while matches!(patiently(over, || self.socket().read(&mut buffer)), Ok(1..)) {}
    }

    /// Ends as a correct server does: nothing that was sent is lost.
    pub fn close(mut self) {
        match &mut self.stream {
            Stream::Plain(_) => {}
            Stream::Tls(stream) => stream.conn.send_close_notify(),
            Stream::TlsInTls(stream) => stream.conn.send_close_notify(),
        }
        let _ = self.write(&[]);
        self.cut();
    }

    /// Ends the TCP connection in good order, and leaves TLS without its end.
    pub fn cut(mut self) {
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
            Stream::TlsInTls(stream) => &mut stream.sock.sock,
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
