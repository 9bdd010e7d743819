//! A real Chromium, without a window, that is told what to do over its debugging pipe.
//!
//! The protocol is JSON with a zero byte after each message, on descriptors 3 and 4
//! (`--remote-debugging-pipe`). When the pipe closes, however the test process ended, the browser
//! ends too.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::supervisor::{as_server, unprivileged};
use super::{DEADLINE, until, within};

/// The pipe is on 3 and 4, where only a shell can put it without `unsafe`.
const ON_3_AND_4: &str = r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>"$HOME/log""#;

/// What keeps it from asking anybody but the test: no name has an address, and nothing is fetched
/// in the background. It has no sandbox, since containers and root do not let it have one.
const FLAGS: [&str; 13] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--lang=en",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// A browser. It ends with the value.
#[derive(Debug)]
pub(crate) struct Browser {
    home: TempDir,
    child: Child,
    pipe: RefCell<Option<ChildStdin>>,
    messages: Receiver<Value>,
    last_id: Cell<u64>,
    events: RefCell<Vec<Value>>,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let home = tempfile::Builder::new()
            .prefix("castoff-browser-")
            .tempdir()
            .unwrap();
        if let Some((uid, gid)) = unprivileged() {
            chown(home.path(), Some(uid), Some(gid)).unwrap();
        }
        let mut child = as_server(Command::new("/bin/sh"))
            .args(["-c", ON_3_AND_4, "sh"])
            .arg(program())
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", home.path().display()))
            .env("HOME", home.path())
            .current_dir(home.path())
            // Its many processes end together.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pipe = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in answers.split(0) {
                let Ok(message) = message else { return };
                let message = serde_json::from_slice(&message).unwrap();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Self {
            home,
            child,
            pipe: RefCell::new(pipe),
            messages,
            last_id: Cell::new(0),
            events: RefCell::new(Vec::new()),
        }
    }

    /// A tab of its own, without cookies and cache of others.
    pub(crate) fn tab(&self) -> Tab<'_> {
        let context = self.call(None, "Target.createBrowserContext", &json!({}));
        let blank = json!({"url": "about:blank", "browserContextId": context["browserContextId"]});
        let target = self.call(None, "Target.createTarget", &blank);
        let whole = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call(None, "Target.attachToTarget", &whole);
        let tab = Tab {
            browser: self,
            session: session["sessionId"].as_str().unwrap().to_owned(),
        };
        for domain in ["Page", "Network", "Log", "Runtime"] {
            tab.call(&format!("{domain}.enable"), &json!({}));
        }
        tab
    }

    /// Says one thing to the browser, or to one of its tabs, and returns the answer.
    #[track_caller]
    fn call(&self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        let answer = self.ask(session, method, parameters);
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The same, where it may be refused: a page that is being replaced has no document.
    #[track_caller]
    fn ask(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: &Value,
    ) -> Result<Value, String> {
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        let mut pipe = self.pipe.borrow_mut();
        let written = pipe.as_mut().unwrap().write_all(&bytes);
        written.unwrap_or_else(|error| panic!("{method}: {error}\n{}", self.log()));
        let began = Instant::now();
        loop {
            let left = DEADLINE.saturating_sub(began.elapsed());
            let Ok(message) = self.messages.recv_timeout(left) else {
                panic!("{method}: no answer\n{}", self.log());
            };
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(error.to_string()),
                    None => Ok(message["result"].clone()),
                };
            }
            self.events.borrow_mut().push(message);
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It is not reaped yet, so the number is still its own.
        let group = Pid::from_raw(self.child.id().cast_signed());
        killpg(group, Signal::SIGKILL).ok();
        self.child.wait().ok();
        // The others still write into its directory until they are gone, too.
        within(Duration::from_secs(5), || killpg(group, None).err());
    }
}

/// A tab of a browser.
#[derive(Debug)]
pub(crate) struct Tab<'b> {
    browser: &'b Browser,
    session: String,
}

impl Tab<'_> {
    /// Says one thing to the tab, and returns the answer.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, parameters: &Value) -> Value {
        self.browser.call(Some(&self.session), method, parameters)
    }

    /// Goes to a page, and returns when all of it is there.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        let gone = self.call("Page.navigate", &json!({"url": url}));
        assert!(gone.get("errorText").is_none(), "{gone}");
        until("the page is loaded", DEADLINE, || {
            let asked = json!({"expression": "document.URL + document.readyState"});
            let session = Some(self.session.as_str());
            let state = self.browser.ask(session, "Runtime.evaluate", &asked).ok()?;
            (state["result"]["value"] == format!("{url}complete")).then_some(())
        });
    }

    /// The value of an expression, awaited.
    #[track_caller]
    pub(crate) fn evaluate(&self, expression: &str) -> Value {
        let how = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", &how);
        let thrown = answer.get("exceptionDetails");
        assert!(thrown.is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The document as it is now; nothing while it is being replaced. Works without JavaScript too.
    pub(crate) fn document(&self) -> Option<String> {
        let ask = |method, parameters: Value| {
            let answer = self.browser.ask(Some(&self.session), method, &parameters);
            answer.ok()
        };
        let root = ask("DOM.getDocument", json!({"depth": 0}))?;
        let node = json!({"backendNodeId": root["root"]["backendNodeId"]});
        let html = ask("DOM.getOuterHTML", node)?;
        Some(html["outerHTML"].as_str().unwrap().to_owned())
    }

    /// Keeps a picture of what is seen, and returns its path.
    #[track_caller]
    pub(crate) fn screenshot(&self, name: &str) -> PathBuf {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&directory).unwrap();
        let shot = self.call("Page.captureScreenshot", &json!({"format": "png"}));
        let path = directory.join(format!("{name}.png"));
        let picture = from_base64(shot["data"].as_str().unwrap());
        assert_eq!(picture.get(1..4), Some(b"PNG".as_slice()));
        std::fs::write(&path, picture).unwrap();
        println!("screenshot: {}", path.display());
        path
    }

    /// What the tab was told to happen, by its name: `Network.requestWillBeSent`.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        let events = self.browser.events.borrow();
        let own = |event: &&Value| event["sessionId"] == self.session && event["method"] == name;
        let own = events.iter().filter(own);
        own.map(|event| event["params"].clone()).collect()
    }
}

/// The program; installed if it is missing and may be.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser.sh");
        let output = Command::new(script).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    })
}

fn from_base64(text: &str) -> Vec<u8> {
    let digit = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("not a digit of base 64: {letter}"),
    };
    let mut bytes = Vec::new();
    let (mut bits, mut known) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | u32::from(digit(letter));
        known += 6;
        if known >= 8 {
            known -= 8;
            bytes.push((bits >> known & 0xff) as u8);
        }
    }
    bytes
}
