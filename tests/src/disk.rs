//! A disk whose power can be cut: an ext4 file system on a loop device.
//!
//! The cut is ext4's own shutdown without a flush of its journal: what was not synced is gone, and
//! every later write fails, until the file system is mounted again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, sent by perl, which Debian always has.
const SHUTDOWN: &str = r#"
    open(my $dir, "<", $ARGV[0]) or die $!;
    my $flags = pack("L", 2);
    ioctl($dir, 0x8004587D, $flags) or die $!;
"#;
/// Size of the image file, which is sparse: servers want a reserve of free space.
const SIZE: u64 = 4 << 30;

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    dir: TempDir,
}

impl Disk {
    /// Makes and mounts one.
    ///
    /// # Errors
    ///
    /// Why that is impossible here.
    pub fn mount() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("mounting a file system needs root".into());
        }
        let dir = tempfile::Builder::new().prefix("disk-").tempdir().expect("temporary directory");
        let disk = Self { dir };
        std::fs::create_dir(disk.path()).expect("mount point");
        let image = std::fs::File::create(disk.image()).expect("image file");
        image.set_len(SIZE).expect("size of the image");
        run(Command::new("/usr/sbin/mkfs.ext4").arg("-q").arg(disk.image()))?;
        disk.mount_again()?;
        Ok(disk)
    }

    fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("mnt")
    }

    /// Cuts the power.
    ///
    /// # Errors
    ///
    /// Why that is impossible here.
    pub fn cut(&self) -> Result<(), String> {
        run(Command::new("perl").args(["-e", SHUTDOWN]).arg(self.path()))
    }

    /// Mounts what a cut has left.
    ///
    /// # Errors
    ///
    /// What mount says.
    pub fn mount_again(&self) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.path()))
    }

    /// Unmounts it; nothing may use it.
    ///
    /// # Errors
    ///
    /// What umount says.
    pub fn unmount(&self) -> Result<(), String> {
        unmount(&self.path(), &[])
    }
}

fn unmount(path: &Path, options: &[&str]) -> Result<(), String> {
    run(Command::new("umount").args(options).arg(path))
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _not_mounted = unmount(&self.path(), &["-q", "-l"]);
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let program = command.get_program().to_string_lossy().into_owned();
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
