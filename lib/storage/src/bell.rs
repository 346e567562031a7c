//! The bell: one page of shared memory beside the log that holds how much of it is on the disk, and wakes whoever waits for
//! more. It must never be needed: everything in it can be found again from the log. The only room for unsafe code.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use memmap2::{MmapOptions, MmapRaw};

/// Bytes of the page.
pub const PAGE_BYTES: usize = 4096;
/// Wakes every follower.
pub const EVERYONE: u32 = u32::MAX;
const MAGIC: u64 = u64::from_le_bytes(*b"acebell1");

/// The page, in the byte order of the machine (it never leaves it).
#[repr(C)]
struct Page {
    magic: AtomicU64,
    counter: AtomicU32,
    _room: AtomicU32,
    committed: AtomicU64,
    /// Generation in the upper half, bytes in the lower.
    live: AtomicU64,
    /// What [`poison`](Bell::poison) left: nothing if 0.
    poison: AtomicU64,
}

/// One end of a bell.
#[derive(Debug)]
pub struct Bell {
    path: PathBuf,
    file: File,
    map: MmapRaw,
    writable: bool,
}

/// A reading of the wake counter, taken before looking and given back when waiting.
#[derive(Debug, Clone, Copy)]
pub struct Armed(u32);

impl Bell {
    /// Opens the bell at `path`, making it if it can; read-only where it may not be written.
    ///
    /// # Errors
    /// It cannot be opened, is too short and read-only, or cannot be mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let (file, writable) = match options.open(path) {
            Ok(file) => (file, true),
            Err(_) => (File::open(path)?, false),
        };
        if lacks_room(&file)? {
            if !writable {
                return Err(io::ErrorKind::InvalidData.into());
            }
            make_room(&file)?;
        }
        let mut options = MmapOptions::new();
        options.len(PAGE_BYTES);
        let map = if writable { options.map_raw(&file)? } else { options.map_raw_read_only(&file)? };
        let bell = Self { path: path.to_owned(), file, map, writable };
        // A page of zeros is new. Two that open it at once write the same value.
        if writable {
            let _ = bell.page().magic.compare_exchange(0, MAGIC, Ordering::AcqRel, Ordering::Acquire);
        }
        Ok(bell)
    }

    fn page(&self) -> &Page {
        // SAFETY: the mapping is PAGE_BYTES long, which is more than a Page; it is aligned to a page of memory; it lives as
        // long as `self`; every field is an atomic, so that other threads and processes may write while we read. On a
        // read-only mapping nothing is stored (each storing function asks `writable`). Atomic loads of at most 8 bytes are
        // plain loads there. If someone cuts the file short underneath us the access faults: the folder is open to its owner
        // alone, who could as well kill us.
        unsafe { &*self.map.as_mut_ptr().cast::<Page>() }
    }

    /// Whether this is still the file at its path; a bell that was removed rings for nobody.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.file.metadata().is_ok_and(|m| m.nlink() > 0)
    }

    /// Opens the file at its path again if it was removed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn refresh(&mut self) -> io::Result<()> {
        if !self.is_current() {
            *self = Self::open(&self.path.clone())?;
        }
        Ok(())
    }

    /// Whether the page can be written.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    fn is_ours(&self) -> bool {
        self.page().magic.load(Ordering::Acquire) == MAGIC
    }

    /// Bytes of the log that are on the disk; `None` if the page says nothing credible.
    #[must_use]
    pub fn committed(&self) -> Option<u64> {
        let bytes = self.page().committed.load(Ordering::Acquire);
        (self.is_ours() && bytes > 0).then_some(bytes)
    }

    /// Says how many bytes of the log are on the disk. Call it with the append lock held. Repairs a page of garbage.
    pub fn publish(&self, committed: u64) {
        if !self.writable {
            return;
        }
        let page = self.page();
        if !self.is_ours() {
            page.live.store(0, Ordering::Release);
            page.poison.store(0, Ordering::Release);
            page.committed.store(committed, Ordering::Release);
            page.magic.store(MAGIC, Ordering::Release);
        }
        page.committed.store(committed, Ordering::Release);
    }

    /// Generation and bytes of the chalk.
    #[must_use]
    pub fn live(&self) -> (u32, u32) {
        let both = if self.is_ours() { self.page().live.load(Ordering::Acquire) } else { 0 };
        ((both >> 32) as u32, both as u32)
    }

    /// Says how much chalk there is. Call it with the append lock held.
    pub fn publish_live(&self, generation: u32, bytes: u32) {
        if self.writable && self.is_ours() {
            self.page().live.store(u64::from(generation) << 32 | u64::from(bytes), Ordering::Release);
        }
    }

    /// Marks the log as one that failed to reach the disk: nobody may vouch for its tail until the machine has restarted.
    pub fn poison(&self) {
        if self.writable && self.is_ours() {
            self.page().poison.store(boot(), Ordering::Release);
        }
    }

    /// Whether the log failed to reach the disk since the machine started. A mark from before is wiped: what is there now was
    /// read from the disk.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        let mark = if self.is_ours() { self.page().poison.load(Ordering::Acquire) } else { 0 };
        if mark == 0 {
            return false;
        }
        let poisoned = mark == boot();
        if !poisoned && self.writable {
            self.page().poison.store(0, Ordering::Release);
        }
        poisoned
    }

    /// Wakes the followers that wait on any of these bits.
    pub fn ring(&self, bits: u32) {
        if self.writable {
            self.page().counter.fetch_add(1, Ordering::AcqRel);
            wake(&self.page().counter, bits);
        }
    }

    /// Reads the counter. Look at the log after this and before [`wait`](Self::wait), and no ring is lost.
    #[must_use]
    pub fn arm(&self) -> Armed {
        Armed(self.page().counter.load(Ordering::Acquire))
    }

    /// Sleeps until it rings for one of `bits`, at most `timeout`; returns at once if it has rung since it was armed.
    pub fn wait(&self, armed: Armed, bits: u32, timeout: Duration) {
        sleep(&self.page().counter, armed.0, bits, timeout);
    }
}

/// Whether storing to the page could fail for want of space, which would kill the process.
fn lacks_room(file: &File) -> io::Result<bool> {
    let meta = file.metadata()?;
    Ok(meta.len() < PAGE_BYTES as u64 || meta.blocks() == 0)
}

/// Writes zeros where the page has no room yet; a full disk says so here.
fn make_room(file: &File) -> io::Result<()> {
    file.lock()?;
    let made = lacks_room(file).and_then(|lacks| {
        let len = usize::try_from(file.metadata()?.len()).unwrap_or(PAGE_BYTES);
        let from = if len < PAGE_BYTES { len } else { 0 };
        if lacks { file.write_all_at(&[0; PAGE_BYTES][from..], from as u64) } else { Ok(()) }
    });
    file.unlock()?;
    made
}

/// A number for this start of the machine; 1 where there is none to be had. Never 0.
fn boot() -> u64 {
    use std::hash::Hasher;
    let Ok(id) = std::fs::read("/proc/sys/kernel/random/boot_id") else { return 1 };
    let mut hash = std::hash::DefaultHasher::new();
    hash.write(&id);
    hash.finish() | 1
}

/// How long a follower may sleep before it must look by itself.
pub const LOOK: Duration = Duration::from_millis(if cfg!(target_os = "linux") {
    ace_schema::limits::LOOK_MS
} else {
    ace_schema::limits::LOOK_WITHOUT_FUTEX_MS
});

#[cfg(target_os = "linux")]
fn wake(counter: &AtomicU32, bits: u32) {
    use rustix::thread::futex;
    if let Some(bits) = std::num::NonZeroU32::new(bits) {
        // Nothing to do about a failure: sleepers look by themselves after a while.
        let _ = futex::wake_bitset(counter, futex::Flags::empty(), i32::MAX as u32, bits);
    }
}

#[cfg(target_os = "linux")]
fn sleep(counter: &AtomicU32, armed: u32, bits: u32, timeout: Duration) {
    use rustix::thread::futex;
    let Some(bits) = std::num::NonZeroU32::new(bits) else { return std::thread::sleep(timeout) };
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec of ours that the call fills in; it keeps no pointer.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) } != 0 {
        return std::thread::sleep(timeout.min(Duration::from_millis(ace_schema::limits::LOOK_WITHOUT_FUTEX_MS)));
    }
    // The bit-set kind of wait takes a point in time of the monotonic clock, not a span.
    let nanos = now.tv_nsec as u64 + u64::from(timeout.subsec_nanos());
    let seconds = (now.tv_sec as u64).saturating_add(timeout.as_secs()).saturating_add(nanos / 1_000_000_000);
    let until =
        futex::Timespec { tv_sec: i64::try_from(seconds).unwrap_or(i64::MAX), tv_nsec: (nanos % 1_000_000_000) as _ };
    // Woken, timed out, interrupted or already rung: the caller looks again in every case.
    let _ = futex::wait_bitset(counter, futex::Flags::empty(), armed, Some(&until), bits);
}

#[cfg(not(target_os = "linux"))]
fn wake(_: &AtomicU32, _: u32) {}

#[cfg(not(target_os = "linux"))]
fn sleep(counter: &AtomicU32, armed: u32, _: u32, timeout: Duration) {
    if counter.load(Ordering::Acquire) == armed {
        std::thread::sleep(timeout.min(LOOK));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_ring_between_arming_and_waiting_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let bell = Bell::open(&dir.path().join("bell")).unwrap();
        let armed = bell.arm();
        bell.ring(EVERYONE);
        let start = Instant::now();
        bell.wait(armed, 1, Duration::from_secs(20));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn bits_choose_who_wakes() {
        if !cfg!(target_os = "linux") {
            println!("SKIPPED: bits need a futex");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bell");
        let bell = Bell::open(&path).unwrap();
        let sleep = |ring: u32| {
            std::thread::scope(|scope| {
                let sleeper = scope.spawn(|| {
                    let other = Bell::open(&path).unwrap();
                    let start = Instant::now();
                    other.wait(other.arm(), 0b10, Duration::from_millis(1000));
                    start.elapsed()
                });
                std::thread::sleep(Duration::from_millis(50));
                bell.ring(ring);
                sleeper.join().unwrap()
            })
        };
        // The best of several: a busy machine may let the ring come before the sleep.
        assert!((0..3).any(|_| sleep(!0b10) >= Duration::from_millis(900)), "woken by rings for others");
        assert!((0..3).any(|_| sleep(0b10) < Duration::from_millis(500)), "never woken");
    }

    #[test]
    fn both_ends_see_one_page_and_garbage_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bell");
        for (content, usable) in
            [(vec![], true), (vec![0xa5; 10], true), (vec![0xff; 4096], true), (vec![7; 9000], true)]
        {
            std::fs::write(&path, &content).unwrap();
            let (a, b) = (Bell::open(&path).unwrap(), Bell::open(&path).unwrap());
            assert_eq!(a.committed(), None, "{} bytes", content.len());
            assert_eq!(a.live(), (0, 0));
            a.publish(123);
            a.publish_live(3, 77);
            assert_eq!(b.committed().is_some(), usable);
            assert_eq!((b.committed(), b.live()), (Some(123), (3, 77)));
        }
    }

    #[test]
    fn a_bell_that_was_removed_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bell");
        let mut bell = Bell::open(&path).unwrap();
        bell.publish(9);
        assert!(bell.is_current());
        std::fs::remove_file(&path).unwrap();
        assert!(!bell.is_current());
        bell.refresh().unwrap();
        assert!(bell.is_current());
        assert_eq!(bell.committed(), None);
    }

    #[test]
    fn poison_lasts_until_the_machine_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let bell = Bell::open(&dir.path().join("bell")).unwrap();
        assert!(!bell.is_poisoned());
        bell.poison();
        assert!(bell.is_poisoned());
        bell.page().poison.store(boot() ^ 2, Ordering::Release);
        assert!(!bell.is_poisoned());
        assert_eq!(bell.page().poison.load(Ordering::Acquire), 0);
    }
}
