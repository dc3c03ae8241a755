//! A connection of the scripted server, plain or TLS. Reads and writes end with the test.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How often a blocked read or write checks whether the test has ended.
const TICK: Duration = Duration::from_millis(20);
/// How long the client may take to close after a whole response.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

pub struct Wire<'a> {
    stream: Stream,
    /// Whether the test has ended.
    is_stopped: &'a dyn Fn() -> bool,
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
        is_stopped: &'a dyn Fn() -> bool,
    ) -> Self {
        socket.set_read_timeout(Some(TICK)).unwrap();
        socket.set_write_timeout(Some(TICK)).unwrap();
        // `Drip` sends each byte in its own packet.
        socket.set_nodelay(true).unwrap();
        let stream = match tls {
            None => Stream::Plain(socket),
            Some(config) => Stream::Tls(serve_tls(config, socket)),
        };
        Self { stream, is_stopped }
    }

    /// Starts TLS on this connection.
    pub fn start_tls(self, config: Arc<ServerConfig>) -> Self {
        let stream = match self.stream {
            Stream::Plain(socket) => Stream::Tls(serve_tls(config, socket)),
            Stream::Tls(stream) => Stream::TlsInTls(serve_tls(config, *stream)),
            Stream::TlsInTls(_) => panic!("a third TLS layer is not supported"),
        };
        Self { stream, ..self }
    }

    /// Reads at least one byte, or 0 at the end of the stream.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let is_stopped = self.is_stopped;
        retry_until_stopped(is_stopped, || match &mut self.stream {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
            Stream::TlsInTls(stream) => stream.read(buffer),
        })
    }

    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let is_stopped = self.is_stopped;
        while !bytes.is_empty() {
            let written = retry_until_stopped(is_stopped, || match &mut self.stream {
                Stream::Plain(socket) => socket.write(bytes),
                Stream::Tls(stream) => stream.write(bytes),
                Stream::TlsInTls(stream) => stream.write(bytes),
            })?;
            bytes = &bytes[written..];
        }
        retry_until_stopped(is_stopped, || match &mut self.stream {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(stream) => stream.flush(),
            Stream::TlsInTls(stream) => stream.flush(),
        })
    }

    /// Discards input until the client closes, without a TLS handshake.
    pub fn hang(&mut self) {
        let is_stopped = self.is_stopped;
        let mut buffer = [0; 1024];
        while matches!(
            retry_until_stopped(is_stopped, || self.socket().read(&mut buffer)),
            Ok(1..)
        ) {}
    }

    /// Closes properly: the client receives everything that was sent.
    pub fn close(mut self) {
        match &mut self.stream {
            Stream::Plain(_) => {}
            Stream::Tls(stream) => stream.conn.send_close_notify(),
            Stream::TlsInTls(stream) => stream.conn.send_close_notify(),
        }
        let _ = self.write(&[]);
        self.cut();
    }

    /// Closes the TCP connection without TLS's close_notify.
    pub fn cut(mut self) {
        let _ = self.socket().shutdown(Shutdown::Write);
        let since = Instant::now();
        let is_stopped = self.is_stopped;
        let mut buffer = [0; 1024];
        let is_closed = || is_stopped() || since.elapsed() > CLOSE_LIMIT;
        while matches!(
            retry_until_stopped(&is_closed, || self.socket().read(&mut buffer)),
            Ok(1..)
        ) {}
    }

    /// Resets the TCP connection.
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

/// Retries after each timeout until there is a result or the test has ended.
fn retry_until_stopped<T>(
    is_stopped: &dyn Fn() -> bool,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if is_stopped() {
                    return Err(error);
                }
            }
            result => return result,
        }
    }
}
