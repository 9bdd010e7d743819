//! What a listening socket can be told that the standard library cannot.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Lets `accept` see a connection only once its client has sent something, or once this time is over
/// (`TCP_DEFER_ACCEPT` of tcp(7); whole seconds, which the kernel rounds up). Zero: at once, as usual.
/// Connections that wait meanwhile belong to the socket, and so to whoever listens on it next.
pub fn defer_accept(listener: BorrowedFd<'_>, time: Duration) -> io::Result<()> {
    let seconds = libc::c_int::try_from(time.as_secs()).unwrap_or(libc::c_int::MAX);
    let size = libc::socklen_t::try_from(size_of_val(&seconds)).unwrap_or_default();
    #[expect(unsafe_code, reason = "the standard library does not know this option")]
    // SAFETY: the pointer is to an integer that lives until the call returns, and the size is its own.
    let result = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const seconds).cast(),
            size,
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_connection_is_seen_when_it_has_something_to_say() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        defer_accept(listener.as_fd(), Duration::from_secs(30)).unwrap();
        let address = listener.local_addr().unwrap();
        let silent = TcpStream::connect(address).unwrap();
        let mut other = TcpStream::connect(address).unwrap();
        other.write_all(b"x").unwrap();
        listener.set_nonblocking(false).unwrap();
        let (_, first) = listener.accept().unwrap();
        assert_eq!(first, other.local_addr().unwrap());
        // The kernel asks the silent one again within seconds.
        defer_accept(listener.as_fd(), Duration::ZERO).unwrap();
        let (_, second) = listener.accept().unwrap();
        assert_eq!(second, silent.local_addr().unwrap());
    }
}
