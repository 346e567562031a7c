//! The user interface inside the program: what `npm run build` left in `ui/dist`, or nothing where Node was not there.

use ace_web::Asset;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "bins/ace-serve/ui/dist"]
#[allow_missing = true]
struct Dist;

/// The file of that name.
pub fn asset(path: &str) -> Option<Asset> {
    let file = Dist::get(path)?;
    let media = file.metadata.mimetype();
    // What is text is UTF-8; a browser that has to guess may guess wrong.
    let text = media.starts_with("text/") || media == "application/javascript" || media == "image/svg+xml";
    let media = if text { format!("{media}; charset=utf-8") } else { media.to_owned() };
    Some(Asset { bytes: file.data, media })
}

/// Whether it was built in.
pub fn is_there() -> bool {
    Dist::get("index.html").is_some()
}
