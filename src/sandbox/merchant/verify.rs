//! Standard Webhooks from the receiver's side, and the verification token beside it.
//!
//! `webhook-signature` carries one or more `v1,<base64 HMAC-SHA-256(secret, id.timestamp.body)>`, separated by spaces;
//! one that fits is enough. Pure: time is an argument.

use std::collections::HashMap;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::DEFAULT_NAME;
use crate::crypto::{constant_time_eq, hmac_sha256};

/// How far `webhook-timestamp` may be from the merchant's clock.
const TOLERANCE_S: i64 = 5 * 60;

/// What the merchant was told when it registered a webhook. A sandbox's secret protects nothing, so it may be printed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The last part of `/webhooks/{name}`; `default` for `/webhooks`.
    #[serde(default = "default_name")]
    pub name: String,
    /// `whsec_<base64>`.
    pub secret: String,
    /// Expected in `X-Webhook-Verification-Token`.
    #[serde(default)]
    pub verification_token: Option<String>,
}

fn default_name() -> String {
    DEFAULT_NAME.into()
}

impl Secret {
    /// Refuses, in words, what is not a secret.
    pub(super) fn check(&self) -> Result<(), String> {
        self.key().filter(|k| !k.is_empty()).map(|_| ()).ok_or("a secret is whsec_<base64>".into())
    }

    fn key(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.secret.strip_prefix("whsec_")?).ok()
    }
}

/// Why a webhook was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unverified {
    #[error("no secret is set for this name")]
    NoSecret,
    #[error("a webhook header is missing or cannot be read")]
    Headers,
    #[error("webhook-timestamp is too far from now")]
    Time,
    #[error("no signature fits")]
    Signature,
    #[error("the verification token is missing or wrong")]
    Token,
}

/// The secrets by webhook name.
#[derive(Default)]
pub(super) struct Secrets(HashMap<String, Secret>);

impl Secrets {
    pub fn put(&mut self, secret: Secret) {
        self.0.insert(secret.name.clone(), secret);
    }

    pub fn verify(&self, name: &str, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<(), Unverified> {
        let secret = self.0.get(name).ok_or(Unverified::NoSecret)?;
        let key = secret.key().ok_or(Unverified::NoSecret)?;
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let read = |name: &str| header(name).ok_or(Unverified::Headers);
        let (id, stamp, signatures) = (read("webhook-id")?, read("webhook-timestamp")?, read("webhook-signature")?);
        let sent: i64 = stamp.parse().map_err(|_| Unverified::Headers)?;
        if now.timestamp().abs_diff(sent) > TOLERANCE_S.unsigned_abs() {
            return Err(Unverified::Time);
        }
        let mac = hmac_sha256(&key, &[id.as_bytes(), b".", stamp.as_bytes(), b".", body]);
        let fits = |signature: &str| STANDARD.decode(signature).is_ok_and(|given| constant_time_eq(&given, &mac));
        if !signatures.split(' ').filter_map(|s| s.strip_prefix("v1,")).any(fits) {
            return Err(Unverified::Signature);
        }
        match &secret.verification_token {
            Some(token) if header("x-webhook-verification-token") != Some(token) => Err(Unverified::Token),
            _ => Ok(()),
        }
    }
}
