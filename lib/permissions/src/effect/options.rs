//! Options by letter and by name, in every spelling a program takes: clusters, `--name=value`, abbreviations.

use crate::reading::Arg;

/// Options that make a reading program do more than read.
#[derive(Debug, Clone, Copy)]
pub struct Bad {
    /// Short ones, a letter each.
    pub letters: &'static str,
    /// Long ones with their dashes.
    pub long: &'static [&'static str],
}

/// The first argument that is, or could be taken for, one of the options; as written.
pub fn bad_option(args: &[Arg], letters: &str, long: &[&str]) -> Option<String> {
    let is_bad = |arg: &Arg| {
        let text = arg.text.as_str();
        if let Some(name) = text.strip_prefix("--") {
            let name = name.split('=').next().unwrap_or_default();
            // Any beginning of a long option can stand for it.
            return !name.is_empty() && long.iter().any(|l| l.trim_start_matches('-').starts_with(name));
        }
        let single = long.iter().any(|l| !l.starts_with("--") && *l == text);
        single || text.strip_prefix('-').is_some_and(|cluster| cluster.contains(|c| letters.contains(c)))
    };
    // Behind `--` there are only names; but not every program obeys it.
    args.iter().find(|a| is_bad(a)).map(|a| a.text.clone())
}
