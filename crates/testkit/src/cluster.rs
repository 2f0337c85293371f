//! A throw-away PostgreSQL cluster: one a test process, one database a test. It ends with the process, however that ends.
#![allow(clippy::expect_used, clippy::panic, reason = "in tests a failed set-up ends the test")]

use chancery_domain::port::Clock;
use chancery_store::postgres::{self, DatabaseUrl, Durability, PostgresConfig};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

/// The oldest PostgreSQL that is supported.
const OLDEST: u32 = 15;
/// The database that every test's one is a copy of.
const TEMPLATE: &str = "chancery_template";

/// Runs the server until its input ends, which it does with the test process; then stops it and removes the directory. Meanwhile it is
/// stopped and started as the input says. Arguments: the directory of the programs, and where temporary directories go.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
directory=$(mktemp -d "$2/chancery-pg.XXXXXX") || exit 1
trap 'rm -rf "$directory"' EXIT
cd "$directory"
"$1/initdb" -D "$directory/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >initdb.log 2>&1 || { cat initdb.log >&2; exit 1; }
programs=$1
start() {
    "$programs/postgres" -D "$directory/data" -k "$directory" -c listen_addresses= -c max_connections=300 -c max_wal_size=4GB >>server.log 2>&1 &
    server=$!
}
stop() {
    kill -QUIT "$server"
    wait "$server"
}
start
echo "$directory"
while read -r word; do
    "$word"
    echo "$word"
done
stop
"#;

/// The running cluster.
pub struct Cluster {
    directory: PathBuf,
    next: AtomicU32,
    watchdog: Mutex<Watchdog>,
}

/// It ends when its input does.
struct Watchdog {
    _process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A migrated, empty database of one test.
pub struct TestDatabase {
    /// As the owner of the schema.
    pub owner_url: String,
    /// As the restricted role.
    pub app_url: String,
    /// As the superuser, for a look from outside.
    pub superuser_url: String,
}

/// The cluster of this test process, started by whoever asks first.
pub async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(Cluster::start).await
}

impl Cluster {
    /// A database of its own; it goes when the cluster does.
    pub async fn database(&self) -> TestDatabase {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER chancery_owner");
        connect(&self.directory).await.batch_execute(&create).await.expect("a test's database is made");
        self.urls(&name)
    }

    /// A database of its own without any schema.
    pub async fn empty_database(&self) -> TestDatabase {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name} OWNER chancery_owner");
        connect(&self.directory).await.batch_execute(&create).await.expect("a test's database is made");
        self.urls(&name)
    }

    /// Removes a database before the cluster ends, whoever is connected to it.
    pub async fn discard(&self, database: TestDatabase) {
        let name = database.superuser_url.rsplit('/').next().unwrap_or_default();
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        connect(&self.directory).await.batch_execute(&drop).await.expect("a test's database is removed");
    }

    /// Stops the server at once, as a crash does: whoever is connected is cut off, and what was not made durable is gone.
    pub fn stop_at_once(&self) {
        self.tell("stop");
    }

    /// Starts the stopped server again; it takes connections when it has recovered.
    pub fn start_again(&self) {
        self.tell("start");
    }

    /// As whom it runs, where that is not this user.
    pub fn owner() -> Option<&'static str> {
        is_root().then_some("postgres")
    }

    fn tell(&self, word: &str) {
        let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        let mut said = String::new();
        writeln!(watchdog.input, "{word}").expect("the watchdog reads");
        watchdog.output.read_line(&mut said).expect("the watchdog answers");
        assert_eq!(said.trim_end(), word);
    }

    /// A cluster of its own, for a test that changes the server's settings or stops it; it ends when it is dropped.
    pub async fn start() -> Self {
        let (watchdog, directory) = tokio::task::spawn_blocking(start_watchdog).await.expect("the watchdog's starter ends");
        let superuser = connect(&directory).await;
        let found = superuser.query_one("SHOW data_directory", &[]).await.expect("the server answers");
        assert_eq!(Path::new(found.get::<_, &str>(0)), directory.join("data"), "another server answers");
        let roles = "CREATE ROLE chancery_owner LOGIN; CREATE ROLE chancery_app LOGIN";
        superuser.batch_execute(roles).await.expect("the roles are made");
        superuser.batch_execute(&format!("CREATE DATABASE {TEMPLATE} OWNER chancery_owner")).await.expect("the template is made");
        let cluster = Self { directory, next: AtomicU32::new(0), watchdog: Mutex::new(watchdog) };
        cluster.migrate_template().await;
        cluster
    }

    async fn migrate_template(&self) {
        let urls = self.urls(TEMPLATE);
        let owner_url = Some(DatabaseUrl::new(urls.owner_url));
        let config =
            PostgresConfig { app_url: DatabaseUrl::new(urls.app_url), owner_url, connections: 1, durability: Durability::Required };
        drop(postgres::open(config, Arc::new(StoppedClock)).await.expect("the template is migrated"));
        // A database with connections cannot be copied, and those that were dropped take a moment to end.
        let superuser = connect(&self.directory).await;
        let lock = format!("ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false");
        superuser.batch_execute(&lock).await.expect("the template is closed");
        loop {
            let left = superuser.query_one("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", &[&TEMPLATE]).await;
            if left.expect("the server answers").get::<_, i64>(0) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn urls(&self, database: &str) -> TestDatabase {
        let host = self.directory.display().to_string().replace('/', "%2F");
        let url = |user: &str| format!("postgres://{user}@{host}/{database}");
        TestDatabase { owner_url: url("chancery_owner"), app_url: url("chancery_app"), superuser_url: url("postgres") }
    }
}

fn start_watchdog() -> (Watchdog, PathBuf) {
    let programs = programs();
    let temporary = Path::new("/dev/shm");
    let temporary = if temporary.is_dir() { temporary.to_owned() } else { env::temp_dir() };
    // PostgreSQL refuses to run as root.
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    // A process group of its own: what interrupts the tests must not keep the watchdog from cleaning up.
    command.args(["-c", WATCHDOG, "watchdog"]).arg(programs).arg(temporary).process_group(0);
    let mut watchdog = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh runs");
    let mut directory = String::new();
    let mut output = BufReader::new(watchdog.stdout.take().expect("its output is piped"));
    output.read_line(&mut directory).expect("the watchdog says where");
    assert!(!directory.is_empty(), "initdb failed: see above");
    let input = watchdog.stdin.take().expect("its input is piped");
    (Watchdog { _process: watchdog, input, output }, PathBuf::from(directory.trim_end()))
}

/// The directory with `initdb`, `postgres` and `pg_dump` of the newest supported version.
pub fn programs() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let programs = entry.path().join("bin");
        (version >= OLDEST && programs.join("initdb").is_file()).then_some((version, programs))
    });
    let in_path = || {
        let path = env::var_os("PATH")?;
        env::split_paths(&path).find(|directory| directory.join("initdb").is_file() && directory.join("postgres").is_file())
    };
    installed.max().map(|(_, programs)| programs).or_else(in_path).expect("PostgreSQL 15 or newer is installed: apt-get install postgresql")
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

async fn connect(directory: &Path) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host_path(directory).user("postgres").dbname("postgres");
    for _ in 0..1500 {
        if let Ok((client, connection)) = config.connect(NoTls).await {
            tokio::spawn(connection);
            return client;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server did not start: see {}/server.log", directory.display());
}

/// Migrating does not ask for the time.
struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> chancery_domain::Timestamp {
        chancery_domain::Timestamp::from_millis(0)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}
