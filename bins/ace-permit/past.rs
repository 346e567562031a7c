//! Rules over what has happened: what other rules would have decided, and which rules would say what people said.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_core::State;
use ace_front::Opening;
use ace_host::rules;
use ace_permissions::{About, CallFacts, Rulebook, Verdict, decide_by};
use ace_schema::data::{PermissionResolved, Proposal, ToolCall};
use ace_schema::permission::{Decision, Mode};
use ace_schema::{Line, ty};
use serde_json::Value;
use std::path::Path;

use crate::explain::{of_file, print};
use crate::{PROGRAM, explain};

/// One call of the past and what became of it.
struct Past {
    at: String,
    mode: Mode,
    call: ToolCall,
    args: Value,
    cwd: String,
    project: String,
    id: String,
    /// The decision and who made it; `None` where nobody did.
    decided: Option<(Decision, String)>,
}

impl Past {
    fn by(&self, book: &Rulebook) -> Verdict {
        let facts = CallFacts {
            tool: &self.call.tool,
            args: &self.args,
            cwd: &self.cwd,
            tmp: "",
            sandboxed: true,
            unsandboxed: false,
        };
        decide_by(
            book,
            self.mode,
            &facts,
            &About { source: self.call.source, project: &self.project, ..About::default() },
        )
    }

    fn by_person(&self) -> Option<Decision> {
        self.decided.as_ref().filter(|(_, who)| who != "rule").map(|(decision, _)| *decision)
    }

    fn shown(&self) -> String {
        let subject = ace_schema::tool::find(&self.call.tool).map_or("", |t| t.subject);
        let subject = self.args.get(subject).and_then(Value::as_str).unwrap_or_default();
        format!("{} '{}'", self.call.tool, ace_view::visible(subject, ace_view::Role::Plain).words())
    }
}

/// All calls of these logs in order.
fn calls(opening: &Opening, logs: &[SessionAddress]) -> Result<Vec<Past>, Complaint> {
    let mut all: Vec<Past> = Vec::new();
    for address in logs {
        let log = opening.log(&opening.find(address)?);
        let cannot = |e: std::io::Error| Complaint::io(PROGRAM, &format!("cannot read '{address}'"), &e);
        let mut follow = log.follow(0).map_err(cannot)?;
        let (mut state, from) = (State::new(), all.len());
        loop {
            let lines = follow.read().map_err(cannot)?;
            if lines.is_empty() {
                break;
            }
            for line in ace_storage::split(lines).filter_map(|l| Line::parse(l).ok()) {
                state.fold(&line);
                match &*line.ty {
                    ty::MODEL_CALL => all.extend(call(opening, address, &state, &line)),
                    ty::PERMISSION_RESOLVED => {
                        let Ok(data) = line.data::<PermissionResolved>() else { continue };
                        if let Some(past) = all[from..].iter_mut().find(|p| p.id == line.cause) {
                            past.decided.get_or_insert((data.decision, data.who));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(all)
}

fn call(opening: &Opening, address: &SessionAddress, state: &State, line: &Line<'_>) -> Option<Past> {
    let call: ToolCall = line.data().ok()?;
    let args = match (&call.args, &call.blob) {
        (Some(args), _) => serde_json::from_str(args.get()).unwrap_or_default(),
        (None, Some(blob)) => {
            let bytes = opening.home().blobs().get(&blob.sha).ok()?;
            serde_json::from_slice(&bytes).unwrap_or_default()
        }
        (None, None) => Value::Object(serde_json::Map::new()),
    };
    let created = &state.created;
    Some(Past {
        at: format!("{address}@{}", line.seq.unwrap_or_default()),
        mode: state.mode,
        call,
        args,
        cwd: created.worktree.as_ref().map_or(&created.cwd, |w| &w.path).clone(),
        project: created.repository.as_ref().map_or_else(String::new, |r| r.root.clone()),
        id: line.id.to_string(),
        decided: None,
    })
}

fn name(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Deny => "deny",
        Decision::Ask => "ask",
    }
}

/// Says of every call of the past what these rules would have made of it, where that is something else.
pub fn try_rules(opening: &Opening, file: &Path, logs: &[SessionAddress]) -> Result<Exit, Complaint> {
    let book = of_file(file)?;
    let (mut out, mut counts, mut changed) = (String::new(), [0; 3], 0);
    let past = calls(opening, logs)?;
    for call in &past {
        let verdict = call.by(&book);
        counts[verdict.decision as usize] += 1;
        // A person decided because somebody asked.
        let (then, was) = match &call.decided {
            Some((decision, who)) if who != "rule" => (Decision::Ask, format!("asked, {} by {who}", name(*decision))),
            Some((decision, _)) => (*decision, name(*decision).to_owned()),
            None => (Decision::Ask, "asked, not answered".to_owned()),
        };
        if verdict.decision != then {
            changed += 1;
            out +=
                &format!("{}  {}  {was} -> {} by '{}'\n", call.at, call.shown(), name(verdict.decision), verdict.rule);
        }
    }
    let [allow, deny, ask] = counts;
    out += &format!("{} calls: {allow} allow, {ask} ask, {deny} deny; {changed} other than then\n", past.len());
    print(&out)?;
    Ok(if changed == 0 { Exit::Done } else { Exit::No })
}

/// Proposes the narrowest rules under which people would not have been asked again, and says what else these would let through.
pub fn learn(opening: &Opening, logs: &[SessionAddress]) -> Result<Exit, Complaint> {
    let past = calls(opening, logs)?;
    let none = Rulebook::default();
    let mut proposals: Vec<Proposal> = Vec::new();
    for call in past.iter().filter(|c| c.by_person() == Some(Decision::Allow)) {
        if let Some(proposal) = call.by(&none).proposal.filter(|p| !proposals.contains(p)) {
            proposals.push(proposal);
        }
    }
    let (mut out, mut number) = (String::new(), 0);
    for proposal in proposals {
        let mut book = Rulebook::default();
        if !book.grant(&proposal, "learned") {
            continue;
        }
        let covered: Vec<&Past> = past.iter().filter(|c| c.by(&book).rule == "learned").collect();
        let of = |decision| covered.iter().filter(|c| c.by_person() == decision).count();
        let (yes, no, unasked) = (of(Some(Decision::Allow)), of(Some(Decision::Deny)), of(None));
        let head =
            format!("# people allowed {yes} such calls and refused {no}; {unasked} more were not theirs to decide\n");
        number += 1;
        let rule = rules::toml(&proposal, &format!("learned-{number}"), None);
        // What was refused before is never granted: it stays for a person to narrow.
        let rule = if no > 0 { rule.lines().map(|l| format!("# {l}\n")).collect() } else { rule };
        let gap = if out.is_empty() { "" } else { "\n" };
        out += &format!("{gap}{head}{rule}");
    }
    if number == 0 {
        return Err(Complaint::new(PROGRAM, Exit::No, "nobody allowed anything that a rule could say"));
    }
    explain::print(&out)?;
    Ok(Exit::Done)
}
