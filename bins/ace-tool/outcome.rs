//! What came of a call, as it is recorded: the outcome, the parts of its long outputs ahead of it, and what a person could allow
//! where the sandbox stood in the way.

use ace_local_tools::{Blobs, Kept, Outcome, open_spill};
use ace_pipe::Out;
use ace_schema::data::{BlobRef, Contact};
use ace_schema::permission::Confinement;
use ace_schema::{Drafter, limits, ty};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::egress;
use crate::hints::{Ground, hints};
use crate::hooks::Feedback;
use crate::states::Seen;

/// Where a call was run.
pub struct Site {
    /// The worktree.
    pub root: PathBuf,
    /// The session's temporary folder.
    pub tmp: PathBuf,
    /// The home of ace.
    pub ace_home: PathBuf,
    /// The profile of the sandbox.
    pub profile: Confinement,
    /// The name of it that is recorded.
    pub sandbox: Arc<str>,
    /// There is a log behind the stream, in which outcomes are read back.
    pub recorded: bool,
}

impl Site {
    fn ground(&self) -> Ground {
        Ground {
            root: self.root.clone(),
            tmp: self.tmp.clone(),
            home: std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default(),
            ace_home: self.ace_home.clone(),
            profile: self.profile,
        }
    }
}

/// Writes the outcome, after the parts of its blob if the output was long.
pub fn record(
    (outcome, feedback): (Outcome, Feedback),
    (seen, contacts): (Option<Seen>, Vec<Contact>),
    at: (u32, &str),
    site: &Site,
    out: &Out,
    drafter: &Mutex<Drafter>,
) {
    let (tmp, recorded, sandbox) = (site.tmp.as_path(), site.recorded, &*site.sandbox);
    let blobs = outcome.output().map_or_else(Blobs::default, |kept| send_blobs(kept, (tmp, recorded), out));
    let line = {
        let mut drafter = drafter.lock().unwrap_or_else(PoisonError::into_inner);
        let (turn, claim) = at;
        match outcome {
            Outcome::Completed(mut done) => {
                done.ms = ace_front::took(done.ms);
                let mut data = done.into_event(sandbox, blobs);
                if data.exit.is_some_and(|code| code != 0) {
                    let hints = hints(&data.output.text, &site.ground());
                    data.output.text.push_str(&hints);
                }
                data.output.text.push_str(&egress::words(&contacts));
                data.contacts = contacts;
                if feedback.heard && seen.is_some() {
                    // What the tool itself has changed is not all that was.
                    (data.changed, data.patch) = (Vec::new(), String::new());
                }
                (data.feedback, data.stops) = (feedback.told, feedback.stops);
                seen.into_iter().for_each(|seen| seen.complete(&mut data));
                drafter.draft(turn, claim, ty::TOOL_COMPLETED, &data)
            }
            Outcome::Failed(mut failed) => {
                failed.ms = ace_front::took(failed.ms);
                let mut data = failed.into_event(blobs);
                data.message.push_str(egress::words(&contacts).trim_end());
                data.contacts = contacts;
                seen.into_iter().for_each(|seen| seen.fail(&mut data));
                drafter.draft(turn, claim, ty::TOOL_FAILED, &data)
            }
        }
        .1
    };
    let _ = out.write(&line);
}

/// Sends what a call kept to the keeper, under the names that its event gives.
pub fn send_blobs(kept: &Kept, (tmp, recorded): (&std::path::Path, bool), out: &Out) -> Blobs {
    let whole = kept.spill.as_ref().and_then(|spill| send_blob(spill, None, (tmp, recorded), out));
    let images = kept.images.iter().filter(|image| image.media.starts_with("image/"));
    let images = images.filter_map(|image| send_blob(&image.spill, Some(&image.media), (tmp, false), out)).collect();
    Blobs { whole, images }
}

/// Sends a kept file to the keeper, part by part, never whole in memory.
fn send_blob(spill: &str, media: Option<&str>, (tmp, unnamed): (&std::path::Path, bool), out: &Out) -> Option<BlobRef> {
    let mut file = open_spill(tmp, spill).ok()?;
    // Nobody has looked through it yet: it goes without a name until it is recorded, and comes back as the record has it.
    if unnamed {
        let _ = std::fs::remove_file(tmp.join(spill));
    }
    let bytes = file.metadata().ok()?.len().min(limits::BLOB_BYTES);
    let mut part = vec![0; limits::BLOB_PART_BYTES];
    let mut hasher = ace_core::Digester::default();
    let mut text = true;
    for_each_part(&mut file, bytes, &mut part, |chunk| {
        hasher.update(chunk);
        text = text && !chunk.contains(&0);
        true
    })?;
    let sha = hasher.finish();
    file.rewind().ok()?;
    let of = bytes.div_ceil(limits::BLOB_PART_BYTES as u64).max(1);
    let mut n = 0;
    for_each_part(&mut file, bytes, &mut part, |chunk| {
        let data = BASE64_STANDARD.encode(chunk);
        let line =
            format!("{{\"type\":\"log.blob\",\"sha\":\"{sha}\",\"part\":{n},\"of\":{of},\"data\":\"{data}\"}}\n");
        n += 1;
        out.write(line.as_bytes()).is_ok() && !out.is_known_broken()
    })?;
    let media = media.unwrap_or(if text { "text/plain" } else { "application/octet-stream" });
    Some(BlobRef { sha, bytes, media: media.to_owned() })
}

fn for_each_part(file: &mut impl Read, bytes: u64, part: &mut [u8], mut take: impl FnMut(&[u8]) -> bool) -> Option<()> {
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(part.len());
        file.read_exact(&mut part[..most]).ok()?;
        left -= most as u64;
        if !take(&part[..most]) {
            return None;
        }
    }
    Some(())
}
