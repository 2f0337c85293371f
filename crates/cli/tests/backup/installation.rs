//! An installation: a folder, on PostgreSQL two databases, and the product's own binary over them as a process of its own.

use chancery_testkit::cluster::{Cluster, TestDatabase, cluster, programs};
use chancery_testkit::{Engine, Raw};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio_postgres::NoTls;

pub(crate) const PUBLIC_URL: &str = "http://pki.backup.example";

pub(crate) struct Installation {
    pub(crate) engine: Engine,
    pub(crate) folder: TempDir,
    pub(crate) data: Option<TestDatabase>,
    pub(crate) keyring: Option<TestDatabase>,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: Value,
    pub(crate) said: String,
}

pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    log: Arc<Mutex<String>>,
}

impl Installation {
    pub(crate) async fn new(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self { engine, folder: folder(), data: None, keyring: None },
            Engine::Postgres => Self::on(cluster().await).await,
        }
    }

    /// With its databases in this cluster.
    pub(crate) async fn on(cluster: &Cluster) -> Self {
        let (data, keyring) = (cluster.empty_database().await, cluster.empty_database().await);
        let role = "DO $$ BEGIN CREATE ROLE chancery_backup LOGIN BYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
            GRANT pg_read_all_data TO chancery_backup";
        // Two that grant the same at once: the second is told so and has it all the same.
        let _ = superuser(&data).await.batch_execute(role).await;
        Self { engine: Engine::Postgres, folder: folder(), data: Some(data), keyring: Some(keyring) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.args(words).stdin(Stdio::null()).kill_on_drop(true);
        command.env("CHANCERY_DATA_DIR", self.path("data")).env("CHANCERY_ROOT_KEY_FILE", self.path("keyring/root.key"));
        command.env("CHANCERY_LISTEN", "127.0.0.1:0").env("CHANCERY_PUBLIC_URL", PUBLIC_URL).env("CHANCERY_LOG_FORMAT", "json");
        // What the tests are told is no setting of the product's.
        command.env("CHANCERY_LOG_LEVEL", "info").env_remove("CHANCERY_TEST_TOOLS");
        match (&self.data, &self.keyring) {
            (Some(data), Some(keyring)) => {
                command.env("CHANCERY_DATABASE_URL", &data.app_url).env("CHANCERY_DATABASE_OWNER_URL", &data.owner_url);
                command.env("CHANCERY_DATABASE_BACKUP_URL", data.owner_url.replace("chancery_owner@", "chancery_backup@"));
                command.env("CHANCERY_DATABASE_CONNECTIONS", "6").env("CHANCERY_KEYRING_URL", &keyring.owner_url);
            }
            _ => drop(command.env("CHANCERY_KEYRING_FILE", self.path("keyring/keyring.db"))),
        }
        command
    }

    /// Runs a command to its end; `kill` names the point at which it ends itself, `NAME:1`.
    pub(crate) async fn run_killed(&self, words: &[&str], kill: Option<&str>) -> Ended {
        let mut command = self.command(words);
        let named = words.contains(&"--postgres-programs");
        if ["backup", "restore"].contains(&words[0]) && self.engine == Engine::Postgres && !named {
            command.arg("--postgres-programs").arg(programs());
        }
        if let Some(kill) = kill {
            command.env("CHANCERY_KILL", format!("{kill}:1"));
        }
        let Output { status, stdout, stderr } = command.arg("--json").output().await.unwrap();
        let out = serde_json::from_slice(&stdout).unwrap_or(Value::Null);
        Ended { code: status.code(), out, said: String::from_utf8_lossy(&stderr).into_owned() }
    }

    pub(crate) async fn run(&self, words: &[&str]) -> Ended {
        self.run_killed(words, None).await
    }

    /// Runs a command that must succeed.
    pub(crate) async fn done(&self, words: &[&str]) -> Value {
        let ended = self.run(words).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.said);
        ended.out
    }

    /// Starts the server and waits until it serves.
    pub(crate) async fn serve(&self) -> Server {
        Self::serve_as(self.command(&["serve"])).await
    }

    /// Starts the server by a command of one's own.
    pub(crate) async fn serve_as(mut command: Command) -> Server {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let url = loop {
            let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("the server did not start: {said}"));
            if let Some((url, _)) = line.split_once("\"address\":\"").and_then(|(_, rest)| rest.split_once('"')) {
                break url.to_owned();
            }
            said += &line;
        };
        let log = Arc::new(Mutex::new(said));
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                // What every request is told with would bury the rest.
                if !line.contains("\"message\":\"request\"") {
                    *kept.lock().unwrap() += &format!("{line}\n");
                }
            }
        });
        Server { child, url, http: reqwest::Client::new(), log }
    }

    /// What is stored, from below.
    pub(crate) async fn raw(&self) -> Raw {
        match &self.data {
            None => Raw::Sqlite(self.path("data")),
            Some(database) => Raw::connect(database).await,
        }
    }

    /// Whether anything stands where the data belongs.
    pub(crate) async fn is_empty(&self) -> bool {
        match &self.data {
            None => !self.path("data").exists(),
            Some(database) => {
                let count = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('tenant', 'platform', 'chancery_restore')";
                superuser(database).await.query_one(count, &[]).await.unwrap().get::<_, i64>(0) == 0
            }
        }
    }

    /// Takes the root key over from where the data came from.
    pub(crate) fn take_root_key(&self, from: &Self) {
        std::fs::create_dir_all(self.path("keyring")).unwrap();
        std::fs::copy(from.path("keyring/root.key"), self.path("keyring/root.key")).unwrap();
    }
}

fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::with_prefix_in("chancery-backup-", memory) } else { TempDir::new() }.unwrap()
}

pub(crate) async fn superuser(database: &TestDatabase) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&database.superuser_url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Server {
    /// Its log, without the lines about requests.
    pub(crate) fn said(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) async fn stop(mut self) {
        // At once, also in its first moments: it listens to signals before it says where it is.
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        assert!(self.child.wait().await.unwrap().success());
    }

    pub(crate) async fn send(&self, token: &str, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: Value) -> (u16, Value) {
        self.send(token, reqwest::Method::POST, path, Some(body)).await
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        self.send(token, reqwest::Method::GET, path, None).await
    }

    /// An address without a credential: its status and bytes.
    pub(crate) async fn public(&self, path: &str) -> (u16, Vec<u8>) {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    }

    /// Becomes the first account of a realm: its tenant and token.
    pub(crate) async fn enrol(&self, token: &str) -> (String, String) {
        let (status, enrolled) = self.post(token, "/v1/enrol", json!({"name": "admin"})).await;
        assert_eq!(status, 201, "{enrolled}");
        (text(&enrolled["tenant"]), text(&enrolled["token"]["token"]))
    }

    /// Asks again and again until the answer is as wanted, for ten seconds.
    pub(crate) async fn until<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..200 {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("waited in vain for {what}: {}", self.said())
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
