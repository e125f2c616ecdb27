//! JSON-RPC 2.0: from a JSON value to a message, and from an answer to JSON.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// What a client sends.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// Wants an answer.
    Request(Request),
    /// Wants none; nothing that a client tells changes what this server does.
    Notification,
    /// Answers a request of the server, which sends none.
    Response,
}

/// A message that wants an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// A text or a whole number, to be given back.
    pub(super) id: Value,
    pub(super) method: String,
    pub(super) params: Map<String, Value>,
}

/// Why a message gets no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RpcError {
    code: i32,
    message: String,
    data: Option<Box<Value>>,
}

impl RpcError {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The text is no JSON.
    pub(super) fn parse(message: impl Into<String>) -> Self {
        Self::new(-32_700, message)
    }

    /// The JSON is no message.
    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(-32_600, message)
    }

    /// Nobody knows the method.
    pub(super) fn method_not_found(method: &str) -> Self {
        Self::new(-32_601, format!("Method not found: {method}"))
    }

    /// The method cannot do with its parameters.
    pub(super) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(-32_602, message)
    }

    /// A header says something else than the message.
    pub(super) fn header_mismatch(message: impl Into<String>) -> Self {
        Self::new(-32_020, message)
    }

    /// The request is of a version that nobody speaks here.
    pub(super) fn unsupported_version(requested: &str, supported: &[&str]) -> Self {
        let data = json!({ "supported": supported, "requested": requested });
        let message = format!("Unsupported protocol version: {requested}");
        Self { data: Some(Box::new(data)), ..Self::new(-32_022, message) }
    }

    /// The status that goes with it where errors have one of their own.
    pub(super) fn status(&self) -> StatusCode {
        if self.code == -32_601 { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST }
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> i32 {
        self.code
    }

    /// The error as an answer; without an id where the request's is not known.
    pub(super) fn answer(&self, id: Option<&Value>) -> Value {
        let mut answer = json!({
            "jsonrpc": "2.0",
            "id": id,
            "error": { "code": self.code, "message": self.message, "data": self.data },
        });
        if let Some(fields) = answer.as_object_mut().filter(|_| id.is_none()) {
            fields.shift_remove("id");
        }
        if let Some(error) = answer.get_mut("error").and_then(Value::as_object_mut)
            && self.data.is_none()
        {
            error.shift_remove("data");
        }
        answer
    }
}

/// The answer to a request that went well.
pub(super) fn result(id: Value, result: Value) -> Value {
    let fields = [("jsonrpc", "2.0".into()), ("id", id), ("result", result)];
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

impl Message {
    /// # Errors
    ///
    /// The error, with the id of the request as far as there is a good one.
    pub(super) fn try_from_json(value: Value) -> Result<Self, (RpcError, Option<Value>)> {
        let invalid = |text: &str| Err((RpcError::invalid_request(text), None));
        let Value::Object(mut fields) = value else {
            return invalid("a message is a JSON object");
        };
        if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return invalid("a message says `\"jsonrpc\": \"2.0\"`");
        }
        let id = fields.remove("id");
        let good_id = id.clone().filter(|id| id.is_string() || id.is_i64() || id.is_u64());
        let method = match fields.remove("method") {
            Some(Value::String(method)) => method,
            Some(_) => return Err((RpcError::invalid_request("`method` is a text"), good_id)),
            None if fields.contains_key("result") || fields.contains_key("error") => {
                return Ok(Self::Response);
            }
            None => return Err((RpcError::invalid_request("a message has a `method`"), good_id)),
        };
        if id.is_none() {
            return Ok(Self::Notification);
        }
        let Some(id) = good_id else { return invalid("`id` is a text or a whole number") };
        let params = match fields.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err((RpcError::invalid_params("`params` is an object"), Some(id))),
        };
        Ok(Self::Request(Request { id, method, params }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(value: Value) -> (i32, Option<Value>) {
        let (error, id) = Message::try_from_json(value).unwrap_err();
        (error.code, id)
    }

    #[test]
    fn a_message_is_a_request_a_notification_or_a_response() {
        let request = json!({"jsonrpc": "2.0", "id": "a", "method": "ping"});
        let expected = Request { id: json!("a"), method: "ping".into(), params: Map::new() };
        assert_eq!(Message::try_from_json(request), Ok(Message::Request(expected)));
        let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized", "params": []});
        assert_eq!(Message::try_from_json(notification), Ok(Message::Notification));
        for answer in ["result", "error"] {
            let response = json!({"jsonrpc": "2.0", "id": 1, answer: {}});
            assert_eq!(Message::try_from_json(response), Ok(Message::Response));
        }
    }

    #[test]
    fn what_is_no_message_is_an_error_with_the_id_where_there_is_a_good_one() {
        for (value, expected) in [
            (json!(null), (-32_600, None)),
            (json!("ping"), (-32_600, None)),
            (json!({"id": 1, "method": "ping"}), (-32_600, None)),
            (json!({"jsonrpc": 2.0, "id": 1, "method": "ping"}), (-32_600, None)),
            (json!({"jsonrpc": "2.0", "id": null, "method": "ping"}), (-32_600, None)),
            (json!({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}), (-32_600, None)),
            (json!({"jsonrpc": "2.0", "id": {}, "method": "ping"}), (-32_600, None)),
            (json!({"jsonrpc": "2.0", "id": 1}), (-32_600, Some(json!(1)))),
            (json!({"jsonrpc": "2.0", "id": 1, "method": 7}), (-32_600, Some(json!(1)))),
            (json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}), (-32_602, Some(json!(1)))),
        ] {
            assert_eq!(code(value.clone()), expected, "{value}");
        }
    }
}
