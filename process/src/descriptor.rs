//! Descriptors that have to have a certain number.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Makes `number` another name of `descriptor`, one that the next program inherits (`dup3(2)` without
/// `O_CLOEXEC`). Whatever had that number is closed, so this is for the moment before an exec.
pub fn place(descriptor: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    let raw = descriptor.as_raw_fd();
    if raw == number {
        return keep_open(descriptor);
    }
    #[expect(
        unsafe_code,
        reason = "the standard library has no dup to a given number"
    )]
    // SAFETY: takes two numbers and touches no memory. That nobody else in this process still uses
    // what had the second number is the caller's to know, as the documentation says.
    let result = unsafe { libc::dup3(raw, number, 0) };
    checked(result)
}

/// Whether the next program would inherit what is open under this number: then somebody gave it to
/// this process, since whatever Rust opens is close-on-exec.
pub fn is_passed_on(number: RawFd) -> bool {
    #[expect(unsafe_code, reason = "the standard library has no flags of a number")]
    // SAFETY: asks for the flags of a number; one that is not open is an answer too.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    flags >= 0 && flags & libc::FD_CLOEXEC == 0
}

/// Another descriptor of what is open under this number, close-on-exec.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    #[expect(
        unsafe_code,
        reason = "the standard library duplicates only what it owns"
    )]
    // SAFETY: takes numbers and touches no memory; one that is not open is an error.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    checked(copy)?;
    #[expect(unsafe_code, reason = "a number becomes something that is owned")]
    // SAFETY: the call above has just made it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Lets the next program inherit a descriptor under the number that it has.
fn keep_open(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    #[expect(unsafe_code, reason = "the standard library cannot clear the flag")]
    // SAFETY: sets a flag of a descriptor that is open, since it is borrowed.
    let result = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFD, 0) };
    checked(result)
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn the_number_is_another_name_of_the_same() {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        place(one.as_fd(), 700).unwrap();
        place(one.as_fd(), 700).unwrap();
        one.write_all(b"x").unwrap();
        let mut got = [0];
        other.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"x");
    }

    #[test]
    fn what_rust_opens_is_its_own_and_what_is_placed_is_passed_on() {
        let (one, mut other) = UnixStream::pair().unwrap();
        assert!(!is_passed_on(one.as_raw_fd()));
        place(one.as_fd(), 701).unwrap();
        assert!(is_passed_on(701));
        assert!(!is_passed_on(702));
        assert!(duplicate(702).is_err());
        let copy = duplicate(701).unwrap();
        assert!(!is_passed_on(copy.as_raw_fd()));
        UnixStream::from(copy).write_all(b"y").unwrap();
        let mut got = [0];
        other.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"y");
    }
}
