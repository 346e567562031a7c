//! How our programs are linked.
//!
//! A position-independent program has its tables of addresses written anew at every start, in memory of its own: a page fault and
//! 4 KiB for each page of them, in each of the eight programs of a session. Those that take in nothing from the network are linked
//! to a fixed place instead; stack, heap and libraries stay where chance puts them. The others keep all of that protection.

/// Programs that read what strangers send.
const ON_THE_NETWORK: &[&str] = &["ace-model", "ace-fetch", "ace-serve"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.toml");
    let target = |name: &str| std::env::var(name).unwrap_or_default();
    if target("CARGO_CFG_TARGET_OS") != "linux" || target("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    let Ok(bins) = std::fs::read_dir("bins") else { return };
    for bin in bins.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        if !ON_THE_NETWORK.contains(&bin.as_str()) {
            println!("cargo:rustc-link-arg-bin={bin}=-no-pie");
        }
    }
}
