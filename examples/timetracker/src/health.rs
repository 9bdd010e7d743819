//! `timetracker --health`: asks the server of this machine, as a container's health check.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::failure::Failure;

/// Shorter than the usual timeout of a health check, so that the reason is printed.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks `/readyz`; anything but 200 is a failure. Not `/healthz`, where castoff answers 200 as well while it
/// holds the port.
pub(crate) async fn ask(listen: SocketAddr) -> Result<(), Failure> {
    let status = tokio::time::timeout(TIMEOUT, status_line(reachable(listen)))
        .await
        .map_err(|_| Failure::Unhealthy(format!("no answer within {} s", TIMEOUT.as_secs())))?
        .map_err(|error| Failure::Unhealthy(error.to_string()))?;
    if status.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(Failure::Unhealthy(status))
    }
}

async fn status_line(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned())
}

/// A server that listens everywhere is asked on the loopback address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(any) if any.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(any) if any.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        one @ (IpAddr::V4(_) | IpAddr::V6(_)) => one,
    };
    SocketAddr::new(address, listen.port())
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn everywhere_is_asked_on_loopback() {
        let check = |listen: &str, expected: &str| {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), expected);
        };
        check("0.0.0.0:8000", "127.0.0.1:8000");
        check("[::]:8000", "[::1]:8000");
        check("10.1.2.3:80", "10.1.2.3:80");
    }
}
