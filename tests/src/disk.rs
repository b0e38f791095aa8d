//! A disk that can lose its power or be filled: ext4 on a loop device.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::device::Device;

/// Bytes of a disk whose power can be cut.
const SIZE: usize = 384 << 20;

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    /// What serves `image`, if its power can be cut. Goes before its mount point does.
    device: Option<Device>,
    image: PathBuf,
    dir: TempDir,
}

impl Disk {
    /// Makes and mounts one whose power can be cut.
    ///
    /// # Errors
    ///
    /// Why that is impossible here.
    pub fn mount() -> Result<Self, String> {
        need_root()?;
        let dir = temporary();
        let below = dir.path().join("device");
        std::fs::create_dir(&below).expect("mount point of the device");
        let device = Device::start(&below, SIZE).map_err(|error| format!("FUSE: {error}"))?;
        let image = device.image();
        Self::make(dir, image, Some(device))
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
        Self::make(dir, image, None)
    }

    fn make(dir: TempDir, image: PathBuf, device: Option<Device>) -> Result<Self, String> {
        need_root()?;
        let disk = Self { device, image, dir };
        std::fs::create_dir(disk.path()).expect("mount point");
        // Discarded blocks would have to be allocated again. With checksums a superblock of which a cut kept
        // one sector of two could not be mounted; without, it is a mixture of counters.
        let mut mkfs = Command::new("/usr/sbin/mkfs.ext4");
        run(mkfs.args(["-q", "-E", "nodiscard", "-O", "^metadata_csum"]).arg(&disk.image))?;
        disk.mount_image()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("mnt")
    }

    /// Cuts the power.
    pub fn cut(&self) {
        self.device.as_ref().expect("a disk whose power can be cut").cut();
    }

    /// Mounts what a cut has left; nothing may use it. It could be mounted before, so this must not fail.
    pub fn mount_again(&self) {
        unmount(&self.path(), &[]).expect("unmount the disk");
        if let Some(device) = &self.device {
            device.restart().expect("start the device again");
        }
        self.mount_image().expect("mount what the cut has left");
    }

    /// Makes everything durable that was written to it.
    pub fn sync(&self) {
        run(Command::new("sync").arg("-f").arg(self.path())).expect("sync the disk");
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

fn need_root() -> Result<(), String> {
    let is_root = rustix::process::geteuid().is_root();
    is_root.then_some(()).ok_or_else(|| "mounting a file system needs root".into())
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
