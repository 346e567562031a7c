//! The list of sessions: asked for once, or as it changes.

use std::collections::HashMap;
use std::time::Duration;

use ace_schema::limits::web as limits;
use axum::Json;
use axum::extract::{Extension, Path, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::{App, Who, blocking};
use crate::card::{Card, Fold, Session};
use crate::problem::Problem;
use crate::read::Ask;

/// Between two looks at all sessions while somebody watches the list.
pub const PACE: Duration = Duration::from_millis(500);

/// What is wanted of the list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ListAsk {
    /// Words in name, project, model or id.
    q: String,
    /// States, with commas between.
    state: String,
    /// Project.
    project: String,
    /// Model.
    model: String,
    /// The name, exactly.
    name: String,
    /// Who waits for a person only.
    waits: bool,
    /// Archived ones too.
    archived: bool,
    /// How many.
    limit: Option<usize>,
    /// Where the answer before ended.
    cursor: Option<usize>,
}

/// Sessions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sessions {
    /// Those that fit, who waits first, then newest.
    pub sessions: Vec<Card>,
    /// Where to go on; null at the end.
    pub next: Option<usize>,
    /// How many fit.
    pub total: usize,
}

impl ListAsk {
    fn fits(&self, card: &Card) -> bool {
        let state = serde_json::to_value(card.state).unwrap_or_default();
        let words = [&card.name, &card.project, &card.model, &card.id, &card.detail].map(|w| w.to_lowercase());
        (self.archived || !card.archived)
            && (!self.waits || !card.asks.is_empty())
            && (self.name.is_empty() || card.name == self.name)
            && (self.project.is_empty() || card.project == self.project)
            && (self.model.is_empty() || card.model == self.model)
            && (self.state.is_empty() || self.state.split(',').any(|s| state == s))
            && self.q.to_lowercase().split_whitespace().all(|q| words.iter().any(|w| w.contains(q)))
    }
}

/// All cards as they are now.
///
/// # Errors
/// The home cannot be read.
pub async fn all(app: &App) -> Result<Vec<Card>, Problem> {
    let app = app.clone();
    blocking(move || app.board.cards().map_err(|e| Problem::io("cannot read the sessions", &e))).await
}

/// `GET /sessions`.
pub async fn sessions(State(app): State<App>, Ask(ask): Ask<ListAsk>) -> Result<Json<Sessions>, Problem> {
    let mut fitting = all(&app).await?;
    fitting.retain(|card| ask.fits(card));
    let total = fitting.len();
    let from = ask.cursor.unwrap_or(0).min(total);
    let to = from.saturating_add(ask.limit.unwrap_or(200).clamp(1, limits::CARDS)).min(total);
    let next = (to < total).then_some(to);
    Ok(Json(Sessions { sessions: fitting.drain(from..to).collect(), next, total }))
}

/// What is wanted of a session.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct At {
    at: Option<u64>,
}

/// `GET /sessions/{id}`.
pub async fn session(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Ask(At { at }): Ask<At>,
) -> Result<Json<serde_json::Value>, Problem> {
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    let veil = crate::share::veil(&app, &who.grant, &id).await?;
    blocking(move || {
        let look = |fold: &Fold, now| fold.session(&id, &log, now);
        let session: std::io::Result<Session> = match at {
            None => app.board.with(&id, &log, |fold| look(fold, true)),
            Some(_) => Fold::of(&log, at).map(|fold| look(&fold, false)),
        };
        let mut session = session.map_err(|e| Problem::io("cannot read the log", &e))?;
        if at.is_some_and(|at| at > session.state_at || at == 0) {
            return Err(Problem::unknown());
        }
        if !who.grant.is_owner() {
            session.log = None;
        }
        let questions = serde_json::to_value(&session.questions).unwrap_or_default();
        let mut value = serde_json::to_value(session).unwrap_or_default();
        // What waits is told whole here, not in short as in the list.
        value["asks"] = questions;
        if let Some(veil) = veil {
            veil.value(&mut value);
        }
        Ok(Json(value))
    })
    .await
}

/// What changed in the list since it was told last.
#[derive(Default)]
pub struct Changes {
    told: Option<HashMap<String, Card>>,
}

impl Changes {
    /// The next frame; `None` if nothing has changed.
    ///
    /// # Errors
    /// The home cannot be read.
    pub async fn next(&mut self, app: &App) -> Result<Option<String>, Problem> {
        let mut cards = all(app).await?;
        cards.retain(|card| !card.archived);
        let Some(told) = &mut self.told else {
            let frame =
                json!({"frame": "cards", "cards": cards, "removed": [], "total": cards.len(), "complete": true});
            self.told = Some(cards.into_iter().map(|card| (card.id.clone(), card)).collect());
            return Ok(Some(frame.to_string()));
        };
        let total = cards.len();
        let now: HashMap<String, Card> = cards.into_iter().map(|card| (card.id.clone(), card)).collect();
        let changed: Vec<&Card> = now.values().filter(|card| told.get(&card.id) != Some(card)).collect();
        let removed: Vec<&String> = told.keys().filter(|id| !now.contains_key(*id)).collect();
        if changed.is_empty() && removed.is_empty() {
            return Ok(None);
        }
        let frame = json!({"frame": "cards", "cards": changed, "removed": removed, "total": total, "complete": false});
        self.told = Some(now);
        Ok(Some(frame.to_string()))
    }
}
