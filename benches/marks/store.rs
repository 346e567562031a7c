//! The log: appends against a bare loop of the same bytes, a follower, and a log of 100 MB.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use ace_schema::data::{SessionCreated, UserMessage};
use ace_schema::{Drafter, Kind, id, ty};
use ace_storage::{Clock, Home, Nib};

use crate::scene::Scene;
use crate::system::children_cpu;
use crate::table::{Table, median, ms, quantile, timed};

const LARGE: u64 = 100_000_000;
/// The pen of a person.
pub const PERSON: Nib = Nib { number: 9, kind: Kind::Person };
const STEP: Nib = Nib { number: 8, kind: Kind::Step };

/// A session without a model, made by the library.
pub fn session(scene: &Scene, random: u64) -> (Home, Drafter) {
    let home = Home::at(scene.path("ace"));
    let mut drafter = Drafter::new("bench", random);
    let now = u64::try_from(Clock::System.now()).unwrap();
    drafter.set_session(&id::session(now, random));
    let cwd = scene.path("project").display().to_string();
    let data = SessionCreated { name: format!("bench-{random}"), cwd, model: "none/none".into(), ..Default::default() };
    let (_, first) = drafter.draft(0, "", ty::SESSION_CREATED, &data);
    home.create(drafter.session(), Kind::Person, &first, &Clock::System).unwrap();
    (home, drafter)
}

fn message(drafter: &mut Drafter) -> Vec<u8> {
    let data = UserMessage { text: "x".repeat(150), ..Default::default() };
    drafter.draft(0, "", ty::USER_MESSAGE, &data).1
}

/// Durable appends by batches of several sizes.
pub fn measure(table: &mut Table) {
    let scene = Scene::new(1);
    for (batch, rounds) in [(1, 2000), (10, 1000), (100, 300)] {
        let (home, mut drafter) = session(&scene, batch as u64);
        let mut log = home.log(drafter.session()).append(Clock::System).unwrap();
        let mut bare_file = File::create(scene.path("bare")).unwrap();
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let drafts: Vec<u8> = (0..batch).flat_map(|_| message(&mut drafter)).collect();
            let mut bytes = Vec::new();
            ours.push(timed(|| bytes = log.append(PERSON, &drafts).unwrap().lines));
            bare.push(timed(|| {
                bare_file.write_all(&bytes).unwrap();
                bare_file.sync_data().unwrap();
            }));
        }
        let rate = |times: &[f64]| batch as f64 / median(times) * 1e3;
        let part = rate(&ours) / rate(&bare) * 100.0;
        table.least(format!("append of {batch}, of the bare rate"), part, 70.0, "%");
        table.tell(format!("append of {batch}"), rate(&ours), "/s").beside(rate(&bare), "write + fdatasync");
        let (p99, bare99) = (quantile(&ours, 0.99), quantile(&bare, 0.99));
        table.most(format!("append of {batch}, p99"), p99, bare99 + 1.0, "ms").beside(bare99, "write + fdatasync");
    }
    large(table, &scene);
}

/// A log of 100 MB: to append to, to check, to show the end of, to resume.
fn large(table: &mut Table, scene: &Scene) {
    let (home, mut drafter) = session(scene, 7);
    let log = home.log(drafter.session());
    let mut appender = log.append(Clock::System).unwrap();
    let text = "x".repeat(120);
    while std::fs::metadata(log.file()).unwrap().len() < LARGE {
        let draft = |_| {
            let data =
                serde_json::json!({"system": "", "tools": "", "ranges": [[1, 200]], "model": "a/b", "text": text});
            drafter.draft(1, "c-1", ty::CONTEXT_BUILT, &data).1
        };
        let batch: Vec<u8> = (0..5000).flat_map(draft).collect();
        assert!(appender.append(STEP, &batch).unwrap().refused.is_empty());
    }
    drop(appender);
    let mb = std::fs::metadata(log.file()).unwrap().len() as f64 / 1e6;
    let read: Vec<f64> = (0..3).map(|_| timed(|| drop(std::fs::read(log.file()).unwrap()))).collect();
    let read = median(&read);
    let id = drafter.session().to_owned();
    let median_of = |work: &dyn Fn()| median(&(0..3).map(|_| timed(work)).collect::<Vec<_>>());
    let took = median_of(&|| drop(log.append(Clock::System).unwrap()));
    table.most(format!("{mb:.0} MB: open to append"), took, 200.0, "ms").beside(read, "reading the file");
    let runs = |name: &str, args: &[&str]| {
        let status = scene.command(name, args).status().unwrap();
        assert!(status.success(), "{name} {args:?}: {status}");
    };
    let before = children_cpu();
    let took = median_of(&|| runs("ace-log", &["verify", &id]));
    table.least(format!("{mb:.0} MB: ace-log verify"), mb / took * 1e3, 300.0, "MB/s");
    table.tell("the same, by processor time", mb * 3e3 / (children_cpu() - before), "MB/s");
    let last = format!("{id}@{}", log.verify().unwrap().last_seq);
    let took = median_of(&|| runs("ace", &["show", &last]));
    table.most(format!("{mb:.0} MB: ace show of the last"), took, 200.0, "ms").beside(read, "reading the file");
    let before = children_cpu();
    let took = median_of(&|| runs("ace-session", &["run", &id]));
    table.most(format!("{mb:.0} MB: resume, nothing due"), took, 200.0, "ms").beside(read, "reading the file");
    table.tell("the same, processor", (children_cpu() - before) / 3.0, "ms").beside(read, "reading the file");
}

/// From an append without a sync to the line at a reader that waits: at least what lies between the end of a sync and the reader.
pub fn follow(table: &mut Table) {
    let scene = Scene::new(1);
    let (home, mut drafter) = session(&scene, 11);
    let log = home.log(drafter.session());
    let mut appender = log.append(Clock::System).unwrap();
    let mut follower = log.follow(0).unwrap();
    while !follower.read().unwrap().is_empty() {}
    let (tell, told) = std::sync::mpsc::channel();
    let rounds = 2000;
    std::thread::spawn(move || {
        for _ in 0..rounds {
            while follower.read().unwrap().is_empty() {
                follower.wait(Duration::from_secs(5)).unwrap();
            }
            let _ = tell.send(Instant::now());
        }
    });
    let mut times = Vec::new();
    for n in 0..rounds {
        let draft = drafter.draft(1, "", ty::TURN_STARTED, &serde_json::json!({})).1;
        std::thread::sleep(Duration::from_micros(300 + (n % 7) * 50));
        let start = Instant::now();
        appender.append(STEP, &draft).unwrap();
        times.push(ms(told.recv().unwrap().saturating_duration_since(start)));
    }
    table.most("append (no sync) to a waiting reader", median(&times), 0.05, "ms");
    table.most("the same, p99", quantile(&times, 0.99), 0.3, "ms");
}
