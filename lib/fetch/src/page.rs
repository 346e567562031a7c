//! Bytes of a page as text: which kind it is, which characters, and HTML as Markdown. It never runs or loads anything a page names.

use ace_schema::limits;

/// Stack of the thread that turns a page into Markdown: deep pages are walked by recursion.
const STACK: usize = 64 * 1024 * 1024;

/// The media type, without parameters; looked up in the bytes where the server says none.
pub(crate) fn media(kind: &str, bytes: &[u8]) -> String {
    let named = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !named.is_empty() && named != "application/octet-stream" {
        return named;
    }
    let start = &bytes[..bytes.len().min(1024)];
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    if start.starts_with(b"\x89PNG") {
        "image/png".to_owned()
    } else if text.trim_start().starts_with("<!doctype html") || text.contains("<html") {
        "text/html".to_owned()
    } else if start.contains(&0) {
        "application/octet-stream".to_owned()
    } else {
        "text/plain".to_owned()
    }
}

pub(crate) fn is_html(media: &str) -> bool {
    matches!(media, "text/html" | "application/xhtml+xml")
}

pub(crate) fn is_text(media: &str) -> bool {
    let rest = media.strip_prefix("application/").unwrap_or_default();
    media.starts_with("text/")
        || matches!(
            rest,
            "json" | "xml" | "javascript" | "yaml" | "x-yaml" | "toml" | "x-ndjson" | "jsonl" | "sql" | "rtf"
        )
        || rest.ends_with("+json")
        || rest.ends_with("+xml")
        || media == "image/svg+xml"
}

/// The text in the characters that the server, the byte order mark or the page itself names; UTF-8 otherwise.
pub(crate) fn decoded(bytes: &[u8], kind: &str) -> String {
    let label = |text: &str| {
        let at = text.to_ascii_lowercase().find("charset=")? + "charset=".len();
        let label: String = text[at..]
            .trim_start_matches(['"', '\''])
            .chars()
            .take_while(|c| !matches!(c, '"' | '\'' | ';' | ' ' | '>' | '/'))
            .collect();
        encoding_rs::Encoding::for_label(label.as_bytes())
    };
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]);
    let encoding = label(kind).or_else(|| label(&head)).unwrap_or(encoding_rs::UTF_8);
    encoding.decode(bytes).0.into_owned()
}

/// What stands between `<title>` and its end, as one line.
pub(crate) fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let from = lower.find("<title")?;
    let from = from + lower[from..].find('>')? + 1;
    let to = from + lower[from..].find("</title")?;
    let title = html.get(from..to)?.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then(|| title.chars().filter(|c| !c.is_control()).take(120).collect())
}

/// HTML as Markdown, without what is not for reading.
pub(crate) fn markdown(html: String) -> String {
    if depth(&html) > limits::HTML_DEPTH {
        return bare(&html);
    }
    let fallback = bare(&html);
    let turn = move || {
        let skipped = vec!["script", "style", "noscript", "svg", "iframe", "template", "head", "object", "form"];
        htmd::HtmlToMarkdown::builder().skip_tags(skipped).build().convert(&html).ok()
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(turn);
    let text = thread.ok().and_then(|thread| thread.join().ok()).flatten();
    squeezed(&text.unwrap_or(fallback))
}

/// How many tags are open within each other at most, by the text alone: never less than a parser finds.
fn depth(html: &str) -> usize {
    let bytes = html.as_bytes();
    let (mut open, mut most) = (0_usize, 0);
    for (at, _) in html.match_indices('<') {
        match bytes.get(at + 1) {
            Some(b'/') => open = open.saturating_sub(1),
            Some(letter) if letter.is_ascii_alphabetic() => {
                let name: String = html[at + 1..].chars().take_while(char::is_ascii_alphanumeric).collect();
                let void = [
                    "br", "hr", "img", "input", "link", "meta", "p", "li", "td", "tr", "th", "source", "wbr", "col",
                    "option", "dt", "dd",
                ];
                if !void.contains(&name.to_ascii_lowercase().as_str()) {
                    open += 1;
                    most = most.max(open);
                }
            }
            _ => {}
        }
    }
    most
}

/// The text between tags.
fn bare(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let is = |tag: &str| {
            behind.as_bytes().get(..tag.len()).is_some_and(|name| name.eq_ignore_ascii_case(tag.as_bytes()))
        };
        let end = if is("script") {
            "</script>"
        } else if is("style") {
            "</style>"
        } else {
            ">"
        };
        rest = behind.find(end).map_or("", |close| &behind[close + end.len()..]);
        out.push(' ');
    }
    out.push_str(rest);
    squeezed(&out)
}

/// Without white space at line ends and without more than one empty line in a row.
fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_markdown_without_its_scripts() {
        let html = "<html><head><title>T</title><style>x{}</style></head><body><script>steal()</script><h1>Head</h1><p>One <b>bold</b> <a href='https://a.example/x'>link</a>.</p><ul><li>a<li>b</ul><pre><code>let x = 1;\n</code></pre></body></html>";
        let text = markdown(html.to_owned());
        assert!(text.starts_with("# Head\n\nOne **bold** [link](https://a.example/x).\n"), "{text}");
        assert!(text.contains("let x = 1;") && !text.contains("steal") && !text.contains("x{}"), "{text}");
    }

    #[test]
    fn f15_a_page_of_nothing_but_depth_ends_well() {
        for tag in ["div", "b", "table", "ul", "p", "li"] {
            let deep = format!("{}word", format!("<{tag}>").repeat(100_000));
            assert!(markdown(deep).contains("word"), "{tag}");
        }
        assert!(markdown("<".repeat(100_000)).len() <= 100_001);
        assert_eq!(markdown("<div>".repeat(10)), "");
    }

    #[test]
    fn characters_are_those_that_are_named() {
        assert_eq!(decoded(b"caf\xe9", "text/html; charset=ISO-8859-1"), "café");
        assert_eq!(decoded(b"<meta charset=\"windows-1252\">caf\xe9", ""), "<meta charset=\"windows-1252\">café");
        assert_eq!(decoded("\u{feff}café".as_bytes(), "text/plain"), "café");
        assert_eq!(decoded(b"\xff\xfea\0", ""), "a");
    }

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(media("Text/HTML; charset=x", b""), "text/html");
        assert_eq!(media("", b"<!DOCTYPE html><p>"), "text/html");
        assert_eq!(media("application/octet-stream", b"a\0b"), "application/octet-stream");
        assert_eq!(media("", b"plain"), "text/plain");
        assert!(is_text("application/problem+json") && is_text("text/x-rust") && !is_text("application/pdf"));
        assert_eq!(title("<TITLE>\n a\n b </title>").as_deref(), Some("a b"));
    }
}
