//! The broker's end of the way out: a proxy with the network and nothing else, started before the broker leaves the network itself.
//! Workers send it the sockets on which their tools ask; it tells which hosts they asked for.

use ace_host::Programs;
use ace_schema::data::Contact;
use ace_schema::limits;
use rustix::net::{AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType};
use std::collections::BTreeSet;
use std::io::{IoSlice, Read};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running proxy. It ends with this.
pub struct Egress {
    child: Child,
    /// Where workers send their sockets; they inherit it.
    line: OwnedFd,
    told: ChildStdout,
    rest: Vec<u8>,
}

impl Egress {
    /// Starts the proxy for these hosts; none for all public ones. Call it while there is one thread and the network.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(hosts: &[String]) -> std::io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (theirs, line) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let mut proxy = Command::new(Programs::beside_this().find("ace-fetch"));
        proxy.arg("--proxy").args(hosts.iter().map(|host| format!("--host={host}")));
        let resolver = ["PATH", "LD_LIBRARY_PATH", "LOCALDOMAIN", "RES_OPTIONS"];
        let kept = resolver.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
        proxy.env_clear().envs(kept).stdin(Stdio::from(theirs)).stdout(Stdio::piped());
        let mut child = proxy.spawn()?;
        let told = child.stdout.take().ok_or_else(|| std::io::Error::other("a proxy without stdout"))?;
        rustix::io::ioctl_fionbio(&told, true)?;
        // Of all that the broker starts only workers know what it is, and they close it before they run anything.
        rustix::io::fcntl_setfd(&line, rustix::io::FdFlags::empty())?;
        Ok(Self { child, line, told, rest: Vec::new() })
    }

    /// The number under which workers inherit the line.
    pub fn line(&self) -> i32 {
        self.line.as_raw_fd()
    }

    /// What has to stay open when the broker gives up its rights.
    pub fn kept(&self) -> Vec<i32> {
        vec![self.line.as_raw_fd(), self.told.as_raw_fd()]
    }

    /// Which hosts were asked for since the last time, each once. What a call asked for is told before the call was answered.
    pub fn contacts(&mut self) -> Vec<Contact> {
        let mut buffer = [0; 4096];
        while let Ok(n) = self.told.read(&mut buffer) {
            if n == 0 {
                break;
            }
            self.rest.extend_from_slice(&buffer[..n]);
        }
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        let mut seen = BTreeSet::new();
        let all = lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Contact>(line).ok());
        all.filter(|contact| seen.insert((contact.host.clone(), contact.refused.clone())))
            .take(limits::CONTACTS)
            .collect()
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The hosts that a proxy reaches: the configured ones, and those that rules allow any command. None for all public ones, which no
/// rule makes fewer by allowing one.
pub fn hosts(sandbox: &ace_config::Sandbox, user: &Path, root: &Path) -> Vec<String> {
    if sandbox.hosts.is_empty() {
        return Vec::new();
    }
    // Rules with something wrong in them end the program that decides; here they open nothing.
    let open = ace_host::rules::rulebook(user, Some(root)).map(|book| book.open_hosts()).unwrap_or_default();
    sandbox.hosts.iter().cloned().chain(open).collect()
}

/// A worker's side: opens a socket on the loopback of its own network and sends it through the line, which is closed then. The
/// variables that tell programs of it.
///
/// # Errors
/// There is no loopback, or the proxy is gone.
pub fn offer(line: i32) -> std::io::Result<Vec<(String, String)>> {
    // SAFETY: the broker handed this very number down, and nothing else here knows it.
    #[allow(unsafe_code, reason = "the descriptor was inherited as a number")]
    let line = unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(line) };
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sent: [BorrowedFd<'_>; 1] = [listener.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&sent)) {
        return Err(std::io::Error::other("no room for a socket"));
    }
    rustix::net::sendmsg(&line, &[IoSlice::new(b"l")], &mut control, SendFlags::NOSIGNAL)?;
    let proxy = format!("http://127.0.0.1:{port}");
    let here = "localhost,127.0.0.1,::1".to_owned();
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    let variables = names.map(|name| (name.to_owned(), proxy.clone()));
    Ok(variables.into_iter().chain(["NO_PROXY", "no_proxy"].map(|name| (name.to_owned(), here.clone()))).collect())
}

/// What the model and people are told of hosts that were refused, with what would let them be reached.
pub fn words(contacts: &[Contact]) -> String {
    let refused = contacts.iter().filter(|contact| !contact.refused.is_empty());
    refused
        .map(|Contact { host, refused }| {
            let name = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host);
            // Where clouds keep their own credentials is not for tools.
            let is_metadata = name.starts_with("169.254.") || name.starts_with("[fe80");
            let is_closed = refused.starts_with("not among") || refused.contains("not of the public net");
            let would = match is_closed && !is_metadata {
                true => format!("; sandbox.hosts = [\"{name}\"] in the person's configuration would allow it, and so would a rule with hosts = [\"{}\"] and decision = \"allow\"", name.rsplit_once(':').map_or(name, |(host, _)| host)),
                false => String::new(),
            };
            format!("[{host} was not reached: {refused}{would}]\n")
        })
        .collect()
}
