//! The commands that are clients of the public API, one file per kind of object.

pub(crate) mod account;
pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod cert;
pub(crate) mod crl;
pub(crate) mod document;
pub(crate) mod duty;
pub(crate) mod enrol;
pub(crate) mod hold;
pub(crate) mod issuer;
pub(crate) mod order;
pub(crate) mod profile;
pub(crate) mod role;
pub(crate) mod sign;
pub(crate) mod signer;
pub(crate) mod tenant;
pub(crate) mod token;

use crate::certificates;
use crate::client::{self, Client, ClientError};
use crate::ended::Ended;
use crate::files::{self, Reserved};
use crate::key_file::KeyFile;
use crate::output::{self, Form};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Which server, and as whom: with a token, which is never an argument, for others can see those, or with the key in the file that
/// CHANCERY_REQUEST_KEY names.
#[derive(clap::Args)]
pub(crate) struct ServerArgs {
    /// The server's base URL.
    #[arg(long, global = true, env = "CHANCERY_URL", value_name = "URL", default_value = "http://127.0.0.1:8400", hide_env_values = true)]
    url: String,
    /// Read the token from this file instead of CHANCERY_TOKEN.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Which part of a long list.
#[derive(clap::Args)]
pub(crate) struct PageArgs {
    /// At most so many, 1 to 200.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Go on where the page before ended: its `next`.
    #[arg(long)]
    cursor: Option<String>,
}

/// A client that prints what it gets.
pub(crate) struct Desk {
    pub(crate) client: Client,
    form: Form,
}

impl ServerArgs {
    /// The desk of the token's, or the key's, holder.
    pub(crate) fn desk(&self, form: Form) -> Result<Desk, Ended> {
        let client = Client::new(&self.url)?;
        let set = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let client = match (&self.token_file, set("CHANCERY_TOKEN").map(Zeroizing::new), set("CHANCERY_REQUEST_KEY")) {
            (Some(path), ..) => client.with_token(read_text(path)?.trim())?,
            (None, Some(_), Some(_)) => {
                return Err(Ended::Usage("CHANCERY_TOKEN and CHANCERY_REQUEST_KEY are both set: leave the one that counts".to_owned()));
            }
            (None, Some(token), None) => client.with_token(token.trim())?,
            (None, None, Some(path)) => client.with_key(KeyFile::read(Path::new(&path))?),
            (None, None, None) => return Err(ClientError::NoToken.into()),
        };
        Ok(Desk { client, form })
    }

    /// A client without a token.
    pub(crate) fn client(&self) -> Result<Client, Ended> {
        Ok(Client::new(&self.url)?)
    }

    /// The file named for the token.
    pub(crate) fn token_file(&self) -> Option<&Path> {
        self.token_file.as_deref()
    }
}

impl PageArgs {
    pub(crate) fn parameters(&self) -> [(&'static str, Option<String>); 2] {
        [("limit", Some(self.limit.to_string())), ("cursor", self.cursor.clone())]
    }
}

impl Desk {
    /// Reads something of the token's tenant.
    pub(crate) async fn own<T: DeserializeOwned>(&self, rest: &str) -> Result<T, Ended> {
        Ok(client::during("reading", self.client.get(&self.client.own(rest)?)).await?)
    }

    /// Does something in the token's tenant.
    pub(crate) async fn act<T: DeserializeOwned>(&self, rest: &str, body: &impl Serialize) -> Result<T, Ended> {
        Ok(client::during("working", self.client.post(&self.client.own(rest)?, body)).await?)
    }

    /// The token's tenant.
    pub(crate) fn tenant(&self) -> Result<String, Ended> {
        Ok(self.client.tenant()?.to_string())
    }

    /// Prints a result.
    pub(crate) fn show<T: Serialize>(&self, document: &T, text: impl FnOnce(&T) -> String) {
        output::result(self.form, document, text);
    }

    /// Says something to people alone.
    pub(crate) fn note(&self, text: &str) {
        if self.form == Form::People {
            output::note(text);
        }
    }

    /// The certificates of a file, PEM, to be sent: they alone, as customers keep root and key together (I9).
    pub(crate) fn certificates(&self, path: &Path) -> Result<String, Ended> {
        let certificates = certificates::read(path)?;
        for what in certificates.left_out {
            self.note(&format!("{}: {what} was left out.", path.display()));
        }
        Ok(certificates.pem)
    }

    /// Says how to go on after a page.
    pub(crate) fn more(&self, next: Option<&String>) {
        if let Some(cursor) = next {
            self.note(&format!("There is more: --cursor {cursor}"));
        }
    }
}

/// A query string of what is given; every byte that might mean something is escaped.
pub(crate) fn query(parameters: &[(&'static str, Option<String>)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        let Some(value) = value else { continue };
        let _ = write!(text, "{}{name}=", if text.is_empty() { '?' } else { '&' });
        for byte in value.bytes() {
            let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let _ = if plain { write!(text, "{}", char::from(byte)) } else { write!(text, "%{byte:02X}") };
        }
    }
    text
}

/// A file's text; `-` is standard input. It may be a secret.
pub(crate) fn read_text(path: &Path) -> Result<Zeroizing<String>, Ended> {
    let mut text = Zeroizing::new(String::new());
    let read = match path.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text),
        _ => std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|source| Ended::File { path: path.to_owned(), source })?;
    Ok(text)
}

/// A public document, to a file or to standard output.
pub(crate) fn deliver(out: Option<&Path>, content: &[u8]) -> Result<(), Ended> {
    match out {
        Some(path) => std::fs::write(path, content).map_err(|source| Ended::File { path: path.to_owned(), source }),
        None => Ok(output::bytes(content)?),
    }
}

/// A secret, to a new file of mode 0600.
pub(crate) fn save_secret(path: &Path, secret: &[u8]) -> Result<(), Ended> {
    files::write_secret(path, secret).map_err(|source| Ended::File { path: path.to_owned(), source })
}

/// Makes the file for a token before it is asked for, since it comes once.
pub(crate) fn reserve(path: Option<&PathBuf>) -> Result<Option<Reserved>, Ended> {
    expect_free(path)?;
    path.map(|path| Reserved::new(path).map_err(|source| Ended::File { path: path.clone(), source })).transpose()
}

/// Puts the token into its file. Where that fails it is left to be printed: better seen than lost.
pub(crate) fn keep(reserved: Option<Reserved>, token: &mut Option<String>) {
    let (Some(mut file), Some(text)) = (reserved, token.as_ref()) else { return };
    match file.write(text.as_bytes()) {
        Ok(()) => *token = None,
        Err(error) => output::note(&format!("The token is printed: {} cannot be written: {error}", file.path().display())),
    }
}

/// Whether a secret can be saved there later: asked before what brings the secret is done, for it comes once.
pub(crate) fn expect_free(path: Option<&PathBuf>) -> Result<(), Ended> {
    match path {
        Some(path) if path.exists() => Err(Ended::Usage(format!("{} exists and is not written over: name another file", path.display()))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_means_what_was_given() {
        assert_eq!(query(&[("a", None)]), "");
        assert_eq!(
            query(&[("limit", Some("5".to_owned())), ("cursor", None), ("name", Some("a&b=*.c/ü".to_owned()))]),
            "?limit=5&name=a%26b%3D%2A.c%2F%C3%BC"
        );
    }
}
