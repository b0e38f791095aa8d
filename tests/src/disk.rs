//! A disk that can lose its power or be filled: ext4 on a loop device.
//!
//! A disk with a *device* lies in a file of another file system, and its power is cut below it:
//!
//! ```text
//! server ─▶ ext4 ─▶ loop ─▶ a file, every block of it allocated ─▶ ext4, shut down by the cut ─▶ loop ─▶ a file
//! ```
//!
//! What was written and not synced is gone, and every later write and sync ends in an input/output error,
//! until all is mounted again. Shutting the server's own file system down would be simpler and wrong: an
//! fdatasync that meets the shutdown may answer that all is well although the size of the file it appended to
//! was never written (ext4 and XFS on Linux 6.18, once in ten to thirty cuts, tried with a program that does
//! nothing else). Below, a sync changes no size, and was never wrong (none of 250).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, sent by perl, which Debian always has.
const SHUTDOWN: &str = r#"
    open(my $dir, "<", $ARGV[0]) or die $!;
    my $flags = pack("L", 2);
    ioctl($dir, 0x8004587D, $flags) or die $!;
"#;
/// Bytes of a disk whose power can be cut. All are written once.
const SIZE: u64 = 384 << 20;

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    dir: TempDir,
    image: PathBuf,
    /// The file system that `image` is in, if that is one of ours.
    device: Option<Box<Self>>,
}

impl Disk {
    /// Makes and mounts one whose power can be cut.
    ///
    /// # Errors
    ///
    /// Why that is impossible here.
    pub fn mount() -> Result<Self, String> {
        let device = Self::of_size(SIZE + SIZE / 4)?;
        let image = device.path().join("image");
        let mut file = File::create(&image).expect("image file");
        let zeros = vec![0; 1 << 20];
        (0..SIZE >> 20).try_for_each(|_| file.write_all(&zeros)).expect("room for the image");
        file.sync_all().expect("the image on the device");
        Self::make(image, Some(Box::new(device)))
    }

    /// Makes and mounts one of so many bytes, without a device to cut.
    ///
    /// # Errors
    ///
    /// Why that is impossible here.
    pub fn of_size(bytes: u64) -> Result<Self, String> {
        let dir = temporary();
        let image = dir.path().join("image");
        File::create(&image).and_then(|file| file.set_len(bytes)).expect("image file");
        Self::make_in(dir, image, None)
    }

    fn make(image: PathBuf, device: Option<Box<Self>>) -> Result<Self, String> {
        Self::make_in(temporary(), image, device)
    }

    fn make_in(dir: TempDir, image: PathBuf, device: Option<Box<Self>>) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("mounting a file system needs root".into());
        }
        let disk = Self { dir, image, device };
        std::fs::create_dir(disk.path()).expect("mount point");
        // Discarded blocks would have to be allocated again.
        let mut mkfs = Command::new("/usr/sbin/mkfs.ext4");
        run(mkfs.args(["-q", "-E", "nodiscard"]).arg(&disk.image))?;
        disk.mount_image()?;
        Ok(disk)
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
        let device = self.device.as_ref().ok_or("this disk has no device")?;
        run(Command::new("perl").args(["-e", SHUTDOWN]).arg(device.path()))
    }

    /// Mounts what a cut has left; nothing may use it.
    ///
    /// # Errors
    ///
    /// What umount and mount say.
    pub fn mount_again(&self) -> Result<(), String> {
        unmount(&self.path(), &[])?;
        if let Some(device) = &self.device {
            device.mount_again()?;
        }
        self.mount_image()
    }

    fn mount_image(&self) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(self.path()))
    }

    /// Fills it to the last byte, as another program might; returns the file to remove.
    ///
    /// # Errors
    ///
    /// What writing says, but that the disk is full.
    pub fn fill(&self) -> std::io::Result<PathBuf> {
        let path = self.path().join("ballast");
        let mut file = File::create(&path)?;
        for len in [1 << 20, 1 << 12] {
            let chunk = vec![1; len];
            loop {
                match file.write_all(&chunk).and_then(|()| file.sync_data()) {
                    Ok(()) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(path)
    }
}

fn temporary() -> TempDir {
    tempfile::Builder::new().prefix("disk-").tempdir().expect("temporary directory")
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
