//! DOKU's B2B token (contracts/doku.md 2.1), and the signed call that carries it.
//!
//! A 401 was refused before it was worked on: it gets one fresh token and one more try, nothing else does.

use std::time::Duration;

use axum::http::Method;
use serde::Serialize;

use super::wire::{self, TokenAnswer, TokenRequest};
use super::{Access, Doku, mapping, signing};
use crate::crypto::rsa::{KeyRefused, PrivateKey};
use crate::crypto::secret::{ExposeSecret, SecretString};
use crate::outbound::Outcome;
use crate::providers::Call;
use crate::providers::budget::{Budget, Exchange};
use crate::providers::call::{Ask, path_of};
use crate::providers::tokens::Minted;

const TOKEN_PATH: &str = "/authorization/v1/access-token/b2b";

/// The documented life of a token, where an answer does not say.
const TOKEN_LIFE: Duration = Duration::from_secs(900);

/// A call to be signed.
pub struct Question<'a, B> {
    pub operation: &'static str,
    pub path: &'a str,
    pub body: &'a B,
    /// How the code of a 401 begins that refuses this call before it is worked on.
    pub refusal: &'static str,
    pub exchange: Exchange,
}

impl Doku {
    /// Asks with a signature and a token. The error says why nothing was asked, or why what was asked was surely not
    /// worked on: no token, or a 401 and then no fresh token.
    pub(super) async fn ask<B: Serialize + Sync>(
        &self,
        call: &Call,
        access: &Access,
        budget: &Budget,
        question: Question<'_, B>,
    ) -> Result<Outcome, String> {
        let body = wire::ascii(question.body)?;
        let mint = || self.mint(call, access, budget);
        let token = self.tokens.get(access.token_key, call, budget, None, mint).await?;
        let outcome = self.signed(call, access, budget, &question, &body, &token).await?;
        if !mapping::is_unauthorized(&outcome, question.refusal) {
            return Ok(outcome);
        }
        let fresh = self.tokens.get(access.token_key, call, budget, Some(&token), mint).await?;
        self.signed(call, access, budget, &question, &body, &fresh).await
    }

    async fn signed<B>(
        &self,
        call: &Call,
        access: &Access,
        budget: &Budget,
        question: &Question<'_, B>,
        body: &[u8],
        token: &SecretString,
    ) -> Result<Outcome, String> {
        let timeout = budget.time_for(question.exchange)?;
        let url = format!("{}{}", access.base, question.path);
        let now = call.clock.now();
        let (timestamp, token) = (signing::timestamp(now), token.expose_secret());
        let path = path_of(&url);
        let signature = signing::of_call(access.secret_key.expose_secret(), "POST", path, token, body, &timestamp);
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Accept".to_owned(), "application/json".to_owned()),
            ("Authorization".to_owned(), format!("Bearer {token}")),
            ("X-PARTNER-ID".to_owned(), access.client_id.clone()),
            ("X-EXTERNAL-ID".to_owned(), signing::external_id(now)),
            ("X-TIMESTAMP".to_owned(), timestamp),
            ("X-SIGNATURE".to_owned(), signature),
            ("CHANNEL-ID".to_owned(), self.config.channel_id.clone()),
        ];
        let (operation, body) = (question.operation, body.to_vec());
        Ok(call.exchange(Ask { operation, method: Method::POST, url, headers, body, timeout }).await)
    }

    async fn mint(&self, call: &Call, access: &Access, budget: &Budget) -> Result<Minted, String> {
        let timeout = budget.time_for(Exchange::Before(self.token_timeout()))?;
        let refused = |refused: KeyRefused| format!("the private key {refused}");
        let key = PrivateKey::from_pem(access.private_key.expose_secret()).map_err(refused)?;
        let timestamp = signing::timestamp(call.clock.now());
        let signature = signing::of_token_call(&key, &access.client_id, &timestamp).map_err(refused)?;
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Accept".to_owned(), "application/json".to_owned()),
            ("X-CLIENT-KEY".to_owned(), access.client_id.clone()),
            ("X-SIGNATURE".to_owned(), signature),
            ("X-TIMESTAMP".to_owned(), timestamp),
        ];
        let body = wire::ascii(&TokenRequest { grant_type: "client_credentials" })?;
        let url = format!("{}{TOKEN_PATH}", access.base);
        let ask = Ask { operation: "token", method: Method::POST, url, headers, body, timeout };
        let answer: TokenAnswer = mapping::successful(call.exchange_secret(ask).await, &["2007300"])?;
        let token = answer.access_token.filter(|token| !token.is_empty()).ok_or("the answer holds none")?;
        let lives = answer.expires_in.and_then(|text| text.parse().ok()).map_or(TOKEN_LIFE, Duration::from_secs);
        Ok(Minted { token: SecretString::from(token), lives })
    }
}
