//! A disk of a few megabytes that really fills: a file system in memory, mounted over a folder and gone with the test process,
//! however that ends. It takes root, or sudo without a password.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Mounts, says so, and unmounts when its input ends. Arguments: options, folder.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
mount -t tmpfs -o "$1" chancery-test "$2" || exit 1
trap 'umount -l "$2"' EXIT
echo mounted
read -r _
"#;

pub(crate) struct Disk {
    folder: PathBuf,
    watchdog: Child,
}

impl Disk {
    /// A disk of this size over the folder, which is made; it belongs to this user, or to the one named.
    pub(crate) fn mount(folder: &Path, size: &str, owner: Option<&str>) -> Self {
        fs::create_dir_all(folder).unwrap();
        let own = fs::metadata("/proc/self").unwrap();
        let owner = owner.map_or_else(|| format!("uid={},gid={}", own.uid(), own.gid()), |name| format!("uid={name},gid={name}"));
        let mut command = as_root("sh");
        command.args(["-c", WATCHDOG, "watchdog", &format!("size={size},mode=700,{owner}")]).arg(folder).process_group(0);
        let mut watchdog = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(watchdog.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "mounted\n", "mounting takes root, or sudo without a password: see above");
        Self { folder: folder.to_owned(), watchdog }
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut ballast = OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        for size in [65_536, 4096, 1] {
            let block = vec![0x5a; size];
            loop {
                match ballast.write_all(&block) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Gives the room back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// A folder that can only be read, until this is dropped.
pub(crate) struct ReadOnly(PathBuf);

impl ReadOnly {
    pub(crate) fn over(folder: &Path) -> Self {
        run(&["--bind", &folder.display().to_string(), &folder.display().to_string()]);
        let this = Self(folder.to_owned());
        run(&["-o", "remount,bind,ro", &folder.display().to_string()]);
        assert_eq!(File::create(folder.join("x")).unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
        this
    }
}

fn run(options: &[&str]) {
    assert!(as_root("mount").args(options).status().unwrap().success());
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = as_root("umount").arg("-l").arg(&self.0).status();
    }
}

fn as_root(program: &str) -> Command {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}
