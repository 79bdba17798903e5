//! KasPro's access token (contracts/kaspro.md 1.0), and the signed call that carries it.
//!
//! A 401 or 403 of the gateway was refused before it was passed on: it gets one fresh token, a new signature over the
//! same request, and one more try; nothing else does.

use std::time::Duration;

use axum::http::Method;

use super::wire::TokenAnswer;
use super::{Access, KasPro, mapping, signing};
use crate::crypto::secret::{ExposeSecret, SecretString};
use crate::outbound::Outcome;
use crate::providers::Call;
use crate::providers::budget::{Budget, Exchange};
use crate::providers::call::{Ask, path_of};
use crate::providers::tokens::Minted;

/// A call to be signed.
pub struct Question<'a> {
    pub operation: &'static str,
    pub method: Method,
    pub path: &'a str,
    /// With its question mark, or nothing. It is not signed.
    pub query: String,
    pub body: Vec<u8>,
    pub exchange: Exchange,
}

impl KasPro {
    /// Asks with a signature and a token. The error says why nothing was asked, or why what was asked was surely not
    /// passed on: no token, no turn, or a refusal of the gateway and then no fresh token.
    pub(super) async fn ask(
        &self,
        call: &Call,
        access: &Access,
        budget: &Budget,
        question: &Question<'_>,
    ) -> Result<Outcome, String> {
        let mint = || self.mint(call, access, budget);
        let token = self.tokens.get(access.token_key, call, budget, None, mint).await?;
        let outcome = self.signed(call, access, budget, question, &token).await?;
        if !mapping::is_unauthorized(&outcome) {
            return Ok(outcome);
        }
        let fresh = self.tokens.get(access.token_key, call, budget, Some(&token), mint).await?;
        self.signed(call, access, budget, question, &fresh).await
    }

    async fn signed(
        &self,
        call: &Call,
        access: &Access,
        budget: &Budget,
        question: &Question<'_>,
        token: &SecretString,
    ) -> Result<Outcome, String> {
        if !self.pace.turn(&access.base).await {
            return Err("no turn: too many calls are waiting".into());
        }
        let timeout = budget.time_for(question.exchange)?;
        let (operation, method) = (question.operation, question.method.clone());
        let url = format!("{}{}{}", access.base, question.path, question.query);
        let date = signing::date(call.clock.now());
        let secret = access.hmac_secret.expose_secret();
        let signature = signing::signature(secret, method.as_str(), path_of(&url), &date);
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Accept".to_owned(), "application/json".to_owned()),
            ("Authorization".to_owned(), format!("Bearer {}", token.expose_secret())),
            ("Date".to_owned(), date),
            ("KasPro-Signature".to_owned(), signing::header(&access.hmac_key, &signature)),
            ("Partner-Key".to_owned(), access.hmac_key.clone()),
            ("Origin".to_owned(), access.origin.clone()),
        ];
        let body = question.body.clone();
        Ok(call.exchange(Ask { operation, method, url, headers, body, timeout }).await)
    }

    async fn mint(&self, call: &Call, access: &Access, budget: &Budget) -> Result<Minted, String> {
        let timeout = budget.time_for(Exchange::Before(self.token_timeout()))?;
        let (id, secret) =
            (signing::percent(&access.client_id), signing::percent(access.client_secret.expose_secret()));
        let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}").into_bytes();
        let headers = vec![
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("Accept".to_owned(), "application/json".to_owned()),
        ];
        let url = format!("{}{}", access.base, self.config.token_path);
        let ask = Ask { operation: "token", method: Method::POST, url, headers, body, timeout };
        let answer = match call.exchange_secret(ask).await {
            Outcome::NotSent { reason } | Outcome::Unknown { reason } => return Err(reason),
            Outcome::Answered(answer) if answer.status == 200 => answer,
            Outcome::Answered(answer) => return Err(format!("HTTP {}", answer.status)),
        };
        let answer: TokenAnswer =
            serde_json::from_slice(&answer.body).map_err(|_| "the answer is not readable".to_owned())?;
        let token = answer.access_token.filter(|token| !token.is_empty()).ok_or("the answer holds none")?;
        let said = answer.expires_in.and_then(|text| text.parse().ok());
        let lives = Duration::from_secs(said.unwrap_or(self.config.token_life_s));
        Ok(Minted { token: SecretString::from(token), lives })
    }
}
