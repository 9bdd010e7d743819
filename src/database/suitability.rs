//! `target_session_attrs`: whether a session is of the kind that the user wants.
//!
//! Since PostgreSQL 14 the server says so during the login. Older ones are asked, and only when
//! it matters.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio_postgres::SimpleQueryMessage;

use crate::database::connect::{Driver, Link};
use crate::database::connect_error::ConnectError;
use crate::database::conninfo::TargetSession;
use crate::database::login_failure::{self, Attempted};

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    in_recovery: bool,
    read_only: bool,
}

/// Accepts the session, or says what is wrong with it.
pub async fn check(
    link: &mut Link,
    target: TargetSession,
    attempted: &Attempted,
) -> Result<(), ConnectError> {
    if target == TargetSession::Any {
        return Ok(());
    }
    let told = |name| link.driver.parameter(name).map(|value| value == "on");
    let state = match (
        told("in_hot_standby"),
        told("default_transaction_read_only"),
    ) {
        (Some(in_recovery), Some(default)) => State {
            in_recovery,
            read_only: in_recovery || default,
        },
        _ => ask(link)
            .await
            .map_err(|error| login_failure::explain(error, attempted))?,
    };
    judge(target, state)
}

fn judge(target: TargetSession, state: State) -> Result<(), ConnectError> {
    let unsuitable = |wanted, found| Err(ConnectError::Unsuitable { wanted, found });
    match target {
        TargetSession::ReadWrite if state.read_only => unsuitable("read-write", "read-only"),
        TargetSession::ReadOnly if !state.read_only => unsuitable("read-only", "writable"),
        TargetSession::Primary if state.in_recovery => unsuitable("primary", "a standby"),
        TargetSession::Standby if !state.in_recovery => unsuitable("standby", "a primary"),
        TargetSession::Any
        | TargetSession::ReadWrite
        | TargetSession::ReadOnly
        | TargetSession::Primary
        | TargetSession::Standby
        | TargetSession::PreferStandby => Ok(()),
    }
}

async fn ask(link: &mut Link) -> Result<State, tokio_postgres::Error> {
    const QUESTION: &str = "select pg_catalog.pg_is_in_recovery(), \
                            pg_catalog.current_setting('transaction_read_only')";
    let messages = drive(&mut link.driver, link.client.simple_query(QUESTION)).await?;
    let row = messages.iter().find_map(|message| {
        if let SimpleQueryMessage::Row(row) = message {
            Some(row)
        } else {
            None
        }
    });
    let column = |index| row.and_then(|row| row.get(index)).unwrap_or_default();
    Ok(State {
        in_recovery: column(0) == "t",
        read_only: column(1) == "on",
    })
}

/// Moves the bytes while a query runs. Notices are dropped: nobody asked for this query.
async fn drive<T>(
    driver: &mut Driver,
    query: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, tokio_postgres::Error> {
    let mut query = pin!(query);
    poll_fn(|cx| {
        loop {
            match driver.poll_message(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                // Closed: the query itself fails now.
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        query.as_mut().poll(cx)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(target: TargetSession, in_recovery: bool, read_only: bool) -> String {
        match judge(
            target,
            State {
                in_recovery,
                read_only,
            },
        ) {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn judges_servers() {
        use TargetSession as T;
        assert_eq!(verdict(T::ReadWrite, false, false), "ok");
        assert_eq!(
            verdict(T::ReadWrite, true, true),
            "server is read-only, but target_session_attrs=read-write"
        );
        assert_eq!(verdict(T::ReadOnly, false, true), "ok");
        assert_eq!(
            verdict(T::ReadOnly, false, false),
            "server is writable, but target_session_attrs=read-only"
        );
        assert_eq!(verdict(T::Primary, false, true), "ok");
        assert_eq!(
            verdict(T::Primary, true, true),
            "server is a standby, but target_session_attrs=primary"
        );
        assert_eq!(verdict(T::Standby, true, true), "ok");
        assert_eq!(
            verdict(T::Standby, false, false),
            "server is a primary, but target_session_attrs=standby"
        );
    }
}
