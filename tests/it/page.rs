//! The holding page in a real browser: what a visitor sees of it, and how it becomes the
//! application. Pictures are kept in `target/screenshots/`.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use castoff::status::page::{CONTENT_SECURITY_POLICY, html};
use castoff::status::phase::Phase;
use castoff::status::{Progress, Status};
use expect_test::expect;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::handover;
use super::support::browser::{Browser, Tab};
use super::support::project::{Migration, Project};
use super::support::server::{Server, free_port};
use super::support::{DEADLINE, until};

/// What is in castoff's place on the port, and then in the server's.
#[derive(Clone)]
enum Answer {
    /// castoff holds.
    Holding(Box<Status>),
    /// A proxy in front finds nobody.
    BadGateway,
    /// The application is there, at this path alone.
    Application(&'static str),
}

/// Answers on loopback, a thread for each connection: browsers open some that they never use.
struct Site {
    address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    /// `policy` is what a proxy in front adds.
    fn start(status: Status, policy: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new(Answer::Holding(Box::new(status)))),
            asked: Arc::default(),
        };
        let (answer, asked) = (Arc::clone(&site.answer), Arc::clone(&site.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
                // A browser may go away in the middle.
                std::thread::spawn(move || serve(&stream.ok()?, policy, &answer, &asked).ok());
            }
        });
        site
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn show(&self, status: Status) {
        self.set(Answer::Holding(Box::new(status)));
    }

    /// How often this path was asked for.
    fn asked(&self, path: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| *asked == path).count()
    }

    /// Waits until the page has asked for news so often from now on.
    fn until_polled(&self, times: usize) {
        let before = self.asked("/a/holding-page");
        until("the page asks for news", DEADLINE, || {
            (self.asked("/a/holding-page") >= before + times).then_some(())
        });
    }
}

fn serve(
    mut stream: &TcpStream,
    policy: &str,
    answer: &Mutex<Answer>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let Some(path) = first.split(' ').nth(1) else {
        return Ok(());
    };
    while !lines
        .next()
        .unwrap_or_else(|| Ok(String::new()))?
        .is_empty()
    {}
    asked.lock().unwrap().push(path.to_owned());
    let (status, headers, body) = match answer.lock().unwrap().clone() {
        Answer::Holding(status) => (
            "503 Service Unavailable",
            format!("Content-Security-Policy: {CONTENT_SECURITY_POLICY}\r\n{policy}"),
            html(&status, status.since + Duration::from_secs(1)),
        ),
        Answer::BadGateway => ("502 Bad Gateway", String::new(), String::new()),
        Answer::Application(own) if own == path => {
            let body = "<!doctype html><title>Application</title><p>hello";
            ("200 OK", String::new(), body.to_owned())
        }
        Answer::Application(_) => ("404 Not Found", String::new(), String::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n\
         Content-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn status(phase: Phase) -> Status {
    let now = Instant::now();
    let mut status = Status::new(now);
    status.enter(phase, now);
    status
}

fn migrating(step: u64, steps: u64, done: u64) -> Status {
    let mut status = status(Phase::Migrating);
    status.step = Some((step, steps));
    status
        .spent
        .insert(Phase::Waiting, Duration::from_secs(140));
    status.progress = Some(Progress {
        what: "backfill of t".to_owned(),
        done: Some(done),
        total: Some(2_400_000),
        unit: Some("rows".to_owned()),
        left_seconds: Some(125),
    });
    status
}

/// A window of this size, with a theme.
fn window(tab: &Tab<'_>, (width, height): (u32, u32), theme: &str, motion: &str) {
    let size = json!({"width": width, "height": height, "deviceScaleFactor": if width < 500 { 2 } else { 1 },
        "mobile": width < 500});
    tab.call("Emulation.setDeviceMetricsOverride", &size);
    let features = json!({"features": [
        {"name": "prefers-color-scheme", "value": theme},
        {"name": "prefers-reduced-motion", "value": motion},
    ]});
    tab.call("Emulation.setEmulatedMedia", &features);
}

/// Of text and of what it stands on; the bar in its colours.
const LOOKS: &str = r#"(() => {
    const seen = selector => [...document.querySelectorAll(selector)].filter(e => e.innerText);
    const paper = getComputedStyle(document.body).backgroundColor;
    const done = document.querySelector('#bar .done');
    return {
        paper,
        texts: seen('h1, p').map(e => [e.innerText, getComputedStyle(e).color]),
        done: done && getComputedStyle(done).backgroundColor,
        overflow: document.documentElement.scrollWidth - innerWidth,
        width: innerWidth,
        small: seen('h1, p').filter(e => parseFloat(getComputedStyle(e).fontSize) < 14).length,
    };
})()"#;

/// The relative luminance of `rgb(1, 2, 3)`, by WCAG 2.
fn luminance(colour: &Value) -> f64 {
    let text = colour.as_str().unwrap();
    let numbers = text.strip_prefix("rgb(").unwrap().trim_end_matches(')');
    let linear = |number: &str| {
        let part = number.trim().parse::<f64>().unwrap() / 255.0;
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    };
    let parts: Vec<f64> = numbers.split(',').map(linear).collect();
    0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
}

fn contrast(one: &Value, other: &Value) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn it_is_read_on_any_screen_by_day_and_night() {
    let pages = [
        (
            "waiting",
            status(Phase::Waiting),
            "Waiting for the database",
        ),
        (
            "locking",
            status(Phase::Locking),
            "Another instance is updating",
        ),
        (
            "migrating",
            migrating(3, 7, 731_000),
            "Updating: step 3 of 7",
        ),
        (
            "many",
            migrating(16, 16, 731_000),
            "Updating: step 16 of 16",
        ),
        ("failed", status(Phase::Failed), "Not available"),
    ];
    let browser = Browser::start();
    for (name, status, title) in pages {
        let site = Site::start(status, "");
        for (screen, size) in [("phone", (360, 740)), ("desktop", (1280, 800))] {
            let tab = browser.tab();
            for theme in ["light", "dark"] {
                window(&tab, size, theme, "no-preference");
                tab.open(&site.url("/"));
                tab.screenshot(&format!("{name}-{screen}-{theme}"));
                let looks = tab.evaluate(LOOKS);
                assert_eq!(looks["width"], size.0);
                assert!(looks["overflow"].as_i64() <= Some(0), "{name}: {looks}");
                assert_eq!(looks["small"], 0, "{looks}");
                assert_eq!(looks["texts"][0][0], title);
                assert_eq!(tab.evaluate("document.title"), title);
                let paper = &looks["paper"];
                let is_dark = luminance(paper) < 0.1;
                assert_eq!(is_dark, theme == "dark", "{theme}: {looks}");
                for text in looks["texts"].as_array().unwrap() {
                    assert!(
                        contrast(paper, &text[1]) >= 4.5,
                        "{theme}: {text} on {paper}"
                    );
                }
                if !looks["done"].is_null() {
                    assert!(contrast(paper, &looks["done"]) >= 3.0, "{looks}");
                }
                check_quiet(&tab, &site);
            }
        }
    }
}

/// It asked nobody else for anything, and the browser had nothing to complain about, such as a
/// style that the policy forbids.
fn check_quiet(tab: &Tab<'_>, site: &Site) {
    let requests = tab.events("Network.requestWillBeSent");
    assert!(!requests.is_empty());
    for request in requests {
        let url = request["request"]["url"].as_str().unwrap();
        let is_own = url.starts_with(&site.url("/")) || url == "data:,";
        assert!(is_own, "{url}");
    }
    for entry in tab.events("Log.entryAdded") {
        // That a page comes with status 503 is an error to the browser.
        assert_eq!(entry["entry"]["source"], "network", "{entry}");
    }
    let thrown = tab.events("Runtime.exceptionThrown");
    assert!(thrown.is_empty(), "{thrown:?}");
}

#[test]
fn a_screen_reader_is_told() {
    let browser = Browser::start();
    let tab = browser.tab();
    let site = Site::start(migrating(3, 7, 720_000), "");
    tab.open(&site.url("/"));
    assert_eq!(tab.evaluate("document.documentElement.lang"), "en");
    let tree = tab.call("Accessibility.getFullAXTree", &json!({}));
    let nodes = tree["nodes"].as_array().unwrap();
    let of = |role: &str| {
        let found = nodes.iter().filter(|node| node["role"]["value"] == role);
        let found: Vec<&Value> = found.filter(|node| node["ignored"] == false).collect();
        assert_eq!(found.len(), 1, "{role}: {nodes:#?}");
        found[0]
    };
    of("main");
    assert_eq!(of("heading")["name"]["value"], "Updating: step 3 of 7");
    assert_eq!(of("progressbar")["name"]["value"], "Updating: step 3 of 7");
    let live = of("status")["properties"].as_array().unwrap().clone();
    let polite =
        |property: &Value| property["name"] == "live" && property["value"]["value"] == "polite";
    assert!(live.iter().any(polite), "{live:?}");
    let value = tab.evaluate("document.querySelector('progress').value");
    assert_eq!(value, 30);
}

#[test]
fn what_has_no_measure_breathes_unless_motion_is_unwelcome() {
    let browser = Browser::start();
    let site = Site::start(status(Phase::Waiting), "");
    for (motion, expected) in [("no-preference", "breathe"), ("reduce", "none")] {
        let tab = browser.tab();
        window(&tab, (360, 740), "light", motion);
        tab.open(&site.url("/"));
        let name =
            tab.evaluate("getComputedStyle(document.querySelector('progress')).animationName");
        assert_eq!(name, expected);
    }
}

#[test]
fn news_appear_in_place_and_then_the_application() {
    let browser = Browser::start();
    let tab = browser.tab();
    let path = "/a/link-that-works-once?token=1";
    let site = Site::start(migrating(3, 7, 720_000), "");
    window(&tab, (360, 200), "light", "no-preference");
    let url = site.url(path) + "#part";
    tab.open(&url);
    tab.evaluate(
        "new MutationObserver(() => window.told = true)
            .observe(document.getElementById('now'), {childList: true, subtree: true});
        window.first = true; scrollTo(0, 40)",
    );
    let text = |id: &str| tab.evaluate(&format!("document.getElementById('{id}').innerText"));
    let until_text = |id, expected: &str| {
        until(expected, DEADLINE, || {
            text(id).as_str()?.contains(expected).then_some(())
        });
    };

    // More rows: nothing is told to those who listen.
    site.show(migrating(3, 7, 960_000));
    until_text("far", "960,000 of about 2,400,000 rows (40%)");
    assert_eq!(tab.evaluate("document.querySelector('progress').value"), 40);
    assert_eq!(tab.evaluate("window.told"), Value::Null);

    // Another step: that is news.
    site.show(migrating(4, 7, 0));
    until_text("now", "Updating: step 4 of 7");
    assert_eq!(tab.evaluate("window.told"), true);
    assert_eq!(tab.evaluate("document.title"), "Updating: step 4 of 7");

    // A proxy that finds nobody for a moment, and then castoff again.
    site.set(Answer::BadGateway);
    site.until_polled(2);
    site.show(status(Phase::HandingOver));
    until_text("now", "Starting");
    // Longer than a browser without JavaScript would wait.
    site.until_polled(2);
    assert_eq!(tab.evaluate("window.first && scrollY"), 40);
    assert_eq!(site.asked(path), 1);
    check_quiet(&tab, &site);

    site.set(Answer::Application(path));
    until("the application is shown", DEADLINE, || {
        tab.document()?.contains("<p>hello").then_some(())
    });
    assert_eq!(tab.evaluate("window.first"), Value::Null);
    assert_eq!(tab.evaluate("document.URL"), url);
    // The link was followed once, by the visitor.
    assert_eq!(site.asked(path), 2);
}

#[test]
fn castoff_itself_shows_it_and_its_server_follows() {
    let database = Server::shared().database();
    let gate = "do $$ begin while not exists (select from gate) loop perform pg_sleep(0.01); \
        end loop; end $$;";
    let project = Project::with("a<-")
        .migration(&Migration::new("b").after("a").upgrade(gate))
        .migration(&Migration::new("c").after("b"));
    let castoff = project.castoff(["upgrade", "a"]).database(&database);
    castoff.output().status(0);
    database.sql("create table gate ()");
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let castoff = project.castoff(["run", "--listen", &address, "--"]);
    let castoff = castoff.env("PORT", port.to_string()).database(&database);
    let server = handover::timetracker();
    let mut running = castoff.args([server.to_str().unwrap()]).spawn();
    running.stderr_until("answering on", DEADLINE);

    let browser = Browser::start();
    let tab = browser.tab();
    window(&tab, (360, 740), "dark", "no-preference");
    let url = format!("http://{address}/style.css");
    tab.open(&url);
    until("the step is shown", DEADLINE, || {
        let shown = tab.document()?;
        shown
            .contains("<h1>Updating: step 1 of 2</h1>")
            .then_some(())
    });
    tab.screenshot("castoff-phone-dark");
    let paper = tab.evaluate("getComputedStyle(document.body).backgroundColor");
    assert!(luminance(&paper) < 0.1, "the policy forbids the style");
    tab.evaluate("window.first = true");
    database.sql("insert into gate default values");
    until("the server's answer is shown", DEADLINE, || {
        let shown = tab.document()?;
        (!shown.contains("Updating") && shown.contains("font")).then_some(())
    });
    assert_eq!(tab.evaluate("document.URL"), url);
    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE);
}

#[test]
fn a_page_of_the_users_is_read_at_the_start() {
    let project = Project::with("a<-");
    let page = project.path("page.html");
    let castoff = |text: &str| {
        std::fs::write(&page, text).unwrap();
        project.castoff([
            "run",
            "--listen",
            "127.0.0.1:0",
            "--holding-page",
            "page.html",
            "--",
            "true",
        ])
    };
    castoff("<!doctype html>\n<h1>{{tilte}}</h1>\n")
        .output()
        .check(&expect![[r#"
            status 10
            --- stderr
            error[config-placeholder]: `{{tilte}}` is not a placeholder of the holding page
              --> page.html:2
               2 | <h1>{{tilte}}</h1>
              help: write one of `{{left}}`, `{{message}}`, `{{percent}}`, `{{phase}}`, `{{progress}}`, `{{refresh}}`, `{{step}}`, `{{steps}}`, `{{title}}`
        "#]]);

    let nowhere = format!("postgres://x@127.0.0.1:{}/x", free_port());
    let castoff = castoff("<!doctype html><title>{{title}}</title><p>{{message}} {{step}}|");
    let castoff = castoff.env("CASTOFF_WAIT_TIMEOUT", "1h");
    let mut running = castoff.env("DATABASE_URL", nowhere).spawn();
    running.stderr_until("waiting for database", DEADLINE);
    let said = running.stderr();
    let (_, address) = said.split_once("answering on ").unwrap();
    let (address, _) = address.split_once(' ').unwrap();
    let browser = Browser::start();
    let tab = browser.tab();
    tab.open(&format!("http://{address}/"));
    assert_eq!(tab.evaluate("document.title"), "Waiting for the database");
    let text = tab.evaluate("document.body.innerText");
    let expected = "The application starts as soon as everything it needs is there. |";
    assert_eq!(text, expected);
    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE);
}

#[test]
fn without_javascript_it_is_loaded_again() {
    let browser = Browser::start();
    // A visitor who has switched it off, and a proxy that forbids the page's script.
    for (is_disabled, policy) in [
        (true, ""),
        (false, "Content-Security-Policy: script-src 'none'\r\n"),
        (
            false,
            "Content-Security-Policy: require-trusted-types-for 'script'\r\n",
        ),
    ] {
        let site = Site::start(status(Phase::Waiting), policy);
        let tab = browser.tab();
        tab.open(&site.url("/"));
        let disabled = json!({"value": is_disabled});
        tab.call("Emulation.setScriptExecutionDisabled", &disabled);
        tab.call("Page.navigate", &json!({"url": site.url("/a/b")}));
        let until_shown = |text: &str| {
            until(text, DEADLINE, || {
                tab.document()?.contains(text).then_some(())
            });
        };
        until_shown("<h1>Waiting for the database</h1>");
        site.show(migrating(3, 7, 0));
        until_shown("<h1>Updating: step 3 of 7</h1>");
        site.set(Answer::Application("/a/b"));
        until_shown("<p>hello");
        assert!(site.asked("/a/b") >= 3);
        assert_eq!(site.asked("/a/holding-page"), 0, "{policy}");
    }
}
