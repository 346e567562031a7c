//! Bodies of requests: JSON of a bounded length and depth, or a problem.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;

use crate::problem::{Code, Problem};

/// A body as JSON; an empty one reads as `{}`.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media = request.headers().get(header::CONTENT_TYPE).map(|v| v.as_bytes().to_ascii_lowercase());
        let bytes = Bytes::from_request(request, state).await.map_err(|e| match e.status().as_u16() {
            413 => Problem::new(Code::Limit, "the body is too long").status(413),
            _ => Problem::usage("the body cannot be read"),
        })?;
        if bytes.is_empty() {
            return serde_json::from_str("{}").map(Self).map_err(|_| Problem::usage("the body is missing"));
        }
        // What a form can send without asking is not taken.
        if !media.is_some_and(|media| media.starts_with(b"application/json")) {
            return Err(Problem::usage("the body is not application/json").status(415));
        }
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|e| Problem::usage(format!("the body is not what is wanted: {e}")))
    }
}
