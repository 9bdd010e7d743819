//! Connection service files (`~/.pg_service.conf`), read as libpq reads them.
//!
//! Pure: the text comes in, the parameters of one service go out.

use crate::database::conninfo_error::ConninfoError;
use crate::place::Place;

/// The parameters of `[service]` in `text`, or `None` if the file does not define it.
pub fn find(
    text: &str,
    service: &str,
    path: &str,
) -> Result<Option<Vec<(String, String)>>, ConninfoError> {
    let mut found: Option<Vec<(String, String)>> = None;
    let mut start = 0;
    for raw in text.split_inclusive('\n') {
        let place = Place::of(path, text, start, start + raw.len());
        start += raw.len();
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if name.strip_suffix(']') == Some(service) {
                found = Some(Vec::new());
            }
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        if line.starts_with("ldap") {
            return Err(ConninfoError::ServiceLdap {
                place: hide_values(place),
            });
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(ConninfoError::ServiceSyntax {
                place: hide_values(place),
            });
        };
        if name == "service" || name == "servicefile" {
            return Err(ConninfoError::ServiceNested {
                place: hide_values(place),
            });
        }
        // The first one counts, as in libpq.
        if !pairs.iter().any(|(known, _)| known == name) {
            pairs.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(found)
}

/// The lines around may hold a password, so an error shows only where it is.
fn hide_values(mut place: Place) -> Place {
    place.excerpt.clear();
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\n[other]\nhost=elsewhere\n\n[app]\nhost=db\n  port=5433 \n\
                        host=second\n# note\npassword=a=b c\n[last]\nservice=app\n[bad]\nhost\n\
                        [ldap]\nldap://x\n[app]\nhost=third\n[ empty]\n";

    fn check(service: &str, expected: &str) {
        let shown = match find(FILE, service, "services") {
            Ok(Some(pairs)) => pairs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join("|"),
            Ok(None) => "none".to_owned(),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expected, "{service}");
    }

    #[test]
    fn finds_the_service() {
        check("app", "host=db|port=5433|password=a=b c");
        check("other", "host=elsewhere");
        check(" empty", "");
        check("missing", "none");
        check("", "none");
    }

    #[test]
    fn refuses_what_it_cannot_follow() {
        check(
            "last",
            "error: `services` names another service in a service",
        );
        check("bad", "error: `services` has a line without `=`");
        check(
            "ldap",
            "error: `services` asks an LDAP server for the service",
        );
    }

    #[test]
    fn says_where() {
        let error = find(FILE, "bad", "services").unwrap_err();
        let place = error.place().unwrap();
        assert_eq!((place.line, place.excerpt.len()), (14, 0));
    }
}
