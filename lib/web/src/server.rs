//! Connections: accepted, bounded in number and in how long they may take to say what they want, and handed to the router.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ace_schema::limits::web as limits;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, pki_types};
use tower::ServiceExt;
use tower_http::compression::{CompressionLayer, Predicate, predicate};

use crate::app::{App, Peer};
use crate::guard::{Right, guard};
use crate::problem::Problem;
use crate::{assets, routes};

/// Where it listens.
pub enum Door {
    /// An address, with TLS if keys are given.
    Tcp(TcpListener, Option<TlsAcceptor>),
    /// A socket in the file system, for its owner alone.
    Unix(UnixListener),
}

/// A door at an address.
///
/// # Errors
/// It cannot be bound, or the keys cannot be read.
pub async fn tcp(address: SocketAddr, keys: Option<(&Path, &Path)>) -> io::Result<(Door, SocketAddr)> {
    let tls = keys.map(|(certificates, key)| tls(certificates, key)).transpose()?;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((Door::Tcp(listener, tls), address))
}

fn tls(certificates: &Path, key: &Path) -> io::Result<TlsAcceptor> {
    use pki_types::pem::PemObject;
    let bad = |e: pki_types::pem::Error| io::Error::new(io::ErrorKind::InvalidData, e.to_string());
    let certificates = pki_types::CertificateDer::pem_file_iter(certificates).map_err(bad)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(bad)?;
    let key = pki_types::PrivateKeyDer::from_pem_file(key).map_err(bad)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key);
    let config = config.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A door in the file system. What is left of a server that was killed is taken away; what answers is not.
///
/// # Errors
/// It cannot be bound, or somebody listens there.
pub fn unix(path: &Path) -> io::Result<Door> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(Door::Unix(listener))
}

/// Everything that is served.
fn router(app: &App) -> Router {
    let page = axum::routing::any(assets::serve).layer(from_fn_with_state((app.clone(), Right::Public), guard));
    let health =
        axum::routing::get(crate::login::health).layer(from_fn_with_state((app.clone(), Right::Public), guard));
    let worth = predicate::DefaultPredicate::new().and(predicate::NotForContentType::new("application/octet-stream"));
    routes::router(app)
        .route("/health", health)
        .fallback_service(page.with_state(app.clone()))
        .method_not_allowed_fallback(async || Problem::usage("not with that method").status(405))
        .layer(CompressionLayer::new().compress_when(worth))
        .with_state(app.clone())
}

/// Serves at these doors until `end` says otherwise.
pub async fn serve(app: App, doors: Vec<Door>, mut end: watch::Receiver<bool>) {
    let router = router(&app);
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let mut accepting = tokio::task::JoinSet::new();
    for door in doors {
        accepting.spawn(accept(door, router.clone(), room.clone(), end.clone()));
    }
    ended(&mut end).await;
    accepting.shutdown().await;
}

async fn accept(door: Door, router: Router, room: Arc<Semaphore>, end: watch::Receiver<bool>) {
    loop {
        // Who finds no room waits outside: it costs nothing here.
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let (router, end) = (router.clone(), end.clone());
        match &door {
            Door::Tcp(listener, tls) => {
                let Ok((stream, address)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let _ = stream.set_nodelay(true);
                let tls = tls.clone();
                tokio::spawn(async move {
                    let peer = Peer { address: Some(address.ip()), tls: tls.is_some() };
                    match tls {
                        None => talk(stream, peer, router, end).await,
                        Some(tls) => {
                            let shaken = tokio::time::timeout(limits::HEAD_TIME, tls.accept(stream)).await;
                            if let Ok(Ok(stream)) = shaken {
                                talk(stream, peer, router, end).await;
                            }
                        }
                    }
                    drop(place);
                });
            }
            Door::Unix(listener) => {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                tokio::spawn(async move {
                    talk(stream, Peer { address: None, tls: false }, router, end).await;
                    drop(place);
                });
            }
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    mut end: watch::Receiver<bool>,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let router = router.clone();
        async move {
            let answer = router.oneshot(request.map(Body::new)).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|never| never.into_response()))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = ended(&mut end) => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(Duration::from_secs(1), connection).await;
        }
    }
}

async fn ended(end: &mut watch::Receiver<bool>) {
    while !*end.borrow() {
        if end.changed().await.is_err() {
            return;
        }
    }
}
