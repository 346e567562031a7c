//! The smallest part of a list that still does what the whole did: delta debugging (A. Zeller and R. Hildebrandt, 2002). It knows
//! lists and verdicts and nothing of what is in them.

/// Takes items away as long as `still` says yes of what remains, in ever smaller pieces; at the end no single one can go. `still`
/// says no when it has been asked too often.
pub fn smallest<T: Clone>(items: &[T], mut still: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut kept = items.to_vec();
    let mut pieces = 2;
    if kept.is_empty() || still(&[]) {
        return Vec::new();
    }
    while kept.len() > 1 {
        let size = kept.len().div_ceil(pieces);
        let mut shorter = None;
        for at in (0..kept.len()).step_by(size) {
            let without: Vec<T> =
                kept.iter().enumerate().filter(|(i, _)| !(at..at + size).contains(i)).map(|(_, t)| t.clone()).collect();
            if without.len() < kept.len() && !without.is_empty() && still(&without) {
                shorter = Some(without);
                break;
            }
        }
        match shorter {
            Some(without) => {
                kept = without;
                pieces = pieces.saturating_sub(1).max(2);
            }
            None if size == 1 => break,
            None => pieces = (pieces * 2).min(kept.len()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(count: usize, needed: &[usize]) -> (Vec<usize>, usize) {
        let items: Vec<usize> = (0..count).collect();
        let mut asked = 0;
        let kept = smallest(&items, |some| {
            asked += 1;
            needed.iter().all(|n| some.contains(n))
        });
        (kept, asked)
    }

    #[test]
    fn only_what_is_needed_stays() {
        assert_eq!(run(100, &[42]).0, [42]);
        assert_eq!(run(100, &[3, 97]).0, [3, 97]);
        assert_eq!(run(10, &(0..10).collect::<Vec<_>>()).0, (0..10).collect::<Vec<_>>());
        assert_eq!(run(10, &[]).0, Vec::<usize>::new());
        assert_eq!(run(0, &[]).0, Vec::<usize>::new());
        assert_eq!(run(1, &[0]).0, [0]);
    }

    #[test]
    fn few_questions_are_asked_of_many_items() {
        let (kept, asked) = run(1000, &[711]);
        assert_eq!(kept, [711]);
        assert!(asked <= 40, "{asked}");
    }

    #[test]
    fn nothing_more_can_go_whatever_is_needed() {
        for a in 0..12 {
            for b in a..12 {
                let needed = [a, b];
                let (kept, _) = run(12, &needed);
                let mut wanted = needed.to_vec();
                wanted.dedup();
                assert_eq!(kept, wanted);
            }
        }
    }
}
