//! A disk that forgets: a file, served through FUSE, with a volatile write cache.
//!
//! ```text
//! server ─▶ ext4 ─▶ loop ─▶ the file ─▶ FUSE ─▶ [ written ] ── fsync ──▶ [ durable ]
//!                                                   └── power cut: gone
//! ```
//!
//! What was written is in the cache until it is synced. When the power is cut, a random part of the cache is gone at
//! once (disks write back in whatever order they like), and from then on everything ends in an input/output error until the
//! device is started again. All of this is decided under one latch, so a sync that was answered is kept, and one that came too
//! late fails. Shutting a file system down, the way with less effort, has a gap there: an fdatasync that meets the shutdown
//! may answer that all is well (ext4 and XFS, Linux 6.18).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    Generation, INodeNo, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry,
    ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::random::{Random, seed};

const SECTOR: usize = 512;
const IMAGE: INodeNo = INodeNo(2);
const NAME: &str = "image";
/// Everything the kernel may remember of a file, it may remember for so long.
const TTL: Duration = Duration::from_secs(3600);

type Sector = [u8; SECTOR];

/// The disk.
#[derive(Debug)]
pub(crate) struct Device {
    mount_point: PathBuf,
    platters: Arc<Mutex<Platters>>,
    session: Mutex<Option<BackgroundSession>>,
}

impl Device {
    /// A disk of so many bytes, all zero, as the file [`image`](Self::image) under `mount_point`.
    pub(crate) fn start(mount_point: &Path, bytes: usize) -> io::Result<Self> {
        let platters = Platters {
            durable: vec![0; bytes],
            written: BTreeMap::new(),
            is_cut: false,
            random: Random::new(seed()),
        };
        let device = Self {
            mount_point: mount_point.to_owned(),
            platters: Arc::new(Mutex::new(platters)),
            session: Mutex::default(),
        };
        device.serve()?;
        Ok(device)
    }

    /// The file that is the disk.
    pub(crate) fn image(&self) -> PathBuf {
        self.mount_point.join(NAME)
    }

    /// Cuts the power.
    pub(crate) fn cut(&self) {
        latch(&self.platters).cut();
    }

    /// Starts again with what is durable; nothing may use it. The kernel forgets what it remembered of it.
    pub(crate) fn restart(&self) -> io::Result<()> {
        if let Some(session) = latch(&self.session).take() {
            session.umount_and_join()?;
        }
        latch(&self.platters).is_cut = false;
        self.serve()
    }

    fn serve(&self) -> io::Result<()> {
        let service = Service(Arc::clone(&self.platters));
        let session = fuser::spawn_mount(service, &self.mount_point, &Config::default())?;
        *latch(&self.session) = Some(session);
        Ok(())
    }
}

/// What the disk holds.
#[derive(Debug)]
struct Platters {
    durable: Vec<u8>,
    /// Sectors in the volatile cache.
    written: BTreeMap<usize, Sector>,
    is_cut: bool,
    random: Random,
}

fn latch<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Platters {
    fn sector(&self, at: usize) -> Sector {
        let durable = || self.durable[at * SECTOR..(at + 1) * SECTOR].try_into();
        self.written.get(&at).copied().or_else(|| durable().ok()).unwrap_or([0; SECTOR])
    }

    fn read(&self, offset: usize, len: usize) -> Vec<u8> {
        let end = (offset + len).min(self.durable.len());
        let mut bytes = Vec::with_capacity(len);
        let mut at = offset;
        while at < end {
            let (sector, start) = (at / SECTOR, at % SECTOR);
            let stop = SECTOR.min(start + end - at);
            bytes.extend_from_slice(&self.sector(sector)[start..stop]);
            at += stop - start;
        }
        bytes
    }

    fn write(&mut self, offset: usize, mut bytes: &[u8]) {
        let mut at = offset;
        while !bytes.is_empty() {
            let (number, start) = (at / SECTOR, at % SECTOR);
            let (now, rest) = bytes.split_at(bytes.len().min(SECTOR - start));
            let mut sector = self.sector(number);
            sector[start..start + now.len()].copy_from_slice(now);
            self.written.insert(number, sector);
            at += now.len();
            bytes = rest;
        }
    }

    fn sync(&mut self) {
        for (at, sector) in std::mem::take(&mut self.written) {
            self.durable[at * SECTOR..(at + 1) * SECTOR].copy_from_slice(&sector);
        }
    }

    /// A random part of what was written becomes durable, from none to nearly all.
    fn cut(&mut self) {
        self.is_cut = true;
        let (kept, random) = (self.random.below(8), &mut self.random);
        self.written.retain(|_, _| random.below(8) < kept);
        self.sync();
    }
}

/// The disk as the kernel sees it: a directory with one file.
struct Service(Arc<Mutex<Platters>>);

impl Service {
    /// The disk, while it has power.
    fn powered(&self) -> Result<MutexGuard<'_, Platters>, Errno> {
        let platters = latch(&self.0);
        if platters.is_cut { Err(Errno::EIO) } else { Ok(platters) }
    }

    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let size = latch(&self.0).durable.len() as u64;
        let (kind, size) = match inode {
            IMAGE => (FileType::RegularFile, size),
            _ => (FileType::Directory, 0),
        };
        FileAttr {
            ino: inode,
            size,
            blocks: size / SECTOR as u64,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm: 0o700,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: SECTOR as u32,
            flags: 0,
        }
    }
}

impl Filesystem for Service {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name == NAME {
            true => reply.entry(&TTL, &self.attributes(IMAGE), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.attributes(inode));
    }

    /// Whoever makes a file system on it sets its times.
    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<std::time::SystemTime>,
        _: Option<FileHandle>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        reply.attr(&TTL, &self.attributes(inode));
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.powered() {
            Ok(platters) => reply.data(&platters.read(offset as usize, size as usize)),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.powered() {
            Ok(platters) if offset as usize + data.len() > platters.durable.len() => {
                reply.error(Errno::ENOSPC);
            }
            Ok(mut platters) => {
                platters.write(offset as usize, data);
                reply.written(data.len() as u32);
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        match self.powered() {
            Ok(mut platters) => {
                platters.sync();
                reply.ok();
            }
            Err(errno) => reply.error(errno),
        }
    }
}
