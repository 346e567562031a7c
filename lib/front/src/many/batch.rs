//! Which sessions a batch has already, and what it is called. All of it is read from the first lines of logs: nothing else is kept.

use ace_cli::{Complaint, Exit};
use ace_core::digest;
use ace_schema::data::SessionCreated;
use ace_schema::{Line, limits};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use super::lane::{Begun, Lane, Way};
use super::{Batch, Task};
use crate::opening::Opening;

/// Sessions of a batch by the digest of their task and its place.
type Known = HashMap<(String, u64), String>;

/// The lines of a list of tasks: those that say something. Stdin if no file is named.
///
/// # Errors
/// It cannot be read, or holds too much.
pub fn tasks(program: &str, from: Option<&Path>) -> Result<Vec<String>, Complaint> {
    let mut text = String::new();
    let read = match from {
        Some(path) => std::fs::File::open(path).and_then(|f| f.take(limits::BATCH_BYTES + 1).read_to_string(&mut text)),
        None => std::io::stdin().lock().take(limits::BATCH_BYTES + 1).read_to_string(&mut text),
    };
    let bytes = read.map_err(|e| Complaint::io(program, "cannot read the tasks", &e))?;
    let tasks: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let usage = |what: String| Err(Complaint::new(program, Exit::Usage, what));
    if bytes as u64 > limits::BATCH_BYTES || tasks.len() > limits::BATCH {
        return usage(format!("more than {} tasks, the limit of a batch", limits::BATCH));
    }
    if tasks.is_empty() {
        return usage("no tasks: each line of stdin is one".to_owned());
    }
    Ok(tasks)
}

/// What makes a task the same when the command is given again.
fn key(task: &Task) -> String {
    let options = &task.options;
    let text = format!("{:?} {:?} {:?} {}", options.model, options.mode, options.base, task.prompt);
    digest(text.as_bytes()).chars().take(16).collect()
}

/// The tasks with the key of each, and which one of those with the same key it is: so a list may grow or be put in another order.
fn keyed(batch: &Batch) -> Vec<(&Task, String, u64)> {
    let mut seen: HashMap<String, u64> = HashMap::new();
    let keyed = |task| {
        let key = key(task);
        let n = seen.entry(key.clone()).or_default();
        *n += 1;
        (task, key, *n)
    };
    batch.tasks.iter().map(keyed).collect()
}

/// Whose batch it is: the same tasks in the same place have the same one.
fn root(opening: &Opening, batch: &Batch) -> String {
    if !batch.name.is_empty() {
        return batch.name.clone();
    }
    let mut text = format!("{} {} {:?}", batch.part, opening.cwd.display(), batch.checks);
    batch.tasks.iter().for_each(|task| text.push_str(&key(task)));
    format!("{}-{}", batch.part, digest(text.as_bytes()).chars().take(8).collect::<String>())
}

/// The id of the batch and the sessions it has: of the newest with that name that is not done yet, or of a new one. One that has a
/// name of its own is always gone on with.
pub fn find(opening: &Opening, batch: &Batch) -> Result<(String, Known), Complaint> {
    let root = root(opening, batch);
    let home = opening.home();
    let all = home.sessions().map_err(|e| Complaint::io(opening.program, "cannot read the sessions", &e))?;
    let mut found: HashMap<u64, Known> = HashMap::new();
    // Newest first: of two that do the same the older one was given up.
    for one in all {
        let first = home.log(&one.id).first_line().ok().flatten().unwrap_or_default();
        let created = Line::parse(&first).ok().and_then(|l| l.data::<SessionCreated>().ok());
        let Some(member) = created.and_then(|c| c.batch) else { continue };
        let Some(number) = number(&member.id, &root, !batch.name.is_empty()) else { continue };
        found.entry(number).or_default().entry((member.task, member.n)).or_insert(one.id);
    }
    let last = found.keys().max().copied().unwrap_or(0);
    let id = |n: u64| if batch.name.is_empty() { format!("{root}-{n}") } else { root.clone() };
    let known = found.remove(&last).unwrap_or_default();
    if last > 0 && batch.name.is_empty() && is_over(opening, batch, &known)? {
        return Ok((id(last + 1), Known::new()));
    }
    Ok((id(last.max(1)), known))
}

/// Which one of the batches of that name it is, from 1; `None` for another name.
fn number(id: &str, root: &str, named: bool) -> Option<u64> {
    if named {
        return (id == root).then_some(1);
    }
    id.strip_prefix(root)?.strip_prefix('-')?.parse().ok()
}

/// Whether every task has come to an end, or one has won.
fn is_over(opening: &Opening, batch: &Batch, known: &Known) -> Result<bool, Complaint> {
    let mut all = true;
    for (_, key, n) in keyed(batch) {
        let Some(session) = known.get(&(key, n)) else {
            all = false;
            continue;
        };
        let (ended, good) = Lane::stands(opening, session, (&batch.checks, batch.votes))?;
        if good && batch.first_wins {
            return Ok(true);
        }
        all &= ended;
    }
    Ok(all)
}

/// The lanes of a batch.
pub fn lanes(opening: &Opening, batch: &Batch, id: &str, known: Known) -> Result<Vec<Lane>, Complaint> {
    let purse = batch.money.map(|money| ace_schema::data::Purse { name: id.to_owned(), money });
    (1..)
        .zip(keyed(batch))
        .map(|(place, (task, key, n))| {
            let session = known.get(&(key.clone(), n)).cloned();
            let member = ace_schema::data::Batch { id: id.to_owned(), task: key, n, part: batch.part.to_owned() };
            let way =
                Way { checks: batch.checks.clone(), rounds: batch.rounds, retry: batch.retry, votes: batch.votes };
            let begun = Begun { place, member, purse: purse.clone(), session };
            Lane::new(opening, task.clone(), way, begun)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_batch_is_one_of_its_name_or_of_none() {
        assert_eq!(number("map-1-2", "map-1", false), Some(2));
        assert_eq!(number("map-12-2", "map-1", false), None);
        assert_eq!(number("night", "night", true), Some(1));
        assert_eq!(number("night-1", "night", true), None);
    }
}
