//! What the threads of a star tell its main loop: one queue, with a limit on the bytes that wait in it.
//!
//! Sending never blocks, so that nobody blocks while a lock is held. Who is about to make news waits for room first, with no lock
//! held: a loop that does not keep up (its terminal is stopped) so holds back the filters, and never the log.

use ace_schema::limits;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::star::{News, lock};

/// What a piece of news weighs beside its own bytes.
const ENVELOPE: usize = 64;

/// The bytes that wait.
#[derive(Debug, Default)]
struct Room {
    taken: Mutex<Taken>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: usize,
    /// Nobody waits for room any more.
    open: bool,
}

impl Taken {
    fn has_room(&self) -> bool {
        self.open || self.bytes < limits::NEWS_BYTES
    }
}

/// The sending end.
#[derive(Debug, Clone)]
pub struct Teller {
    sender: Sender<News>,
    room: Arc<Room>,
}

/// The end of the main loop.
#[derive(Debug)]
pub struct Ear {
    receiver: Receiver<News>,
    room: Arc<Room>,
}

/// A queue.
pub fn queue() -> (Teller, Ear) {
    let (sender, receiver) = channel();
    let room: Arc<Room> = Arc::default();
    (Teller { sender, room: room.clone() }, Ear { receiver, room })
}

impl Teller {
    /// Puts news into the queue, full or not. Nobody may listen any more; the session goes on.
    pub fn send(&self, news: News) {
        lock(&self.room.taken).bytes += weight(&news);
        let _ = self.sender.send(news);
    }

    /// Whether the queue is below its limit.
    pub fn has_room(&self) -> bool {
        lock(&self.room.taken).has_room()
    }

    /// Waits until the queue is below its limit. Hold no lock meanwhile, and never call it from the main loop.
    pub fn await_room(&self) {
        let taken = lock(&self.room.taken);
        drop(self.room.freed.wait_while(taken, |taken| !taken.has_room()).unwrap_or_else(PoisonError::into_inner));
    }
}

impl Ear {
    /// The next piece of news; waits for it at most this long.
    pub fn hear(&self, patience: Duration) -> Result<News, RecvTimeoutError> {
        self.receiver.recv_timeout(patience).inspect(|news| self.free(news))
    }

    /// The next piece of news, whenever it comes.
    pub fn listen(&self) -> Result<News, RecvError> {
        self.receiver.recv().inspect(|news| self.free(news))
    }

    /// News that is there already.
    pub fn hear_now(&self) -> Option<News> {
        self.receiver.try_recv().ok().inspect(|news| self.free(news))
    }

    /// Lets everybody through from now on: what comes is the last, and the loop waits for those who bring it.
    pub fn open(&self) {
        lock(&self.room.taken).open = true;
        self.room.freed.notify_all();
    }

    fn free(&self, news: &News) {
        let mut taken = lock(&self.room.taken);
        let was_full = !taken.has_room();
        taken.bytes = taken.bytes.saturating_sub(weight(news));
        if was_full && taken.has_room() {
            drop(taken);
            self.room.freed.notify_all();
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.open();
    }
}

fn weight(news: &News) -> usize {
    let bytes = match news {
        News::Lines(bytes) | News::Chalk(bytes) => bytes.len(),
        News::Note(words) => words.len(),
        News::Gone(..) | News::Interrupt | News::Nudge | News::Failed(_) => 0,
    };
    bytes + ENVELOPE
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn who_makes_news_waits_for_room_and_who_sends_does_not() {
        let (teller, ear) = queue();
        teller.send(News::Lines(vec![0; limits::NEWS_BYTES]));
        assert!(!teller.has_room());
        teller.send(News::Interrupt);
        let told = Arc::new(AtomicUsize::new(0));
        let (maker, count) = (teller.clone(), told.clone());
        let thread = std::thread::spawn(move || {
            maker.await_room();
            count.fetch_add(1, Ordering::SeqCst);
        });
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(told.load(Ordering::SeqCst), 0, "the queue is full");
        assert!(matches!(ear.hear_now(), Some(News::Lines(_))));
        thread.join().unwrap();
        assert!(matches!(ear.listen(), Ok(News::Interrupt)));
        assert_eq!(lock(&ear.room.taken).bytes, 0);
    }

    #[test]
    fn nobody_waits_for_a_loop_that_has_left_or_wants_the_last_words() {
        let (teller, ear) = queue();
        teller.send(News::Chalk(vec![0; 2 * limits::NEWS_BYTES]));
        ear.open();
        teller.await_room();
        drop(ear);
        teller.send(News::Nudge);
        teller.await_room();
    }
}
