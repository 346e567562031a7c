//! The laws of a filter, tried on somebody's own: a line a law.

use ace_cli::{Complaint, Exit, When};
use ace_front::listing;
use ace_host::laws::{LAWS, Verdict, try_laws};
use ace_view::{Mark, Role, Text, render, visible};
use std::ffi::OsString;

use crate::read::print;
use crate::stream::flush;

/// Tries all of them; what is wrong stands below its law.
pub fn laws(filter: &[OsString], color: When) -> Result<Exit, Complaint> {
    let argv: Vec<String> = filter.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let style = listing(color);
    let mut printed = Ok(());
    let holds = try_laws(&argv, |at, verdict| {
        let (law, about) = LAWS[at];
        let mark = match verdict {
            Verdict::Holds => Mark::Done,
            Verdict::Broken(_) => Mark::Failed,
            Verdict::Untried => Mark::Warns,
        };
        let about = if *verdict == Verdict::Untried { "not tried: the filter does not run to its end" } else { about };
        let head = Text::marked(mark, &style).with(Role::Bold, format!("{law:<9}")).plain(about);
        let mut out = render(&head, &style) + "\n";
        if let Verdict::Broken(fault) = verdict {
            let words = format!("session {}: {}", fault.session, fault.what);
            for line in words.lines() {
                out += &(render(&Text::new().gap(4).and(visible(line, Role::Plain)), &style) + "\n");
            }
        }
        if printed.is_ok() {
            printed = print(&out).and_then(|()| flush().map(drop));
        }
    });
    printed?;
    Ok(if holds { Exit::Done } else { Exit::No })
}
