//! A picture for the model: told by its kind and size, its bytes kept beside the output. It decodes nothing.

use std::fs::File;
use std::io::{Read, Write};

use ace_schema::data::Code;
use ace_schema::limits;
use imagesize::ImageType;

use crate::bench::Job;
use crate::call::{Completed, Failed, Kept, KeptImage};
use crate::capture::create;
use crate::names::{number, shown};

/// The kinds that every vendor takes: name, media type.
fn kind(first: &[u8]) -> Option<(&'static str, &'static str)> {
    match imagesize::image_type(first).ok()? {
        ImageType::Png => Some(("PNG", "image/png")),
        ImageType::Jpeg => Some(("JPEG", "image/jpeg")),
        ImageType::Gif => Some(("GIF", "image/gif")),
        ImageType::Webp => Some(("WebP", "image/webp")),
        _ => None,
    }
}

/// The outcome for a file that begins with `first`, if it is a picture that a model can see.
pub(crate) fn look(job: &Job<'_>, first: &[u8], rest: &mut File, size: u64) -> Option<Result<Completed, Failed>> {
    let (name, media) = kind(first)?;
    let path = shown(job.args.text("path").unwrap_or_default());
    if size > limits::IMAGE_BYTES {
        let most = number(limits::IMAGE_BYTES);
        let what = format!("{path} is a {name} image of {} bytes; a model is shown at most {most}", number(size));
        return Some(Err(Failed::new(Code::Limit, what)));
    }
    let mut bytes = first.to_vec();
    let io = |e: std::io::Error| Failed::new(Code::Io, format!("cannot read {path}: {}", e.to_string().to_lowercase()));
    if let Err(e) = rest.take(limits::IMAGE_BYTES).read_to_end(&mut bytes) {
        return Some(Err(io(e)));
    }
    let measure = match imagesize::blob_size(&bytes) {
        // A few bytes can claim more pixels than any memory holds; whoever unpacks them must not be led to it.
        Ok(size) if size.width.saturating_mul(size.height) > limits::IMAGE_PIXELS => {
            let what = format!("{path} claims {} x {} pixels", size.width, size.height);
            return Some(Err(Failed::new(Code::Limit, what)));
        }
        Ok(size) => format!(" {}x{}", size.width, size.height),
        // No measures: damaged, or something else behind the same first bytes.
        Err(_) => return None,
    };
    Some(keep(job, &bytes, &format!("{name} image{measure}"), media).map_err(io))
}

fn keep(job: &Job<'_>, bytes: &[u8], what: &str, media: &str) -> std::io::Result<Completed> {
    let (spill, mut file) = create(job.bench, job.id)?;
    file.write_all(bytes)?;
    let text = format!("[{what}, {} bytes]\n", number(bytes.len() as u64));
    let image = KeptImage { spill, media: media.to_owned() };
    let output = Kept { images: vec![image], ..Kept::whole(text) };
    Ok(Completed { output, ..Completed::default() })
}
