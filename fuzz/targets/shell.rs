//! A command line: read without a fall, twice the same, and never allowed by the narrowest mode.
#![no_main]

use ace_permissions::{CallFacts, Decision, Mode, decide, read_command};

libfuzzer_sys::fuzz_target!(|command: &str| {
    assert_eq!(read_command(command), read_command(command));
    let args = serde_json::json!({"command": command});
    for mode in Mode::ALL {
        let call = CallFacts { tool: "shell", args: &args, cwd: "/w", tmp: "/t", sandboxed: true, unsandboxed: false };
        let verdict = decide(mode, &call);
        assert!(mode != Mode::Plan || verdict.decision == Decision::Deny, "{verdict:?}");
    }
});
