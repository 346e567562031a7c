//! A Jupyter notebook as text: its cells in order, with what they printed. Format: nbformat 4.

use ace_schema::limits;
use serde_json::Value;

/// The cells as text; `None` if it is no notebook.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let book: Value = serde_json::from_slice(bytes).ok()?;
    let cells = book.get("cells")?.as_array()?;
    let mut out = String::new();
    for (n, cell) in cells.iter().enumerate() {
        let kind = cell.get("cell_type").and_then(Value::as_str).unwrap_or("raw");
        let count = cell.get("execution_count").and_then(Value::as_i64);
        let ran = count.map_or(String::new(), |count| format!(", run {count}"));
        out.push_str(&format!("[cell {}: {kind}{ran}]\n", n + 1));
        push(&mut out, &joined(cell.get("source")));
        for output in cell.get("outputs").and_then(Value::as_array).into_iter().flatten() {
            out.push_str("[output]\n");
            push(&mut out, &shown(output));
        }
    }
    Some(out)
}

/// What an output shows as text; pictures are only named.
fn shown(output: &Value) -> String {
    let kind = output.get("output_type").and_then(Value::as_str).unwrap_or_default();
    let mut text = match kind {
        "stream" => joined(output.get("text")),
        "error" => {
            let name = output.get("ename").and_then(Value::as_str).unwrap_or("error");
            format!("{name}: {}", output.get("evalue").and_then(Value::as_str).unwrap_or_default())
        }
        _ => {
            let data = output.get("data").and_then(Value::as_object);
            let plain = data.and_then(|data| data.get("text/plain"));
            let pictures = data.into_iter().flat_map(|data| data.keys()).filter(|kind| kind.starts_with("image/"));
            let mut text = joined(plain);
            for kind in pictures {
                text.push_str(&format!("\n[{kind}]"));
            }
            text
        }
    };
    if text.len() > limits::OUTPUT_TAIL_BYTES {
        text.truncate(text.floor_char_boundary(limits::OUTPUT_TAIL_BYTES));
        text.push_str("\n[cut]");
    }
    text
}

/// A text that is a string or a list of lines.
fn joined(text: Option<&Value>) -> String {
    match text {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

fn push(out: &mut String, text: &str) {
    out.push_str(text);
    if !text.is_empty() && !text.ends_with('\n') {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_outputs_are_text() {
        let book = r##"{"nbformat":4,"cells":[
            {"cell_type":"markdown","source":["# A\n","b"]},
            {"cell_type":"code","execution_count":3,"source":"1/0","outputs":[
                {"output_type":"stream","text":["x\n"]},
                {"output_type":"error","ename":"ZeroDivisionError","evalue":"division by zero","traceback":[]},
                {"output_type":"display_data","data":{"text/plain":"<Figure>","image/png":"iVBOR"}}]}]}"##;
        let told = text(book.as_bytes()).unwrap();
        assert_eq!(
            told,
            "[cell 1: markdown]\n# A\nb\n[cell 2: code, run 3]\n1/0\n[output]\nx\n[output]\nZeroDivisionError: division by zero\n[output]\n<Figure>\n[image/png]\n"
        );
        assert!(text(b"{}").is_none() && text(b"no json").is_none() && text(br#"{"cells":1}"#).is_none());
    }
}
