//! The table of figures: measured, mark, and the same of a bare loop. It must never end the program.

use std::time::{Duration, Instant};

/// One figure.
struct Row {
    name: String,
    measured: f64,
    /// Must be at most this; at least this, if `floor`. `None` is told without a mark.
    mark: Option<f64>,
    floor: bool,
    unit: &'static str,
    bare: Option<(f64, &'static str)>,
}

/// The figures, in order.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Table {
    /// A figure that shall be at most `mark`.
    pub fn most(&mut self, name: impl Into<String>, measured: f64, mark: f64, unit: &'static str) -> &mut Self {
        self.row(name.into(), measured, Some(mark), false, unit)
    }

    /// A figure that shall be at least `mark`.
    pub fn least(&mut self, name: impl Into<String>, measured: f64, mark: f64, unit: &'static str) -> &mut Self {
        self.row(name.into(), measured, Some(mark), true, unit)
    }

    /// A figure without a mark.
    pub fn tell(&mut self, name: impl Into<String>, measured: f64, unit: &'static str) -> &mut Self {
        self.row(name.into(), measured, None, false, unit)
    }

    fn row(&mut self, name: String, measured: f64, mark: Option<f64>, floor: bool, unit: &'static str) -> &mut Self {
        eprintln!("  {name}: {} {unit}", number(measured));
        self.rows.push(Row { name, measured, mark, floor, unit, bare: None });
        self
    }

    /// What a bare loop takes for the last figure, and what it does.
    pub fn beside(&mut self, bare: f64, what: &'static str) {
        if let Some(row) = self.rows.last_mut() {
            row.bare = Some((bare, what));
        }
    }

    /// A line below the table.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Prints all.
    pub fn print(&self) {
        let width = self.rows.iter().map(|r| r.name.chars().count()).max().unwrap_or(0);
        println!(
            "\n{:width$}  {:>9}  {:>9}  {:5}  {:>9}  {:>6}  bare loop",
            "", "measured", "mark", "unit", "bare", "ratio"
        );
        for row in &self.rows {
            let sign = if row.floor { "≥" } else { "≤" };
            let mark = row.mark.map_or(String::new(), |m| format!("{sign} {}", number(m)));
            let met = row.mark.is_none_or(|m| if row.floor { row.measured >= m } else { row.measured <= m });
            let (bare, ratio, what) = match row.bare {
                Some((b, what)) if b > 0.0 => (number(b), format!("{:.2}", row.measured / b), what),
                _ => (String::new(), String::new(), ""),
            };
            let miss = if met { " " } else { "!" };
            let line = format!(
                "{:width$} {miss}{:>9}  {mark:>9}  {:5}  {bare:>9}  {ratio:>6}  {what}",
                row.name,
                number(row.measured),
                row.unit
            );
            println!("{}", line.trim_end());
        }
        println!("! beyond its mark");
        for note in &self.notes {
            println!("{note}");
        }
    }
}

/// Three figures are enough.
fn number(n: f64) -> String {
    match n.abs() {
        a if a >= 100.0 => format!("{n:.0}"),
        a if a >= 10.0 => format!("{n:.1}"),
        a if a >= 0.1 => format!("{n:.2}"),
        _ => format!("{n:.4}"),
    }
}

/// A duration in milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How long `work` takes, ms.
pub fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    ms(start.elapsed())
}

/// The value below which this part of them lies (0.5: the median).
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}
