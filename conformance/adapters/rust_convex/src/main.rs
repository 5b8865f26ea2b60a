//! The official Rust crate `convex` behind the adapter protocol, version 1.
//!
//!     cargo build --release && target/release/convex-adapter
//!
//! Views come from `watch_all`, which tells of all changes of a Transition at once. The crate is an
//! independent implementation of the protocol; it is judged here, not copied.

mod client;
mod lines;

use std::collections::HashMap;

use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use crate::client::Subject;
use crate::lines::{Answer, answer};

const FEATURES: [&str; 5] = ["mutations", "actions", "auth", "query", "snapshot"];

#[tokio::main]
async fn main() {
    let mut lines = BufReader::new(stdin()).lines();
    let mut clients: HashMap<String, Subject> = HashMap::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(op) = serde_json::from_str::<Json>(&line) else {
            // Half a surrogate pair is no text in Rust, so the line cannot even be read.
            let reason = "the line holds what Rust has no text for".to_owned();
            answer(&seq_of(&line), Answer::Unsupported(reason));
            continue;
        };
        let result = handle(&op, &mut clients).await;
        answer(&op["seq"], result);
        if op["op"] == "bye" {
            // What still runs in the background ends with the process.
            std::process::exit(0);
        }
    }
}

async fn handle(op: &Json, clients: &mut HashMap<String, Subject>) -> Answer {
    let name = op["client"].as_str().unwrap_or_default().to_owned();
    match op["op"].as_str().unwrap_or_default() {
        "hello" => Answer::Done(json!({
            "name": "convex (Rust)", "version": "0.10.4", "language": "rust",
            "levels": "L1", "features": FEATURES,
        })),
        "bye" => Answer::done(),
        "open"
            if op["options"]
                .as_object()
                .is_some_and(|options| !options.is_empty()) =>
        {
            Answer::Unsupported("it has no options".to_owned())
        }
        "open" => {
            let url = op["url"].as_str().unwrap_or_default();
            clients.insert(name.clone(), Subject::open(name, url.to_owned()));
            Answer::done()
        }
        "close" => {
            if let Some(subject) = clients.remove(&name) {
                subject.close();
            }
            Answer::done()
        }
        _ => match clients.get(&name) {
            Some(subject) => subject.handle(op.clone()).await,
            None => Answer::Unsupported("there is no such client".to_owned()),
        },
    }
}

/// The number of a line that cannot be read whole.
fn seq_of(line: &str) -> Json {
    let after = line
        .split("\"seq\":")
        .nth(1)
        .unwrap_or_default()
        .trim_start();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<u64>().map_or(Json::Null, Json::from)
}
