//! Attacks from inside. Each case starts this program again, which confines itself as a worker and then tries what must
//! fail, or what must go on working: once with every layer, once with Landlock and seccomp alone. It has a `main` of its own
//! because a process must confine itself before it has a second thread.
//!
//! What a kernel cannot do prints SKIPPED and why.

#[cfg(target_os = "linux")]
mod attempt;
#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod scene;

#[cfg(target_os = "linux")]
fn main() {
    std::process::exit(scene::main());
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("SKIPPED: only Linux has these layers");
}
