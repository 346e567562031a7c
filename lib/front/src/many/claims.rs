//! Claims on paths: in a batch a path is of the session that changes it first, by the time of the record. It must never know what a
//! session does with a path; it reads what their logs say they have changed.

use std::collections::BTreeMap;

use super::lane::Lane;

/// Stops every lane that has changed a path of somebody else's.
pub fn settle(lanes: &mut [Lane]) {
    let paths: Vec<&BTreeMap<String, String>> = lanes.iter().map(Lane::changed).collect();
    let found = clashes(&paths);
    for (at, path, owner) in found {
        let with = lanes[owner].n;
        lanes[at].clash(path, with);
    }
}

/// Who has changed what is another's: its place, the first such path, and the place of whose it is.
fn clashes(changed: &[&BTreeMap<String, String>]) -> Vec<(usize, String, usize)> {
    let mut owners: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for (at, paths) in changed.iter().enumerate() {
        for (path, when) in *paths {
            let owner = owners.entry(path).or_insert((when, at));
            *owner = (*owner).min((when, at));
        }
    }
    let clash = |(at, paths): (usize, &&BTreeMap<String, String>)| {
        let path = paths.keys().find(|path| owners.get(path.as_str()).is_some_and(|(_, owner)| *owner != at))?;
        Some((at, path.clone(), owners.get(path.as_str())?.1))
    };
    changed.iter().enumerate().filter_map(clash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_whoever_changed_it_first() {
        let changed = |all: &[(&str, &str)]| all.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
        let (a, b, c) = (changed(&[("x", "3"), ("y", "1")]), changed(&[("x", "2")]), changed(&[("z", "1")]));
        assert_eq!(clashes(&[&a, &b, &c]), [(0, "x".to_owned(), 1)]);
        assert_eq!(clashes(&[&b, &c]), []);
        // At the same moment it is the first of them.
        assert_eq!(clashes(&[&c, &c]), [(1, "z".to_owned(), 0)]);
    }
}
