//! The way out of a sandbox: serves the listeners that come through stdin, each opened in a network of its own, and says on stdout
//! which hosts were asked for before whoever asked is answered. It ends when nobody is left to send one.

use ace_cli::Complaint;
use ace_fetch::{Contact, Egress};
use ace_front::rights;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

use crate::PROGRAM;

/// Serves until stdin ends.
pub fn run(hosts: &[String]) -> Result<(), Complaint> {
    rights::proxy(PROGRAM)?;
    let failed = |what: &str, e: &std::io::Error| Complaint::io(PROGRAM, what, e);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| failed("cannot start", &e))?;
    let (send, mut listeners) = tokio::sync::mpsc::unbounded_channel::<TcpListener>();
    let receive = move || {
        while let Ok(Some(listener)) = next() {
            if send.send(listener).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().spawn(receive).map_err(|e| failed("cannot start a thread", &e))?;
    let egress = Egress::new(hosts);
    runtime.block_on(async move {
        while let Some(listener) = listeners.recv().await {
            let taken = listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
            if let Ok(listener) = taken {
                tokio::spawn(ace_fetch::serve(listener, egress.clone(), tell));
            }
        }
    });
    Ok(())
}

/// One line, whole: the broker reads it when the call has ended.
fn tell(contact: &Contact) {
    let said = ace_schema::data::Contact {
        host: contact.host.clone(),
        refused: contact.closed.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    if let Ok(mut line) = serde_json::to_vec(&said) {
        line.push(b'\n');
        // Nobody listens any more: then nobody has to be told.
        let _ = std::io::stdout().lock().write_all(&line);
        let _ = std::io::stdout().lock().flush();
    }
}

/// The next listener; `None` at the end.
fn next() -> rustix::io::Result<Option<TcpListener>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut byte = [0; 1];
    loop {
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let read = rustix::net::recvmsg(
            rustix::stdio::stdin(),
            &mut [IoSliceMut::new(&mut byte)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        let read = match read {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        let sent: Vec<OwnedFd> = control
            .drain()
            .flat_map(|message| match message {
                RecvAncillaryMessage::ScmRights(sent) => sent.collect(),
                _ => Vec::new(),
            })
            .collect();
        match sent.into_iter().next() {
            Some(listener) => return Ok(Some(TcpListener::from(listener))),
            None if read.bytes == 0 => return Ok(None),
            None => {}
        }
    }
}
