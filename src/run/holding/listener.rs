//! The socket that castoff listens on before the server does.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::Duration;

use castoff_process::{descriptor, socket};
use nix::errno::Errno;
use socket2::{Domain, SockRef, Socket, Type};

use super::listen_error::ListenError;
use crate::config::holding::{Handover, Host, Listen};
use crate::error::Error;
use crate::run::block_on;
use crate::run::exec::SOCKET;
use crate::run::signal::Stop;

/// How many connections wait while nobody accepts: from the handover until the server has started.
/// The kernel takes `net.core.somaxconn` if that is less.
const BACKLOG: i32 = 4096;

/// How long a name may take to be looked up.
const LOOKUP: Duration = Duration::from_secs(10);

/// How long a connection whose client says nothing waits in the kernel. castoff has to close whatever
/// it accepted before it becomes the server; what waits here is the server's.
const SILENT: Duration = Duration::from_secs(30);

/// Listens. Whatever the server needs to take the socket is looked at here, long before its turn.
pub(super) fn open(listen: &Listen, handover: Handover, stop: &Stop) -> Result<TcpListener, Error> {
    let listener = match listen {
        Listen::Inherited => inherited()?,
        Listen::Address { host, port } => {
            if handover == Handover::Socket && descriptor::is_passed_on(SOCKET) {
                return Err(ListenError::Taken.into());
            }
            bind_first(listen, &addresses(host, *port, stop)?)?
        }
    };
    let refused = |source| ListenError::Refused {
        address: listen.to_string(),
        source,
    };
    listener.set_nonblocking(true).map_err(refused)?;
    if handover == Handover::Socket {
        // A kernel without it only loses what it is for.
        socket::defer_accept(listener.as_fd(), SILENT).ok();
    }
    Ok(listener)
}

/// Makes the socket what a server expects of one that it is given: blocking, as systemd passes it
/// (`NonBlocking=` of systemd.service(5)), and with every connection to be seen at once.
pub(super) fn for_the_server(listener: &TcpListener) -> io::Result<()> {
    socket::defer_accept(listener.as_fd(), Duration::ZERO).ok();
    listener.set_nonblocking(false)
}

/// The socket that castoff was given, under a number of castoff's own.
fn inherited() -> Result<TcpListener, ListenError> {
    let refused = |source| ListenError::NotListening { source };
    // What castoff itself opened may have that number as well.
    if !descriptor::is_passed_on(SOCKET) {
        return Err(refused(Errno::EBADF.into()));
    }
    let listener = descriptor::duplicate(SOCKET).map_err(refused)?;
    let socket = SockRef::from(&listener);
    let is_tcp = socket.local_addr().map_err(refused)?.as_socket().is_some();
    if is_tcp && socket.is_listener().map_err(refused)? {
        Ok(listener.into())
    } else {
        Err(refused(Errno::EINVAL.into()))
    }
}

/// The addresses to try, best first.
fn addresses(host: &Host, port: u16, stop: &Stop) -> Result<Vec<SocketAddr>, Error> {
    Ok(match host {
        // One socket for IPv6 and IPv4, unless this machine has IPv4 alone.
        Host::Any => vec![
            (Ipv6Addr::UNSPECIFIED, port).into(),
            (Ipv4Addr::UNSPECIFIED, port).into(),
        ],
        Host::Ip(address) => vec![(*address, port).into()],
        Host::Name(name) => look_up(name, port, stop)?,
    })
}

fn look_up(name: &str, port: u16, stop: &Stop) -> Result<Vec<SocketAddr>, Error> {
    let unresolved = |source| ListenError::Unresolved {
        name: name.to_owned(),
        source,
    };
    let looked_up = block_on(async {
        let look_up = tokio::time::timeout(LOOKUP, tokio::net::lookup_host((name, port)));
        tokio::select! {
            biased;
            signal = stop.wait() => Err(Error::Stopped { signal }),
            found = look_up => Ok(found.map_or_else(
                |_| Err(io::Error::from(io::ErrorKind::TimedOut)),
                |found| found.map(Iterator::collect::<Vec<_>>),
            )),
        }
    })?;
    let mut found = looked_up.map_err(unresolved)?;
    // There is one socket to hand over. `localhost` is 127.0.0.1 to most probes and proxies.
    found.sort_by_key(|address| !address.ip().is_ipv4());
    Ok(found)
}

/// Listens on the first of the addresses that the system lets it.
fn bind_first(listen: &Listen, addresses: &[SocketAddr]) -> Result<TcpListener, ListenError> {
    let mut first = None;
    for address in addresses {
        match bind(*address) {
            Ok(listener) => return Ok(listener),
            // Somebody has the port: another address of the same name would hide that.
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                first.get_or_insert(source);
                break;
            }
            Err(source) => drop(first.get_or_insert(source)),
        }
    }
    Err(ListenError::Refused {
        address: listen.to_string(),
        source: first.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()),
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    // Close-on-exec: a hook's process must not keep the port open.
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Connections of a container that just ended may still be closing.
    socket.set_reuse_address(true)?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        // Whatever `net.ipv6.bindv6only` says.
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn all_addresses_are_ipv4_as_well() {
        let stop = Stop::install().unwrap();
        let listen = Listen::Address {
            host: Host::Any,
            port: 0,
        };
        let listener = open(&listen, Handover::Close, &stop).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).unwrap();
    }

    #[test]
    fn a_port_that_somebody_has_is_refused() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        assert_eq!(bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        // The wildcard address too, which has the port of all of them.
        let any = (Ipv6Addr::UNSPECIFIED, address.port()).into();
        assert_eq!(bind(any).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
