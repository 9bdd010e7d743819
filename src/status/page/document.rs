//! castoff's own page as an HTML document.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::view::{Counted, View};
use super::words::{escaped, left, passed};
use crate::status::phase::Phase;

/// What makes it look as it does.
pub(super) const STYLE: &str = include_str!("page.css");

/// What follows the news.
pub(super) const SCRIPT: &str = include_str!("page.js");

/// More parts than this are a line of dots on a phone: they become one bar.
const MOST_PARTS: u64 = 16;

/// The document, which a browser without JavaScript loads again after so many seconds.
pub(super) fn render(view: &View, refresh: u64) -> String {
    let title = escaped(&view.title);
    let message = escaped(view.message);
    let bar = bar(view);
    let far = far(view);
    let foot = foot(view);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <style>{STYLE}</style>\n<script>{SCRIPT}</script>\n\
         <meta http-equiv=\"refresh\" content=\"{refresh}\"></template>\n\
         <main>\n\
         <div id=\"now\" role=\"status\"><h1>{title}</h1><p>{message}</p></div>\n\
         <div id=\"bar\">{bar}</div>\n\
         <p id=\"far\">{far}</p>\n\
         <p id=\"foot\">{foot}</p>\n\
         </main>\n</html>\n"
    )
}

/// A part for each step: those that are done, the present one, those to come. Where nobody knows
/// how far it is, the present one has no value, and breathes.
fn bar(view: &View) -> String {
    if view.phase == Phase::Failed {
        return String::new();
    }
    let label = escaped(&view.title);
    let progress = |percent: Option<u64>| match percent {
        Some(percent) => {
            format!("<progress aria-label=\"{label}\" value=\"{percent}\" max=\"100\"></progress>")
        }
        None => format!("<progress aria-label=\"{label}\"></progress>"),
    };
    match view.step {
        Some((step, steps)) if steps <= MOST_PARTS => {
            let mut bar = String::new();
            for part in 1..=steps {
                bar += &match part.cmp(&step) {
                    Ordering::Less => "<i class=\"done\"></i>".to_owned(),
                    Ordering::Equal => progress(view.counted.and_then(Counted::percent)),
                    Ordering::Greater => "<i></i>".to_owned(),
                };
            }
            bar
        }
        _ => progress(view.percent()),
    }
}

/// How far the present step is, and how long it takes.
fn far(view: &View) -> String {
    let mut far = String::new();
    let counted = view.counted.and_then(Counted::words);
    let is_last = view.step.is_none_or(|(step, steps)| step == steps);
    let whose = if is_last { "" } else { " in this step" };
    let left = view.left_seconds.map(|seconds| left(seconds) + whose);
    for words in counted.into_iter().chain(left) {
        // Writing to a String cannot fail.
        write!(far, "<span>{}</span> ", escaped(&words)).ok();
    }
    far.trim_end().to_owned()
}

fn foot(view: &View) -> String {
    let passed = passed(view.elapsed.as_secs());
    let since = passed.map(|time| format!("Under way for {time}. "));
    since.unwrap_or_default() + "This page refreshes itself."
}
