//! The history of the prompt without secrets: a key that was typed is no more kept here than in a log.

use ace_redact::Redactor;
use reedline::{FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery};

/// A history that cleans what it keeps.
pub struct Clean {
    /// What keeps it.
    pub kept: FileBackedHistory,
    /// What cleans it.
    pub redactor: Option<Redactor>,
}

impl History for Clean {
    fn save(&mut self, mut item: HistoryItem) -> Result<HistoryItem> {
        if let Some(clean) = self.redactor.as_ref().and_then(|redactor| redactor.text(&item.command_line)) {
            item.command_line = clean;
        }
        self.kept.save(item)
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.kept.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.kept.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.kept.search(query)
    }

    fn update(&mut self, id: HistoryItemId, updater: &dyn Fn(HistoryItem) -> HistoryItem) -> Result<()> {
        self.kept.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.kept.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.kept.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.kept.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.kept.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ace_redact::Policy;

    #[test]
    fn p54_a_key_that_was_typed_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("history");
        let key = format!("glpat-{}", "a1B2c3D4e5F6g7H8i9J0");
        let kept = FileBackedHistory::with_file(10, file.clone()).unwrap();
        let mut history = Clean { kept, redactor: Some(Redactor::new(&Policy::default(), "")) };
        history.save(HistoryItem::from_command_line(format!("use {key} now"))).unwrap();
        history.sync().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with("use ‹redacted:gitlab#") && !text.contains(&key), "{text}");
    }
}
