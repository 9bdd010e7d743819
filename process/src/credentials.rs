//! Becoming another user, for good: ids, groups and capabilities, and the proof that there is no way
//! back. And trying so in a child first, because nothing but the kernel knows whether it will work:
//! capabilities, user namespaces and seccomp all have a say.

use std::ffi::{CStr, CString};
use std::io::{self, PipeWriter, Read};
use std::os::fd::AsRawFd;

/// Who a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user id: real, effective and saved.
    pub user: u32,
    /// The group id, likewise.
    pub group: u32,
    /// The supplementary groups; nothing leaves them as they are.
    pub groups: Option<Vec<u32>>,
}

/// A part of becoming another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Setting the supplementary groups.
    Groups = 1,
    /// Setting the group id.
    Group,
    /// Setting the user id.
    User,
    /// Giving the capabilities away.
    Capabilities,
    /// Proving that the process cannot become root again. It could.
    WayBack,
    /// Looking whether that user may execute a program.
    Execute,
}

impl Step {
    const ALL: [Self; 6] = [
        Self::Groups,
        Self::Group,
        Self::User,
        Self::Capabilities,
        Self::WayBack,
        Self::Execute,
    ];
}

/// What the system did not allow.
#[derive(Debug)]
pub struct Refused {
    /// Where it stopped.
    pub step: Step,
    /// What the system says.
    pub source: io::Error,
}

/// Makes this process another user's. Any user but root has no capability afterwards: neither an
/// inheritable nor an ambient one is left for the next program. The bounding set stays, so a file's
/// own capabilities still count, unless `PR_SET_NO_NEW_PRIVS` is set.
///
/// For the moment before an exec: capabilities belong to the calling thread, which the exec keeps.
pub fn adopt(credentials: &Credentials) -> Result<(), Refused> {
    change(credentials).map_err(|step| Refused {
        step,
        source: io::Error::last_os_error(),
    })
}

/// Does the same in a child process, which ends at once, and looks there whether the user may
/// execute one of the programs.
pub fn rehearse(credentials: &Credentials, programs: &[CString]) -> Result<(), Refused> {
    let cannot_ask = |source| Refused {
        step: Step::User,
        source,
    };
    let (mut answer, sender) = io::pipe().map_err(cannot_ask)?;
    #[expect(unsafe_code, reason = "the standard library forks only to execute")]
    // SAFETY: the child calls nothing that allocates or takes a lock that another thread may have
    // had: system calls, and the C library's set*id, which it makes safe behind fork itself.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(cannot_ask(io::Error::last_os_error()));
    }
    if child == 0 {
        tell_and_end(&sender, credentials, programs);
    }
    drop(sender);
    // The answer comes by the pipe: where SIGCHLD is ignored, there is no status to wait for.
    let mut told = Vec::new();
    let read = answer.read_to_end(&mut told);
    reap(child);
    read.map_err(cannot_ask)?;
    match told.as_slice() {
        [0, ..] => Ok(()),
        [number, errno @ ..] => Err(Refused {
            step: Step::ALL
                .into_iter()
                .find(|step| *step as u8 == *number)
                .unwrap_or(Step::User),
            source: errno.try_into().map_or_else(
                |_| io::ErrorKind::Other.into(),
                |errno| io::Error::from_raw_os_error(i32::from_ne_bytes(errno)),
            ),
        }),
        // Somebody killed the child, a seccomp filter say.
        [] => Err(cannot_ask(io::ErrorKind::PermissionDenied.into())),
    }
}

/// The child's whole life: the step that failed and `errno`, or a zero, into the pipe.
fn tell_and_end(sender: &PipeWriter, credentials: &Credentials, programs: &[CString]) -> ! {
    let result = change(credentials).and_then(|()| may_execute_one(programs));
    let step = result.err().map_or(0, |step| step as u8);
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    let [a, b, c, d] = errno.to_ne_bytes();
    let told = [step, a, b, c, d];
    #[expect(unsafe_code, reason = "the standard library's write may do more")]
    // SAFETY: writes five bytes that are there to a descriptor that is open.
    unsafe {
        libc::write(sender.as_raw_fd(), told.as_ptr().cast(), told.len());
    }
    #[expect(unsafe_code, reason = "nothing of the parent's may be tidied up here")]
    // SAFETY: ends the process without running anything else of it.
    unsafe {
        libc::_exit(0)
    }
}

/// Each step of the change; `errno` says why one failed.
fn change(credentials: &Credentials) -> Result<(), Step> {
    let Credentials {
        user,
        group,
        groups,
    } = credentials;
    if let Some(groups) = groups {
        #[expect(unsafe_code, reason = "the standard library has no such call")]
        // SAFETY: the pointer and the length are those of one slice.
        let result = unsafe { libc::setgroups(groups.len(), groups.as_ptr()) };
        succeeded(result, Step::Groups)?;
    }
    #[expect(unsafe_code, reason = "the standard library has no such call")]
    // SAFETY: takes three numbers and touches no memory.
    let result = unsafe { libc::setresgid(*group, *group, *group) };
    succeeded(result, Step::Group)?;
    #[expect(unsafe_code, reason = "the standard library has no such call")]
    // SAFETY: as above.
    let result = unsafe { libc::setresuid(*user, *user, *user) };
    succeeded(result, Step::User)?;
    if *user == 0 {
        return Ok(());
    }
    // The kernel takes them from whoever stops being root, but not from a user who was never root
    // and had CAP_SETUID, and inheritable ones from nobody.
    give_capabilities_away()?;
    #[expect(unsafe_code, reason = "the standard library has no such call")]
    // SAFETY: takes a number and touches no memory.
    let is_root_again = unsafe { libc::setuid(0) } == 0;
    if is_root_again {
        return Err(Step::WayBack);
    }
    Ok(())
}

/// Empties all sets but the bounding set; the ambient one follows the others, see capabilities(7).
fn give_capabilities_away() -> Result<(), Step> {
    /// `struct __user_cap_header_struct` of capset(2).
    #[repr(C)]
    struct Header {
        version: u32,
        pid: libc::c_int,
    }
    /// `_LINUX_CAPABILITY_VERSION_3`: sets of 64, in two halves of three masks.
    const VERSION: u32 = 0x2008_0522;
    let header = Header {
        version: VERSION,
        pid: 0,
    };
    let none = [0_u32; 6];
    #[expect(unsafe_code, reason = "there is no safe way to this system call")]
    // SAFETY: the kernel reads the header and, for this version, six masks; both are there.
    let result =
        unsafe { libc::syscall(libc::SYS_capset, std::ptr::from_ref(&header), none.as_ptr()) };
    if result == 0 {
        Ok(())
    } else {
        Err(Step::Capabilities)
    }
}

fn may_execute_one(programs: &[CString]) -> Result<(), Step> {
    let may_execute = |program: &CString| {
        let path: &CStr = program;
        #[expect(unsafe_code, reason = "the standard library does not ask this")]
        // SAFETY: the path ends with a NUL.
        let result = unsafe { libc::access(path.as_ptr(), libc::X_OK) };
        result == 0
    };
    if programs.iter().any(may_execute) {
        Ok(())
    } else {
        Err(Step::Execute)
    }
}

fn succeeded(result: libc::c_int, step: Step) -> Result<(), Step> {
    if result == 0 { Ok(()) } else { Err(step) }
}

/// Collects the child; where SIGCHLD is ignored, the kernel did.
fn reap(child: libc::pid_t) {
    loop {
        #[expect(unsafe_code, reason = "the standard library waits for its own only")]
        // SAFETY: asks for no status, so nothing is written.
        let result = unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        let interrupted = io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
        if result >= 0 || !interrupted {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(user: u32) -> Credentials {
        Credentials {
            user,
            group: 54321,
            groups: Some(vec![54321]),
        }
    }

    fn is_root() -> bool {
        #[expect(unsafe_code, reason = "the package needs nothing else for it")]
        // SAFETY: returns a number.
        let user = unsafe { libc::geteuid() };
        user == 0
    }

    #[test]
    fn a_rehearsal_tells_what_would_come_and_changes_nothing() {
        let programs = |path: &str| vec![CString::new(path).unwrap()];
        let rehearsed = |user, path| rehearse(&somebody(user), &programs(path));
        if is_root() {
            assert!(rehearsed(12345, "/bin/sh").is_ok());
            assert!(rehearsed(0, "/bin/sh").is_ok());
            let refused = rehearsed(12345, "/no/such/program").unwrap_err();
            assert_eq!(refused.step, Step::Execute);
            assert_eq!(refused.source.kind(), io::ErrorKind::NotFound);
            assert!(is_root());
        } else {
            let refused = rehearsed(12345, "/bin/sh").unwrap_err();
            assert_eq!(refused.step, Step::Groups);
            assert_eq!(refused.source.kind(), io::ErrorKind::PermissionDenied);
        }
    }
}
