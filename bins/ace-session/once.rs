//! `ace-session once`: one message as a stream without a log. The source draws the context itself, since nothing can be read back.

use ace_cli::{Complaint, Exit, When};
use ace_core::digest;
use ace_front::{Opening, begin, clock, image, random, redaction};
use ace_host::{Said, instructions, message_drafts};
use ace_schema::data::{ContextBuilt, Limits, SessionCreated, TurnStarted};
use ace_schema::{Drafter, draft, id, ty};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::path::{Path, PathBuf};

use crate::{PROGRAM, print};

/// What goes with the message.
pub struct With<'a> {
    /// Pictures to show.
    pub images: &'a [PathBuf],
    /// JSON Schema that the answer has to fit.
    pub schema: Option<&'a Path>,
    /// Limits of money, groups and time.
    pub limits: &'a ace_cli::quota::Limits,
}

/// Prints the events of one message.
pub fn once(opening: &Opening, prompt: Option<&str>, with: &With<'_>, color: When) -> Result<Exit, Complaint> {
    let prompt = begin::prompt(PROGRAM, prompt)?;
    let images = image::load(PROGRAM, with.images, &opening.cwd)?;
    if prompt.trim().is_empty() {
        return Err(Complaint::new(PROGRAM, Exit::Usage, "nothing to ask: the prompt is empty")
            .hint("ace-session once -h shows how"));
    }
    let schema = begin::schema(PROGRAM, with.schema)?;
    let model = begin::model(opening, color)?;
    let session = id::session(u64::try_from(clock().now()).unwrap_or(0), random());
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(&session);
    let created = SessionCreated {
        name: "once".to_owned(),
        owner: opening.person(),
        cwd: opening.cwd.display().to_string(),
        model: model.clone(),
        mode: opening.settings.config.mode,
        limits: Limits { answers: 0, ..begin::limits_of(opening, with.limits)? },
        ..SessionCreated::default()
    };
    let system = digest(instructions::ONCE.as_bytes());
    let mut out = draft::control(ty::LOG_NONE);
    let lines = draft::blob_lines(&system, instructions::ONCE.as_bytes(), |b| BASE64_STANDARD.encode(b));
    out.extend(lines.concat());
    out.extend(drafter.draft(0, "", ty::SESSION_CREATED, &created).1);
    let author = opening.person();
    let prompt = redaction::said(opening, &session, prompt, color)?;
    let said =
        Said { text: &prompt, images: &images, schema: &schema, author: &author, client: PROGRAM, ..Said::default() };
    let (message, drafts) = message_drafts(&mut drafter, said);
    out.extend(drafts);
    let turn = id::turn(1);
    out.extend(drafter.line(&turn, 1, &message, ty::TURN_STARTED, &TurnStarted {}));
    let context =
        ContextBuilt { system, tools: String::new(), ranges: vec![vec![1]], model, ..ContextBuilt::default() };
    let context = ContextBuilt { schema: sha(&schema), ..context };
    out.extend(drafter.line(&id::context(&turn), 1, &turn, ty::CONTEXT_BUILT, &context));
    print(&String::from_utf8_lossy(&out))
}

fn sha(schema: &str) -> String {
    if schema.is_empty() { String::new() } else { digest(schema.as_bytes()) }
}
