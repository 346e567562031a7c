//! Pictures that a person shows: told by their bytes, not by their names, and refused before anything is recorded. It decodes none.

use ace_cli::{Complaint, Exit};
use ace_host::Picture;
use ace_schema::limits;
use ace_view::units;
use imagesize::ImageType;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::opening::shown;

/// Ends of names that a person means as pictures when they only name a file.
const ENDS: [&str; 5] = ["png", "jpg", "jpeg", "gif", "webp"];

/// Reads the pictures.
///
/// # Errors
/// In words: one is no picture that a model takes, is too large, or there are too many.
pub fn load(program: &str, files: &[PathBuf], cwd: &Path) -> Result<Vec<Picture>, Complaint> {
    if files.len() > limits::IMAGES {
        let what = format!("{} pictures, a message takes {}", files.len(), limits::IMAGES);
        return Err(Complaint::new(program, Exit::Usage, what));
    }
    files.iter().map(|file| one(program, &cwd.join(file))).collect()
}

fn one(program: &str, file: &Path) -> Result<Picture, Complaint> {
    let name = shown(file);
    let refuse = |what: String| Err(Complaint::new(program, Exit::Usage, what));
    let cannot = |e: std::io::Error| {
        let mut complaint = Complaint::io(program, &format!("cannot read '{name}'"), &e);
        complaint.exit = Exit::Usage;
        complaint
    };
    let opened = std::fs::File::open(file).map_err(cannot)?;
    if !opened.metadata().map_err(cannot)?.is_file() {
        return refuse(format!("'{name}' is no file"));
    }
    let mut bytes = Vec::new();
    opened.take(limits::IMAGE_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    let Some(media) = media(&bytes) else {
        return Err(Complaint::new(program, Exit::Usage, format!("'{name}' is no picture that models take"))
            .hint("PNG, JPEG, GIF and WebP are; other files are named in the prompt, and tools read them"));
    };
    if bytes.len() as u64 > limits::IMAGE_BYTES {
        let most = units::bytes(limits::IMAGE_BYTES);
        return refuse(format!("'{name}' has more than {most}, the most that a model is shown"));
    }
    match imagesize::blob_size(&bytes) {
        Ok(size) if size.width.saturating_mul(size.height) > limits::IMAGE_PIXELS => {
            refuse(format!("'{name}' claims {} x {} pixels", size.width, size.height))
        }
        Ok(size) => Ok(Picture { media: media.to_owned(), size: (size.width, size.height), bytes }),
        Err(_) => refuse(format!("'{name}' is damaged: it does not tell how large it is")),
    }
}

/// The media type, told by the first bytes.
fn media(bytes: &[u8]) -> Option<&'static str> {
    match imagesize::image_type(bytes).ok()? {
        ImageType::Png => Some("image/png"),
        ImageType::Jpeg => Some("image/jpeg"),
        ImageType::Gif => Some("image/gif"),
        ImageType::Webp => Some("image/webp"),
        _ => None,
    }
}

/// Files that a message names as pictures: `@shot.png`, or a path as a terminal pastes it, quoted or with escaped spaces. Only files
/// that are there, looked for in these folders in their order.
#[must_use]
pub fn named_in(text: &str, folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for word in words(text) {
        let name = word.strip_prefix('@').unwrap_or(&word);
        let name = name.strip_prefix("file://").unwrap_or(name);
        // The sentence that names it goes on or ends.
        let name = name.trim_end_matches(['?', '!', ',', ';', ':', ')', '.']);
        let is_path = word.starts_with('@') || name.contains('/');
        let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
        if !is_path || !end.is_some_and(|end| ENDS.contains(&end.as_str())) {
            continue;
        }
        let path = match (name.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => Some(PathBuf::from(home).join(rest)).filter(|path| path.is_file()),
            _ => folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()),
        };
        found.extend(path.filter(|path| !found.contains(path)));
    }
    found
}

/// Words as a shell reads them: quotes hold together, a backslash keeps the next character.
fn words(text: &str) -> Vec<String> {
    let (mut out, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            '\'' | '"' if quote == Some(c) => quote = None,
            // Within a word it is an apostrophe.
            '\'' | '"' if quote.is_none() && (word.is_empty() || word == "@") => quote = Some(c),
            c if c.is_whitespace() && quote.is_none() => out.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    out.push(word);
    out.retain(|word| !word.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a PNG of that size.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        out.extend(width.to_be_bytes());
        out.extend(height.to_be_bytes());
        out.extend(b"\x08\x02\0\0\0");
        out
    }

    #[test]
    fn pictures_are_told_by_their_bytes_and_others_refused() {
        let root = std::env::temp_dir().join(format!("ace-pictures-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(root.join(name), bytes).unwrap();
        let load = |name: &str| load("ace", &[PathBuf::from(name)], &root).map_err(|e| e.what);
        write("shot.txt", &png(640, 480));
        let shot = load("shot.txt").unwrap().remove(0);
        assert_eq!((shot.media.as_str(), shot.size), ("image/png", (640, 480)));
        write("text.png", b"only words");
        assert!(load("text.png").unwrap_err().contains("is no picture that models take"));
        write("old.bmp", b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0");
        assert!(load("old.bmp").unwrap_err().contains("is no picture"));
        write("huge.png", &png(100_000, 100_000));
        assert!(load("huge.png").unwrap_err().contains("claims 100000 x 100000 pixels"));
        let mut long = png(1, 1);
        long.resize(usize::try_from(limits::IMAGE_BYTES).unwrap() + 1, 0);
        write("long.png", &long);
        assert!(load("long.png").unwrap_err().contains("the most that a model is shown"));
        write("cut.png", &png(1, 1)[..18]);
        assert!(load("cut.png").is_err());
        assert!(load("none.png").unwrap_err().contains("cannot read"));
        assert!(load(".").unwrap_err().contains("is no file"));
        let many = vec![PathBuf::from("shot.txt"); limits::IMAGES + 1];
        assert!(super::load("ace", &many, &root).is_err());
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_message_names_pictures_as_a_terminal_pastes_them() {
        let root = std::env::temp_dir().join(format!("ace-named-{}", std::process::id()));
        std::fs::create_dir_all(root.join("my shots")).unwrap();
        for name in ["a.png", "my shots/b.JPG", "c.txt"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        let named = |text: &str| -> Vec<PathBuf> {
            let relative = |p: PathBuf| p.strip_prefix(&root).map(Path::to_owned).unwrap_or(p);
            named_in(text, std::slice::from_ref(&root)).into_iter().map(relative).collect()
        };
        let (a, b) = (vec![PathBuf::from("a.png")], vec![PathBuf::from("my shots/b.JPG")]);
        assert_eq!(named("see @a.png and @a.png, it's wrong (@a.png)."), a);
        assert_eq!(named("'my shots/b.JPG'"), b);
        assert_eq!(named(&format!("{}/my\\ shots/b.JPG looks odd", root.display())), b);
        assert_eq!(named(&format!("file://{}/a.png", root.display())), a);
        assert_eq!(named("@\"my shots/b.JPG\""), b);
        assert_eq!(named("a.png @c.txt @none.png don't"), Vec::<PathBuf>::new());
        std::fs::remove_dir_all(root).unwrap();
    }
}
