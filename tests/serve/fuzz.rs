//! The description of the API against the server itself: schemathesis asks what it may ask, and what it may not. It comes from
//! PyPI; where it cannot be had this says SKIPPED.

use super::served;
use crate::suite::World;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program, in a place of its own beside the build; installed once.
fn schemathesis() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis-4.32.5");
    let program = place.join("bin/schemathesis");
    if program.is_file() && place.join("whole").exists() {
        return Ok(program);
    }
    let step = |command: &mut Command| match command.output() {
        Err(e) => Err(format!("{command:?}: {e}")),
        Ok(out) if out.status.success() => Ok(()),
        Ok(out) => Err(String::from_utf8_lossy(&out.stderr).lines().last().unwrap_or("it says nothing").to_owned()),
    };
    step(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
    step(Command::new(place.join("bin/pip")).args([
        "install",
        "-q",
        "--disable-pip-version-check",
        "schemathesis==4.32.5",
    ]))?;
    std::fs::write(place.join("whole"), "").map_err(|e| e.to_string())?;
    Ok(program)
}

/// The description with sessions that are there: without, all that is asked would be unknown.
fn description(world: &World, id: &str) -> PathBuf {
    let text = std::fs::read_to_string(crate::generated::root("bins/ace-serve/openapi.json")).unwrap();
    let mut all: Value = serde_json::from_str(&text).unwrap();
    for path in all["paths"].as_object_mut().unwrap().values_mut() {
        for operation in path.as_object_mut().unwrap().values_mut() {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
            for parameter in parameters.filter(|p| p["name"] == "id" && p["in"] == "path") {
                parameter["schema"] = json!({"enum": [id, "0000000000000000"]});
            }
        }
    }
    // Without its session and its files there would be little left to ask about.
    for path in ["/api/v1/sessions/{id}", "/api/v1/sessions/{id}/worktree"] {
        all["paths"][path].as_object_mut().unwrap().remove("delete").unwrap();
    }
    all["paths"].as_object_mut().unwrap().retain(|_, operations| !operations.as_object().unwrap().is_empty());
    let file = world.path("description.json");
    std::fs::write(&file, all.to_string()).unwrap();
    file
}

#[test]
fn b24_the_server_is_as_it_describes_itself_whatever_is_asked() {
    let program = match schemathesis() {
        Ok(program) => program,
        Err(why) => {
            println!("SKIPPED fuzz: no schemathesis: {why}");
            assert!(std::env::var_os("CI").is_none(), "SKIPPED fuzz: {why}: CI can do better");
            return;
        }
    };
    let (world, id, serving) = served();
    let examples = std::env::var("ACE_FUZZ_EXAMPLES").unwrap_or_else(|_| "4".to_owned());
    let url = format!("http://{}", serving.address);
    let bearer = format!("Authorization: {}", serving.bearer());
    let out = Command::new(program)
        .args(["run", "--url", &url, "--header", &bearer, "--max-examples", &examples])
        .args(["--seed", &std::env::var("ACE_FUZZ_SEED").unwrap_or_else(|_| "7".to_owned())])
        .args(["--phases", "examples,coverage,fuzzing", "--request-timeout", "60", "--checks"])
        .arg("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance")
        // What ends the login, begins work, or never ends is not asked at random.
        .args(["--exclude-path-regex", "/(logout|sse|stream|scenarios)"])
        .arg(description(&world, &id))
        .current_dir(world.path(""))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(serving.get("/api/v1/me").status, 200, "the server is well");
}
