//! How a session and a call are named on a command line. Whether they exist is for others to find out.

use std::path::PathBuf;
use std::str::FromStr;

/// Which session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `@last`: the one created last.
    Last,
    /// Its folder or its log.
    Path(PathBuf),
    /// Its name, its id or the last four characters of the id.
    Word(String),
}

/// `S`: a session, and with `@SEQ` behind it one recorded line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionAddress {
    /// Which session.
    pub place: Place,
    /// The recorded line, if one is named.
    pub seq: Option<u64>,
}

impl FromStr for SessionAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (head, seq) = match text.rsplit_once('@').map(|(head, seq)| (head, number(seq))) {
            Some((head, Some(seq))) => (head, Some(seq)),
            _ => (text, None),
        };
        if seq == Some(0) {
            return Err("lines count from 1".to_owned());
        }
        let place = match head {
            "" => return Err("a session is its name, its id, @last or a path".to_owned()),
            "@last" => Place::Last,
            path if path.contains('/') || path == "." || path == ".." || path.ends_with(".jsonl") => {
                Place::Path(path.into())
            }
            word if word.starts_with('@') => return Err("only @last is known".to_owned()),
            word => Place::Word(word.to_owned()),
        };
        Ok(Self { place, seq })
    }
}

impl SessionAddress {
    /// The session as typed, without the line.
    #[must_use]
    pub fn place_text(&self) -> String {
        Self { place: self.place.clone(), seq: None }.to_string()
    }
}

/// As typed, so that it can be shown and typed again.
impl std::fmt::Display for SessionAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Last => f.write_str("@last")?,
            Place::Path(path) => path.display().fmt(f)?,
            Place::Word(word) => f.write_str(word)?,
        }
        self.seq.map_or(Ok(()), |seq| write!(f, "@{seq}"))
    }
}

/// `S`, `S@LINE` or `S@FROM..TO`, either end of which may be left out: a session, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanAddress {
    /// The session; its line is the one of `S@LINE`.
    pub session: SessionAddress,
    /// The ends of `FROM..TO`.
    pub span: Option<(Option<u64>, Option<u64>)>,
}

impl FromStr for SpanAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = text.rsplit_once('@').and_then(|(head, tail)| Some((head, tail.split_once("..")?)));
        let Some((head, (from, to))) = span else { return Ok(Self { session: text.parse()?, span: None }) };
        let end = |text: &str| match (text, number(text)) {
            ("", _) => Ok(None),
            (_, Some(n)) if n > 0 => Ok(Some(n)),
            _ => Err("a part is S@FROM..TO, lines from 1".to_owned()),
        };
        let (from, to) = (end(from)?, end(to)?);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err("the first line of a part stands before its last".to_owned());
        }
        Ok(Self { session: head.parse()?, span: Some((from, to)) })
    }
}

/// `ID`: a call of a session, by the id of its event or by its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallAddress {
    /// Id of the event.
    Id(String),
    /// `@SEQ`, its recorded line.
    Seq(u64),
}

impl FromStr for CallAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('@') {
            Some(seq) => number(seq).filter(|n| *n > 0).map(Self::Seq).ok_or_else(|| "a line is @NUMBER".to_owned()),
            None if text.is_empty() => Err("a call is its id or @LINE".to_owned()),
            None => Ok(Self::Id(text.to_owned())),
        }
    }
}

/// Digits alone: `+5` and the like belong to a name.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, place: Place, seq: Option<u64>) {
        let address: SessionAddress = text.parse().unwrap();
        assert_eq!(address, SessionAddress { place, seq }, "{text}");
        assert_eq!(address.to_string(), text);
    }

    #[test]
    fn names_ids_paths_and_lines() {
        let word = |w: &str| Place::Word(w.to_owned());
        check("fix-median", word("fix-median"), None);
        check("fix-median@23", word("fix-median"), Some(23));
        check("8c1d", word("8c1d"), None);
        check("a@b", word("a@b"), None);
        check("a@+5", word("a@+5"), None);
        check("@last", Place::Last, None);
        check("@last@4", Place::Last, Some(4));
        check("./x@y/log.jsonl", Place::Path("./x@y/log.jsonl".into()), None);
        check("/s/06fz/@7", Place::Path("/s/06fz/".into()), Some(7));
        check("log.jsonl", Place::Path("log.jsonl".into()), None);
        check(".", Place::Path(".".into()), None);
    }

    #[test]
    fn parts_of_a_session() {
        let part = |text: &str| text.parse::<SpanAddress>().map(|s| (s.session.to_string(), s.span));
        assert_eq!(part("fix@3..9"), Ok(("fix".to_owned(), Some((Some(3), Some(9))))));
        assert_eq!(part("@last@..9"), Ok(("@last".to_owned(), Some((None, Some(9))))));
        assert_eq!(part("fix@3.."), Ok(("fix".to_owned(), Some((Some(3), None)))));
        assert_eq!(part("fix@3"), Ok(("fix@3".to_owned(), None)));
        assert_eq!(part("./a..b"), Ok(("./a..b".to_owned(), None)));
        for text in ["fix@9..3", "fix@0..1", "fix@a..b", "@3..4"] {
            assert!(part(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["", "@first", "@", "fix@0", "@23"] {
            assert!(text.parse::<SessionAddress>().is_err(), "{text}");
        }
        for text in ["", "@", "@x", "@0", "@99999999999999999999999"] {
            assert!(text.parse::<CallAddress>().is_err(), "{text}");
        }
        assert_eq!("@25".parse(), Ok(CallAddress::Seq(25)));
        assert_eq!("k3f9a2xq-17".parse(), Ok(CallAddress::Id("k3f9a2xq-17".to_owned())));
    }
}
