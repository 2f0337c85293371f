//! Migrations: append-only, expand then contract; the same tables and columns on both engines.

/// One step of the schema. Its number is its place in the list, from 1.
pub(crate) struct Migration {
    /// Tables of every realm.
    pub(crate) tenant: &'static str,
    /// Tables readable without a tenant; only the platform's database has them.
    pub(crate) platform: &'static str,
}

macro_rules! migration {
    ($engine:literal, $number:literal) => {
        Migration {
            tenant: include_str!(concat!("../migrations/", $engine, "/", $number, "_tenant.sql")),
            platform: include_str!(concat!("../migrations/", $engine, "/", $number, "_platform.sql")),
        }
    };
}

/// The schema on SQLite.
pub(crate) const SQLITE: &[Migration] = &[
    migration!("sqlite", "0001"),
    migration!("sqlite", "0002"),
    migration!("sqlite", "0003"),
    migration!("sqlite", "0004"),
    migration!("sqlite", "0005"),
    migration!("sqlite", "0006"),
    migration!("sqlite", "0007"),
    migration!("sqlite", "0008"),
    migration!("sqlite", "0009"),
    migration!("sqlite", "0010"),
    migration!("sqlite", "0011"),
    migration!("sqlite", "0012"),
    migration!("sqlite", "0013"),
    migration!("sqlite", "0014"),
    migration!("sqlite", "0015"),
    migration!("sqlite", "0016"),
    migration!("sqlite", "0017"),
    migration!("sqlite", "0018"),
    migration!("sqlite", "0019"),
    migration!("sqlite", "0020"),
    migration!("sqlite", "0021"),
];
/// The schema on PostgreSQL.
pub(crate) const POSTGRES: &[Migration] = &[
    migration!("postgres", "0001"),
    migration!("postgres", "0002"),
    migration!("postgres", "0003"),
    migration!("postgres", "0004"),
    migration!("postgres", "0005"),
    migration!("postgres", "0006"),
    migration!("postgres", "0007"),
    migration!("postgres", "0008"),
    migration!("postgres", "0009"),
    migration!("postgres", "0010"),
    migration!("postgres", "0011"),
    migration!("postgres", "0012"),
    migration!("postgres", "0013"),
    migration!("postgres", "0014"),
    migration!("postgres", "0015"),
    migration!("postgres", "0016"),
    migration!("postgres", "0017"),
    migration!("postgres", "0018"),
    migration!("postgres", "0019"),
    migration!("postgres", "0020"),
    migration!("postgres", "0021"),
];
/// The keyring's schema on SQLite.
pub(crate) const SQLITE_KEYRING: &[&str] = &[include_str!("../migrations/sqlite/0001_keyring.sql")];
/// The keyring's schema on PostgreSQL.
pub(crate) const POSTGRES_KEYRING: &[&str] = &[include_str!("../migrations/postgres/0001_keyring.sql")];
