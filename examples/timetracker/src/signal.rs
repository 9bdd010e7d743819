//! SIGTERM and SIGINT as a future.

use std::io;
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use tokio::io::AsyncReadExt;

use crate::failure::Failure;

/// Installs the handlers now; the future that comes back ends when the first signal arrives.
pub(crate) fn stop_requested() -> Result<impl Future<Output = ()> + use<>, Failure> {
    let reader = install().map_err(Failure::Runtime)?;
    Ok(async move {
        let mut reader = reader;
        // Any answer, even an error, means that waiting longer is useless.
        reader.read_u8().await.ok();
    })
}

fn install() -> io::Result<tokio::net::UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    pipe::register(SIGTERM, writer.try_clone()?)?;
    pipe::register(SIGINT, writer)?;
    reader.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(reader)
}
