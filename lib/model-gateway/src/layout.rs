//! The order of an answer's parts, and what its provider wants back between them: thinking with its signature, encrypted reasoning.
//! Text and calls are in the record already; here stand only their places. Knows no wire: what is opaque stays so.

use ace_schema::message::Call;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// One part of an answer, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    /// So many bytes of the answer's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<usize>,
    /// The call of that number, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<usize>,
    /// Alone a part of its own; beside text what belongs to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own: Option<Box<RawValue>>,
}

/// Gathers the order of an answer while it comes.
#[derive(Debug, Default)]
pub struct Layout {
    rows: Vec<Row>,
    /// The last text is over.
    closed: bool,
}

impl Layout {
    /// So many more bytes of text.
    pub fn text(&mut self, bytes: usize) {
        match self.rows.last_mut() {
            Some(Row { text: Some(n), .. }) if !self.closed => *n += bytes,
            _ if bytes > 0 => {
                self.rows.push(Row { text: Some(bytes), call: None, own: None });
                self.closed = false;
            }
            _ => {}
        }
    }

    /// The text so far is a part of its own.
    pub fn close_text(&mut self) {
        self.closed = true;
    }

    /// A whole text with what belongs to it.
    pub fn text_with(&mut self, bytes: usize, own: &Value) {
        self.rows.push(Row { text: Some(bytes), call: None, own: raw(own) });
        self.closed = true;
    }

    /// The call of that number.
    pub fn call(&mut self, number: usize) {
        self.rows.push(Row { text: None, call: Some(number), own: None });
    }

    /// Something of the provider's own.
    pub fn own(&mut self, value: &Value) {
        self.rows.push(Row { text: None, call: None, own: raw(value) });
    }

    /// What is to be kept, JSON; nothing if the provider wants nothing back. `given` are the calls that were handed on, in order:
    /// others are left out.
    pub fn finish(mut self, given: &[usize]) -> String {
        self.rows.retain_mut(|row| match row.call {
            Some(call) => {
                row.call = given.iter().position(|g| *g == call);
                row.call.is_some()
            }
            None => true,
        });
        if self.rows.iter().all(|row| row.own.is_none()) {
            return String::new();
        }
        serde_json::to_string(&self.rows).unwrap_or_default()
    }
}

fn raw(value: &Value) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(value).ok()
}

/// One part of an answer that is sent back.
#[derive(Debug)]
pub enum Part<'a> {
    /// Text and what belongs to it.
    Text(&'a str, Option<Box<RawValue>>),
    /// A call.
    Call(&'a Call),
    /// Something of the provider's own.
    Own(Box<RawValue>),
}

/// An answer in its order. Without an order, or with one that does not fit (a gate has changed the text), what is the provider's own
/// stands first, then the text, then the calls.
pub fn parts<'a>(kept: Option<&str>, text: &'a str, calls: &'a [Call]) -> Vec<Part<'a>> {
    let rows: Vec<Row> = kept.and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default();
    if let Some(parts) = ordered(&rows, text, calls) {
        return parts;
    }
    let own = rows.into_iter().filter(|row| row.text.is_none()).filter_map(|row| row.own).map(Part::Own);
    let said = (!text.is_empty()).then_some(Part::Text(text, None));
    own.chain(said).chain(calls.iter().map(Part::Call)).collect()
}

fn ordered<'a>(rows: &[Row], mut text: &'a str, calls: &'a [Call]) -> Option<Vec<Part<'a>>> {
    let mut parts = Vec::with_capacity(rows.len());
    let mut next = 0;
    for row in rows {
        parts.push(match (row.text, row.call, &row.own) {
            (Some(bytes), _, own) => {
                let (head, rest) = text.split_at_checked(bytes)?;
                text = rest;
                Part::Text(head, own.clone())
            }
            (None, Some(call), _) => {
                next += 1;
                Part::Call(calls.get(call).filter(|_| call + 1 == next)?)
            }
            (None, None, own) => Part::Own(own.clone()?),
        });
    }
    (text.is_empty() && next == calls.len() && !rows.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn show(kept: &str, text: &str, calls: usize) -> String {
        let call = |n: usize| Call { id: format!("call_{n}"), tool: "t".into(), args: "{}".into(), kept: None };
        let calls: Vec<Call> = (0..calls).map(call).collect();
        let show = |part: &Part<'_>| match part {
            Part::Text(text, None) => (*text).to_owned(),
            Part::Text(text, Some(own)) => format!("{text}+{own}"),
            Part::Call(call) => call.id.clone(),
            Part::Own(own) => own.to_string(),
        };
        parts(Some(kept), text, &calls).iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_order_comes_back_as_it_was() {
        let mut layout = Layout::default();
        layout.own(&json!(1));
        layout.text(2);
        layout.text(1);
        layout.call(0);
        layout.own(&json!(2));
        layout.call(1);
        layout.text_with(1, &json!(3));
        let kept = layout.finish(&[0, 1]);
        assert_eq!(show(&kept, "abcd", 2), "1 abc call_0 2 call_1 d+3");
    }

    #[test]
    fn a_call_that_was_left_out_leaves_no_hole() {
        let mut layout = Layout::default();
        layout.own(&json!(1));
        layout.call(0);
        layout.call(1);
        assert_eq!(show(&layout.finish(&[1]), "", 1), "1 call_0");
    }

    #[test]
    fn what_does_not_fit_keeps_own_things_first() {
        let mut layout = Layout::default();
        layout.text(3);
        layout.own(&json!(1));
        layout.call(0);
        let kept = layout.finish(&[0]);
        for (text, calls, want) in [
            ("[key]", 1, "1 [key] call_0"),
            ("ab", 1, "1 ab call_0"),
            ("é1", 1, "é1 1 call_0"),
            ("aé", 1, "aé 1 call_0"),
            ("éé", 1, "1 éé call_0"),
            ("abc", 2, "1 abc call_0 call_1"),
        ] {
            assert_eq!(show(&kept, text, calls), want, "{text}");
        }
        assert_eq!(show("", "a", 1), "a call_0");
        assert_eq!(show("{oops", "a", 0), "a");
    }

    #[test]
    fn nothing_of_its_own_is_nothing_to_keep() {
        let mut layout = Layout::default();
        layout.text(0);
        layout.text(3);
        layout.call(0);
        assert_eq!(layout.finish(&[0]), "");
    }
}
