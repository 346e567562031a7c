//! The profiles of the sandbox: what tools reach in each, by real programs and a local server. The server is at an address that no
//! program takes for its own machine and that the sandbox's own loopback does not serve.

use crate::builds::{REGISTRY, Served};
use crate::lesser::is_bare;
use crate::pages::there;
use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::World;
use serde_json::Value;

/// A server of files below a folder, on every address of this machine.
const FILES: &str = r#"
import functools, http.server, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer(("", 0), functools.partial(Quiet, directory=sys.argv[1]))
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// The data of the calls' outcomes, in order.
fn outcomes(world: &World, args: &[&str], commands: &[&str]) -> Vec<Value> {
    let mut replies: Vec<Reply> = commands.iter().map(|command| Reply::Calls("", vec![shell(command)])).collect();
    replies.push(Reply::Text("done"));
    let model = Server::start(replies);
    let old = std::fs::read_to_string(world.config_file()).unwrap_or_default();
    world.use_model(&model);
    world.add_config(&old);
    let run = world.run("ace", &[&["run", "--mode", "auto"], args, &["go on"]].concat()).done();
    assert_eq!(run.stdout, "done\n", "{}", run.stderr);
    let log = world.log("@only").into_iter();
    let done = log.filter(|l| matches!(l["type"].as_str(), Some("tool.completed" | "tool.failed")));
    let all: Vec<Value> = done.map(|l| l["data"].clone()).collect();
    assert_eq!(all.len(), commands.len());
    all
}

fn text(data: &Value) -> &str {
    data["output"]["text"].as_str().unwrap()
}

fn ready(what: &str) -> bool {
    if is_bare() {
        println!("SKIPPED {what}: no network of its own can be made here");
        return false;
    }
    there("python3", what) && there("curl", what)
}

/// A server, and a world that reaches it and nothing else.
fn scene(files: &[(&str, &str)]) -> (World, Served) {
    let world = World::new().repository(&[]);
    std::fs::create_dir(world.path("served")).unwrap();
    for (name, text) in files {
        std::fs::write(world.path("served").join(name), text).unwrap();
    }
    let server = Served::start(FILES, &[world.path("served").to_str().unwrap()]);
    world.add_config(&format!("[sandbox]\nprofile = \"network\"\nhosts = [\"127.0.0.2:{}\"]\n", server.port));
    (world, server)
}

#[test]
fn p41_tools_reach_the_listed_host_and_the_refused_one_is_named_with_what_would_allow_it() {
    if !ready("the proxy of the sandbox") {
        return;
    }
    let (world, server) = scene(&[("page", "served\n")]);
    let port = server.port;
    let all = outcomes(
        &world,
        &[],
        &[
            &format!("curl -sS http://127.0.0.2:{port}/page && curl -sSp http://127.0.0.2:{port}/page"),
            &format!("curl -sS -m 5 http://127.0.0.3:{port}/page; curl -sS -m 5 https://evil.example/x; echo over"),
        ],
    );
    assert_eq!((text(&all[0]), &all[0]["sandbox"]), ("served\nserved\n", &"network".into()));
    let here = format!("127.0.0.2:{port}");
    assert_eq!(all[0]["contacts"], serde_json::json!([{ "host": here }]), "each once");
    let (closed, evil) = (format!("127.0.0.3:{port}"), "evil.example:443");
    assert_eq!(all[1]["contacts"][0]["host"], closed.as_str());
    assert_eq!(all[1]["contacts"][1], serde_json::json!({"host": evil, "refused": "not among the allowed hosts"}));
    let told = text(&all[1]);
    assert!(told.contains(&format!("{closed} is not reached")), "the program is told: {told}");
    for host in [&closed, "evil.example"] {
        assert!(told.contains(&format!("sandbox.hosts = [\"{host}\"]")), "{told}");
    }
    assert!(!told.contains("served") && told.contains("over"));
    assert_eq!(world.created("@only")["sandbox"], "network", "a restart keeps it");
}

#[test]
fn p41_hosts_that_rules_allow_are_reached_too_and_denied_ones_are_not() {
    if !ready("the proxy of the sandbox") {
        return;
    }
    let (world, server) = scene(&[("page", "served\n")]);
    let port = server.port;
    let allow = |host: &str, more: &str| format!("[[rule]]\nhosts = ['{host}']\ndecision = 'allow'\n{more}");
    let rules = [
        allow("127.0.0.3", ""),
        // Not for any command, and not against another rule.
        allow("127.0.0.4", "command = 'wget ...'\n"),
        allow("127.0.0.5", ""),
        "[[rule]]\nhosts = ['127.0.0.5']\ndecision = 'ask'\nmode = 'plan'\n".to_owned(),
    ];
    std::fs::write(world.path("rules.toml"), rules.concat()).unwrap();
    let get = |n: u8| format!("h=127.0.0.; curl -sS -m 5 http://${{h}}{n}:{port}/page");
    let all = outcomes(&world, &[], &[&get(2), &get(3), &get(4), &get(5)]);
    assert_eq!((text(&all[0]), text(&all[1])), ("served\n", "served\n"));
    for (n, told) in [(4, text(&all[2])), (5, text(&all[3]))] {
        assert!(told.contains("is not reached") && told.contains(&format!("hosts = [\"127.0.0.{n}\"] and")), "{told}");
    }
}

#[test]
fn p41_nothing_leads_past_the_proxy() {
    if !ready("the proxy of the sandbox") {
        return;
    }
    let (world, server) = scene(&[("page", "served\n")]);
    let port = server.port;
    let direct = format!(
        "curl -sS -m 5 --noproxy '*' http://127.0.0.2:{port}/page; env -u http_proxy -u HTTP_PROXY -u all_proxy -u ALL_PROXY curl -sS -m 5 http://127.0.0.2:{port}/page
exec 3<>/dev/tcp/127.0.0.2/{port} && echo OPEN; (exec 3<>/dev/udp/127.0.0.2/53 && echo x >&3); curl -sS -m 5 http://127.0.0.2@127.0.0.3:{port}/page
curl -sS -m 5 -H 'Host: 127.0.0.2:{port}' http://127.0.0.3:{port}/page; curl -sS -m 5 http://169.254.169.254/latest/meta-data
curl -sS -m 5 -x socks5h://127.0.0.1:1 http://127.0.0.2:{port}/page; ls -l /proc/self/fd /proc/1/fd; echo over"
    );
    world.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
    std::fs::write(world.project().join("go.sh"), direct).unwrap();
    world.git(&["add", "-A"]);
    world.git(&["commit", "-qm", "go"]);
    let all = outcomes(&world, &[], &["bash go.sh 2>&1"]);
    let told = text(&all[0]);
    assert!(!told.contains("served") && !told.contains("OPEN") && told.contains("over"), "{told}");
    assert!(!told.contains("socket:["), "no end of the line is left: {told}");
    let refused = all[0]["contacts"].as_array().unwrap();
    assert!(refused.iter().all(|contact| contact["refused"] != Value::Null), "{refused:?}");
    assert!(refused.iter().any(|contact| contact["host"] == "169.254.169.254:80"), "{refused:?}");
}

#[test]
fn p41_without_a_list_public_hosts_are_reached_and_private_ones_are_not() {
    if !ready("the proxy of the sandbox") {
        return;
    }
    let (world, server) = scene(&[("page", "served\n")]);
    world.config("");
    let command = format!(
        "curl -sS -m 5 http://127.0.0.2:{}/page; curl -sS -m 5 http://localhost.:{}/page; echo over",
        server.port, server.port
    );
    let all = outcomes(&world, &["--sandbox", "network"], &[&command]);
    assert!(
        text(&all[0]).contains("127.0.0.2, which is not of the public net") && !text(&all[0]).contains("served"),
        "{all:?}"
    );
}

#[test]
fn git_clones_through_the_proxy() {
    if !ready("git through the proxy") {
        return;
    }
    let (world, server) = scene(&[]);
    world.git(&["clone", "-q", "--bare", ".", world.path("served/repo.git").to_str().unwrap()]);
    let bare = world.path("served/repo.git").display().to_string();
    world.git(&["--git-dir", &bare, "update-server-info"]);
    let clone = format!(
        "git clone -q http://127.0.0.2:{}/repo.git \"$TMPDIR/copy\" && git -C \"$TMPDIR/copy\" log --oneline",
        server.port
    );
    let all = outcomes(&world, &[], &[&clone]);
    assert!(text(&all[0]).contains("first"), "{all:?}");
}

#[test]
fn npm_installs_through_the_proxy_and_its_cache_stays_inside() {
    if !ready("npm through the proxy") || !there("npm", "npm through the proxy") {
        return;
    }
    let world = World::new()
        .repository(&[("package.json", r#"{"name":"x","version":"1.0.0"}"#), (".gitignore", "node_modules\n")]);
    let registry = Served::start(&REGISTRY.replace("(\"127.0.0.1\", 0)", "(\"\", 0)"), &[]);
    world.add_config(&format!("[sandbox]\nprofile = \"network\"\nhosts = [\"127.0.0.2:{}\"]\n", registry.port));
    let install = format!(
        "npm install --registry http://127.0.0.2:{} --no-audit --no-fund --no-update-notifier dep && node -p 'require(\"dep\")()'",
        registry.port
    );
    let all = outcomes(&world, &[], &[&install]);
    assert!(text(&all[0]).contains("found"), "{all:?}");
    assert!(!world.path("home/.npm").exists());
}

#[test]
fn by_default_there_is_no_proxy_and_no_way_out() {
    let world = World::new().repository(&[]);
    let all = outcomes(&world, &[], &["env | grep -ci _proxy; echo over"]);
    assert_eq!((text(&all[0]), &all[0]["contacts"]), ("0\nover\n", &Value::Null));
    assert_eq!(world.created("@only")["sandbox"], Value::Null);
}

#[test]
fn p39_read_only_writes_nothing_but_the_temporary_folder() {
    let world = World::new().repository(&[("a.txt", "one\n")]);
    let script = "cat a.txt; echo two >> a.txt && echo CHANGED; echo x > new && echo MADE; rm a.txt && echo REMOVED; git commit -q --allow-empty -m x && echo COMMITTED; echo x > $TMPDIR/x && echo over";
    let all = outcomes(&world, &["--sandbox", "read-only"], &[script]);
    let told = text(&all[0]);
    assert!(told.contains("one\n") && told.contains("over"), "{told}");
    for done in ["CHANGED\n", "MADE\n", "REMOVED\n", "COMMITTED\n"] {
        assert!(!told.contains(done), "{told}");
    }
    if !is_bare() {
        assert_eq!(all[0]["sandbox"], "read-only");
    }
    assert_eq!(std::fs::read_to_string(world.place("@only").join("a.txt")).unwrap(), "one\n");
}

#[test]
fn p39_file_tools_obey_the_profile_as_commands_do() {
    let world = World::new().repository(&[("a.txt", "one\n")]);
    let calls = ["write", "edit"].map(|tool| match tool {
        "write" => ("write", serde_json::json!({"path": "new", "content": "x"}).to_string()),
        _ => ("edit", serde_json::json!({"path": "a.txt", "old": "one", "new": "two"}).to_string()),
    });
    let world = world.serve(Server::start(vec![Reply::Calls("", calls.to_vec()), Reply::Text("done")]));
    let _ = world.run("ace", &["run", "--mode", "auto", "--sandbox", "read-only", "go"]).done();
    let tree = world.place("@only");
    assert_eq!(std::fs::read_to_string(tree.join("a.txt")).unwrap(), "one\n");
    assert!(!tree.join("new").exists());
}

#[test]
fn a27_a_project_may_narrow_the_sandbox_and_never_open_it() {
    let world = World::new().repository(&[(
        ".ace/config.toml",
        "[sandbox]\nprofile = \"network\"\nhosts = [\"evil.example\"]\nwrite = [\"~/.ssh\"]\n",
    )]);
    let all = outcomes(&world, &[], &["env | grep -ci _proxy; echo over"]);
    assert_eq!(text(&all[0]), "0\nover\n");
    let said = world.run("ace", &["config"]).done().stdout;
    assert!(
        said.contains("a project may not open the sandbox") && said.contains("a project may only narrow"),
        "{said}"
    );
    std::fs::write(world.project().join(".ace/config.toml"), "[sandbox]\nprofile = \"read-only\"\n").unwrap();
    assert!(world.run("ace", &["config"]).done().stdout.contains("read-only"));
}

#[test]
fn off_is_for_one_session_and_said() {
    let world = World::new().repository(&[]);
    let all = outcomes(&world, &["--sandbox", "off"], &["echo ran"]);
    assert_eq!((&all[0]["sandbox"], &world.created("@only")["unsandboxed"]), (&"off".into(), &true.into()));
    world.add_config("[sandbox]\nprofile = \"off\"\n");
    let _ = world.run("ace", &["run", "go"]).fails(78, &["sandbox.profile", "--sandbox off"]);
}

#[test]
fn folders_of_the_person_are_read_and_written_where_they_say_so() {
    let world = World::new().repository(&[]);
    for name in ["data", "out", "other"] {
        std::fs::create_dir_all(world.path("home").join(name)).unwrap();
        std::fs::write(world.path("home").join(name).join("file"), "mine\n").unwrap();
    }
    world.add_config("[sandbox]\nread = [\"~/data\"]\nwrite = [\"~/out\"]\n");
    let script = "cat ~/data/file; echo x > ~/data/new && echo DATA; echo x > ~/out/new && echo OUT; cat ~/other/file; echo over";
    let all = outcomes(&world, &[], &[script]);
    let told = text(&all[0]);
    assert!(told.contains("mine\n") && told.contains("OUT\n") && !told.contains("DATA\n"), "{told}");
    assert_eq!(told.matches("mine\n").count(), 1, "{told}");
    assert!(world.path("home/out/new").exists() && !world.path("home/data/new").exists());
}

#[test]
fn what_the_sandbox_refused_is_named_with_what_would_allow_it() {
    if !ready("hints") {
        return;
    }
    let world = World::new().repository(&[]);
    let commands = [
        "curl -sS https://example.org/",
        "ls /srv-not-there; echo x > /srv/ace-test/x",
        "cat ~/data/file",
        "cat ~/.ssh/id",
        "ls nothing",
    ];
    let all = outcomes(&world, &[], &commands);
    assert!(text(&all[0]).contains("sandbox.hosts = [\"example.org\"]"), "{}", all[0]);
    let data = world.path("home/data").canonicalize().unwrap_or_else(|_| world.path("home/data"));
    assert!(text(&all[2]).contains(&format!("sandbox.read = [\"{}\"]", data.display())), "{}", all[2]);
    assert!(all[3..].iter().all(|data| !text(data).contains("sandbox.")), "{all:?}");
}
