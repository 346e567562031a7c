//! The one table of routes: what each is called, who may use it, what it takes and gives. The router, the rights and the description
//! of the API are all made of it, so that none can say otherwise than the others.

use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Router, extract::DefaultBodyLimit};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use ace_schema::limits::web as limits;

use crate::app::App;
use crate::guard::{Right, guard};
use crate::{doing, export, list, login, looking, read, scenarios, share, socket, terminal};

/// A schema, made when the description is.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What a route gives.
#[derive(Clone, Copy)]
pub enum Gives {
    /// JSON of that shape.
    Json(Shape),
    /// Any JSON object, as its summary says.
    Object,
    /// Nothing.
    Nothing,
    /// Bytes of that media type.
    Media(&'static str),
    /// It becomes a WebSocket.
    Socket,
}

/// A parameter of a query: name, JSON type, what it is.
pub type Query = (&'static str, &'static str, &'static str);

/// One route.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path below the base.
    pub path: &'static str,
    /// Who may use it.
    pub right: Right,
    /// What it does, one line.
    pub summary: &'static str,
    /// What its query may say.
    pub query: &'static [Query],
    /// The shape of its body.
    pub takes: Option<Shape>,
    /// The status of its answer.
    pub status: u16,
    /// Its answer.
    pub gives: Gives,
    /// Longest body, bytes.
    pub body: usize,
    handler: MethodRouter<App>,
}

fn shape<T: JsonSchema>() -> Shape {
    SchemaGenerator::subschema_for::<T>
}

fn route<H, T>(method: Method, path: &'static str, right: Right, summary: &'static str, handler: H) -> Route
where
    H: Handler<T, App>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
    Route {
        method,
        path,
        right,
        summary,
        query: &[],
        takes: None,
        status: 200,
        gives: Gives::Object,
        body: limits::BODY_BYTES,
        handler: on(filter, handler),
    }
}

impl Route {
    fn asks(self, query: &'static [Query]) -> Self {
        Self { query, ..self }
    }

    fn takes<T: JsonSchema>(self) -> Self {
        Self { takes: Some(shape::<T>()), ..self }
    }

    fn gives<T: JsonSchema>(self) -> Self {
        Self { gives: Gives::Json(shape::<T>()), ..self }
    }

    fn becomes(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }

    fn pictures(self) -> Self {
        Self { body: limits::PICTURES_BYTES, ..self }
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

fn get<H, T>(path: &'static str, right: Right, summary: &'static str, handler: H) -> Route
where
    H: Handler<T, App>,
    T: 'static,
{
    route(Method::GET, path, right, summary, handler)
}

fn post<H, T>(path: &'static str, right: Right, summary: &'static str, handler: H) -> Route
where
    H: Handler<T, App>,
    T: 'static,
{
    route(Method::POST, path, right, summary, handler)
}

fn delete<H, T>(path: &'static str, right: Right, summary: &'static str, handler: H) -> Route
where
    H: Handler<T, App>,
    T: 'static,
{
    route(Method::DELETE, path, right, summary, handler)
}

const RANGE: &[Query] = &[
    ("from", "integer", "the first record"),
    ("to", "integer", "the last record"),
    ("limit", "integer", "how many, 1 to 5000; 1000 if it is not said"),
    ("tail", "integer", "the last so many, in place of from"),
    ("type", "string", "of these types only, with commas between"),
];

const CURSOR: &[Query] = &[
    ("after", "integer", "the last record there is already"),
    ("id", "string", "its id: the cursor is lost if it is another"),
    ("tail", "integer", "the last so many records only"),
    ("chalk", "integer", "1: pieces of answers and outputs too, as they come"),
];

/// Every route below the base.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut all = who();
    all.extend(looking());
    all.extend(files());
    all.extend(doing());
    all.extend(talking());
    all.extend(sharing());
    all.extend(terminals());
    all.extend(judging());
    all
}

fn who() -> Vec<Route> {
    vec![
        get("/health", Right::Public, "whether the server is well", login::health).gives::<login::Health>(),
        get("/openapi.json", Right::Public, "this description", crate::openapi::serve),
        get("/me", Right::Any, "who asks, and what there is for them", login::me).gives::<login::Me>(),
        post("/login", Right::Any, "a cookie for the bearer of a token", login::login).gives::<login::Me>(),
        post("/logout", Right::Any, "ends this login and all its streams", login::logout)
            .status(204)
            .becomes(Gives::Nothing),
        post("/tickets", Right::Any, "a ticket for one socket, good once for half a minute", login::ticket)
            .takes::<login::For>()
            .gives::<login::Ticket>(),
    ]
}

fn looking() -> Vec<Route> {
    vec![
        get("/sessions", Right::Owner, "the sessions, who waits for a person first", list::sessions)
            .asks(&[
                ("q", "string", "words in name, project, model or id"),
                ("state", "string", "states, with commas between"),
                ("project", "string", "of this project"),
                ("model", "string", "of this model"),
                ("name", "string", "of exactly this name"),
                ("waits", "boolean", "who waits for a person only"),
                ("archived", "boolean", "archived ones too"),
                ("limit", "integer", "how many, 1 to 1000; 200 if it is not said"),
                ("cursor", "integer", "where the answer before ended"),
            ])
            .gives::<list::Sessions>(),
        get("/stream", Right::Ticket, "the list of sessions as it changes", socket::list)
            .status(101)
            .becomes(Gives::Socket),
        get("/sse", Right::Owner, "the same as server-sent events", read::list_sse)
            .becomes(Gives::Media("text/event-stream")),
        get("/sessions/{id}", Right::Look, "a session as it is, or as it was after a record", list::session)
            .asks(&[("at", "integer", "the record")])
            .gives::<crate::card::Session>(),
        get(
            "/sessions/{id}/events",
            Right::Look,
            "events by number; as lines for who accepts application/x-ndjson",
            read::events,
        )
        .asks(RANGE),
        get("/sessions/{id}/events/{seq}", Right::Look, "one event", read::event),
        get("/sessions/{id}/outline", Right::Look, "all events as columns", read::outline)
            .asks(&[("from", "integer", "the first record")])
            .gives::<read::Outline>(),
        get("/sessions/{id}/sse", Right::Look, "events as they are recorded, as server-sent events", read::session_sse)
            .asks(CURSOR)
            .becomes(Gives::Media("text/event-stream")),
        get("/sessions/{id}/stream", Right::Ticket, "events as they are recorded", socket::session)
            .asks(CURSOR)
            .status(101)
            .becomes(Gives::Socket),
    ]
}

fn files() -> Vec<Route> {
    vec![
        get(
            "/search",
            Right::Owner,
            "words over all sessions: hits of session, name, seq, type, around",
            looking::search,
        )
        .asks(&[
            ("q", "string", "words that must all be there"),
            ("limit", "integer", "how many; 50 if it is not said"),
        ]),
        get("/repositories", Right::Owner, "the repositories that sessions are of", looking::repositories),
        get("/models", Right::Owner, "the models that sessions use, and the default", looking::models),
        get("/config", Right::Owner, "what is configured, and who said so", looking::config)
            .asks(&[("session", "string", "where this session works"), ("repository", "string", "or in this folder")]),
        get("/cost", Right::Owner, "what sessions cost: by session, day, and hour of the week", looking::cost_of_all)
            .asks(&[("since", "string", "90m, 12h, 7d, a day"), ("project", "string", "of this project")]),
        get("/worktrees", Right::Owner, "the worktrees of all repositories", looking::worktrees),
        get("/sessions/{id}/tree", Right::Owner, "the files as they were after a record", looking::tree)
            .asks(&[("at", "integer", "the record"), ("base", "integer", "what differs from that record, too")])
            .gives::<looking::Files>(),
        get("/sessions/{id}/file", Right::Owner, "one file as it was after a record", looking::file)
            .asks(&[("path", "string", "its path"), ("at", "integer", "the record")])
            .becomes(Gives::Media("application/octet-stream")),
        get("/sessions/{id}/diff", Right::Owner, "what a call, a turn, a span or the session changed", looking::diff)
            .asks(&[
                ("seq", "integer", "of this call, or of the turn this record is of"),
                ("from", "integer", "from the state after this record"),
                ("to", "integer", "to the state after this one"),
            ])
            .gives::<looking::Difference>(),
        get("/sessions/{id}/verify", Right::Owner, "whether the log is whole", looking::verify)
            .gives::<looking::Whole>(),
        get("/sessions/{id}/cost", Right::Look, "what it cost, by request and tool", looking::cost)
            .gives::<looking::Costs>(),
        get("/sessions/{id}/export.html", Right::Look, "one page that opens without a server", export::export)
            .asks(&[("redacted", "integer", "1: without secrets and personal data, for its owner too")])
            .becomes(Gives::Media("text/html")),
        get("/blobs/{sha}", Right::Any, "what is kept beside logs", looking::blob)
            .asks(&[("download", "string", "the name to save it by")])
            .becomes(Gives::Media("application/octet-stream")),
    ]
}

fn doing() -> Vec<Route> {
    vec![
        post("/sessions", Right::Owner, "new sessions, begun at once", doing::create)
            .takes::<doing::NewSession>()
            .pictures()
            .status(201)
            .gives::<doing::NewSessions>(),
        post("/sessions/{id}/cancel", Right::Owner, "stops the running turn", doing::cancel).gives::<doing::Done>(),
        post("/sessions/{id}/resume", Right::Owner, "goes on with what is due", doing::resume).gives::<doing::Done>(),
        post("/sessions/{id}/compact", Right::Owner, "makes the conversation shorter", doing::compact)
            .takes::<doing::Compact>()
            .gives::<doing::Done>(),
        post("/sessions/{id}/configure", Right::Owner, "changes model or mode", doing::configure)
            .takes::<doing::Configure>()
            .gives::<doing::Done>(),
        post("/sessions/{id}/calls/{call}/decision", Right::Owner, "answers a call that waits", doing::decide)
            .takes::<doing::Decision>()
            .gives::<doing::Done>(),
        post("/sessions/{id}/rewind", Right::Owner, "conversation and files back to a record", doing::rewind)
            .takes::<doing::Rewind>()
            .gives::<doing::Done>(),
        post("/sessions/{id}/undo", Right::Owner, "takes the last turn back", doing::undo).gives::<doing::Done>(),
        post("/sessions/{id}/archive", Right::Owner, "puts the session away", doing::archive).gives::<doing::Done>(),
        post("/sessions/{id}/land", Right::Owner, "brings the work to its branch of origin", doing::land)
            .takes::<doing::Land>()
            .gives::<doing::Done>(),
        post("/sessions/{id}/fork", Right::Owner, "a session with that past", doing::fork)
            .takes::<doing::Fork>()
            .status(201)
            .gives::<doing::Done>(),
        delete("/sessions/{id}", Right::Owner, "removes the session for good", doing::remove)
            .asks(FORCE)
            .gives::<doing::Done>(),
        delete(
            "/sessions/{id}/worktree",
            Right::Owner,
            "removes its worktree, keeps the branch",
            doing::remove_worktree,
        )
        .asks(FORCE)
        .gives::<doing::Done>(),
        post("/worktrees/prune", Right::Owner, "removes worktrees nobody needs", doing::prune)
            .takes::<doing::Prune>()
            .gives::<doing::Done>(),
    ]
}

const FORCE: &[Query] = &[("force", "boolean", "also when work that is nowhere else is lost")];

fn talking() -> Vec<Route> {
    vec![
        post("/sessions/{id}/messages", Right::Owner, "queues a message, or steers the running turn", doing::say)
            .takes::<doing::Message>()
            .pictures()
            .status(201)
            .gives::<doing::Done>(),
        delete("/sessions/{id}/messages/{message}", Right::Owner, "takes a message back that waits", doing::unsay)
            .gives::<doing::Done>(),
        post("/sessions/{id}/messages/{message}/steer", Right::Owner, "lets a message that waits steer", doing::steer)
            .gives::<doing::Done>(),
    ]
}

fn terminals() -> Vec<Route> {
    vec![
        post("/sessions/{id}/terminals", Right::Owner, "a terminal in the session's worktree", terminal::begin)
            .takes::<terminal::Screen>()
            .status(201)
            .gives::<terminal::Opened>(),
        get("/sessions/{id}/terminals", Right::Owner, "the terminals of this session", terminal::list),
        delete("/terminals/{terminal}", Right::Owner, "ends a terminal", terminal::end)
            .status(204)
            .becomes(Gives::Nothing),
        get("/terminals/{terminal}/stream", Right::Ticket, "what a terminal says and is told", terminal::stream)
            .asks(&[("offset", "integer", "from this byte of its output on")])
            .status(101)
            .becomes(Gives::Socket),
    ]
}

fn judging() -> Vec<Route> {
    vec![
        get("/scenarios", Right::Owner, "the scenarios of the repositories known here", scenarios::list)
            .gives::<scenarios::Scenarios>(),
        post("/scenarios/{name}/run", Right::Owner, "runs a scenario", scenarios::run)
            .status(202)
            .gives::<scenarios::Begun>(),
        get("/scenarios/runs/{run}", Right::Owner, "what came of a run so far", scenarios::look)
            .gives::<scenarios::Run>(),
    ]
}

fn sharing() -> Vec<Route> {
    vec![
        post("/sessions/{id}/shares", Right::Owner, "a link to look at this session", share::make)
            .takes::<share::NewShare>()
            .status(201)
            .gives::<share::Shared>(),
        get("/shares", Right::Owner, "the links there are", share::list)
            .asks(&[("session", "string", "to this session")])
            .gives::<share::Shares>(),
        delete("/shares/{share}", Right::Owner, "takes a link back; its streams end", share::revoke)
            .status(204)
            .becomes(Gives::Nothing),
    ]
}

/// The base of all routes.
pub const BASE: &str = "/api/v1";

/// The router: every route behind its guard.
pub fn router(app: &App) -> Router<App> {
    let mut router = Router::new();
    for route in routes() {
        let guarded = route
            .handler
            .layer(DefaultBodyLimit::max(route.body))
            .layer(from_fn_with_state((app.clone(), route.right), guard));
        router = router.route(&format!("{BASE}{}", route.path), guarded);
    }
    router
}
