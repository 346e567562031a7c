//! From grants to an order of march: real paths, nothing said twice, parents before children. It looks at the file system
//! but changes nothing, and knows nothing of how a plan is enforced.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{Access, Profile, Refused};

/// Links followed in one path before it counts as a loop; Linux stops at the same number.
const LINKS_MAX: usize = 40;

/// Parts into which one readable path is taken apart at most; each is a mount.
const PARTS_MAX: usize = 1024;

/// A profile's grants, resolved.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Real paths, parents first. The longest that covers a file decides.
    pub(crate) entries: BTreeMap<PathBuf, Access>,
    /// What stands at some of them instead, real; only a view shows it.
    pub(crate) sources: BTreeMap<PathBuf, PathBuf>,
    /// Links met on the way, as (where, to what): a view has to show them too.
    pub(crate) links: BTreeMap<PathBuf, PathBuf>,
    /// Parts of writable paths that are to be closed and do not exist.
    pub(crate) absent: BTreeSet<PathBuf>,
    /// Hidden paths, there or not.
    pub(crate) hidden: BTreeSet<PathBuf>,
    /// The temporary folder, real.
    pub(crate) tmp: Option<PathBuf>,
}

impl Plan {
    /// Resolves the grants of `profile`. What does not exist and is only to be read is left out: that grants less, not more.
    pub(crate) fn of(profile: &Profile) -> Result<Plan, Refused> {
        let mut plan = Plan::default();
        let mut walked = Vec::new();
        let mut seen = Seen::new();
        for grant in &profile.grants {
            let walk = Walk::along(&grant.path, &mut seen)
                .map_err(|error| Refused::Path { path: grant.path.clone(), why: error.to_string() })?;
            if walk.found || grant.access == Access::Private {
                let kept = plan.entries.entry(walk.real.clone()).or_insert(grant.access);
                *kept = grant.access.min(*kept);
            }
            if let Some(from) = grant.from.as_ref().filter(|_| walk.found) {
                let real = from.canonicalize();
                let real = real.map_err(|error| Refused::Path { path: from.clone(), why: error.to_string() })?;
                plan.entries.insert(walk.real.clone(), grant.access);
                plan.sources.insert(walk.real.clone(), real);
            }
            if grant.access == Access::Hidden {
                plan.hidden.insert(walk.real.clone());
            }
            walked.push((grant, walk));
        }
        if let Some(tmp) = &profile.tmp {
            let real = tmp.canonicalize();
            let real = real.map_err(|error| Refused::Path { path: tmp.clone(), why: error.to_string() })?;
            plan.entries.insert(real.clone(), Access::Write);
            plan.tmp = Some(real);
        }
        for (grant, walk) in walked {
            let closes = matches!(grant.access, Access::Read | Access::Hidden);
            let in_reach = |path: &Path| plan.covering(path) == Some(Access::Write);
            if closes && walk.links.iter().any(|(place, _)| in_reach(place)) {
                return Err(Refused::Link(grant.path.clone()));
            }
            if closes && !walk.found && in_reach(&walk.real) {
                plan.absent.insert(walk.real);
            }
            if walk.found {
                plan.links.extend(walk.links);
            }
        }
        plan.prune();
        Ok(plan)
    }

    /// What is allowed at `path` itself or, if it is not an entry, at the nearest one above it.
    pub(crate) fn covering(&self, path: &Path) -> Option<Access> {
        path.ancestors().find_map(|above| self.entries.get(above).copied())
    }

    /// Makes the closed parts that do not exist as empty folders, because only what exists can be covered. Returns the ones
    /// made, for removal when the process tree has ended; what cannot be made is a gap.
    pub(crate) fn fill(&mut self, gaps: &mut Vec<String>) -> Vec<PathBuf> {
        let mut made = Vec::new();
        for path in std::mem::take(&mut self.absent) {
            match std::fs::create_dir(&path) {
                Ok(()) => {
                    self.entries.insert(path.clone(), Access::Read);
                    made.push(path);
                }
                Err(error) => gaps.push(format!("{} can be made: {error}", path.display())),
            }
        }
        made
    }

    /// Takes readable paths with something hidden below apart where `inherits` says that they stand below a folder of the view's
    /// own: Landlock hands the rights there down into what is mounted below, so that nothing would keep closed what is hidden and
    /// comes, or comes back, later. Their parts of today are granted one by one in an empty folder, where nothing new shows.
    /// One with too many parts is closed altogether.
    pub(crate) fn take_apart(&mut self, inherits: impl Fn(&Path) -> bool, gaps: &mut Vec<String>) {
        let holds_hidden = |path: &Path| self.hidden.iter().any(|hidden| hidden.starts_with(path) && hidden != path);
        let readable = |access: Access| matches!(access, Access::Read | Access::Layered);
        let whole = self.entries.iter().filter(|(_, access)| readable(**access)).map(|(path, _)| path);
        let whole: Vec<PathBuf> = whole.filter(|path| inherits(path) && holds_hidden(path)).cloned().collect();
        for path in whole {
            let mut parts = Parts::default();
            let is_whole = parts.collect(&path, &self.hidden, &self.entries);
            self.entries.insert(path.clone(), Access::Hidden);
            if is_whole {
                self.entries.extend(parts.entries);
                self.links.extend(parts.links);
            } else {
                gaps.push(format!(
                    "{} is closed: it holds more than {PARTS_MAX} parts beside a hidden one",
                    path.display()
                ));
            }
        }
    }

    /// The closed and hidden parts of writable paths: only the mount layer can keep them.
    pub(crate) fn carved(&self) -> impl Iterator<Item = &PathBuf> {
        // What only a view shows is not writable without one.
        let below_writable = |path: &Path| {
            let above = path.ancestors().skip(1).find(|above| self.entries.contains_key(*above));
            above.is_some_and(|above| self.entries[above] == Access::Write && !self.sources.contains_key(above))
        };
        let closed = self.entries.iter().filter(|(_, access)| matches!(access, Access::Read | Access::Hidden));
        closed.map(|(path, _)| path).chain(&self.absent).filter(move |path| below_writable(path))
    }

    /// Drops what its surroundings already say.
    fn prune(&mut self) {
        let said = |path: &Path, access: Access| {
            if self.sources.contains_key(path) {
                return false;
            }
            let above = path.parent().and_then(|parent| self.covering(parent));
            match access {
                Access::Private => false,
                Access::Hidden => matches!(above, None | Some(Access::Hidden)),
                other => above == Some(other),
            }
        };
        let idle: Vec<PathBuf> =
            self.entries.iter().filter(|(path, access)| said(path, **access)).map(|(path, _)| path.clone()).collect();
        for path in idle {
            self.entries.remove(&path);
        }
    }
}

/// The parts of a readable folder beside what is hidden in it.
#[derive(Default)]
struct Parts {
    entries: BTreeMap<PathBuf, Access>,
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Parts {
    /// Adds the parts of `folder`; whether they all had room. What has an entry of its own keeps it.
    fn collect(&mut self, folder: &Path, hidden: &BTreeSet<PathBuf>, known: &BTreeMap<PathBuf, Access>) -> bool {
        let Ok(found) = std::fs::read_dir(folder) else {
            return true;
        };
        for entry in found.flatten() {
            let (path, kind) = (entry.path(), entry.file_type());
            if hidden.contains(&path) || known.contains_key(&path) {
                continue;
            }
            if self.entries.len() + self.links.len() >= PARTS_MAX {
                return false;
            }
            if kind.as_ref().is_ok_and(std::fs::FileType::is_symlink) {
                self.links.extend(path.read_link().ok().map(|target| (path, target)));
            } else if hidden.iter().any(|hidden| hidden.starts_with(&path)) {
                self.entries.insert(path.clone(), Access::Hidden);
                if !self.collect(&path, hidden, known) {
                    return false;
                }
            } else {
                self.entries.insert(path, Access::Read);
            }
        }
        true
    }
}

/// What stands where, so that the common beginnings of many paths are looked at once.
type Seen = BTreeMap<PathBuf, Spot>;

/// What stands at one place.
#[derive(Clone)]
enum Spot {
    Absent,
    There,
    Link(PathBuf),
}

fn look(place: &Path, seen: &mut Seen) -> io::Result<Spot> {
    if let Some(spot) = seen.get(place) {
        return Ok(spot.clone());
    }
    let spot = match place.symlink_metadata() {
        Ok(meta) if meta.is_symlink() => Spot::Link(place.read_link()?),
        Ok(_) => Spot::There,
        Err(_) => Spot::Absent,
    };
    seen.insert(place.to_owned(), spot.clone());
    Ok(spot)
}

/// A path followed component by component.
struct Walk {
    real: PathBuf,
    found: bool,
    links: Vec<(PathBuf, PathBuf)>,
}

impl Walk {
    fn along(path: &Path, seen: &mut Seen) -> io::Result<Walk> {
        if !path.is_absolute() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not an absolute path"));
        }
        let mut walk = Walk { real: PathBuf::from("/"), found: true, links: Vec::new() };
        let mut rest: Vec<OsString> = parts(path);
        while let Some(part) = rest.pop() {
            if part == ".." {
                walk.real.pop();
                continue;
            }
            walk.real.push(&part);
            if !walk.found {
                continue;
            }
            match look(&walk.real, seen)? {
                Spot::Link(target) => {
                    if walk.links.len() == LINKS_MAX {
                        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"));
                    }
                    walk.links.push((walk.real.clone(), target.clone()));
                    walk.real = if target.is_absolute() {
                        PathBuf::from("/")
                    } else {
                        walk.real.parent().unwrap_or(Path::new("/")).to_owned()
                    };
                    rest.extend(parts(&target));
                }
                Spot::There => {}
                Spot::Absent => walk.found = false,
            }
        }
        Ok(walk)
    }
}

/// The components of a path, last first, without root and `.`.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    let mut parts: Vec<_> = parts.collect();
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn plan(grants: &[(&Path, Access)]) -> Result<Plan, Refused> {
        let profile = grants.iter().fold(Profile::reader(), |profile, (path, access)| profile.grant(path, *access));
        Plan::of(&profile)
    }

    #[test]
    fn the_longest_path_decides_and_nothing_is_said_twice() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("a real path");
        fs::create_dir_all(root.join("a/b/c")).expect("folders");
        let (a, b, c) = (root.join("a"), root.join("a/b"), root.join("a/b/c"));
        let made = plan(&[(&c, Access::Write), (&b, Access::Write), (&a, Access::Read)]).expect("a plan");
        assert_eq!(made.entries.into_iter().collect::<Vec<_>>(), [(a, Access::Read), (b, Access::Write)]);
    }

    #[test]
    fn p29_a_linked_root_is_granted_under_its_real_path() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("a real path");
        fs::create_dir(root.join("real")).expect("a folder");
        symlink("real", root.join("link")).expect("a link");
        let made = plan(&[(&root.join("link"), Access::Write)]).expect("a plan");
        assert_eq!(made.covering(&root.join("real/x")), Some(Access::Write));
        assert_eq!(made.links.get(&root.join("link")).map(PathBuf::as_path), Some(Path::new("real")));
    }

    #[test]
    fn p30_what_is_closed_and_absent_is_kept_in_mind() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("a real path");
        let made = plan(&[(&root, Access::Write), (&root.join(".ace"), Access::Read)]).expect("a plan");
        assert!(made.absent.contains(&root.join(".ace")));
    }

    #[test]
    fn p30_a_closed_path_behind_a_link_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("a real path");
        symlink("elsewhere", root.join(".ace")).expect("a link");
        let made = plan(&[(&root, Access::Write), (&root.join(".ace"), Access::Read)]);
        assert!(matches!(made, Err(Refused::Link(path)) if path == root.join(".ace")));
    }

    #[test]
    fn p35_a_folder_with_something_hidden_is_taken_apart_below_a_folder_of_the_views_own() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("a real path");
        fs::create_dir_all(root.join("r/a/b")).expect("folders");
        fs::write(root.join("r/file"), "x").expect("a file");
        symlink("file", root.join("r/link")).expect("a link");
        let (r, later) = (root.join("r"), root.join("r/a/later"));
        let grants = [(r.as_path(), Access::Read), (later.as_path(), Access::Hidden)];
        let mut made = plan(&grants).expect("a plan");
        made.take_apart(|_| false, &mut Vec::new());
        assert_eq!(made.entries.len(), 1);
        let mut gaps = Vec::new();
        made.take_apart(|path| path.starts_with(&root), &mut gaps);
        let entries: Vec<_> = made.entries.iter().map(|(path, access)| (path.as_path(), *access)).collect();
        let (a, b, file) = (r.join("a"), r.join("a/b"), r.join("file"));
        let (shell, read) = (Access::Hidden, Access::Read);
        assert_eq!(entries, [(r.as_path(), shell), (&a, shell), (&b, read), (&file, read)]);
        assert!(made.links.contains_key(&r.join("link")) && gaps.is_empty());
    }

    #[test]
    fn p35_a_folder_with_too_many_parts_is_closed() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("a real path");
        (0..=PARTS_MAX).for_each(|n| fs::write(root.join(n.to_string()), "").expect("a file"));
        let mut made = plan(&[(&root, Access::Read), (&root.join("later"), Access::Hidden)]).expect("a plan");
        let mut gaps = Vec::new();
        made.take_apart(|_| true, &mut gaps);
        assert_eq!(made.entries.into_iter().collect::<Vec<_>>(), [(root, Access::Hidden)]);
        assert_eq!(gaps.len(), 1);
    }

    #[test]
    fn p33_relative_paths_loops_and_dots_are_understood() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("a real path");
        symlink("loop", root.join("loop")).expect("a link");
        assert!(matches!(plan(&[(Path::new("a/b"), Access::Read)]), Err(Refused::Path { .. })));
        assert!(matches!(plan(&[(&root.join("loop"), Access::Read)]), Err(Refused::Path { .. })));
        let made = plan(&[(&root.join("x/../.."), Access::Read)]).expect("a plan");
        assert!(made.entries.is_empty() || made.covering(&root) == Some(Access::Read));
    }
}
