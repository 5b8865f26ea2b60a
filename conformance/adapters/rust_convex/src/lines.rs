//! The lines of the adapter protocol, and values on their way through them.

use std::collections::BTreeMap;

use convex::{FunctionResult, Value};
use serde_json::{Map, Value as Json, json};

/// What becomes of an operation.
pub enum Answer {
    Done(Json),
    Failed(String),
    Unsupported(String),
}

impl Answer {
    pub fn done() -> Self {
        Answer::Done(json!({}))
    }
}

pub fn answer(seq: &Json, result: Answer) {
    let mut body = match result {
        Answer::Done(fields) => fields,
        Answer::Failed(error) => json!({"ok": false, "error": error}),
        Answer::Unsupported(reason) => json!({"ok": false, "unsupported": true, "reason": reason}),
    };
    body["re"] = seq.clone();
    if body.get("ok").is_none() {
        body["ok"] = json!(true);
    }
    println!("{body}");
}

pub fn emit(client: &str, kind: &str, fields: Json) {
    let mut event = json!({"ev": kind, "client": client});
    merge(&mut event, fields);
    println!("{event}");
}

pub fn merge(into: &mut Json, fields: Json) {
    if let (Some(into), Json::Object(fields)) = (into.as_object_mut(), fields) {
        into.extend(fields);
    }
}

/// The arguments of an operation, as the crate wants them.
pub fn args_of(op: &Json) -> Result<BTreeMap<String, Value>, String> {
    let args = op["args"].clone();
    let args = if args.is_null() {
        Json::Object(Map::new())
    } else {
        args
    };
    match Value::try_from(args) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(format!("arguments are an object, not {other:?}")),
        Err(error) => Err(error.to_string()),
    }
}

/// A result of a query as a view.
pub fn view_of(result: &FunctionResult) -> Json {
    match result {
        FunctionResult::Value(value) => json!({"value": Json::from(value.clone())}),
        FunctionResult::ErrorMessage(message) => json!({"error": {"message": message}}),
        FunctionResult::ConvexError(error) => json!({"error": {
            "message": error.message, "data": Json::from(error.data.clone()),
        }}),
    }
}

/// The end of a call, as the fields of `settled`.
pub fn ending_of(result: FunctionResult) -> Json {
    let mut ending = view_of(&result);
    let kind = if matches!(result, FunctionResult::ConvexError(_)) {
        "application"
    } else {
        "function"
    };
    if let Some(error) = ending.get_mut("error") {
        error["kind"] = json!(kind);
    }
    ending
}
