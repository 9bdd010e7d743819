//! A connection over TCP, to whichever address of a name takes it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;

use super::probe::{Miss, explain};
use crate::config::awaited::Address;

const SILENCE: Miss = Miss::NoAnswer("no answer");

/// Tries each address of the name in turn. The time is shared out fairly, so that an address that
/// never answers leaves enough for the next.
pub(super) async fn open(address: &Address, within: Duration) -> Result<TcpStream, Miss> {
    let deadline = Instant::now() + within;
    let found = lookup_host((address.host.as_str(), address.port));
    let found = tokio::time::timeout(within, found)
        .await
        .map_err(|_| SILENCE)?;
    // The resolver's own words differ between systems, and say no more.
    let addresses: Vec<SocketAddr> = found.into_iter().flatten().collect();
    let mut last = Miss::later("name does not resolve");
    for (index, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / others;
        last = match tokio::time::timeout(share, connect(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => explain(&error),
            Err(_) => SILENCE,
        };
    }
    Err(last)
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    if leads_back(&stream)? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// Whether castoff talks to itself. Where nobody listens on a port of the range that outgoing
/// connections have, the kernel may give that very port to the caller (RFC 9293, 3.5: simultaneous
/// open), and who asks often enough is answered by himself.
fn leads_back(stream: &TcpStream) -> io::Result<bool> {
    Ok(stream.local_addr()? == stream.peer_addr()?)
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    #[test]
    fn a_connection_to_oneself_is_told_from_one_to_a_server() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let any = "127.0.0.1:0".parse().unwrap();
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(any).unwrap();
            let own = socket.local_addr().unwrap();
            let stream = socket.connect(own).await.unwrap();
            assert!(leads_back(&stream).unwrap());
            let listener = TcpListener::bind(any).await.unwrap();
            let stream = connect(listener.local_addr().unwrap()).await.unwrap();
            assert!(!leads_back(&stream).unwrap());
        });
    }
}
