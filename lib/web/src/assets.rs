//! The files of the user interface, from inside the program. Names with a hash never change; all other addresses are the page, which
//! knows by itself where it is.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::app::App;
use crate::problem::Problem;

/// What pages may load and do: their own scripts, styles, pictures and connections, and nothing from anywhere else.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; \
                          connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                          require-trusted-types-for 'script'; trusted-types ace";

/// Shown where the user interface was not built in.
const BARE: &str = "<!doctype html><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>ace</title>\
    <h1>ace serves, without its pages</h1><p>This program was built without the browser's part. With Node there, \
    <code>make ui</code> makes it and <code>make install</code> builds it in.</p><p>The API is whole: \
    <code>curl -H \"Authorization: Bearer TOKEN\" /api/v1/sessions</code>, described by <code>/api/v1/openapi.json</code>.</p>";

/// Files above this many bytes go compressed to who takes that.
const WORTH_PACKING: usize = 1024;

static PACKED: Mutex<Option<HashMap<String, Bytes>>> = Mutex::new(None);

/// Every address that is not the API's.
pub async fn serve(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let page = headers.get(header::ACCEPT).is_some_and(|v| v.as_bytes().windows(9).any(|w| w == b"text/html"));
    if path.starts_with("api/") || path == "api" {
        return Problem::unknown().into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return Problem::usage("pages are only read").status(405).into_response();
    }
    let named = !path.is_empty() && path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let asset = (app.options.assets)(if path.is_empty() { "index.html" } else { path });
    let (name, asset) = match asset {
        Some(asset) => (path, asset),
        None if named && page => return Problem::unknown().page(),
        None if named => return Problem::unknown().into_response(),
        None => match (app.options.assets)("index.html") {
            Some(asset) => ("index.html", asset),
            None => return page_of(BARE),
        },
    };
    // Vite puts what has its hash in its name there.
    let keeps = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let packs = headers.get(header::ACCEPT_ENCODING).is_some_and(|v| v.as_bytes().windows(4).any(|w| w == b"gzip"));
    let plain = asset.media.starts_with("image/") || asset.media.starts_with("font/");
    let mut response = match packs && !plain && asset.bytes.len() > WORTH_PACKING {
        true => ([(header::CONTENT_ENCODING, "gzip")], packed(name, &asset.bytes)).into_response(),
        false => Bytes::from(asset.bytes.into_owned()).into_response(),
    };
    let out = response.headers_mut();
    out.insert(header::VARY, header::HeaderValue::from_static("accept-encoding"));
    out.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(keeps));
    out.insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static(POLICY));
    if let Ok(media) = header::HeaderValue::from_str(&asset.media) {
        out.insert(header::CONTENT_TYPE, media);
    }
    response
}

fn page_of(html: &'static str) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// A file compressed, once.
fn packed(name: &str, bytes: &[u8]) -> Bytes {
    let mut kept = PACKED.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    // In a development build the same name may have other bytes tomorrow.
    let key = format!("{name} {}", ace_core::digest(bytes));
    kept.entry(key)
        .or_insert_with(|| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            let packed = packer.write_all(bytes).and_then(|()| packer.finish());
            packed.map_or_else(|_| Bytes::new(), Bytes::from)
        })
        .clone()
}
