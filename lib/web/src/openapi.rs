//! The description of the API, OpenAPI 3.1, made of the table of routes.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::guard::Right;
use crate::problem::ProblemBody;
use crate::routes::{BASE, Gives, Route, routes};

/// The description.
#[must_use]
pub fn describe() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    let mut shapes = settings.into_generator();
    let problem = shapes.subschema_for::<ProblemBody>();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let mut operation = json!({
            "operationId": name(&route),
            "summary": route.summary,
            "x-right": route.right.name(),
            "security": security(route.right),
        });
        let parameters = parameters(&route);
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(shape) = route.takes {
            operation["requestBody"] = json!({"content": {"application/json": {"schema": shape(&mut shapes)}}});
        }
        let said = StatusCode::from_u16(route.status).ok().and_then(|s| s.canonical_reason()).unwrap_or_default();
        let mut answer = json!({"description": said});
        match route.gives {
            Gives::Json(shape) => answer["content"] = json!({"application/json": {"schema": shape(&mut shapes)}}),
            Gives::Object => answer["content"] = json!({"application/json": {"schema": {"type": "object"}}}),
            Gives::Media(media) => answer["content"] = json!({media: {}}),
            Gives::Nothing | Gives::Socket => {}
        }
        operation["responses"] = json!({
            route.status.to_string(): answer,
            "default": {"description": "a problem", "content": {"application/problem+json": {"schema": problem}}},
        });
        let path = paths.entry(format!("{BASE}{}", route.path)).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    let schemas = shapes.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ace-serve",
            "version": "1",
            "description": "Sessions of ace over HTTP. Events are the log's own lines, described by fixtures/events/schema.json.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-ace-PORT"},
            },
        },
    })
}

fn name(route: &Route) -> String {
    let words = route.path.split(['/', '.']).filter(|w| !w.is_empty());
    words.fold(route.method.as_str().to_ascii_lowercase(), |name, word| name + "_" + word.trim_matches(['{', '}', '*']))
}

fn security(right: Right) -> Value {
    match right {
        Right::Public | Right::Ticket => json!([]),
        Right::Any | Right::Look | Right::Owner => json!([{"bearer": []}, {"cookie": []}]),
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let kind =
        |name: &str| if name == "seq" { json!({"type": "integer", "minimum": 1}) } else { json!({"type": "string"}) };
    let mut all: Vec<Value> =
        in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": kind(name)})).collect();
    all.extend(route.query.iter().map(|(name, kind, what)| {
        let schema = match *kind {
            "integer" => json!({"type": "integer", "minimum": 0}),
            kind => json!({"type": kind}),
        };
        json!({"name": name, "in": "query", "description": what, "schema": schema})
    }));
    all
}

/// The description as it is kept and served.
#[must_use]
pub fn text() -> String {
    serde_json::to_string_pretty(&describe()).unwrap_or_default() + "\n"
}

/// `GET /openapi.json`.
pub async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text()).into_response()
}
