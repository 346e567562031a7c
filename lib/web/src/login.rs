//! Who somebody is here, the cookie of a browser, tickets for sockets, and whether the server is well.

use ace_schema::limits::web as limits;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Door, Scope};
use crate::app::{App, Who, blocking};
use crate::body::Body;
use crate::guard::cookie_names;
use crate::problem::Problem;

/// Who asks, and what there is for them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Me {
    /// In whose name the server acts.
    pub person: String,
    /// `owner`, or `share` for who holds a link to one session.
    pub scope: String,
    /// That session.
    pub session: Option<String>,
    /// When it ends.
    pub expires: Option<String>,
    /// Events are shown without secrets and personal data.
    pub redacted: bool,
    /// A terminal may be opened.
    pub terminal: bool,
    /// Scenarios can be run.
    pub scenarios: bool,
    /// Version of ace.
    pub version: String,
    /// Git commit it was built from; empty if unknown.
    pub commit: String,
    /// This machine; empty for who holds a link.
    pub host: String,
    /// Where sessions lie; for the owner alone.
    pub home: Option<String>,
    /// The header that a script of our own page sends with a cookie.
    pub csrf_header: String,
}

fn about(app: &App, who: &Who) -> Me {
    let options = &app.options;
    let owner = who.grant.is_owner();
    Me {
        person: if owner { options.person.clone() } else { String::new() },
        scope: if owner { "owner" } else { "share" }.to_owned(),
        session: match &who.grant.scope {
            Scope::Owner => None,
            Scope::Share { session, .. } => Some(session.clone()),
        },
        expires: who.grant.until.map(ace_storage::stamp),
        redacted: !owner,
        terminal: owner && options.terminal,
        scenarios: owner,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: options.commit.clone(),
        host: if owner { options.host.clone() } else { String::new() },
        home: owner.then(|| options.home.path().display().to_string()),
        csrf_header: "X-Ace".to_owned(),
    }
}

/// `GET /me`.
pub async fn me(State(app): State<App>, Extension(who): Extension<Who>) -> Json<Me> {
    Json(about(&app, &who))
}

/// `POST /login`.
pub async fn login(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    headers: HeaderMap,
) -> Result<(HeaderMap, Json<Me>), Problem> {
    // A cookie alone begins no new login: what is stolen would live for ever.
    if !headers.contains_key(header::AUTHORIZATION) {
        return Err(Problem::who());
    }
    let value = {
        let (app, grant) = (app.clone(), who.grant.clone());
        blocking(move || app.access.login(&grant).map_err(|e| Problem::io("cannot keep the login", &e))).await?
    };
    let age = limits::LOGIN_MS / 1000;
    Ok((set_cookies(&who, &value, age)?, Json(about(&app, &who))))
}

fn set_cookies(who: &Who, value: &str, age: i64) -> Result<HeaderMap, Problem> {
    let (host, plain) = cookie_names(&who.origin);
    let common = format!("Path=/; HttpOnly; SameSite=Strict; Max-Age={age}");
    let mut cookies = vec![format!("{host}={value}; Secure; {common}")];
    if !who.origin.starts_with("https:") {
        cookies.push(format!("{plain}={value}; {common}"));
    }
    let mut headers = HeaderMap::new();
    for cookie in cookies {
        let cookie = HeaderValue::from_str(&cookie).map_err(|_| Problem::usage("no cookie fits that name"))?;
        headers.append(header::SET_COOKIE, cookie);
    }
    Ok(headers)
}

/// `POST /logout`.
pub async fn logout(
    State(app): State<App>,
    Extension(who): Extension<Who>,
) -> Result<(StatusCode, HeaderMap), Problem> {
    let grant = who.grant.clone();
    blocking(move || app.access.logout(&grant).map_err(|e| Problem::io("cannot keep that", &e))).await?;
    Ok((StatusCode::NO_CONTENT, set_cookies(&who, "", 0)?))
}

/// What a ticket is for: one of these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct For {
    /// The events of a session.
    pub session: Option<String>,
    /// The list of sessions.
    pub list: bool,
    /// A terminal.
    pub terminal: Option<String>,
}

/// A ticket.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Ticket {
    /// Shown as the subprotocol `ticket.` and this.
    pub ticket: String,
    /// Seconds for which it is good.
    pub expires_in: u64,
}

/// `POST /tickets`.
pub async fn ticket(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Body(wanted): Body<For>,
) -> Result<Json<Ticket>, Problem> {
    let door = match wanted {
        For { session: Some(session), list: false, terminal: None } => {
            if !who.grant.reaches(&session) || app.board.log(&session).is_none() {
                return Err(Problem::unknown());
            }
            Door::Session(session)
        }
        For { session: None, list: true, terminal: None } if who.grant.is_owner() => Door::List,
        For { session: None, list: false, terminal: Some(terminal) } if who.grant.is_owner() => {
            Door::Terminal(terminal)
        }
        _ if !who.grant.is_owner() => return Err(Problem::unknown()),
        _ => return Err(Problem::usage("a ticket is for a session, for the list or for a terminal")),
    };
    let ticket = app.access.ticket(door, &who.grant).map_err(|e| Problem::io("cannot make a ticket", &e))?;
    Ok(Json(Ticket { ticket, expires_in: limits::TICKET_SECONDS }))
}

/// Whether the server is well.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    /// `ok`, or `degraded` when nothing can be written.
    pub status: String,
    /// Version of ace.
    pub version: String,
    /// Git commit it was built from; empty if unknown.
    pub commit: String,
    /// Whether the ace home can be written.
    pub home_writable: bool,
}

/// `GET /health`.
pub async fn health(State(app): State<App>) -> Json<Health> {
    let folder = app.folder();
    let writable = blocking(move || Ok(rustix::fs::access(&folder, rustix::fs::Access::WRITE_OK).is_ok())).await;
    let home_writable = writable.unwrap_or(false);
    Json(Health {
        status: if home_writable { "ok" } else { "degraded" }.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: app.options.commit.clone(),
        home_writable,
    })
}
