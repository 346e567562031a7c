//! What layers of text become: values, origins, what is ignored, and every complaint in its exact words.

use ace_config::{Config, Layer, LayerName, Wire, load};
use ace_schema::permission::Mode;

const USER: &str = "~/.config/ace/config.toml";
const PROJECT: &str = ".ace/config.toml";

fn user(text: &str) -> Layer {
    Layer::file(LayerName::User, USER, text)
}

fn project(text: &str) -> Layer {
    Layer::file(LayerName::Project, PROJECT, text)
}

fn good(layers: &[Layer]) -> Config {
    load(layers).expect("a configuration")
}

/// A user file with one fault, its line and its hint.
#[track_caller]
fn bad(text: &str, expect: &str, hint: Option<&str>) {
    let problems = load(&[user(text)]).expect_err(text);
    assert_eq!(problems[0].to_string(), expect);
    assert_eq!(problems[0].hint().as_deref(), hint, "{expect}");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(!expect.contains('\n'));
}

#[test]
fn nothing_configured_is_ask_mode_and_the_built_in_providers() {
    let config = good(&[]);
    assert_eq!((config.mode, config.model.as_deref(), config.answers), (Mode::Ask, None, 200));
    let names: Vec<&str> = config.providers.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["anthropic", "dashscope", "deepseek", "gemini", "ollama", "openai", "openrouter", "recorded", "zhipu"]
    );
    assert_eq!(config.origin("mode").to_string(), "default");
    assert_eq!(config.settings().count(), 0);
}

#[test]
fn the_stronger_layer_wins_whatever_the_order_they_come_in() {
    let layers = [
        Layer::flag("--mode", "mode", "edit"),
        user("model = \"openai/a\"\nmode = \"plan\"\n"),
        Layer::file(LayerName::System, "/etc/ace/config.toml", "model = \"openai/b\"\n\n[limits]\nanswers = 7"),
    ];
    let config = good(&layers);
    assert_eq!((config.model.as_deref(), config.mode, config.answers), (Some("openai/a"), Mode::Edit, 7));
    assert_eq!(config.origin("model").to_string(), "user, ~/.config/ace/config.toml:1");
    assert_eq!(config.origin("mode").to_string(), "flag, --mode");
    assert_eq!(config.origin("limits.answers").to_string(), "system, /etc/ace/config.toml:4");
}

#[test]
fn variables_are_a_layer_above_files_and_below_flags() {
    let variables =
        Layer::variables(&[("ACE_MODEL", "openai/\"x\""), ("ACE_MODE", ""), ("ACE_MAX_TURNS", "9"), ("PATH", "/bin")]);
    assert_eq!(variables.len(), 2);
    let mut layers = variables;
    layers.push(user("model = 'openai/a'\nmode = 'plan'"));
    let config = good(&layers);
    assert_eq!((config.model.as_deref(), config.mode, config.answers), (Some("openai/\"x\""), Mode::Plan, 9));
    assert_eq!(config.origin("model").to_string(), "env, ACE_MODEL");
    let problems = load(&Layer::variables(&[("ACE_MODE", "yolo")])).unwrap_err();
    assert_eq!(problems[0].to_string(), "'mode' knows no 'yolo' in ACE_MODE");
    let problems = load(&Layer::variables(&[("ACE_MAX_TURNS", "many")])).unwrap_err();
    assert_eq!(problems[0].to_string(), "'limits.answers' takes a whole number, not a string, in ACE_MAX_TURNS");
}

#[test]
fn providers_and_pipeline() {
    let config = good(&[user(
        "model = 'local/qwen3'\n[providers.local]\nbase_url = 'http://gpu:8000/v1'\napi_key_env = 'GPU_KEY'\n\
         [providers.openai]\napi_key_env = 'WORK_KEY'\n\
         [providers.tape]\nwire = 'recorded'\n\
         [pipeline]\nfilters = [['awk', '-f', 'x.awk'], ['lint']]\ngates = [['ace-redact']]",
    )]);
    let local = &config.providers["local"];
    assert_eq!((local.base_url.as_str(), local.api_key_env.as_deref()), ("http://gpu:8000/v1", Some("GPU_KEY")));
    assert_eq!((local.wire, local.default_model.as_deref()), (Wire::OpenaiChat, None));
    let openai = &config.providers["openai"];
    assert_eq!(
        (openai.base_url.as_str(), openai.api_key_env.as_deref()),
        ("https://api.openai.com/v1", Some("WORK_KEY"))
    );
    assert_eq!(config.providers["tape"].wire, Wire::Recorded);
    assert_eq!(config.filters, [vec!["awk", "-f", "x.awk"], vec!["lint"]]);
    assert_eq!(config.gates, [vec!["ace-redact"]]);
}

#[test]
fn an_own_address_is_not_replaced_by_the_vendors_variable() {
    let config = good(&[user("[providers.openai]\nbase_url = 'http://gpu:8000'")]);
    assert_eq!(config.providers["openai"].address(|_| Some("https://elsewhere".to_owned())), "http://gpu:8000");
}

#[test]
fn unknown_keys_name_the_nearest() {
    bad("# a\n\nmodle = 'x'", "unknown key 'modle' in ~/.config/ace/config.toml:3", Some("did you mean 'model'?"));
    bad("telemetry = true", "unknown key 'telemetry' in ~/.config/ace/config.toml:1", None);
    bad(
        "[limits]\nanswer = 3",
        "unknown key 'limits.answer' in ~/.config/ace/config.toml:2",
        Some("did you mean 'limits.answers'?"),
    );
    bad(
        "[providers.openai]\nbaseurl = 'x'",
        "unknown key 'providers.openai.baseurl' in ~/.config/ace/config.toml:2",
        Some("did you mean 'providers.openai.base_url'?"),
    );
    bad(
        "[pipeline]\nfilter = []",
        "unknown key 'pipeline.filter' in ~/.config/ace/config.toml:2",
        Some("did you mean 'pipeline.filters'?"),
    );
}

#[test]
fn wrong_types_say_what_is_wanted_and_what_is_there() {
    bad("model = 5", "'model' takes a string, not a whole number, in ~/.config/ace/config.toml:1", None);
    bad("mode = ['ask']", "'mode' takes a string, not a list, in ~/.config/ace/config.toml:1", None);
    bad("limits = 'x'", "'limits' takes a table, not a string, in ~/.config/ace/config.toml:1", None);
    bad(
        "[limits]\nanswers = 1.5",
        "'limits.answers' takes a whole number, not a fraction, in ~/.config/ace/config.toml:2",
        None,
    );
    let list = "a list of commands, [[\"program\", \"argument\"]]";
    bad(
        "[pipeline]\nfilters = ['awk']",
        &format!("'pipeline.filters' takes {list}, not a string, in ~/.config/ace/config.toml:2"),
        None,
    );
    bad(
        "[pipeline]\nfilters = [\n  ['awk', 1]]",
        &format!("'pipeline.filters' takes {list}, not a whole number, in ~/.config/ace/config.toml:3"),
        None,
    );
}

#[test]
fn values_that_say_nothing_usable() {
    let at = "in ~/.config/ace/config.toml";
    bad("model = 'my-model'", &format!("'model' takes NAME/MODEL, not 'my-model', {at}:1"), None);
    let near = format!("did you mean 'sonnet', which is {}?", ace_config::models().alias["sonnet"]);
    bad("model = 'sonet'", &format!("'model' takes NAME/MODEL, not 'sonet', {at}:1"), Some(&near));
    bad(
        "[providers.x]\nversion = ''",
        &format!("'providers.x.version' takes a word of letters and digits {at}:2"),
        None,
    );
    bad(
        "[providers.x]\nimages = 'no'",
        &format!("'providers.x.images' takes true or false, not a string, {at}:2"),
        None,
    );
    bad("mode = 'atuo'", &format!("'mode' knows no 'atuo' {at}:1"), Some("did you mean 'auto'?"));
    bad("mode = 'yolo'", &format!("'mode' knows no 'yolo' {at}:1"), Some("one of plan, ask, edit, auto"));
    bad("[limits]\nanswers = 0", &format!("'limits.answers' must be from 1 to 20000 {at}:2"), None);
    bad("[limits]\nanswers = 99999999999999", &format!("'limits.answers' must be from 1 to 20000 {at}:2"), None);
    bad("[pipeline]\ngates = [[]]", &format!("'pipeline.gates' has a command without a program {at}:2"), None);
    let many = format!("[pipeline]\ngates = [{}]", "['x'],".repeat(17));
    bad(&many, &format!("'pipeline.gates' has more than 16 commands {at}:2"), None);
    bad(
        "[providers.'My GPU']\nwire = 'recorded'",
        &format!("'providers.My GPU' is no name: small letters, digits, - and _ {at}:1"),
        None,
    );
    bad(
        "[providers.x]\nwire = 'soap'",
        &format!("'providers.x.wire' knows no 'soap' {at}:2"),
        Some("one of openai-chat, openai-responses, anthropic, gemini, gemini-generate, recorded"),
    );
}

#[test]
fn no_complaint_shows_what_may_be_a_secret() {
    let secret = "sk-live-0123456789";
    for text in [
        format!("[providers.openai]\napi_key_env = '{secret}'"),
        format!("[providers.openai]\napi_key = '{secret}'"),
        format!("[providers.openai]\nbase_url = 'https://me:{secret}@host/v1'"),
        format!("[providers.openai]\nbase_url = '{secret}'"),
    ] {
        let problems = load(&[user(&text)]).unwrap_err();
        for problem in problems {
            let all = format!("{problem} {}", problem.hint().unwrap_or_default());
            assert!(!all.contains("0123"), "{all}");
            assert!(all.contains("config.toml:2"), "{all}");
        }
    }
}

#[test]
fn models_of_unknown_providers_are_found_before_they_are_called() {
    bad(
        "model = 'opanai/gpt'",
        "'model' names provider 'opanai', which is not configured, in ~/.config/ace/config.toml:1",
        Some("did you mean 'openai/gpt'?"),
    );
    bad("[providers.mine]\napi_key_env = 'K'", "'providers.mine' has no base_url in ~/.config/ace/config.toml:2", None);
    bad(
        "[providers.opennai]\napi_key_env = 'K'",
        "'providers.opennai' has no base_url in ~/.config/ace/config.toml:2",
        Some("did you mean 'openai'?"),
    );
}

#[test]
fn all_problems_of_all_layers_come_at_once() {
    let problems = load(&[user("modle = 1\nmode = 2"), project("x y")]).unwrap_err();
    let lines: Vec<String> = problems.iter().map(|p| p.at.place()).collect();
    assert_eq!(lines, ["~/.config/ace/config.toml:1", "~/.config/ace/config.toml:2", ".ace/config.toml:1"]);
    assert!(problems[2].to_string().starts_with("not TOML: "), "{}", problems[2]);
}

#[test]
fn a27_a_project_only_narrows() {
    let config = good(&[
        user("mode = 'edit'\n[limits]\nanswers = 50"),
        project(
            "mode = 'auto'\nmodel = 'openai/x'\n[limits]\nanswers = 60\n[pipeline]\nfilters = [['evil']]\n\
             [providers.openai]\nbase_url = 'https://evil.example'",
        ),
    ]);
    assert_eq!((config.mode, config.answers, config.model.as_deref()), (Mode::Edit, 50, Some("openai/x")));
    assert_eq!(config.providers["openai"].base_url, "https://api.openai.com/v1");
    assert!(config.filters.is_empty());
    let ignored: Vec<(&str, usize)> = config.ignored.iter().map(|i| (i.key.as_str(), i.line)).collect();
    assert_eq!(ignored.len(), 4);
    for expect in [("mode", 1), ("limits.answers", 4), ("pipeline.filters", 6), ("providers.openai.base_url", 8)] {
        assert!(ignored.contains(&expect), "{expect:?} in {ignored:?}");
    }
    assert!(config.ignored.iter().all(|i| i.file.as_deref() == Some(PROJECT) && !i.why.is_empty()));
}

#[test]
fn a_project_may_narrow_and_flags_may_widen_again() {
    let narrow = project("mode = 'plan'\n[limits]\nanswers = 3");
    let config = good(&[user("mode = 'auto'"), narrow.clone()]);
    assert_eq!((config.mode, config.answers), (Mode::Plan, 3));
    assert_eq!(config.origin("mode").to_string(), "project, .ace/config.toml:1");
    assert!(config.ignored.is_empty());
    assert_eq!(good(&[narrow, Layer::flag("--mode", "mode", "auto")]).mode, Mode::Auto);
}

#[test]
fn without_a_user_file_a_project_cannot_lift_the_default_mode() {
    let config = good(&[project("mode = 'edit'")]);
    assert_eq!((config.mode, config.ignored.len()), (Mode::Ask, 1));
}

#[test]
fn the_canonical_text_depends_on_values_not_on_layers() {
    let file = good(&[user("mode = 'auto'\nmodel = 'openai/a'\n[pipeline]\nfilters = [['a', 'b c']]")]);
    let mut other =
        vec![Layer::flag("--mode", "mode", "auto"), user("model = \"openai/a\"\n[pipeline]\nfilters=[[\"a\",'b c']]")];
    assert_eq!(file.canonical(), good(&other).canonical());
    assert_eq!(
        file.canonical(),
        "limits.answers = 200\nmode = \"auto\"\nmodel = \"openai/a\"\npipeline.filters = [[\"a\", \"b c\"]]\n"
    );
    other.push(Layer::flag("--max-turns", "limits.answers", "5"));
    assert_ne!(file.canonical(), good(&other).canonical());
}

#[test]
fn a_file_without_end_is_refused() {
    let problems = load(&[user(&"# x\n".repeat(300_000))]).unwrap_err();
    assert!(problems[0].to_string().contains("has more than"), "{}", problems[0]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_a_configuration_or_problems_with_a_place(parts in proptest::collection::vec(proptest::sample::select(vec![
        "model", "mode", "[providers.", "openai", "]", "[", "base_url", " = ", "'x/y'", "\"\\u0000\"", "1", "-1", "0xff", "\n", ".", "{", "}",
        ",", "true", "1979-05-27", "[[", "]]", "pipeline", "filters", "limits", "answers", "#", "é", "'''", "\u{1}",
    ]), 0..24)) {
        let text = parts.concat();
        let layers = [user(&text), project(&text)];
        match load(&layers) {
            Ok(config) => assert!(config.canonical().ends_with('\n')),
            Err(problems) => assert!(problems.iter().all(|p| p.at.line > 0 && !p.to_string().contains('\n')), "{problems:?}"),
        }
    }
}

#[test]
fn limits_and_prices_are_exact() {
    let text = "[quota.session]\nmoney = 0.50\n[quota.day]\nmoney = \"$5\"\ntokens = 2_000_000\n[quota.groups.nightly]\nmoney = 2\nper = \"month\"\n\
                [prices.\"local/qwen3-4.1\"]\ninput = 0\noutput = 0.6\ncache_read = 0.05\n";
    let config = good(&[user(text)]);
    assert_eq!(
        (config.quota.session.money, config.quota.day.money, config.quota.day.tokens),
        (500_000, 5_000_000, 2_000_000)
    );
    let group = config.quota.groups["nightly"];
    assert_eq!((group.amounts.money, group.per), (2_000_000, ace_config::Per::Month));
    let price = config.prices["local/qwen3-4.1"];
    assert_eq!((price.input, price.output, price.cache_read, price.cache_write), (0, 600_000, Some(50_000), None));
    // What is shown reads back as the same.
    let shown: String = config.settings().map(|(key, value, _)| format!("{key} = {value}\n")).collect();
    assert_eq!(good(&[user(&shown)]).quota, config.quota);
    assert_eq!(good(&[user(&shown)]).prices, config.prices);
}

#[test]
fn limits_and_prices_that_are_none() {
    let of = |rest: &str| {
        let (key, why) = rest.split_once(' ').unwrap();
        format!("'{key}' {why} in {USER}:1")
    };
    for (text, expect) in [
        (
            "quota.day.money = -1",
            "quota.day.money must be a plain number from 0 to 1000000000, with six decimals at most",
        ),
        (
            "quota.day.money = nan",
            "quota.day.money must be a plain number from 0 to 1000000000, with six decimals at most",
        ),
        (
            "quota.day.money = 0.0000001",
            "quota.day.money must be a plain number from 0 to 1000000000, with six decimals at most",
        ),
        ("quota.day.calls = 1.5", "quota.day.calls takes a whole number, not a fraction,"),
        ("quota.groups.Big.money = 1", "quota.groups.Big is no name: small letters, digits, - and _"),
    ] {
        let problems = load(&[user(text)]).expect_err(text);
        assert_eq!(problems[0].to_string(), of(expect), "{text}");
    }
    for text in [
        "[prices.\"a/b\"]\ninput = 1",
        "[prices.gpt]\ninput = 1\noutput = 1",
        "quota.week.money = 1",
        "quota.groups.x.per = \"hour\"",
    ] {
        assert!(load(&[user(text)]).is_err(), "{text}");
    }
}

#[test]
fn a27_a_project_lowers_limits_and_never_prices() {
    let mine = user("quota.day.money = 5\nprices.\"a/b\" = { input = 1, output = 1 }");
    let theirs = project("quota.day.money = 9\nquota.session.money = 1\nprices.\"a/b\" = { input = 0, output = 0 }");
    let config = good(&[mine, theirs]);
    assert_eq!((config.quota.day.money, config.quota.session.money), (5_000_000, 1_000_000));
    assert_eq!(config.prices["a/b"].input, 1_000_000);
    assert_eq!(config.ignored.len(), 3);
}
