//! Links to one session, to look at: made, listed, taken back; and the veil through which they are looked at.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Grant, Share};
use crate::app::{App, Who, blocking};
use crate::card::Fold;
use crate::problem::Problem;
use crate::read::Ask;
use crate::redacted::Veil;

/// The veil through which a grant looks at a session; none for the owner.
///
/// # Errors
/// The session cannot be read.
pub async fn veil(app: &App, grant: &Grant, session: &str) -> Result<Option<Arc<Veil>>, Problem> {
    match grant.is_owner() {
        true => Ok(None),
        false => drawn(app, session).await.map(Some),
    }
}

/// The veil of a session.
///
/// # Errors
/// The session cannot be read.
pub async fn drawn(app: &App, session: &str) -> Result<Arc<Veil>, Problem> {
    let log = app.board.log(session).ok_or_else(Problem::unknown)?;
    let (app, session) = (app.clone(), session.to_owned());
    blocking(move || {
        app.veils.of(&session, || {
            let policy = app.options.hands.policy()?;
            let fold = Fold::of(&log, Some(1)).map_err(|e| Problem::io("cannot read the log", &e))?;
            let home = app.options.home.path();
            let mut paths = vec![(home.display().to_string(), "~ace")];
            // The place in full is not looked for: what is below the two shows where it lies and whose it is.
            paths.extend(std::env::home_dir().map(|home| (home.display().to_string(), "~")));
            if let Some(repository) = &fold.state.created.repository {
                let above = std::path::Path::new(&repository.root).parent().map(|p| p.display().to_string());
                paths.extend(above.map(|above| (above, "…")));
            }
            Ok(Veil::new(&policy, &session, paths))
        })
    })
    .await
}

/// How long a link is to last.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct NewShare {
    /// Seconds; a day if it is not said, thirty days at most.
    #[serde(default)]
    pub expires_in: Option<u64>,
}

/// A link that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shared {
    /// By which it is taken back.
    pub share: String,
    /// The link, with the token that is told once.
    pub url: String,
    /// When it ends.
    pub expires: String,
}

/// `POST /sessions/{id}/shares`.
pub async fn make(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    crate::body::Body(new): crate::body::Body<NewShare>,
) -> Result<(StatusCode, Json<Shared>), Problem> {
    app.board.log(&id).ok_or_else(Problem::unknown)?;
    let seconds = new.expires_in.unwrap_or(24 * 3600);
    if seconds == 0 {
        return Err(Problem::usage("a link that has ended at once is none").hint("expires_in is in seconds"));
    }
    let person = app.options.person.clone();
    let (share, token) =
        blocking(move || app.access.share(&id, seconds, &person).map_err(|e| Problem::io("cannot keep the link", &e)))
            .await?;
    let url = format!("{}/#share={token}", who.origin);
    Ok((StatusCode::CREATED, Json(Shared { share: share.share, url, expires: ace_storage::stamp(share.expires_ms) })))
}

/// Of which session.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Of {
    session: Option<String>,
}

/// A link that there is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Link {
    /// By which it is taken back.
    pub share: String,
    /// Its session.
    pub session: String,
    /// When it was made.
    pub created: String,
    /// When it ends.
    pub expires: String,
    /// How often it was opened.
    pub opened: u64,
    /// Who made it.
    pub by: String,
}

/// Links.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shares {
    /// Those that have not ended.
    pub shares: Vec<Link>,
}

/// `GET /shares`.
pub async fn list(State(app): State<App>, Ask(of): Ask<Of>) -> Json<Shares> {
    let link = |share: Share| Link {
        created: ace_storage::stamp(share.created_ms),
        expires: ace_storage::stamp(share.expires_ms),
        share: share.share,
        session: share.session,
        opened: share.opened,
        by: share.by,
    };
    Json(Shares { shares: app.access.shares(of.session.as_deref()).into_iter().map(link).collect() })
}

/// `DELETE /shares/{share}`.
pub async fn revoke(State(app): State<App>, Path(share): Path<String>) -> Result<StatusCode, Problem> {
    let there = blocking(move || app.access.revoke(&share).map_err(|e| Problem::io("cannot keep that", &e))).await?;
    if there { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::unknown()) }
}
