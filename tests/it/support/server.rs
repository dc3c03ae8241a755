//! A scripted server on a free loopback port. It records requests and fails the test if the number of connections
//! differs from the script.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::ServerConfig;

use super::reply::Reply;
use super::request::Request;
use super::wire::Wire;

/// The longest wait for an event.
const WAIT_LIMIT: Duration = Duration::from_secs(20);

pub struct Server {
    url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    script: Vec<Reply>,
    /// Repeats the last reply; the number of connections is not checked.
    repeats_last: bool,
    is_stopped: AtomicBool,
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<Request>,
}

impl Server {
    /// One reply per connection, and exactly that many connections.
    pub fn replies(script: impl Into<Vec<Reply>>) -> Self {
        Self::start("127.0.0.1", None, script.into(), false)
    }

    /// The same reply to any number of connections.
    pub fn always(reply: Reply) -> Self {
        Self::start("127.0.0.1", None, vec![reply], true)
    }

    /// These replies in turn, then the last one repeatedly.
    pub fn lastly_always(script: impl Into<Vec<Reply>>) -> Self {
        Self::start("127.0.0.1", None, script.into(), true)
    }

    /// Fails the test if anything connects.
    pub fn untouched() -> Self {
        Self::replies([])
    }

    /// Like `replies`, on another loopback address.
    pub fn on(address: &str, script: impl Into<Vec<Reply>>) -> Self {
        Self::start(address, None, script.into(), false)
    }

    /// Like `replies`, over TLS.
    pub fn tls(config: Arc<ServerConfig>, script: impl Into<Vec<Reply>>) -> Self {
        Self::start("127.0.0.1", Some(config), script.into(), false)
    }

    fn start(
        ip: &str,
        tls: Option<Arc<ServerConfig>>,
        script: Vec<Reply>,
        repeats_last: bool,
    ) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            script,
            repeats_last,
            is_stopped: AtomicBool::new(false),
            seen: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, tls.as_ref(), &shared))
        };
        Self {
            url: format!("{scheme}://{address}"),
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.seen().requests.clone()
    }

    /// The only request it received.
    #[track_caller]
    pub fn request(&self) -> Request {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "requests: {requests:#?}");
        requests.into_iter().next().unwrap()
    }

    pub fn wait_for_requests(&self, count: usize) {
        let seen = self.shared.seen();
        let waiting = self
            .shared
            .changed
            .wait_timeout_while(seen, WAIT_LIMIT, |seen| seen.requests.len() < count);
        let (seen, waited) = waiting.unwrap();
        assert!(
            !waited.timed_out(),
            "waited for {count} requests, got {:#?}",
            seen.requests
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the accept loop.
        let _ = TcpStream::connect(self.address);
        self.accepting.take().unwrap().join().unwrap();
        let seen = self.shared.seen();
        if !thread::panicking() && !self.shared.repeats_last {
            // Minus the connection that woke it.
            let connections = seen.connections - 1;
            assert_eq!(
                connections,
                self.shared.script.len(),
                "number of connections; requests: {:#?}",
                seen.requests
            );
        }
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn reply(&self, connection: usize) -> Option<&Reply> {
        let last = self.script.last().filter(|_| self.repeats_last);
        self.script.get(connection).or(last)
    }
}

fn accept(listener: &TcpListener, tls: Option<&Arc<ServerConfig>>, shared: &Arc<Shared>) {
    loop {
        // When stopped, it still counts the connections in the queue.
        let is_stopped = shared.is_stopped.load(Ordering::SeqCst);
        listener.set_nonblocking(is_stopped).unwrap();
        let Ok((socket, _)) = listener.accept() else {
            if is_stopped {
                return;
            }
            continue;
        };
        let connection = {
            let mut seen = shared.seen();
            seen.connections += 1;
            seen.connections - 1
        };
        if is_stopped || shared.reply(connection).is_none() {
            continue;
        }
        let (tls, shared) = (tls.cloned(), Arc::clone(shared));
        thread::spawn(move || {
            let is_stopped = || shared.is_stopped.load(Ordering::SeqCst);
            let record = |request| {
                shared.seen().requests.push(request);
                shared.changed.notify_all();
            };
            let reply = shared.reply(connection).unwrap();
            let _ = reply.play(Wire::new(socket, tls, &is_stopped), &is_stopped, record);
        });
    }
}
