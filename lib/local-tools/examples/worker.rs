//! A worker without a sandbox, for the tests of this crate: the place as JSON is its only argument.

fn main() -> std::io::Result<()> {
    let place = std::env::args().nth(1).unwrap_or_default();
    ace_local_tools::serve(serde_json::from_str(&place)?, "off", std::io::stdin(), std::io::stdout())
}
