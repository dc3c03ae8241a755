//! HTTP/1.1 connections of a token endpoint of our own: their limits, their deadlines, one request after another
//! to the service. What is answered is the service's business.

mod answer;
mod issuer;
mod jwt;
mod token_request;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time;

pub use issuer::{Issuer, Script};

/// The request line and the header fields together, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;
/// In bytes; a token request takes a few hundred.
const LONGEST_BODY: usize = 8 * 1024;
/// A head, and then a body, must have arrived within this; so a connection that says nothing ends after it too.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections at once; more wait in the system's queue.
const MOST_CONNECTIONS: usize = 1024;
/// After a connection that could not be accepted, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// Answers a request, whose body is within its limit.
    fn answer(&self, request: Request<Bytes>)
    -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// Serves whoever connects to `listener`, until it is dropped.
pub async fn serve(listener: TcpListener, service: Arc<impl Service>) {
    let http = http();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    // Nobody closes the semaphore, so this ends with its runtime alone.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = connection(&http, stream, Arc::clone(&service));
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(_) => time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .max_header_size(LONGEST_HEAD)
        // What is read ahead, from whoever sends without waiting.
        .max_buf_size(LONGEST_HEAD + LONGEST_BODY);
    http
}

fn connection<S: Service>(
    http: &http1::Builder,
    stream: TcpStream,
    service: Arc<S>,
) -> impl Future<Output = ()> + Send + use<S> {
    let connection = http.serve_connection(
        TokioIo::new(stream),
        service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { Ok::<_, Infallible>(respond(request, &*service).await) }
        }),
    );
    // A client that breaks off or talks nonsense has been answered as far as it can be.
    async move { drop(connection.await) }
}

async fn respond(request: Request<Incoming>, service: &impl Service) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_BODY).collect();
    match time::timeout(READ_TIMEOUT, body).await {
        Ok(Ok(body)) => {
            service
                .answer(Request::from_parts(head, body.to_bytes()))
                .await
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            answer::closing(StatusCode::PAYLOAD_TOO_LARGE)
        }
        Ok(Err(_)) => answer::closing(StatusCode::BAD_REQUEST),
        Err(_) => answer::closing(StatusCode::REQUEST_TIMEOUT),
    }
}
