//! `ace doctor`: what this machine gives, found by trying it. A line a thing, the cure in it. No network unless asked for.

use ace_cli::{Complaint, Exit, When};
use ace_config::{Choice, Config, Provider, Wire, choose_model};
use ace_front::{listing, shown, words};
use ace_host::{Places, SettingsError, settings};
use ace_sandbox::{Applied, Ceiling, Layer, Resource};
use ace_view::list::{Check, checks};
use ace_view::{Mark, render, units};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::PROGRAM;

/// How long a provider may take to let us in.
const CONNECT: Duration = Duration::from_secs(5);

/// Free space below which a session may stop half way, bytes.
const ROOM: u64 = 1024 * 1024 * 1024;

/// Looks at everything; the exit says whether something has to be done.
pub fn doctor(online: bool, json: bool, color: When) -> Result<Exit, Complaint> {
    // First of all: it needs a process with one thread.
    let mut all = sandbox();
    let cwd = std::env::current_dir().map_err(|e| Complaint::io(PROGRAM, "cannot tell the current folder", &e))?;
    match settings(Vec::new(), &cwd) {
        Ok(settings) => {
            all.push(home(settings.home.path()));
            all.push(git());
            all.extend(providers(&settings.config, online));
            all.push(configuration(&settings.config));
        }
        Err(error) => {
            if let Ok(path) = Places::from_environment().ace_home() {
                all.push(home(&path));
            }
            all.push(git());
            all.extend(problems(&error));
        }
    }
    let failed = all.iter().any(|check| check.mark == Mark::Failed);
    let style = listing(color);
    let text: String = if json {
        let line = |c: &Check| {
            let state = match c.mark {
                Mark::Failed => "failed",
                Mark::Warns => "warns",
                _ => "done",
            };
            let value = serde_json::json!({"name": c.name, "state": state, "found": c.found, "cure": c.cure});
            format!("{value}\n")
        };
        all.iter().map(line).collect()
    } else {
        checks(&all, &style).iter().map(|text| render(text, &style) + "\n").collect()
    };
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    printed.map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))?;
    Ok(if failed { Exit::No } else { Exit::Done })
}

fn check(mark: Mark, name: &str, found: impl Into<String>, cure: impl Into<String>) -> Check {
    Check { mark, name: name.to_owned(), found: found.into(), cure: cure.into() }
}

/// The system's words without its number.
fn why(error: &std::io::Error) -> String {
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// What holds a worker here.
fn sandbox() -> Vec<Check> {
    match ace_sandbox::probe() {
        Ok(applied) => vec![confined(&applied), ceilings(&applied)],
        Err(e) => {
            let found = format!("nothing holds tools here: {e}");
            vec![check(Mark::Failed, "sandbox", found, "--mode ask, or --unsandboxed")]
        }
    }
}

/// What a tree of tools may use up here, and what holds it to that.
fn ceilings(applied: &Applied) -> Check {
    let say = |ceiling: &Ceiling| match ceiling.what {
        Resource::Memory => format!("{} of memory ({})", units::bytes(ceiling.most), ceiling.how),
        Resource::Processes => format!("{} processes ({})", units::count(ceiling.most), ceiling.how),
    };
    let mut found: Vec<String> = applied.ceilings.iter().map(say).collect();
    let open = [Resource::Memory, Resource::Processes].into_iter().filter(|what| !applied.limits(*what));
    let open: Vec<&str> = open.map(Resource::name).collect();
    if open.is_empty() {
        return check(Mark::Done, "limits", found.join(", "), "");
    }
    found.push(format!("nothing limits {}", open.join(" and ")));
    check(Mark::Warns, "limits", found.join(", "), "systemd-run --user --scope -p Delegate=yes ace ...")
}

fn confined(applied: &Applied) -> Check {
    let names = |layers: &[Layer]| -> Vec<&'static str> {
        layers.iter().filter(|layer| applied.holds(**layer)).map(|layer| layer.name()).collect()
    };
    let mut held = Vec::new();
    if applied.holds(Layer::Landlock) {
        held.push(format!("landlock {}", applied.landlock_abi));
    }
    held.extend(applied.holds(Layer::Seccomp).then(|| "seccomp".to_owned()));
    let spaces = names(&[Layer::User, Layer::Mount, Layer::Net, Layer::Pid]);
    held.extend((!spaces.is_empty()).then(|| format!("namespaces of {}", spaces.join(", "))));
    let held = if held.is_empty() { "nothing holds".to_owned() } else { held.join(", ") };
    let Some(first) = applied.lacking.first() else { return check(Mark::Done, "sandbox", held, "") };
    let lacking: Vec<&str> = applied.lacking.iter().map(|lack| lack.layer.name()).collect();
    let found = format!("{held}; lacks {} ({})", lacking.join(", "), first.why);
    if !applied.holds(Layer::Landlock) || !applied.holds(Layer::Seccomp) {
        // Mode auto does not start here.
        return check(Mark::Failed, "sandbox", found, "a kernel from 5.13 with landlock and seccomp, or --mode ask");
    }
    let cure = match std::fs::read_to_string("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") {
        Ok(on) if on.trim() == "1" => "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        _ => "sysctl user.max_user_namespaces=10000, or a container that allows user namespaces",
    };
    check(Mark::Warns, "sandbox", found, cure)
}

/// The home: whether it can be written, how long a sync takes, how much room there is.
fn home(path: &Path) -> Check {
    let name = shown(path);
    let cure = || format!("ACE_HOME=FOLDER, or: chmod u+rwx {name}");
    match synced(path) {
        Err(e) => check(Mark::Failed, "home", format!("{name} cannot be written, {}", why(&e)), cure()),
        Ok(took) => {
            let sync = format!("sync {:.1} ms", took.as_secs_f64() * 1000.0);
            let free = rustix::fs::statvfs(path).map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize));
            let room = free.as_ref().map_or_else(|_| String::new(), |n| format!("{} free, ", units::bytes(*n)));
            let is_low = free.is_ok_and(|n| n < ROOM);
            let (mark, cure) = if is_low { (Mark::Warns, "free some space: ace prune") } else { (Mark::Done, "") };
            check(mark, "home", format!("{name}, {room}{sync}"), cure)
        }
    }
}

/// Writes a line beside the sessions, waits until it is on the disk, and takes it away.
fn synced(home: &Path) -> std::io::Result<Duration> {
    use std::io::Write;
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home)?;
    let path = home.join(format!(".doctor-{:016x}", ace_front::random()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let start = Instant::now();
    let written = file.write_all(b"a line of a log, more or less\n").and_then(|()| file.sync_data());
    let took = start.elapsed();
    let removed = std::fs::remove_file(&path);
    written.and(removed).map(|()| took)
}

fn git() -> Check {
    let out = Command::new("git").arg("--version").env("GIT_CONFIG_GLOBAL", "/dev/null").current_dir("/").output();
    match out.ok().filter(|out| out.status.success()) {
        Some(out) => {
            let text = String::from_utf8_lossy(&out.stdout).trim().to_owned();
            check(Mark::Done, "git", text.strip_prefix("git version ").unwrap_or(&text), "")
        }
        None => check(Mark::Failed, "git", "not on the PATH", "install git"),
    }
}

/// Providers that somebody uses: whose key is there, which the configuration names, or which the model needs.
fn providers(config: &Config, online: bool) -> Vec<Check> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let needed = config.model.as_deref().and_then(|model| model.split_once('/')).map(|(name, _)| name);
    let mut all = Vec::new();
    for (name, provider) in config.providers.iter().filter(|(_, p)| p.wire != Wire::Recorded) {
        let key = provider.key_env(|key| variable(key).is_some());
        let has_key = key.is_some_and(|key| variable(key).is_some());
        let is_needed = needed == Some(name);
        let is_own = !ace_config::BUILT_IN.iter().any(|b| b.name == name);
        if !(has_key || is_needed || is_own) {
            continue;
        }
        let (mark, words, cure) = match key {
            None => (Mark::Done, "needs no key".to_owned(), String::new()),
            Some(key) if has_key => (Mark::Done, format!("{key} is set"), String::new()),
            Some(key) => {
                let mark = if is_needed { Mark::Failed } else { Mark::Warns };
                (mark, format!("{key} is not set"), format!("export {key}=..."))
            }
        };
        all.push(if online {
            reached(check(mark, name, words, cure), provider)
        } else {
            check(mark, name, words, cure)
        });
    }
    let has = |name: &str| variable(name).is_some();
    if matches!(choose_model(config, has), Choice::None) {
        let cure = "export OPENAI_API_KEY=..., or ace config set model NAME/MODEL";
        all.push(check(Mark::Failed, "model", "no key variable is set and none is configured", cure));
    }
    all
}

/// Adds whether the provider's machine lets us in. Nothing is sent, and no proxy is asked.
fn reached(mut check: Check, provider: &Provider) -> Check {
    let address = provider.address(|name| std::env::var(name).ok());
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", &address));
    let place = rest.split(['/', '?']).next().unwrap_or(rest);
    let is_open =
        place.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let place = match (is_open, scheme) {
        (true, _) => place.to_owned(),
        (false, "http") => format!("{place}:80"),
        (false, _) => format!("{place}:443"),
    };
    let start = Instant::now();
    let connected = place.to_socket_addrs().and_then(|addresses| {
        let mut last = std::io::Error::other("no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(_) => return Ok(()),
                Err(e) => last = e,
            }
        }
        Err(last)
    });
    match connected {
        Ok(()) => check.found += &format!(", connects in {} ms", start.elapsed().as_millis()),
        Err(e) => {
            check.found += &format!(", cannot reach {place}: {}", why(&e));
            check.mark = Mark::Failed;
            if check.cure.is_empty() {
                let ollama = provider.name == "ollama";
                check.cure =
                    if ollama { "ollama serve".to_owned() } else { format!("look at base_url of {}", check.name) };
            }
        }
    }
    check
}

fn configuration(config: &Config) -> Check {
    let first = config.ignored.first();
    match first {
        None => check(Mark::Done, "config", "no problem", ""),
        Some(ignored) => {
            let place = ignored.file.as_deref().unwrap_or("the project");
            let found = format!("{} in {place}:{} is ignored, {}", ignored.key, ignored.line, ignored.why);
            check(Mark::Warns, "config", found, "ace config --origin")
        }
    }
}

/// What is wrong, each problem by itself.
fn problems(error: &SettingsError) -> Vec<Check> {
    match error {
        SettingsError::Problems(problems) => problems
            .iter()
            .map(|problem| check(Mark::Failed, "config", problem.to_string(), problem.hint().unwrap_or_default()))
            .collect(),
        other => {
            let complaint = words::settings(PROGRAM, other);
            vec![check(Mark::Failed, "config", complaint.what, complaint.hint.unwrap_or_default())]
        }
    }
}
