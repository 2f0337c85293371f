//! A password from a file, from standard input, or asked for at the terminal without showing it; never an argument: others can see those.

use crate::commands::read_text;
use crate::ended::Ended;
use crate::output;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal};
use std::path::Path;
use zeroize::Zeroizing;

/// The first line of the file, where one is named, else of standard input; at a terminal it is asked for twice.
pub(crate) fn new_password(file: Option<&Path>) -> Result<Zeroizing<String>, Ended> {
    if file.is_none() && io::stdin().is_terminal() {
        let first = asked("Password for the file: ")?;
        if *first != *asked("The same again: ")? {
            return Err(Ended::Usage("the two passwords differ: nothing was fetched".to_owned()));
        }
        return Ok(first);
    }
    let text = read_text(file.unwrap_or(Path::new("-")))?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn asked(question: &str) -> Result<Zeroizing<String>, Ended> {
    output::note(question);
    let mut line = Zeroizing::new(String::new());
    {
        let _hidden = Hidden::now()?;
        io::stdin().read_line(&mut line)?;
    }
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The terminal shows nothing of what is typed while this lives.
struct Hidden(Termios);

impl Hidden {
    fn now() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
