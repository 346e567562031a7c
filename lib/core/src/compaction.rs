//! A conversation made shorter when it no longer fits its model: when that is due, what is cut down, and what stands for the rest.
//!
//! Everything here follows from the messages and two numbers, so that everybody who reads the record comes to the same.
//! It must never know which model it is, nor who asks it.

use ace_schema::limits;
use ace_schema::message::{Call, Image, Kept, Message, Said};
use serde::{Deserialize, Serialize};

use crate::due::Length;
use crate::{State, Transcript};

/// What a token is taken for until the provider has said how many there were, bytes.
const TOKEN_BYTES: u64 = 4;
/// What a message adds to its text on the wire, bytes.
const ENVELOPE_BYTES: u64 = 32;
/// What a picture costs, as bytes of text: vendors count 1,000 to 1,600 tokens for a screen.
const IMAGE_COST_BYTES: usize = 6 * 1024;

/// What to do before the next context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: it fits.
    Fits,
    /// Cut down old outputs.
    Trim,
    /// Ask for a summary; the conversation may take up so many bytes of that request.
    Summary(u64),
}

/// How many tokens some bytes were, as the provider counted them last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gauge {
    /// Bytes of the system text and the tool list.
    pub fixed: u64,
    /// Bytes of the context that is asked about.
    pub asked: u64,
    /// Bytes of the last one that was counted.
    pub bytes: u64,
    /// Its tokens.
    pub tokens: u64,
    /// Bytes of the shortest context that was refused as too long; 0 if none was.
    pub refused: u64,
}

impl Gauge {
    /// An estimate of the tokens of so many bytes.
    #[must_use]
    pub fn tokens_of(&self, bytes: u64) -> u64 {
        if self.tokens == 0 || self.bytes == 0 {
            return bytes.div_ceil(TOKEN_BYTES);
        }
        let scaled = u128::from(bytes) * u128::from(self.tokens) / u128::from(self.bytes);
        // Whatever a provider counts: no text has more tokens than bytes, and hardly any fewer than one in eight.
        u64::try_from(scaled).unwrap_or(u64::MAX).clamp(bytes / 8, bytes.max(1))
    }

    /// An estimate of the bytes of so many tokens.
    #[must_use]
    pub fn bytes_of(&self, tokens: u64) -> u64 {
        let thousand = self.tokens_of(1_000_000).max(1);
        u64::try_from(u128::from(tokens) * 1_000_000 / u128::from(thousand)).unwrap_or(u64::MAX)
    }

    /// What a context may take up, bytes, in a window of so many tokens: the window without room for the answer, and less than what
    /// was refused before.
    #[must_use]
    pub fn allowed(&self, window: u64) -> u64 {
        self.taken(window, (window / 4).min(limits::ANSWER_TOKENS))
    }

    /// What a request for a summary may take up, bytes: more, since the answer is short. So the context that was just found too
    /// long can mostly be shown as it is, and the provider has its begin in its cache.
    #[must_use]
    pub fn room(&self, window: u64) -> u64 {
        self.taken(window, (window / 8).min(limits::ANSWER_TOKENS / 4))
    }

    fn taken(&self, window: u64, free: u64) -> u64 {
        let taken = self.bytes_of(window.saturating_sub(free));
        if self.refused > 0 { taken.min(self.refused / 8 * 7) } else { taken }
    }
}

/// Bytes of messages on the wire, about.
#[must_use]
pub fn bytes(messages: &[Message]) -> u64 {
    messages.iter().map(size).sum()
}

fn size(message: &Message) -> u64 {
    let text = match message {
        Message::User(said) => heard(&said.text, &said.images),
        Message::Assistant { text, calls, kept } => {
            let call = |c: &Call| c.id.len() + c.tool.len() + c.args.len() + kept_of(&c.kept) + 48;
            text.len() + kept_of(kept) + calls.iter().map(call).sum::<usize>()
        }
        Message::Result { call, text, images, .. } => call.len() + heard(text, images),
    };
    text as u64 + ENVELOPE_BYTES
}

/// Bytes of a text with pictures. A picture costs what its pixels cost, however long its file is.
pub(crate) fn heard(text: &str, images: &[Image]) -> usize {
    text.len() + images.len() * IMAGE_COST_BYTES
}

fn kept_of(kept: &Option<Kept>) -> usize {
    kept.as_ref().map_or(0, |kept| kept.value.len())
}

/// Decides what to do with a conversation to which `more` bytes are about to be added.
#[must_use]
pub fn plan(messages: &[Message], gauge: &Gauge, window: u64, more: u64, length: Length) -> Plan {
    let allowed = gauge.allowed(window);
    let now = bytes(messages) + gauge.fixed + more;
    match length {
        Length::Least => return Plan::Fits,
        Length::Unknown if now <= allowed => return Plan::Fits,
        Length::Ordered => return Plan::Summary(gauge.room(window)),
        Length::Unknown | Length::TooLong => {}
    }
    // Trimmed to just below the line it would have to be trimmed again at the next call, and the prefix would never be warm.
    let (shorter, trimmed) = trim(messages, tail(messages, allowed / 4), |_| 0);
    let after = bytes(&shorter) + gauge.fixed + more;
    if !trimmed.is_empty() && after <= allowed / 4 * 3 { Plan::Trim } else { Plan::Summary(gauge.room(window)) }
}

/// Where the end of a conversation begins that is to stay as it is: as many whole exchanges as fit `room` bytes, and always what
/// was said since the last answer.
#[must_use]
pub fn tail(messages: &[Message], room: u64) -> usize {
    let (mut from, mut held, mut unanswered) = (messages.len(), 0, true);
    for (at, message) in messages.iter().enumerate().rev() {
        held += size(message);
        unanswered &= matches!(message, Message::User(_));
        if held > room && !unanswered {
            break;
        }
        // A result without its call is no conversation.
        if !matches!(message, Message::Result { .. }) {
            from = at;
        }
    }
    from
}

/// Cuts down the outputs before `until`. `at` names the record of a message. The messages, and which of them were cut.
#[must_use]
pub fn trim(messages: &[Message], until: usize, at: impl Fn(usize) -> u64) -> (Vec<Message>, Vec<usize>) {
    let mut cut = Vec::new();
    let messages = messages.iter().enumerate().map(|(i, message)| match message {
        Message::Result { call, tool, text, images }
            if i < until && (text.len() > limits::TRIMMED_BYTES * 2 || !images.is_empty()) =>
        {
            cut.push(i);
            let head = text[..text.floor_char_boundary(limits::TRIMMED_BYTES)].trim_end();
            let record = match at(i) {
                0 => String::new(),
                seq => format!(", record @{seq}"),
            };
            let shown = if images.is_empty() { "" } else { " and a picture" };
            let text = format!("{head}\n[trimmed: {} bytes{shown}{record}; call again if it is needed]", text.len());
            Message::Result { call: call.clone(), tool: tool.clone(), text, images: Vec::new() }
        }
        other => other.clone(),
    });
    let messages = messages.collect();
    (messages, cut)
}

/// The conversation as it is shown for a summary: as it is if it fits `room` bytes, so that a provider's cache of it holds; else
/// with its outputs cut down, and if that is not enough, without its middle.
#[must_use]
pub fn shown(messages: &[Message], room: u64) -> Vec<Message> {
    if bytes(messages) <= room {
        return messages.to_vec();
    }
    let (mut messages, _) = trim(messages, messages.len(), |_| 0);
    if bytes(&messages) <= room {
        return messages;
    }
    // The first message says what it is all about; of the rest the end counts.
    let first = messages.first().map_or(0, size);
    let from = tail(&messages, room.saturating_sub(first + ENVELOPE_BYTES * 4)).max(1).min(messages.len());
    let left = from - 1;
    if left > 0 {
        let note = Message::User(format!("[{left} messages are left out here]").into());
        messages.splice(1..from, [note]);
    }
    for message in &mut messages {
        // One message alone may be longer than all the room.
        if let Message::User(Said { text, .. }) | Message::Result { text, .. } = message
            && text.len() as u64 > room / 2
        {
            let cut = text.floor_char_boundary(usize::try_from(room / 2).unwrap_or(usize::MAX));
            text.truncate(cut);
            text.push_str("\n[cut off here]");
        }
    }
    messages
}

/// What the model is asked when a summary is wanted; `focus` is what a person wants kept above all.
#[must_use]
pub fn request(focus: &str) -> String {
    let mut text =
        "Stop here: this conversation gets too long and will go on from a summary alone. Write that summary now, for \
        somebody who has seen nothing of it. Answer with text only, call no tool. Use exactly these headings:\n\n\
        # Goal\nWhat is wanted in the end.\n\
        # Decisions\nWhat was decided, and why.\n\
        # Files\nFiles that were read or changed, with what matters in them: names, signatures, values.\n\
        # Failed\nWhat was tried and did not work, with the error.\n\
        # Open\nThe next steps, in order.\n\n\
        Keep every name, number, path and identifier that will be needed exactly as it is."
            .to_owned();
    if !focus.trim().is_empty() {
        text.push_str("\nKeep above all: ");
        text.push_str(focus.trim());
    }
    text
}

/// The message that stands for what was summarized. `requests` are what people said, `files` what calls have changed.
#[must_use]
pub fn head(summary: &str, requests: &[String], files: &[String], goes_on: bool) -> Message {
    let mut text = "[The conversation so far was compacted. This summary stands for it.]\n\n".to_owned();
    text.push_str(if summary.trim().is_empty() { "(there is no summary)" } else { summary.trim() });
    if !files.is_empty() {
        text.push_str("\n\n# Files changed by calls\n");
        text.push_str(&files.join("\n"));
    }
    let (kept, left) = keep(requests);
    if !kept.is_empty() {
        text.push_str("\n\n# Requests, verbatim\n");
        for (i, request) in kept.iter().enumerate() {
            text.push_str(&format!("{}. {request}\n", i + 1));
            if i == 0 && left > 0 {
                text.push_str(&format!("[{left} requests are left out here]\n"));
            }
        }
    }
    if goes_on {
        text.push_str("\nGo on from here with the open steps.");
    }
    Message::User(text.into())
}

/// The first request and the last ones, as many as have room; and how many are left out.
fn keep(requests: &[String]) -> (Vec<String>, usize) {
    let cut = |text: &String| {
        let most = limits::REQUESTS_BYTES / 4;
        if text.len() <= most {
            return text.clone();
        }
        format!("{}\n[cut off, {} bytes in all]", &text[..text.floor_char_boundary(most)], text.len())
    };
    let Some((first, rest)) = requests.split_first() else { return (Vec::new(), 0) };
    let first = cut(first);
    let mut held = first.len();
    let mut last: Vec<String> = rest
        .iter()
        .rev()
        .map(cut)
        .take_while(|text| {
            held += text.len();
            held <= limits::REQUESTS_BYTES
        })
        .collect();
    let left = rest.len() - last.len();
    last.push(first);
    last.reverse();
    (last, left)
}

/// A whole state: whoever begins with it and folds what comes after `session.compacted.upto` knows what all others know.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Whole {
    /// Version of this form.
    pub v: u32,
    /// The session.
    pub session: State,
    /// What is said to the model.
    pub conversation: Transcript,
}

impl Whole {
    /// The version that is written, and the only one that is read.
    pub const VERSION: u32 = 1;

    /// As the bytes of a blob.
    #[must_use]
    pub fn write(&self) -> String {
        // Plain structs with string keys: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From the bytes of a blob; `None` if they are none, or of another version.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|whole: &Self| whole.v == Self::VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ace_schema::message::Call;

    fn exchange(n: usize, output: usize) -> [Message; 2] {
        let call = Call { id: format!("call_{n}"), tool: "read".to_owned(), args: "{}".to_owned(), kept: None };
        let result = Message::Result {
            call: call.id.clone(),
            tool: "read".to_owned(),
            text: "x".repeat(output),
            images: Vec::new(),
        };
        [Message::Assistant { text: String::new(), calls: vec![call], kept: None }, result]
    }

    fn talk(outputs: &[usize]) -> Vec<Message> {
        let first = Message::User("do it".into());
        std::iter::once(first).chain(outputs.iter().enumerate().flat_map(|(n, o)| exchange(n, *o))).collect()
    }

    #[test]
    fn a_gauge_believes_the_provider_within_reason() {
        let mut gauge = Gauge::default();
        assert_eq!((gauge.tokens_of(401), gauge.bytes_of(100)), (101, 400));
        (gauge.bytes, gauge.tokens) = (1000, 500);
        assert_eq!((gauge.tokens_of(4000), gauge.bytes_of(100)), (2000, 200));
        // A server that counts nothing, or a thousand for a byte, is not believed.
        gauge.tokens = 1;
        assert_eq!(gauge.tokens_of(8000), 1000);
        gauge.tokens = 1_000_000;
        assert_eq!(gauge.tokens_of(8000), 8000);
        gauge = Gauge { refused: 800, ..Gauge::default() };
        assert_eq!(gauge.allowed(1_000_000), 700);
        for odd in [0, 1, u64::MAX] {
            assert!(gauge.tokens_of(odd) <= odd.max(1) && gauge.bytes_of(odd) >= odd.min(1) / 8);
        }
    }

    #[test]
    fn a_tail_begins_with_a_call_and_holds_what_was_not_answered() {
        let messages = talk(&[500, 500, 500]);
        assert_eq!(tail(&messages, 0), messages.len());
        assert_eq!(tail(&messages, 700), 5);
        assert_eq!(tail(&messages, bytes(&messages[1..])), 1);
        assert_eq!(tail(&messages, u64::MAX), 0);
        let asked: Vec<Message> = messages.into_iter().chain([Message::User("y".repeat(9000).into())]).collect();
        assert_eq!(tail(&asked, 10), asked.len() - 1);
    }

    #[test]
    fn old_outputs_go_first_and_only_if_that_helps() {
        let gauge = Gauge::default();
        let plan = |outputs: &[usize], length| plan(&talk(outputs), &gauge, 4_000, 0, length);
        // 3,000 tokens are for the context, 12,000 bytes.
        assert_eq!(plan(&[3000, 3000, 3000], Length::Unknown), Plan::Fits);
        assert_eq!(plan(&[3000, 3000, 3000, 2000, 2000], Length::Unknown), Plan::Trim);
        assert!(matches!(plan(&[100, 100, 20_000], Length::Unknown), Plan::Trim));
        let many = vec![200; 60];
        assert!(matches!(plan(&many, Length::Unknown), Plan::Summary(_)), "nothing is long enough to be cut");
        assert!(matches!(plan(&[1], Length::Ordered), Plan::Summary(_)));
        assert_eq!(plan(&many, Length::Least), Plan::Fits);
        assert_ne!(plan(&[1], Length::TooLong), Plan::Fits);
    }

    #[test]
    fn what_is_trimmed_names_its_record_and_stays_trimmed() {
        let messages = talk(&[3000, 3000]);
        let (once, cut) = trim(&messages, 3, |i| i as u64 + 40);
        assert_eq!(cut, [2]);
        let Message::Result { text, .. } = &once[2] else { panic!() };
        assert!(text.ends_with("[trimmed: 3000 bytes, record @42; call again if it is needed]"), "{text}");
        assert!(trim(&once, 3, |_| 1).1.is_empty());
    }

    #[test]
    fn what_is_shown_for_a_summary_fits_its_room() {
        let messages = talk(&[3000; 40]);
        assert_eq!(shown(&messages, u64::MAX), messages);
        for room in [50_000, 20_000, 8_000, 2_000] {
            let shown = shown(&messages, room);
            assert!(bytes(&shown) <= room, "{} of {room}", bytes(&shown));
            assert_eq!(shown[0], messages[0]);
        }
        for room in [0, 1, 100] {
            assert!(!shown(&messages, room).is_empty());
        }
    }

    #[test]
    fn the_first_and_the_last_requests_are_kept_whole() {
        let requests: Vec<String> = (0..100).map(|n| format!("request {n} {}", "y".repeat(1000))).collect();
        let (kept, left) = keep(&requests);
        assert_eq!((kept[0].as_str(), kept.last()), (requests[0].as_str(), requests.last()));
        assert_eq!(kept.len() + left, 100);
        assert!(kept.iter().map(String::len).sum::<usize>() <= limits::REQUESTS_BYTES);
        assert_eq!(keep(&[]).0, Vec::<String>::new());
    }
}
