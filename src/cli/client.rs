//! A client of the API as any merchant would write one: a key, JSON in, JSON out.

use std::time::Duration;

use axum::http::Method;
use serde_json::Value;

use crate::outbound::{Outbound, Outcome, Request};

pub struct Client {
    url: String,
    key: String,
    outbound: Outbound,
}

impl Client {
    pub fn new(url: &str, key: &str, outbound: Outbound) -> Self {
        Client { url: url.into(), key: key.into(), outbound }
    }

    /// Status and body of a GET.
    pub async fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        self.call(Method::GET, path, Vec::new(), &[]).await
    }

    /// Status and body of a POST, with headers on top.
    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> anyhow::Result<(u16, Value)> {
        self.call(Method::POST, path, body.to_string().into_bytes(), headers).await
    }

    /// Status and body of a PUT, with headers on top.
    pub async fn put(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> anyhow::Result<(u16, Value)> {
        self.call(Method::PUT, path, body.to_string().into_bytes(), headers).await
    }

    /// Status and body of a POST whose body is a file of this media type.
    pub async fn upload(&self, path: &str, media_type: &str, file: &[u8]) -> anyhow::Result<(u16, Value)> {
        self.call(Method::POST, path, file.to_vec(), &[("Content-Type", media_type)]).await
    }

    /// Status and body of a DELETE.
    pub async fn delete(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        self.call(Method::DELETE, path, Vec::new(), &[]).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        extra: &[(&str, &str)],
    ) -> anyhow::Result<(u16, Value)> {
        let mut headers = vec![("Authorization".to_owned(), format!("Bearer {}", self.key))];
        if !extra.iter().any(|(name, _)| *name == "Content-Type") {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        headers.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let url = format!("{}{path}", self.url);
        let request = Request { method, url, headers, body, timeout: Duration::from_secs(90) };
        match self.outbound.provider(request).await {
            Outcome::Answered(answer) => {
                Ok((answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null)))
            }
            Outcome::NotSent { reason } | Outcome::Unknown { reason } => anyhow::bail!("{path}: {reason}"),
        }
    }
}
