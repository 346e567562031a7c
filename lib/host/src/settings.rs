//! Where configuration is found, and the folders that everything else is found by.
//!
//! What the layers mean is `ace-config`'s; this room only knows which files there are.

use ace_config::{Config, Layer, LayerName, Problem, load};
use ace_storage::Home;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file of the machine's own configuration.
pub const SYSTEM_FILE: &str = "/etc/ace/config.toml";

/// The largest configuration file that is read, bytes.
const FILE_BYTES: u64 = 1024 * 1024;

/// Configuration and folders of one process.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the layers amount to.
    pub config: Config,
    /// Where sessions, worktrees and blobs lie.
    pub home: Home,
    /// The folder of the user's own configuration, where their instructions lie too.
    pub user: PathBuf,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Neither `ACE_HOME` nor `HOME` says where sessions lie.
    #[error("neither ACE_HOME nor HOME is set")]
    NoHome,
    /// A file is there and cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// As a person would write it.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// What the files say is wrong.
    #[error("{} in the configuration", problems(.0.len()))]
    Problems(Vec<Problem>),
}

fn problems(n: usize) -> String {
    if n == 1 { "a problem".to_owned() } else { format!("{n} problems") }
}

/// The variables of the environment that decide where things are.
#[derive(Debug, Clone, Default)]
pub struct Places {
    home: Option<PathBuf>,
    ace_home: Option<PathBuf>,
    data: Option<PathBuf>,
    config: Option<PathBuf>,
    file: Option<PathBuf>,
}

impl Places {
    /// Reads them.
    #[must_use]
    pub fn from_environment() -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|v: &OsString| !v.is_empty()).map(PathBuf::from);
        Self {
            home: path("HOME"),
            ace_home: path("ACE_HOME"),
            data: path("XDG_DATA_HOME"),
            config: path("XDG_CONFIG_HOME"),
            file: path("ACE_CONFIG"),
        }
    }

    /// Where sessions, worktrees and blobs lie.
    ///
    /// # Errors
    /// Nothing says where.
    pub fn ace_home(&self) -> Result<PathBuf, SettingsError> {
        if let Some(home) = &self.ace_home {
            return Ok(std::path::absolute(home).unwrap_or_else(|_| home.clone()));
        }
        let data = self.data.clone().or_else(|| Some(self.home.as_ref()?.join(".local/share")));
        data.map(|d| d.join("ace")).ok_or(SettingsError::NoHome)
    }

    /// The user's own configuration file.
    #[must_use]
    pub fn user_file(&self) -> Option<PathBuf> {
        let folder = || self.config.clone().or_else(|| Some(self.home.as_ref()?.join(".config")));
        self.file.clone().or_else(|| Some(folder()?.join("ace/config.toml")))
    }

    /// A path as a person would write it, with `~` for their home.
    #[must_use]
    pub fn shown(&self, path: &Path) -> String {
        match self.home.as_ref().and_then(|h| path.strip_prefix(h).ok()) {
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        }
    }
}

/// Reads all layers. `flags` are the strongest; `project` is where to look for a project's own file, upwards.
///
/// # Errors
/// See [`SettingsError`].
pub fn settings(flags: Vec<Layer>, project: &Path) -> Result<Settings, SettingsError> {
    let places = Places::from_environment();
    let home = places.ace_home()?;
    let user_file = places.user_file();
    let mut layers = Vec::new();
    let files = [
        (LayerName::System, Some(PathBuf::from(SYSTEM_FILE))),
        (LayerName::User, user_file.clone()),
        (LayerName::Project, project_file(project)),
    ];
    for (name, file) in files {
        let Some(file) = file else { continue };
        if let Some(text) = read(&file, &places)? {
            let mut layer = Layer::file(name, places.shown(&file), text);
            layer.trusted = name == LayerName::Project && is_trusted(&home, &file, &layer.text);
            layers.push(layer);
        }
    }
    let variables: Vec<(&str, String)> =
        ace_config::VARIABLE_KEYS.iter().filter_map(|(name, _)| Some((*name, std::env::var(name).ok()?))).collect();
    let pairs: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
    layers.extend(Layer::variables(&pairs));
    layers.extend(flags);
    let config = load(&layers).map_err(SettingsError::Problems)?;
    let user = user_file.and_then(|f| f.parent().map(Path::to_owned)).unwrap_or_default();
    Ok(Settings { config, home: Home::at(home), user })
}

/// Whether the person has said that exactly this file may start programs. What cannot be read was not said.
fn is_trusted(home: &Path, file: &Path, text: &str) -> bool {
    crate::Trust::read(home).is_ok_and(|trust| trust.holds(file, text))
}

/// `.ace/config.toml` of the nearest folder upwards that is a repository's root, or of the folder itself outside one.
#[must_use]
pub fn project_file(from: &Path) -> Option<PathBuf> {
    let root = from.ancestors().find(|f| f.join(".git").exists()).unwrap_or(from);
    Some(root.join(".ace/config.toml"))
}

fn read(file: &Path, places: &Places) -> Result<Option<String>, SettingsError> {
    use std::io::Read;
    let fail = |source| SettingsError::Read { file: places.shown(file), source };
    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(fail(e)),
    };
    let mut text = String::new();
    opened.take(FILE_BYTES).read_to_string(&mut text).map_err(fail)?;
    Ok(Some(text))
}
