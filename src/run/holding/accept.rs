//! Which form of an answer a client wants, by its `Accept` header (RFC 9110, 12.5.1). Pure.

/// The forms that castoff answers in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A page, for browsers.
    Html,
    /// A document, for programs.
    Json,
    /// A line, for everybody who did not ask for more: curl, probes.
    Text,
}

/// The form that was asked for by its name, with the greatest weight; of equal ones the first.
/// `*/*` asks for nothing in particular.
pub(super) fn form(accept: Option<&str>) -> Form {
    let mut best = (0, Form::Text);
    for range in accept.unwrap_or_default().split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let form = match name.as_str() {
            "text/html" | "application/xhtml+xml" => Form::Html,
            "application/json" => Form::Json,
            "text/plain" => Form::Text,
            name if name.starts_with("application/") && name.ends_with("+json") => Form::Json,
            _ => continue,
        };
        let weight = parts.find_map(weight).unwrap_or(1000);
        if weight > best.0 {
            best = (weight, form);
        }
    }
    best.1
}

/// `q=0.8` in thousandths. What is no number is no weight.
fn weight(parameter: &str) -> Option<u32> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    let weight = whole.parse::<u32>().ok()?.checked_mul(1000)?;
    Some(weight.saturating_add(thousandths.parse().ok()?).min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, expected: Form) {
        assert_eq!(form(Some(accept)), expected, "{accept}");
    }

    #[test]
    fn who_names_a_form_gets_it() {
        assert_eq!(form(None), Form::Text);
        check("", Form::Text);
        check("*/*", Form::Text);
        check("text/*", Form::Text);
        check("application/json", Form::Json);
        check("application/json, text/plain, */*", Form::Json);
        check("application/problem+json", Form::Json);
        check("image/svg+xml", Form::Text);
        // Firefox, and a link in Chromium.
        check(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            Form::Html,
        );
        check("TEXT/HTML ; charset=utf-8", Form::Html);
    }

    #[test]
    fn weights_decide_between_several() {
        check("text/html;q=0.5, application/json", Form::Json);
        check("text/html;q=0.5, application/json;q=0.45", Form::Html);
        check("application/json;q=0, */*", Form::Text);
        check("text/html;q=0, application/json;q=0.001", Form::Json);
        check("text/html;level=1;Q=0.2,application/json;q=0.3", Form::Json);
        check("text/html;q=a lot", Form::Html);
        check("text/html;q=9999999999999", Form::Html);
    }
}
