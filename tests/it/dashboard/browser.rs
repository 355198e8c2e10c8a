//! A headless Chromium, driven by WebDriver: JSON over HTTP, <https://www.w3.org/TR/webdriver2/>.
//!
//! The few commands that are needed here are a dozen lines each; the crates for it bring an HTTP client and
//! an async runtime of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{PATIENCE, eventually};

const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox", // it runs as root in CI
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--window-size=1440,1000",
];

/// A browser with one page; dropping it ends it.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _folder: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.rsplit_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // It is read to its end, so that the driver never waits to be heard.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Self {
            driver,
            port: port.expect("a port of chromedriver"),
            session: String::new(),
            _folder: TempDir::new().unwrap(),
        };
        let folder = browser._folder.path().display();
        let mut flags: Vec<String> = FLAGS.map(str::to_owned).into();
        flags.push(format!("--user-data-dir={folder}"));
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "acceptInsecureCerts": true, // the demo's has nobody to vouch for it
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": flags },
        } } });
        let answer = browser.call("POST", "/session", &capabilities);
        browser.session = answer["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    /// Opens a page.
    pub(crate) fn open(&self, url: &str) {
        self.of_session("/url", &json!({ "url": url }));
    }

    /// What a script returns.
    pub(crate) fn eval(&self, script: &str) -> Value {
        self.of_session("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The text of the element that a selector names, as it is in the page; none where there is no such one.
    pub(crate) fn text(&self, selector: &str) -> Option<String> {
        let text = self.eval(&format!(
            "return document.querySelector({})?.textContent ?? null",
            json!(selector)
        ));
        text.as_str().map(str::to_owned)
    }

    /// Waits until the element has this text in it.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, selector: &str, wanted: &str) {
        let mut last = None;
        let what = format!("{wanted:?} in {selector}");
        eventually(&what, || {
            last = self.text(selector);
            last.as_deref().is_some_and(|text| text.contains(wanted))
        });
    }

    /// Clicks as a person does: where the element is seen, or not at all.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let id = self.element(selector);
        self.of_session(&format!("/element/{id}/click"), &json!({}));
    }

    /// Types into an element.
    #[track_caller]
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let id = self.element(selector);
        let path = format!("/element/{id}/value");
        self.of_session(&path, &json!({ "text": text }));
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let mut found = Value::Null;
        eventually(selector, || {
            let all = self.of_session("/elements", &wanted);
            found = all.get(0).cloned().unwrap_or_default();
            !found.is_null()
        });
        let reference = found.as_object().unwrap().values().next().unwrap();
        reference.as_str().unwrap().to_owned()
    }

    /// Makes the page as wide as a screen of this kind, in dark or in light.
    pub(crate) fn see_as(&self, width: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &scheme);
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.of_session("/goog/cdp/execute", &body);
    }

    /// What the console was told since this was last called.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.of_session("/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().unwrap().iter();
        let text = |entry: &Value| format!("{}: {}", entry["level"], entry["message"]);
        entries.map(text).collect()
    }

    #[track_caller]
    fn of_session(&self, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        self.call("POST", &path, body)
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.exchange(method, path, &body.to_string()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut answer: Value = serde_json::from_str(body).unwrap();
        assert!(head.contains(" 200 "), "{method} {path}: {answer:#}");
        answer["value"].take()
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<String> {
        let mut driver = TcpStream::connect(("127.0.0.1", self.port))?;
        driver.set_read_timeout(Some(2 * PATIENCE))?;
        let (port, length) = (self.port, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        driver.write_all((head + body).as_bytes())?;
        read_answer(driver)
    }
}

/// The head and the body of an answer, after which the driver keeps the connection open.
fn read_answer(driver: TcpStream) -> std::io::Result<String> {
    let mut driver = BufReader::new(driver);
    let (mut answer, mut length) = (String::new(), 0);
    while !answer.ends_with("\r\n\r\n") {
        let begin = answer.len();
        if driver.read_line(&mut answer)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = answer[begin..].to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
    }
    driver.take(length).read_to_string(&mut answer)?;
    Ok(answer)
}

impl Drop for Browser {
    fn drop(&mut self) {
        let path = format!("/session/{}", self.session);
        // It ends the browser; a driver that is gone has ended it.
        let _ = self.exchange("DELETE", &path, "");
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
