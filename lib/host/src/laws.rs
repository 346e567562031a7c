//! The laws of a filter, tried on anyone's: each is a question that a program's output alone answers, over recorded sessions. It
//! must never keep what the filter says, and no filter here ever reads a claim of its own back, so none has an effect.

use ace_core::State;
use ace_schema::{Class, Line, id, ty};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

mod record;
pub(crate) mod subject;

use crate::join::kind_of;
use record::{LIVE, Record, as_drafts, sessions, shortened, told};
pub use subject::Fault;
use subject::{Subject, drafts, feed, strays};

/// The laws in their order, and what each asks for.
pub const LAWS: [(&str, &str); 7] = [
    ("pass", "its input comes out again, byte for byte"),
    ("believe", "drafts of others are carried unread"),
    ("wait", "nothing is drafted before log.live"),
    ("claim", "drafts are whole, its own, and no effect comes before its claim is read back"),
    ("read", "every line comes out before the next goes in, and it ends with its input"),
    ("time", "the same record gives the same drafts, whenever it is read"),
    ("fixed", "once its drafts are recorded, it adds nothing"),
];

/// How often what a filter adds may lead it to add more.
const ROUNDS: usize = 5;
/// A clock that counts seconds has moved on after this.
const MOMENT: Duration = Duration::from_millis(1100);
/// Sessions that are tried beside each other.
const AT_ONCE: usize = 5;
/// Lines that are written one by one.
const ONE_BY_ONE: usize = 12;
/// Lines that are written at once afterwards: more than all pipes on the way hold.
const FLOOD_LINES: usize = 2000;

/// What came of trying a law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It is broken.
    Broken(Fault),
    /// The filter does not even run.
    Untried,
}

/// Tries every law on the filter and tells each verdict as it is known, with the law's place in [`LAWS`]. Whether all of them hold.
pub fn try_laws(argv: &[String], mut tell: impl FnMut(usize, &Verdict)) -> bool {
    let mut trials: Vec<Trial> = sessions()
        .into_iter()
        .map(|record| Trial { argv: argv.to_vec(), record, known: HashMap::new(), runs: true })
        .collect();
    let laws: [Law; 7] =
        [Trial::pass, Trial::believe, Trial::wait, Trial::claim, Trial::read, Trial::time, Trial::fixed];
    let mut holds = true;
    for (at, law) in laws.iter().enumerate() {
        let verdict = if trials.iter().all(|trial| trial.runs) { judge(&mut trials, *law) } else { Verdict::Untried };
        holds &= verdict == Verdict::Holds;
        tell(at, &verdict);
    }
    holds
}

type Law = fn(&mut Trial) -> Result<(), String>;

/// Tries one law on every session, some at a time; the first fault in their order counts.
fn judge(trials: &mut [Trial], law: Law) -> Verdict {
    for some in trials.chunks_mut(AT_ONCE) {
        let what: Vec<Option<Fault>> = std::thread::scope(|scope| {
            let threads: Vec<_> = some
                .iter_mut()
                .map(|trial| {
                    let session = trial.record.name;
                    (session, scope.spawn(move || law(trial)))
                })
                .collect();
            let joined = threads.into_iter().map(|(session, thread)| {
                let tried = thread.join().unwrap_or_else(|_| Err("it cannot be tried".to_owned()));
                tried.err().map(|what| Fault { session, what })
            });
            joined.collect()
        });
        if let Some(fault) = what.into_iter().flatten().next() {
            return Verdict::Broken(fault);
        }
    }
    Verdict::Holds
}

/// A filter on one session, and what it was seen to do.
struct Trial {
    argv: Vec<String>,
    record: Record,
    /// What it drafts after so many lines, and when that was asked.
    known: HashMap<usize, (Vec<Vec<u8>>, Instant)>,
    /// It runs to its end.
    runs: bool,
}

impl Trial {
    /// What it adds to this input, whatever else it does to it: the first law speaks of that.
    fn adds(&self, input: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        Ok(strays(input, &feed(&self.argv, input)?))
    }

    /// What it drafts once it has read so many lines of the session.
    fn drafts(&mut self, at: usize) -> Result<Vec<Vec<u8>>, String> {
        if let Some((drafts, _)) = self.known.get(&at) {
            return Ok(drafts.clone());
        }
        let drafts = self.adds(&self.record.until(at))?;
        self.known.insert(at, (drafts.clone(), Instant::now()));
        Ok(drafts)
    }

    fn pass(&mut self) -> Result<(), String> {
        let record = self.record.clone();
        let input = [&*record.lines.concat(), &*record.odd(), LIVE].concat();
        let output = feed(&self.argv, &input).inspect_err(|_| self.runs = false)?;
        drafts(&input, &output).map(drop)
    }

    fn believe(&mut self) -> Result<(), String> {
        let record = self.record.clone();
        for at in record.cuts() {
            let alone = told(&self.drafts(at)?);
            let (past, rest) = record.lines.split_at(at);
            let (past, rest) = (past.concat(), as_drafts(rest));
            let carried = told(&self.adds(&[&*past, &rest, LIVE, &rest].concat())?);
            if let Some(other) = carried.symmetric_difference(&alone).next() {
                return Err(format!("drafts without a seq after line {at} change what it drafts: {other}"));
            }
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<(), String> {
        let record = self.record.clone();
        for at in record.cuts() {
            if let Some(draft) = self.adds(&record.lines[..at].concat())?.first() {
                return Err(format!("history of {at} lines without log.live, and it drafts {}", shortened(draft)));
            }
        }
        Ok(())
    }

    fn claim(&mut self) -> Result<(), String> {
        let record = self.record.clone();
        let kind = kind_of(&self.argv);
        for at in record.cuts() {
            let known: HashSet<String> =
                record.lines[..at].iter().filter_map(|l| Some(Line::parse(l).ok()?.id.into_owned())).collect();
            let (mut ids, mut claims) = (HashSet::new(), HashSet::new());
            for draft in self.drafts(at)? {
                let wrong = |why: &str| Err(format!("{why}: {}", shortened(&draft)));
                let Ok(line) = Line::parse(&draft) else { return wrong("not a draft of this version") };
                if line.class() == Class::Control {
                    continue;
                }
                if line.id.is_empty() || line.session.is_empty() || line.by.is_empty() {
                    return wrong("a draft without id, session or by");
                }
                if !id::is_derived(&line.id) && (known.contains(&*line.id) || !ids.insert(line.id.to_string())) {
                    return wrong("an id that is taken");
                }
                if !kind.may(&line.ty) {
                    return wrong("the log takes no such type from this filter");
                }
                if claims.contains(&*line.cause) {
                    return wrong("it acts on a claim that it has not read back");
                }
                if matches!(&*line.ty, ty::MODEL_REQUESTED | ty::TOOL_STARTED) {
                    if id::is_derived(&line.id) {
                        return wrong("a claim needs an id of its own");
                    }
                    claims.insert(line.id.to_string());
                }
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), String> {
        let record = self.record.clone();
        let mut subject = Subject::start(&self.argv)?;
        let shown = record.lines.len().min(ONE_BY_ONE);
        for (n, line) in record.lines[..shown].iter().enumerate() {
            subject.pass(line).map_err(|e| format!("line {}: {e}", n + 1))?;
        }
        subject.pass(&record.lines[shown..].concat())?;
        subject.pass(LIVE)?;
        // Something may be due now. Whoever works on it reads on.
        subject.pass(&record.chalk().repeat(FLOOD_LINES))?;
        subject.end()
    }

    fn time(&mut self) -> Result<(), String> {
        let record = self.record.clone();
        for at in record.cuts() {
            let before = told(&self.drafts(at)?);
            let since = self.known.get(&at).map_or(MOMENT, |(_, when)| when.elapsed());
            // Where nothing is drafted, nothing of a clock can stand in it.
            if !before.is_empty() {
                std::thread::sleep(MOMENT.saturating_sub(since));
            }
            let now = told(&self.adds(&record.until(at))?);
            if let Some(other) = now.symmetric_difference(&before).next() {
                return Err(format!("{at} lines read twice give different drafts: {other}"));
            }
        }
        Ok(())
    }

    fn fixed(&mut self) -> Result<(), String> {
        let mut record = self.record.clone();
        let mut state = State::new();
        state.fold_all(&record.lines.concat());
        if !state.is_settled() {
            return Ok(());
        }
        let mut made = self.drafts(record.lines.len())?;
        for _ in 0..ROUNDS {
            if made.is_empty() {
                return Ok(());
            }
            made.iter().for_each(|draft| record.add(draft));
            made = self.adds(&record.until(record.lines.len()))?;
        }
        let last = made.first().map(|l| shortened(l)).unwrap_or_default();
        Err(format!("it never comes to rest: after {ROUNDS} rounds it still adds {last}"))
    }
}
