//! Errors as one problem JSON (RFC 9457), whose code is the name of an exit status. It must never show a stack or a machine's inside.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// What failed, by the names that exit statuses have everywhere in the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A truthful no.
    No,
    /// Wrong usage.
    Usage,
    /// Stopped for a permission that nobody gave.
    Undecided,
    /// A limit was reached.
    Limit,
    /// Not events, or a damaged log.
    Damaged,
    /// The provider is out of reach.
    Unreachable,
    /// A fault of ace.
    Bug,
    /// Reading or writing failed.
    Io,
    /// Somebody else holds what is needed.
    Busy,
    /// No key, or a refused one.
    Credentials,
    /// The configuration is wrong or missing.
    Config,
    /// Cancelled.
    Cancelled,
}

impl Code {
    /// All of them: name, exit status, and the HTTP status that says it best.
    pub const ALL: [(Self, &'static str, u8, u16); 12] = [
        (Self::No, "no", 1, 409),
        (Self::Usage, "usage", 2, 400),
        (Self::Undecided, "undecided", 3, 409),
        (Self::Limit, "limit", 4, 429),
        (Self::Damaged, "damaged", 65, 422),
        (Self::Unreachable, "unreachable", 69, 502),
        (Self::Bug, "bug", 70, 500),
        (Self::Io, "io", 74, 500),
        (Self::Busy, "busy", 75, 409),
        (Self::Credentials, "credentials", 77, 401),
        (Self::Config, "config", 78, 422),
        (Self::Cancelled, "cancelled", 130, 409),
    ];

    fn row(self) -> (&'static str, u8, u16) {
        let found = Self::ALL.into_iter().find(|row| row.0 == self);
        found.map_or(("bug", 70, 500), |(_, name, exit, status)| (name, exit, status))
    }

    /// The code of an exit status; a fault where it has none.
    #[must_use]
    pub fn of_exit(exit: i32) -> Self {
        Self::ALL.into_iter().find(|row| i32::from(row.2) == exit).map_or(Self::Bug, |row| row.0)
    }
}

/// Why a request did not do what it asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// What kind.
    pub code: Code,
    /// For people, one line.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
    /// The record it is about.
    pub seq: Option<u64>,
}

/// The body of every answer that is an error.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProblemBody {
    /// Always `about:blank`: the code says which kind it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The words of the HTTP status.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// The name of an exit status.
    pub code: String,
    /// Its number.
    pub exit: u8,
    /// For people, one line.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
    /// The record it is about.
    pub seq: Option<u64>,
}

impl Problem {
    /// A problem of that kind, with the status that says it best.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { status: code.row().2, code, detail: detail.into(), hint: None, seq: None }
    }

    /// Wrong usage: 400.
    pub fn usage(detail: impl Into<String>) -> Self {
        Self::new(Code::Usage, detail)
    }

    /// There is no such thing, or none that the one who asks may know of: the same words for both.
    #[must_use]
    pub fn unknown() -> Self {
        Self::new(Code::No, "there is no such thing").status(404)
    }

    /// Who asks did not say who they are: 401.
    #[must_use]
    pub fn who() -> Self {
        Self::new(Code::Credentials, "the link's token is missing or is not valid")
            .hint("open the link that ace serve printed")
    }

    /// Who asks may not: 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Code::Credentials, detail).status(403)
    }

    /// Reading or writing failed. The system's words stay here: they may name paths.
    #[must_use]
    pub fn io(doing: &str, error: &std::io::Error) -> Self {
        Self::new(Code::Io, format!("{doing}: {}", error.kind()))
    }

    /// With this HTTP status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With this hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn body(&self) -> ProblemBody {
        let (name, exit, _) = self.code.row();
        let title = StatusCode::from_u16(self.status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Error");
        ProblemBody {
            kind: "about:blank".to_owned(),
            title: title.to_owned(),
            status: self.status,
            code: name.to_owned(),
            exit,
            detail: self.detail.clone(),
            hint: self.hint.clone(),
            seq: self.seq,
        }
    }

    /// As a page for a person who went there with a browser.
    #[must_use]
    pub fn page(&self) -> Response {
        let body = self.body();
        let escaped = |text: &str| crate::export::escape(text);
        let hint = self.hint.as_deref().map(|h| format!("<p>{}</p>", escaped(h))).unwrap_or_default();
        let html = format!(
            "<!doctype html><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>{0} {1}</title>\
             <h1>{0} {1}</h1><p>{2}</p>{hint}",
            self.status,
            escaped(&body.title),
            escaped(&self.detail),
        );
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body())).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == 429 {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}
