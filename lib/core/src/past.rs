//! Which records count: all, until somebody goes back; then those up to where they went, and those since. Nothing is erased, so
//! what was left behind can be gone back to as well. It knows numbers of records and nothing of what they say.

use serde::{Deserialize, Serialize};

/// The ways back so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Record of each way back, and the last record that counted from then on.
    ways: Vec<(u64, u64)>,
}

impl Past {
    /// Takes in a way back, recorded as `seq`, to the record `to`. One that leads forward leads nowhere.
    pub fn go_back(&mut self, seq: u64, to: u64) {
        if to < seq && self.ways.last().is_none_or(|(last, _)| *last < seq) {
            self.ways.push((seq, to));
        }
    }

    /// How often somebody went back.
    #[must_use]
    pub fn ways(&self) -> usize {
        self.ways.len()
    }

    /// What counted when `at` was the last record: ranges, first and last inclusive, in order.
    #[must_use]
    pub fn ranges(&self, at: u64) -> Vec<(u64, u64)> {
        let mut out = Vec::new();
        let mut at = at;
        for &(seq, to) in self.ways.iter().rev() {
            if seq <= at {
                out.push((seq, at));
                at = to;
            }
        }
        if at > 0 {
            out.push((1, at));
        }
        out.reverse();
        out
    }

    /// The same for a context that is built now: its last range reaches up to the context itself.
    #[must_use]
    pub fn context(&self) -> Vec<Vec<u64>> {
        let mut ranges: Vec<Vec<u64>> = self.ranges(u64::MAX).into_iter().map(|(a, b)| vec![a, b]).collect();
        if let Some(last) = ranges.last_mut() {
            last.truncate(1);
        }
        ranges
    }

    /// Whether the record `seq` counted when `at` was the last record.
    #[must_use]
    pub fn counts(&self, at: u64, seq: u64) -> bool {
        self.ranges(at).into_iter().any(|(first, last)| (first..=last).contains(&seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(ways: &[(u64, u64)]) -> Past {
        let mut past = Past::default();
        ways.iter().for_each(|(seq, to)| past.go_back(*seq, *to));
        past
    }

    #[test]
    fn without_a_way_back_everything_counts() {
        assert_eq!(past(&[]).ranges(7), [(1, 7)]);
        assert_eq!(past(&[]).context(), [[1]]);
        assert!(past(&[]).ranges(0).is_empty());
    }

    #[test]
    fn what_lies_between_counts_no_more() {
        let past = past(&[(20, 10)]);
        assert_eq!(past.ranges(25), [(1, 10), (20, 25)]);
        assert_eq!(past.context(), [vec![1, 10], vec![20]]);
        assert!(past.counts(25, 10) && !past.counts(25, 11) && !past.counts(25, 19) && past.counts(25, 20));
        assert_eq!(past.ranges(15), [(1, 15)], "as it was then");
    }

    #[test]
    fn a_way_back_can_be_gone_back_on() {
        // At 30 back to 18, which the first way back had left behind.
        assert_eq!(past(&[(20, 10), (30, 18)]).ranges(31), [(1, 18), (30, 31)]);
        // At 40 back to 25, after the first way back.
        assert_eq!(past(&[(20, 10), (30, 18), (40, 25)]).ranges(40), [(1, 10), (20, 25), (40, 40)]);
        assert_eq!(past(&[(20, 10), (22, 20)]).ranges(22), [(1, 10), (20, 20), (22, 22)]);
    }

    #[test]
    fn a_way_that_leads_forward_or_comes_twice_is_none() {
        assert_eq!(past(&[(5, 5), (6, 9)]).ranges(10), [(1, 10)]);
        assert_eq!(past(&[(5, 2), (5, 1)]).ranges(6), [(1, 2), (5, 6)]);
    }
}
