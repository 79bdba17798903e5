//! Failures as the public contract prints them (contracts/paystrator.md 2.3): code, message, action, reason.
//!
//! `action` always says what the caller can do. A fault of ours is logged once with its causes and tells the caller
//! nothing but a request id.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::RequestId;
use crate::documents;
use crate::domain::ids;
use crate::flows::once;
use crate::flows::send_money::Refused;
use crate::store;

/// A failure on its way out. [`finish`] writes its body, with the request's id.
#[derive(Clone, Debug)]
pub struct ApiError {
    pub status: StatusCode,
    /// Boxed: every handler carries the room for one.
    pub body: Box<ErrorBody>,
    pub retry_after_s: Option<u64>,
}

/// What went wrong, and what to do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// Stable and machine-readable.
    #[schema(example = "wrong_parameters_in_request")]
    pub code: String,
    /// For people.
    pub message: String,
    /// What the caller can do.
    pub action: String,
    /// Why it happened.
    pub reason: String,
    /// Every field that is wrong, missing or unknown, on a 400; the one that stands in the way, on some 409.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// The payment that is already there, on a 409 for a used externalId.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing: Option<Existing>,
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    #[schema(example = "amount")]
    pub field: String,
    #[schema(example = "must be above 0")]
    pub message: String,
}

/// What already holds a used externalId.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Existing {
    pub id: String,
    pub status: String,
}

/// The envelope of a failure.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    pub error: ErrorBody,
    pub request_id: String,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &str, message: &str, action: &str, reason: &str) -> Self {
        let body = ErrorBody {
            code: code.into(),
            message: message.into(),
            action: action.into(),
            reason: reason.into(),
            fields: Vec::new(),
            existing: None,
        };
        ApiError { status, body: Box::new(body), retry_after_s: None }
    }

    /// 400 with every wrong field named.
    pub fn fields(fields: Vec<FieldError>) -> Self {
        let named: Vec<String> = fields.iter().map(|f| format!("{} {}", f.field, f.message)).collect();
        let mut error = ApiError::new(
            StatusCode::BAD_REQUEST,
            "wrong_parameters_in_request",
            &named.join("; "),
            "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "Required parameters are missing or not valid.",
        );
        error.body.fields = fields;
        error
    }

    /// 400 for one field.
    pub fn field(field: &str, message: &str) -> Self {
        ApiError::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// The same with the field it is about.
    pub fn naming(mut self, field: &str, message: &str) -> Self {
        self.body.fields.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// 401: contracts/paystrator.md 2.4.
    pub fn permission_denied() -> Self {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "permission_denied",
            "The credential is missing, wrong, expired or revoked.",
            "Send your API key, or a token from POST /v1/auth/token not older than five minutes, \
             as `Authorization: Bearer …` or `publicAccessToken: Bearer …`.",
            "The caller could not be recognised.",
        )
    }

    /// 403: the caller is known and may not do this.
    pub fn forbidden(code: &str, message: &str, action: &str) -> Self {
        ApiError::new(StatusCode::FORBIDDEN, code, message, action, "The caller is not allowed to do this.")
    }

    /// 404: not there, or another client's.
    pub fn not_found(what: &str) -> Self {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            &format!("There is no such {what}."),
            "Check the id, and that your key is of the same mode (test or live).",
            "Nothing with this id belongs to your account.",
        )
    }

    /// 409: as things stand it cannot be done. `action` says what can.
    pub fn conflict(code: &str, message: &str, action: &str) -> Self {
        ApiError::new(StatusCode::CONFLICT, code, message, action, "It does not fit how things stand.")
    }

    /// 422: a repeat that is none.
    pub fn key_reused() -> Self {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This Idempotency-Key was used with another request.",
            "Use the key only to repeat the very same request; take a new key for a new one.",
            "The body or route differs from the first request's.",
        )
    }

    /// 503: nothing was done that the caller could rely on.
    pub fn unavailable() -> Self {
        let mut error = ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "The service cannot answer now.",
            "Send the same request again, with the same externalId and Idempotency-Key: the outcome of this one is \
             not known, and repeating it does nothing twice.",
            "A part of the service did not answer in time.",
        );
        error.retry_after_s = Some(1);
        error
    }

    /// 500: logged here, once, with its causes.
    pub fn fault(error: &anyhow::Error) -> Self {
        let of_documents = matches!(error.downcast_ref(), Some(documents::Error::Store(_)));
        if of_documents || error.downcast_ref::<store::Error>().is_some_and(store::Error::is_momentary) {
            tracing::warn!(%error, "answered 503");
            return ApiError::unavailable();
        }
        tracing::error!(error = format!("{error:#}"), "answered 500");
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong on our side.",
            "Repeat the same request; if it fails again, tell us the requestId.",
            "A fault of the service.",
        )
    }
}

impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        ApiError::fault(&error)
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        ApiError::fault(&error.into())
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let conflict = |code: &str, message: &str, action: &str, reason: &str| {
            ApiError::new(StatusCode::CONFLICT, code, message, action, reason)
        };
        match refused {
            Refused::Sender => conflict(
                "invalid_sender_id",
                "The senderId is not one of your verified senders.",
                "Leave senderId out to send in your own name, or give your own client id.",
                "The sender is unknown or belongs to another client.",
            ),
            Refused::NoConnection(why) => conflict(
                "no_connection",
                &format!("No connection can take this payment: {why}."),
                "Connect a provider for this destination and currency, or set one to ACTIVE.",
                "Every connection of the sequence was skipped.",
            ),
            Refused::ExternalIdUsed { id, status } => {
                let id = ids::show(ids::SEND_MONEY, id);
                let mut error = conflict(
                    "invalid_parameters_in_request",
                    "This externalId was used before.",
                    "Read the existing payment with GET /v1/get-status. Do not invent a new externalId for the same \
                     payment: it would be paid twice.",
                    "An externalId is unique for ever.",
                );
                error.body.existing = Some(Existing { id, status });
                error
            }
            Refused::KeyReused => ApiError::key_reused(),
            Refused::Store(error) => error.into(),
            Refused::Fault(error) => error.into(),
        }
    }
}

impl From<once::Refused> for ApiError {
    fn from(refused: once::Refused) -> Self {
        match refused {
            once::Refused::KeyReused => ApiError::key_reused(),
            once::Refused::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The outermost layer: gives each request an id, and failures their body.
pub async fn finish(mut request: Request, next: Next) -> Response {
    let id = RequestId::new();
    request.extensions_mut().insert(id.clone());
    let (method, path) = (request.method().clone(), loggable(request.uri().path()));
    let mut response = next.run(request).await;
    // What the layers below answered without a body of ours gets one too.
    let error = response.extensions_mut().remove::<ApiError>().or_else(|| bare(&response));
    if let Some(error) = error {
        tracing::info!(request = %id.0, %method, path, status = error.status.as_u16(), code = error.body.code, "refused");
        let retry_after = error.retry_after_s;
        let failure = Failure { status: error.status.as_u16(), error: *error.body, request_id: id.0.clone() };
        let body = serde_json::to_vec(&failure).unwrap_or_default();
        response = (error.status, [(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// A path as it may stand in the log: a link to a document is leave to read it.
fn loggable(path: &str) -> String {
    match path.strip_prefix("/v1/files/") {
        Some(_) => "/v1/files/…".into(),
        None => path.to_owned(),
    }
}

/// A time-out's answer: a status and nothing else.
fn bare(response: &Response) -> Option<ApiError> {
    let dressed = response.headers().contains_key(header::CONTENT_TYPE);
    (response.status() == StatusCode::SERVICE_UNAVAILABLE && !dressed).then(ApiError::unavailable)
}

/// 413.
pub fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "The request body is too large.",
        "Send a smaller body; metadata is the part that usually grows.",
        "Bodies are limited.",
    )
}

/// 404 for an address that is no route.
pub async fn no_such_route() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_such_route",
        "There is nothing at this address.",
        "See /docs for every address of this API.",
        "The path is not part of the API.",
    )
}

/// 405.
pub async fn no_such_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This address does not take that method.",
        "See /docs for the methods of each address.",
        "The path exists with other methods.",
    )
}
