//! The table's text: a model a line, its tiers indented below it, aliases at the end. What does not read is left out, and a test
//! sees to it that nothing is.

use std::collections::BTreeMap;

use crate::cost::{Rates, Service};
use crate::table::{Limits, Model, Tier};

/// What the text says.
#[derive(Debug, Default)]
pub struct Read {
    pub date: String,
    pub models: BTreeMap<String, Model>,
    pub aliases: BTreeMap<String, String>,
    pub short: BTreeMap<String, String>,
    /// Lines that say nothing.
    #[cfg_attr(not(test), allow(dead_code, reason = "the test of the table counts them"))]
    pub unread: usize,
}

/// Reads the table.
pub fn read(text: &str) -> Read {
    let mut read = Read::default();
    let mut last: Option<String> = None;
    for line in text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let taken = match words.as_slice() {
            ["date", date] => {
                read.date = (*date).to_owned();
                Some(())
            }
            ["source", ..] => Some(()),
            ["alias", name, exact] => {
                read.aliases.insert((*name).to_owned(), (*exact).to_owned()).is_none().then_some(())
            }
            ["short", name, exact] => {
                read.short.insert((*name).to_owned(), (*exact).to_owned()).is_none().then_some(())
            }
            [kind, above, rest @ ..] if line.starts_with(' ') => tier(&mut read, last.as_deref(), kind, above, rest),
            [name, window, output, rest @ ..] => rates(rest, None).map(|rates| {
                let limits = Limits { window: number(window), output: number(output) };
                read.models.insert((*name).to_owned(), Model { limits, rates, tiers: Vec::new() });
                last = Some((*name).to_owned());
            }),
            _ => None,
        };
        read.unread += usize::from(taken.is_none());
    }
    read
}

fn tier(read: &mut Read, model: Option<&str>, kind: &str, above: &str, rest: &[&str]) -> Option<()> {
    let model = read.models.get_mut(model?)?;
    let service = match kind {
        "above" => Service::Usual,
        "flex" => Service::Flex,
        "priority" => Service::Priority,
        _ => return None,
    };
    // What a tier does not say costs what it costs without it.
    let rates = rates(rest, Some(&model.rates))?;
    model.tiers.push(Tier { service, above: above.parse().ok()?, rates });
    Some(())
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or(0)
}

/// Six rates. A cache that has no price of its own costs what input costs, reasoning what output costs: never less than it may.
fn rates(words: &[&str], base: Option<&Rates>) -> Option<Rates> {
    let [input, read, write, write_1h, output, reasoning] = words else { return None };
    let one = |word: &str| if word == "-" { Some(None) } else { word.parse::<u64>().ok().map(Some) };
    let (input, output) = (one(input)?.or(base.map(|b| b.input))?, one(output)?.or(base.map(|b| b.output))?);
    let write = one(write)?.unwrap_or_else(|| base.map_or(input, |b| b.write.max(input)));
    Some(Rates {
        input,
        read: one(read)?.unwrap_or(input),
        // Where a provider says that writing costs nothing, it is input all the same.
        write: if write == 0 { input } else { write },
        write_1h: one(write_1h)?.unwrap_or(write).max(write),
        output,
        reasoning: one(reasoning)?.unwrap_or(output),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_reads() {
        let all = read(crate::TEXT);
        assert_eq!(all.unread, 0);
        assert_eq!(all.date.len(), 10);
        assert!(all.aliases.values().chain(all.short.values()).all(|exact| all.models.contains_key(exact)));
    }

    #[test]
    fn what_has_no_price_of_its_own_is_never_cheaper() {
        let all = read("a/b 10 - 100 - - - 200 -\n  above 5 300 - - - - -\n  flex 0 50 - - - 100 -\nnonsense\n");
        let model = &all.models["a/b"];
        assert_eq!(model.rates, Rates::flat(100, 200));
        assert_eq!(model.limits, Limits { window: 10, output: 0 });
        assert_eq!(model.rates(6, Service::Usual).output, 200);
        assert_eq!(model.rates(6, Service::Usual).input, 300);
        assert_eq!(model.rates(1, Service::Flex).output, 100);
        assert_eq!(all.unread, 1);
    }
}
