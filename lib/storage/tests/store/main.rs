//! What every store must do, tried on the one in a file and the one in memory; and what only a file can meet: crashes, damage,
//! a full disk, a broken bell, other processes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

mod bell;
mod crash;
mod damage;
mod disk;
mod fork;
mod home;
mod pens;
mod port;
mod recover;
mod session;
mod speed;
