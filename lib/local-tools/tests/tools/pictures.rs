//! read, where a file is no plain text.

use ace_schema::data::Code;
use serde_json::json;

use crate::scene::Scene;

/// A PNG of one pixel, and the same with other measures in its head.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(b"\x08\x06\0\0\0");
    bytes
}

#[test]
fn a_picture_is_shown() {
    let scene = Scene::new();
    scene.file("p.png", png(640, 480));
    let output = scene.done("read", json!({"path": "p.png"})).output;
    assert_eq!(output.text, "[PNG image 640x480, 29 bytes]\n");
    assert_eq!(output.images[0].media, "image/png");
    let mut kept = ace_local_tools::open_spill(&scene.place.tmp, &output.images[0].spill).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut kept, &mut bytes).unwrap();
    assert_eq!(bytes, png(640, 480));
}

#[test]
fn f15_a_picture_that_claims_too_much_is_refused() {
    let scene = Scene::new();
    scene.file("p.png", png(1 << 20, 1 << 20));
    assert_eq!(scene.failed("read", json!({"path": "p.png"})).code, Code::Limit);
    let mut long = png(1, 1);
    long.resize(usize::try_from(ace_schema::limits::IMAGE_BYTES).unwrap() + 1, 0);
    scene.file("long.png", long);
    assert!(scene.failed("read", json!({"path": "long.png"})).message.contains("a model is shown at most"));
}

#[test]
fn a_notebook_is_read_as_its_cells() {
    let scene = Scene::new();
    scene.file("n.ipynb", r#"{"cells":[{"cell_type":"code","source":["a\n","b"],"outputs":[]}]}"#);
    assert_eq!(scene.told("read", json!({"path": "n.ipynb"})), "[cell 1: code]\na\nb\n");
    let page = scene.told("read", json!({"path": "n.ipynb", "offset": 2, "limit": 1}));
    assert!(page.starts_with("a\n[lines 2-2 of 3"), "{page}");
    scene.file("odd.ipynb", "not json\n");
    assert_eq!(scene.told("read", json!({"path": "odd.ipynb"})), "not json\n");
}
