//! Scenarios of the repositories that are known here: found in their folders, run by `ace-replay`, and what came of it. A run that
//! can be looked at is taken in like any session that came from elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ace_schema::limits::{SCENARIO_BYTES, SCENARIOS, web as limits};
use axum::Json;
use axum::extract::{Path as Of, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::act::Task;
use crate::app::{App, blocking};
use crate::problem::{Code, Problem};

/// Where scenarios lie in a repository.
const PLACES: [&str; 3] = ["scenarios", "fixtures/scenarios", ".ace/scenarios"];

/// A scenario.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Scenario {
    /// Its folder's name.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The folder.
    pub folder: String,
    /// What came of it last.
    pub last: Option<Last>,
}

/// What came of a scenario last.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Last {
    /// It came out as it says.
    pub ok: bool,
    /// When.
    pub ts: String,
    /// The session of that run, if this server ran it.
    pub session: Option<String>,
}

/// All scenarios.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Scenarios {
    /// By name.
    pub scenarios: Vec<Scenario>,
    /// There are some.
    pub available: bool,
}

/// One expectation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Expectation {
    /// What was expected.
    pub text: String,
    /// Whether it came so; none while nobody knows.
    pub ok: Option<bool>,
    /// What is there instead.
    pub detail: String,
}

/// A run.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Run {
    /// The scenario.
    pub name: String,
    /// running, passed or failed.
    pub state: String,
    /// The session it was, to be looked at.
    pub session: Option<String>,
    /// What it expects.
    pub expectations: Vec<Expectation>,
    /// What could not be done.
    pub output: String,
}

/// A run that has begun.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Begun {
    /// Its name.
    pub run: String,
}

/// The runs of this server, newest last. What came of them stands in the history that `ace-replay` keeps.
#[derive(Default)]
pub struct Runs(Mutex<VecDeque<(String, Run)>>);

impl Runs {
    fn with<T>(&self, does: impl FnOnce(&mut VecDeque<(String, Run)>) -> T) -> T {
        does(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self, name: &str) -> Result<String, Problem> {
        let id = format!("{:016x}", getrandom::u64().map_err(|_| Problem::usage("no randomness"))?);
        let run = Run { name: name.to_owned(), state: "running".to_owned(), ..Run::default() };
        self.with(|runs| {
            let at_work = runs.iter().filter(|(_, run)| run.state == "running").count();
            if at_work >= limits::SCENARIO_RUNS {
                return Err(Problem::new(Code::Busy, "other scenarios are being run").hint("wait for them"));
            }
            if runs.len() >= limits::SCENARIO_RUNS_KEPT {
                runs.pop_front();
            }
            runs.push_back((id.clone(), run));
            Ok(id)
        })
    }

    fn end(&self, id: &str, run: Run) {
        self.with(|runs| {
            if let Some((_, kept)) = runs.iter_mut().find(|(name, _)| name == id) {
                *kept = run;
            }
        });
    }

    fn get(&self, id: &str) -> Option<Run> {
        self.with(|runs| runs.iter().find(|(name, _)| name == id).map(|(_, run)| run.clone()))
    }

    /// The session of a scenario's last run here.
    fn session(&self, name: &str) -> Option<String> {
        self.with(|runs| runs.iter().rev().find(|(_, run)| run.name == name).and_then(|(_, run)| run.session.clone()))
    }
}

/// The line of a scenario that says what it shows.
fn title(file: &Path) -> Option<String> {
    let len = file.metadata().ok()?.len();
    let text = std::fs::read_to_string(file).ok().filter(|_| len <= SCENARIO_BYTES)?;
    let said = text.lines().find_map(|line| line.strip_prefix("about")?.trim_start().strip_prefix('='))?;
    // A plain string of TOML is one of JSON; another one is shown as it stands.
    let said = said.trim();
    Some(serde_json::from_str(said).unwrap_or_else(|_| said.trim_matches(['\'', '"']).to_owned()))
}

/// The scenarios of these repositories, by name; the first of a name.
fn find(repositories: &[PathBuf]) -> BTreeMap<String, (PathBuf, String)> {
    let mut all = BTreeMap::new();
    for place in repositories.iter().flat_map(|root| PLACES.iter().map(|place| root.join(place))) {
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            let folder = entry.path();
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let plain =
                name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) && !name.starts_with('.');
            let file = folder.join("scenario.toml");
            if plain && file.is_file() && all.len() < SCENARIOS {
                all.entry(name).or_insert_with(|| (folder, title(&file).unwrap_or_default()));
            }
        }
    }
    all
}

async fn known(app: &App) -> Result<BTreeMap<String, (PathBuf, String)>, Problem> {
    let mut places = vec![app.options.place.clone()];
    for card in crate::list::all(app).await? {
        let place = PathBuf::from(card.repository);
        if place.is_absolute() && !places.contains(&place) {
            places.push(place);
        }
    }
    blocking(move || Ok(find(&places))).await
}

/// `GET /scenarios`.
pub async fn list(State(app): State<App>) -> Result<Json<Scenarios>, Problem> {
    let known = known(&app).await?;
    let mut last: BTreeMap<String, Last> = BTreeMap::new();
    // Without a history it says so and ends with 1.
    let history = Task::new("ace-replay", &["history", "--json"]).fine(&[0, 1]).run(&app).await?;
    for line in history.lines() {
        if let (Some(name), Some(ts)) = (line["data"]["name"].as_str(), line["ts"].as_str()) {
            let (ok, session) = (line["data"]["verdict"] == "passed", app.runs.session(name));
            last.insert(name.to_owned(), Last { ok, ts: ts.to_owned(), session });
        }
    }
    let scenarios: Vec<Scenario> = known
        .into_iter()
        .map(|(name, (folder, title))| {
            let last = last.remove(&name);
            Scenario { name, title, folder: folder.display().to_string(), last }
        })
        .collect();
    Ok(Json(Scenarios { available: !scenarios.is_empty(), scenarios }))
}

/// `POST /scenarios/{name}/run`.
pub async fn run(State(app): State<App>, Of(name): Of<String>) -> Result<(StatusCode, Json<Begun>), Problem> {
    let (folder, _) = known(&app).await?.remove(&name).ok_or_else(Problem::unknown)?;
    let run = app.runs.begin(&name)?;
    let (inside, id) = (app.clone(), run.clone());
    tokio::spawn(async move {
        let done = play(&inside, &name, &folder, &id).await;
        let failed =
            |problem: Problem| Run { name, state: "failed".to_owned(), output: problem.detail, ..Run::default() };
        inside.runs.end(&id, done.unwrap_or_else(failed));
    });
    Ok((StatusCode::ACCEPTED, Json(Begun { run })))
}

/// `GET /scenarios/runs/{run}`.
pub async fn look(State(app): State<App>, Of(run): Of<String>) -> Result<Json<Run>, Problem> {
    app.runs.get(&run).map(Json).ok_or_else(Problem::unknown)
}

/// Runs one to its end.
async fn play(app: &App, name: &str, folder: &Path, id: &str) -> Result<Run, Problem> {
    let packs = app.folder().join(format!("run-{id}"));
    let task = Task::new("ace-replay", &["check", "--json", "--pack"]).with(&packs).with("--").with(folder);
    let said = task.fine(&[0, 1]).within(limits::SCENARIO_TIME).run(app).await;
    let result = match said {
        Ok(said) => said.lines().into_iter().find(|line| line["name"].is_string()),
        Err(problem) => {
            let _ = std::fs::remove_dir_all(&packs);
            return Err(problem);
        }
    };
    let result = result.ok_or_else(|| Problem::new(Code::Bug, "ace-replay says nothing of it"))?;
    let session = match (result["session"].as_str(), result["packed"].as_str()) {
        (Some(session), Some(file)) => take_in(app, session, file).await,
        _ => None,
    };
    let _ = std::fs::remove_dir_all(&packs);
    let passed = result["verdict"] == "passed";
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let expectations = result["expectations"].as_array().into_iter().flatten();
    let expectations = expectations.map(|e| Expectation {
        text: text(&e["wanted"]),
        ok: e["met"].as_bool(),
        detail: text(&e["words"]),
    });
    Ok(Run {
        name: name.to_owned(),
        state: if passed { "passed" } else { "failed" }.to_owned(),
        session,
        expectations: expectations.collect(),
        output: text(&result["error"]),
    })
}

/// Takes the session of a run in, in place of the one of an earlier run: a scenario's session has the same id each time.
async fn take_in(app: &App, session: &str, file: &str) -> Option<String> {
    if app.board.log(session).is_some() {
        let gone = Task::new("ace-session", &["rm", "--force", session]).run(app).await;
        gone.ok()?;
    }
    let said = Task::new("ace-session", &["unpack", file]).run(app).await.ok()?;
    Some(said.text()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_found_where_repositories_have_them() {
        let root = tempfile::tempdir().unwrap();
        for (folder, text) in [
            ("scenarios/one", "about = \"a \\\"first\\\" one\"\nprompts = []\n"),
            ("fixtures/scenarios/two", "prompts = []\n"),
            ("fixtures/scenarios/one", "about = 'another'\n"),
            ("scenarios/.hidden", "about = \"x\"\n"),
        ] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
            std::fs::write(root.path().join(folder).join("scenario.toml"), text).unwrap();
        }
        std::fs::create_dir_all(root.path().join("scenarios/none")).unwrap();
        let found = find(&[root.path().to_owned(), PathBuf::from("/nowhere")]);
        let told: Vec<_> = found.iter().map(|(name, (_, title))| (name.as_str(), title.as_str())).collect();
        assert_eq!(told, [("one", "a \"first\" one"), ("two", "")]);
    }

    #[test]
    fn runs_are_kept_up_to_a_limit_and_so_many_are_at_work() {
        let runs = Runs::default();
        let first = runs.begin("a").unwrap();
        assert_eq!(runs.get(&first).unwrap().state, "running");
        for _ in 1..limits::SCENARIO_RUNS {
            runs.begin("a").unwrap();
        }
        assert!(runs.begin("a").is_err());
        runs.end(&first, Run { name: "a".into(), state: "passed".into(), session: Some("s".into()), ..Run::default() });
        assert_eq!((runs.session("a"), runs.session("b")), (None, None), "a newer one has none yet");
        assert!(runs.begin("a").is_ok());
    }
}
