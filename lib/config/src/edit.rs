//! One value into a file's text, everything else as the person left it.

use toml_edit::{DocumentMut, Item, Table, Value};

use crate::{Layer, LayerName, Problem, load};

/// The text with `key` (`model`, `providers.NAME.base_url`) set to `text`: a whole number, or true or false, where the
/// key takes one.
///
/// # Errors
/// The text is not TOML, or no configuration would hold the result.
pub fn set(file: &str, old: &str, key: &str, text: &str) -> Result<String, Vec<Problem>> {
    load(&[Layer::file(LayerName::User, file, old)])?;
    // It was parsed just now; a document that cannot be edited is begun anew only if it was empty.
    let Ok(mut document) = old.parse::<DocumentMut>() else { return Ok(old.to_owned()) };
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or(key);
    let mut table: &mut Table = document.as_table_mut();
    for part in parts {
        let entry = table.entry(part).or_insert_with(|| {
            let mut new = Table::new();
            new.set_implicit(true);
            Item::Table(new)
        });
        match entry.as_table_mut() {
            Some(inner) => table = inner,
            // An inline table or a value stands there: the checks below say what is wrong with the key.
            None => return load(&[Layer::flag(key, key, text)]).map(|_| old.to_owned()),
        }
    }
    let mut new: Value = match text.parse::<i64>() {
        Ok(number) if key.starts_with("limits.") || key.starts_with("quota.") => number.into(),
        _ if key == "notify.bell" && matches!(text, "true" | "false") => (text == "true").into(),
        _ if key.ends_with(".think_tags") || key.ends_with(".images") => {
            text.parse::<bool>().map_or_else(|_| text.into(), Value::from)
        }
        _ => text.into(),
    };
    match table.get_mut(last).and_then(Item::as_value_mut) {
        // The comments around the old value belong to the person.
        Some(old) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => {
            table.insert(last, Item::Value(new));
        }
    }
    let changed = document.to_string();
    load(&[Layer::file(LayerName::User, file, changed.as_str())])?;
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_changes_and_the_rest_stays_as_it_was() {
        let old = "# mine\nmodel = \"a/b\" # why\n\n[providers.a]\nbase_url = \"http://h\"\n";
        let new = set("c", old, "model", "a/c").unwrap();
        assert_eq!(new, old.replace("\"a/b\"", "\"a/c\""));
        let new = set("c", old, "limits.answers", "7").unwrap();
        assert_eq!(new, format!("{old}\n[limits]\nanswers = 7\n"));
        assert_eq!(set("c", "", "mode", "auto").unwrap(), "mode = \"auto\"\n");
        assert_eq!(set("c", "", "notify.bell", "false").unwrap(), "[notify]\nbell = false\n");
    }

    #[test]
    fn what_no_configuration_would_hold_is_refused() {
        for (key, value) in
            [("modle", "a/b"), ("mode", "yolo"), ("limits.answers", "x"), ("model", "nobody/x"), ("notify.bell", "no")]
        {
            assert!(set("c", "", key, value).is_err(), "{key} = {value}");
        }
    }
}
