//! The first of many states that is bad, found with few looks. It knows numbers and verdicts and nothing of what a state is.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// What a look at a state says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// As it should not be.
    Bad,
    /// It cannot be told.
    Untestable,
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The first bad state.
    First(usize),
    /// One of these is it; those before the last cannot be tested.
    Among(RangeInclusive<usize>),
    /// The very first state is bad already.
    AlwaysBad,
    /// The last state is good.
    NeverBad,
    /// The first or the last state cannot be tested, and no other tells more.
    Unknown,
}

/// Searches the states 0 to `last`, of which the first is taken for good and the last for bad until a look says otherwise: so of n
/// states at most log2(n) + 2 are looked at, if all can be tested.
///
/// # Errors
/// Whatever `look` meets.
pub fn search<E>(last: usize, mut look: impl FnMut(usize) -> Result<Verdict, E>) -> Result<Found, E> {
    let (mut good, mut bad) = (0, last);
    let (mut seen_good, mut seen_bad) = (false, false);
    let mut untestable = BTreeSet::new();
    while let Some(at) = middle(good, bad, &untestable) {
        match look(at)? {
            Verdict::Good => (good, seen_good) = (at, true),
            Verdict::Bad => (bad, seen_bad) = (at, true),
            Verdict::Untestable => {
                untestable.insert(at);
            }
        }
    }
    // What was taken for granted is looked at only if everything hangs on it.
    if !seen_bad {
        match look(last)? {
            Verdict::Good => return Ok(Found::NeverBad),
            Verdict::Untestable => return Ok(Found::Unknown),
            Verdict::Bad => {}
        }
    }
    if !seen_good && last > 0 {
        match look(0)? {
            Verdict::Bad => return Ok(Found::AlwaysBad),
            Verdict::Untestable => return Ok(Found::Unknown),
            Verdict::Good => {}
        }
    }
    Ok(match bad - good {
        0 => Found::AlwaysBad,
        1 => Found::First(bad),
        _ => Found::Among(good + 1..=bad),
    })
}

/// The testable state nearest to the middle between the two; `None` if there is none.
fn middle(good: usize, bad: usize, untestable: &BTreeSet<usize>) -> Option<usize> {
    let center = good + (bad - good) / 2;
    let inner = good + 1..bad;
    let near = |distance: usize| [center.checked_sub(distance), center.checked_add(distance)];
    (0..=bad - good).flat_map(near).flatten().find(|at| inner.contains(at) && !untestable.contains(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Searches where `first` is the first bad one; the result and the number of looks.
    fn run(last: usize, first: usize, untestable: &[usize]) -> (Found, usize) {
        let mut looks = 0;
        let found = search(last, |at| {
            looks += 1;
            Ok::<_, Infallible>(match at {
                at if untestable.contains(&at) => Verdict::Untestable,
                at if at >= first => Verdict::Bad,
                _ => Verdict::Good,
            })
        });
        (found.unwrap(), looks)
    }

    #[test]
    fn a_planted_step_of_300_is_found_in_ten_looks() {
        for first in 1..=300 {
            let (found, looks) = run(300, first, &[]);
            assert_eq!(found, Found::First(first));
            assert!(looks <= 10, "{first}: {looks}");
        }
        assert_eq!(run(300, 0, &[]).0, Found::AlwaysBad);
        assert_eq!(run(300, 301, &[]).0, Found::NeverBad);
    }

    #[test]
    fn few_states_and_one_alone() {
        assert_eq!(run(1, 1, &[]), (Found::First(1), 2));
        assert_eq!(run(1, 0, &[]).0, Found::AlwaysBad);
        assert_eq!(run(1, 2, &[]).0, Found::NeverBad);
        assert_eq!(run(0, 0, &[]).0, Found::AlwaysBad);
        assert_eq!(run(0, 1, &[]).0, Found::NeverBad);
    }

    #[test]
    fn what_cannot_be_tested_is_gone_around() {
        assert_eq!(run(10, 7, &[5]).0, Found::First(7));
        assert_eq!(run(10, 7, &[6]).0, Found::Among(6..=7));
        assert_eq!(run(10, 7, &[5, 6, 7]).0, Found::Among(5..=8));
        assert_eq!(run(10, 7, &(1..=9).collect::<Vec<_>>()).0, Found::Among(1..=10));
        assert_eq!(run(10, 7, &(0..=9).collect::<Vec<_>>()).0, Found::Unknown);
        for first in 1..=40 {
            for odd in 0..40 {
                let (found, _) = run(40, first, &[odd]);
                let fits = matches!(&found, Found::First(n) if *n == first)
                    || matches!(&found, Found::Among(all) if all.contains(&first));
                assert!(fits || (found == Found::Unknown && odd == 0), "{first} {odd}: {found:?}");
            }
        }
    }
}
