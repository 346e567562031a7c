//! Tool calls put together from their fragments. Servers disagree on index, id and name, so each rule says whom it serves.

use ace_schema::limits;
use ace_schema::message::Piece;
use serde_json::{Map, Value};

use crate::json::one_line;
use crate::wire::StreamError;

/// One `tool_calls[]` entry of a chunk.
#[derive(Debug, Default)]
pub struct Fragment {
    /// Position among the calls, if told.
    pub index: Option<u64>,
    /// The server's id, or empty.
    pub id: String,
    /// Tool name, or empty.
    pub name: String,
    /// A piece of the arguments.
    pub args: String,
    /// Vendor extras as JSON, or empty.
    pub meta: String,
}

#[derive(Debug, Default)]
struct Partial {
    index: Option<u64>,
    id: String,
    name: String,
    args: String,
    meta: String,
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub struct Calls {
    list: Vec<Partial>,
    bytes: usize,
}

impl Calls {
    /// Whether a call was begun.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes a fragment; tells the tool's name when a call begins.
    pub fn push(&mut self, fragment: Fragment) -> Result<Option<String>, StreamError> {
        self.bytes += fragment.args.len() + fragment.meta.len();
        if self.bytes > limits::ANSWER_BYTES {
            return Err(StreamError::Long(limits::ANSWER_BYTES));
        }
        let at = match self.belongs_to(&fragment) {
            Some(at) => at,
            None if self.list.len() == limits::CALLS_PER_ANSWER => {
                return Err(StreamError::Calls(limits::CALLS_PER_ANSWER));
            }
            None => {
                self.list.push(Partial::default());
                self.list.len() - 1
            }
        };
        let call = &mut self.list[at];
        call.index = call.index.or(fragment.index);
        if call.id.is_empty() {
            call.id = fragment.id;
        }
        if call.meta.is_empty() {
            call.meta = fragment.meta;
        }
        call.args.push_str(&fragment.args);
        if call.name.is_empty() && !fragment.name.is_empty() {
            call.name.clone_from(&fragment.name);
            return Ok(Some(fragment.name));
        }
        Ok(None)
    }

    /// Begins a call, for wires that say which call each fragment belongs to; gives its number.
    pub fn begin(&mut self, name: &str) -> Result<usize, StreamError> {
        if self.list.len() == limits::CALLS_PER_ANSWER {
            return Err(StreamError::Calls(limits::CALLS_PER_ANSWER));
        }
        self.list.push(Partial { name: name.to_owned(), ..Partial::default() });
        Ok(self.list.len() - 1)
    }

    /// Adds to the arguments of a call; one that was never begun is left alone.
    pub fn extend(&mut self, number: usize, args: &str) -> Result<(), StreamError> {
        self.bytes += args.len();
        if self.bytes > limits::ANSWER_BYTES {
            return Err(StreamError::Long(limits::ANSWER_BYTES));
        }
        if let Some(call) = self.list.get_mut(number) {
            call.args.push_str(args);
        }
        Ok(())
    }

    /// Says what a call is in the end: arguments (unless there are none) and what the provider wants back with it.
    pub fn set(&mut self, number: usize, name: &str, args: &str, meta: String) -> Result<(), StreamError> {
        self.bytes += args.len() + meta.len();
        if self.bytes > limits::ANSWER_BYTES {
            return Err(StreamError::Long(limits::ANSWER_BYTES));
        }
        if let Some(call) = self.list.get_mut(number) {
            if !args.trim().is_empty() {
                args.clone_into(&mut call.args);
            }
            if !name.is_empty() {
                name.clone_into(&mut call.name);
            }
            call.meta = meta;
        }
        Ok(())
    }

    /// The call a fragment goes on with; none if it begins one.
    fn belongs_to(&self, fragment: &Fragment) -> Option<usize> {
        let same_index = |c: &Partial| c.index.is_none() || fragment.index.is_none() || c.index == fragment.index;
        let at = if fragment.id.is_empty() {
            // The rule: later fragments carry the index alone. Without one they go on with the last call.
            self.list.iter().rposition(same_index)?
        } else {
            let named = |c: &Partial| c.id == fragment.id && same_index(c);
            // An id that comes late belongs to a call that has none; a changed id is a new call, whatever the index says
            // (some servers number every parallel call 0).
            let late = |c: &Partial| c.id.is_empty() && fragment.name.is_empty() && same_index(c);
            self.list.iter().rposition(named).or_else(|| self.list.iter().rposition(late))?
        };
        (!self.list[at].is_followed_by(fragment)).then_some(at)
    }

    /// Every call as a piece, and which of those that were begun they are. A call that the output limit cut (`cut`) is left out;
    /// any other that is not whole is an error.
    pub fn finish(self, cut: bool) -> Result<(Vec<Piece>, Vec<usize>), StreamError> {
        let (mut pieces, mut given) = (Vec::with_capacity(self.list.len()), Vec::new());
        for (number, call) in self.list.into_iter().enumerate() {
            let begun = cut && call.args.trim().is_empty();
            match object(&call.args) {
                Some(args) if !call.name.is_empty() && !begun => {
                    pieces.push(Piece::Call { tool: call.name, args, meta: call.meta });
                    given.push(number);
                }
                _ if cut => {}
                _ => return Err(StreamError::Arguments(call.name)),
            }
        }
        Ok((pieces, given))
    }
}

impl Partial {
    /// Whether a fragment that seems to go on with this call begins the next one: it names another tool, or the arguments are
    /// whole and more come with a name (servers that send whole calls without ids, all numbered alike).
    fn is_followed_by(&self, fragment: &Fragment) -> bool {
        if fragment.name.is_empty() || self.name.is_empty() {
            return false;
        }
        fragment.name != self.name || (!fragment.args.trim().is_empty() && object_text(&self.args))
    }
}

fn object_text(args: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(args).is_ok()
}

/// Arguments as one line of JSON: empty ones and `null` mean `{}`, an object packed into a string is unpacked.
fn object(args: &str) -> Option<String> {
    let args = args.trim();
    if args.is_empty() || args == "null" {
        return Some("{}".into());
    }
    if let Ok(inner) = serde_json::from_str::<String>(args) {
        let inner = inner.trim();
        return object_text(inner).then(|| one_line(inner));
    }
    object_text(args).then(|| one_line(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(index: Option<u64>, id: &str, name: &str, args: &str) -> Fragment {
        Fragment { index, id: id.into(), name: name.into(), args: args.into(), meta: String::new() }
    }

    /// Calls as `tool args` lines.
    fn run(fragments: Vec<Fragment>) -> Vec<String> {
        let mut calls = Calls::default();
        for fragment in fragments {
            calls.push(fragment).unwrap();
        }
        let (pieces, _) = calls.finish(false).unwrap();
        pieces
            .into_iter()
            .map(|p| match p {
                Piece::Call { tool, args, .. } => format!("{tool} {args}"),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn interleaved_calls_are_told_apart_by_index() {
        let got = run(vec![
            fragment(Some(0), "a", "read", ""),
            fragment(Some(1), "b", "list", ""),
            fragment(Some(0), "", "", "{\"path\":"),
            fragment(Some(1), "", "", "{}"),
            fragment(Some(0), "", "", "\"x\"}"),
        ]);
        assert_eq!(got, ["read {\"path\":\"x\"}", "list {}"]);
    }

    #[test]
    fn every_call_numbered_zero_is_told_apart_by_id() {
        let got = run(vec![
            fragment(Some(0), "a", "read", ""),
            fragment(Some(0), "", "", "{\"n\":1}"),
            fragment(Some(0), "b", "read", ""),
            fragment(Some(0), "", "", "{\"n\":2}"),
        ]);
        assert_eq!(got, ["read {\"n\":1}", "read {\"n\":2}"]);
    }

    #[test]
    fn no_index_and_no_id_at_all() {
        let got = run(vec![
            fragment(None, "", "read", "{\"n\":"),
            fragment(None, "", "", "1}"),
            fragment(None, "", "read", "{\"n\":2}"),
            fragment(None, "", "list", ""),
        ]);
        assert_eq!(got, ["read {\"n\":1}", "read {\"n\":2}", "list {}"]);
    }

    #[test]
    fn a_name_and_id_repeated_with_every_fragment_is_one_call() {
        let got = run(vec![
            fragment(Some(0), "a", "read", ""),
            fragment(Some(0), "a", "read", "{\"n\":"),
            fragment(Some(0), "a", "read", "1}"),
            fragment(Some(0), "a", "read", ""),
        ]);
        assert_eq!(got, ["read {\"n\":1}"]);
    }

    #[test]
    fn one_id_given_to_two_calls() {
        let got = run(vec![fragment(Some(0), "a", "read", "{\"n\":1}"), fragment(Some(1), "a", "read", "{\"n\":2}")]);
        assert_eq!(got, ["read {\"n\":1}", "read {\"n\":2}"]);
        let got = run(vec![fragment(None, "a", "read", "{\"n\":1}"), fragment(None, "a", "read", "{\"n\":2}")]);
        assert_eq!(got, ["read {\"n\":1}", "read {\"n\":2}"]);
    }

    #[test]
    fn an_id_that_comes_late_and_an_index_with_a_gap() {
        let got = run(vec![
            fragment(Some(3), "", "read", ""),
            fragment(Some(3), "a", "", "{}"),
            fragment(Some(7), "b", "list", "{}"),
        ]);
        assert_eq!(got, ["read {}", "list {}"]);
    }

    #[test]
    fn arguments_become_one_object_on_one_line() {
        for (args, want) in [
            ("", "{}"),
            ("  ", "{}"),
            ("null", "{}"),
            ("{\n \"a\":\r\n\"b\\n\"}", "{  \"a\":  \"b\\n\"}"),
            (r#""{\"a\":1}""#, r#"{"a":1}"#),
        ] {
            assert_eq!(object(args).as_deref(), Some(want), "{args}");
        }
        for bad in ["[]", "1", "\"x\"", "{\"a\":", "{\"a\":1}}", "{} {}", "x"] {
            assert_eq!(object(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_call_that_is_not_whole_is_never_given() {
        let calls = |args: &str| {
            let mut calls = Calls::default();
            calls.push(fragment(Some(0), "a", "read", "{\"n\":1}")).unwrap();
            calls.push(fragment(Some(1), "b", "shell", args)).unwrap();
            calls
        };
        for args in ["", "{\"command\":\"rm -rf ", "{"] {
            assert_eq!(calls(args).finish(true).unwrap().1.len(), 1, "{args}");
        }
        assert_eq!(calls("{\"com").finish(false), Err(StreamError::Arguments("shell".into())));
        let mut nameless = Calls::default();
        nameless.push(fragment(Some(0), "a", "", "{}")).unwrap();
        assert_eq!(nameless.finish(false), Err(StreamError::Arguments(String::new())));
    }

    #[test]
    fn too_many_calls_are_an_error() {
        let mut calls = Calls::default();
        for n in 0..limits::CALLS_PER_ANSWER as u64 {
            calls.push(fragment(Some(n), "", "read", "{}")).unwrap();
        }
        let over = calls.push(fragment(Some(999), "", "read", "{}"));
        assert_eq!(over, Err(StreamError::Calls(limits::CALLS_PER_ANSWER)));
    }
}
