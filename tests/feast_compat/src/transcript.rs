//! Transcripts: a script of `curl` calls, and what each printed.

use std::fs;

use serde_json::{Value, json};

use crate::{Answer, recorded_dir};

/// One call of a transcript: a name, the request, and the recorded answer.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name in script and transcript.
    pub name: String,
    /// The request, in the form of the other recorded requests.
    pub request: Value,
    /// What Feast answered; its time outs and redirects have no body.
    pub answer: Answer,
}

/// The calls of `recorded/transcripts/<name>.sh` with the answers in `<name>.txt`, in order.
///
/// A script has lines `q NAME PATH 'BODY'`, the path perhaps in single quotes; other lines do something else
/// and are passed over.
pub fn transcript(name: &str) -> Vec<Call> {
    let read = |extension: &str| {
        let path = recorded_dir().join(format!("transcripts/{name}.{extension}"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let (script, printed) = (read("sh"), read("txt"));
    // The script keeps a body that it sends twice in a variable.
    let shared = script.lines().find_map(|line| line.strip_prefix("G='")?.strip_suffix('\''));
    script
        .lines()
        .filter_map(|line| line.strip_prefix("q "))
        .map(|call| {
            let (name, rest) = call.split_once(' ').expect("a name");
            let (path, body) = rest.split_once(' ').expect("a path");
            let body = match body {
                "\"$G\"" => shared.expect("the script sets it"),
                quoted => quoted.trim_matches('\''),
            };
            let request = json!({ "method": "POST", "path": path.trim_matches('\''), "raw_body": body });
            Call { name: name.to_owned(), request, answer: answer(&printed, name) }
        })
        .collect()
}

fn answer(printed: &str, name: &str) -> Answer {
    let heading = format!("== {name}\n");
    let (_, after) =
        printed.split_once(&heading).unwrap_or_else(|| panic!("{name} is not in the transcript"));
    let (body, rest) = after.split_once("\nHTTP ").expect("an answer ends with its status");
    let status = rest.lines().next().expect("a status");
    let (code, content_type) = status.split_once(' ').unwrap_or((status, ""));
    Answer {
        status: code.parse().expect("a number"),
        content_type: (!content_type.is_empty()).then(|| content_type.to_owned()),
        body: (!body.is_empty()).then(|| serde_json::from_str(body).expect("a JSON body")),
    }
    .by_name()
}
