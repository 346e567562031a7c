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
use crate::{list, login, read, share, socket};

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
    all.extend(sharing());
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
