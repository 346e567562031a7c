//! `ace ls` and `ace show`.

use ace_cli::ace::Ace;
use ace_cli::{Complaint, Exit, SessionAddress};
use ace_core::State;
use ace_front::{listing, open, sessions};
use ace_schema::Line;
use ace_view::{render, show as views};
use jiff::tz::TimeZone;
use std::io::Write;

use crate::PROGRAM;

fn print(text: &str) -> Result<Exit, Complaint> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

/// The sessions of this home.
pub fn ls(args: &Ace, all: bool) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, Vec::new())?;
    let all = sessions::list(&opening, all)?;
    if args.json {
        return print(&all.iter().map(|s| s.json(opening.home()) + "\n").collect::<String>());
    }
    print(&sessions::table(all, &listing(args.color)))
}

/// One session, or one line of it whole.
pub fn show(args: &Ace, session: &SessionAddress, full: bool) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, Vec::new())?;
    let (log, all) = sessions::load_unread(&opening, session)?;
    let lines = sessions::lines(&opening, session, &all)?;
    if args.json {
        let wanted = |l: &&[u8]| session.seq.is_none_or(|seq| Line::parse(l).is_ok_and(|l| l.seq == Some(seq)));
        let lines: Vec<u8> = ace_storage::split(&all).filter(wanted).flat_map(|l| [l, b"\n"].concat()).collect();
        return print(&String::from_utf8_lossy(&lines));
    }
    let style = listing(args.color);
    let texts = match session.seq {
        Some(seq) => views::record(sessions::around(&lines, seq), seq, &style).ok_or_else(|| {
            let last = lines.last().and_then(|l| l.seq).unwrap_or(0);
            let what = format!("'{}' has no line {seq}, the last is @{last}", session.place_text());
            Complaint::new(PROGRAM, Exit::No, what)
        })?,
        None => {
            let mut state = State::new();
            lines.iter().for_each(|l| state.fold(l));
            let facts = sessions::facts(&state, &ace_view::Ledger::default(), 0);
            let (_, words) = sessions::stands(&facts, || log.clone());
            let head = views::Head { name: state.name.clone(), id: state.session.clone(), state: words };
            views::session(&head, &lines, &TimeZone::system(), full, &style)
        }
    };
    print(&texts.iter().map(|t| render(t, &style) + "\n").collect::<String>())
}
