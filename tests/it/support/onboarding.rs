//! Onboardings for tests: the stand-ins as targets of the configuration, files that are complete, and what is awaited.

use std::time::Duration;

use paystrator::app::App;
use paystrator::config::Config;
use paystrator::domain::service::Mode;
use paystrator::flows::onboarding::create_provider_key;
use paystrator::sandbox::Sandbox;
use paystrator::sandbox::kyb_provider::KybProvider;
use serde_json::{Map, Value, json};

use super::World;
use super::http::Reply;
use super::kyb::example;

/// Makes a stand-in the target of its code, for test mode.
pub fn aim(config: &mut Config, sandbox: &Sandbox, code: &str, timeout_ms: u64) {
    if let Some(block) = config.onboarding.get_mut("doku").filter(|_| code == "doku") {
        let keys = sandbox.doku_partner.credentials();
        block["test_base_url"] = json!(sandbox.partner_url());
        (block["test_client_id"], block["test_secret_key"]) = (keys["client_id"].clone(), keys["secret_key"].clone());
        return;
    }
    let url = sandbox.kyb_url(code);
    let secret = sandbox.kyb(code).expect("a stand-in").settings().secret;
    let block = json!({
        "way": "push", "test_url": format!("{url}/kyb"), "test_secret": secret,
        "test_connect_url": format!("{url}/connect"), "timeout_ms": timeout_ms, "concurrency": 4,
    });
    config.onboarding.insert(code.to_owned(), block);
}

/// Gives a stand-in its key, and tells it where statuses go.
pub async fn introduce(app: &App, sandbox: &Sandbox, code: &str, url: &str) {
    let (key, _) = create_provider_key(app, code, Mode::Test).await.unwrap();
    let settings = json!({ "provider_key": key, "status_url": format!("{url}/v1/onboarding/status") });
    set(sandbox.kyb(code).expect("a stand-in"), settings);
}

/// Changes the settings of a stand-in.
pub fn set(provider: &KybProvider, settings: Value) {
    let Value::Object(settings) = settings else { panic!("settings are an object") };
    provider.change_settings(settings).unwrap();
}

impl World {
    /// The stand-in of a provider.
    pub fn office(&self, code: &str) -> &KybProvider {
        self.sandbox.kyb(code).expect("a stand-in")
    }

    /// Saves the example's file, with documents that are really there; answers it as it was saved.
    pub async fn complete_file(&self) -> Value {
        let file = self.with_uploads(example()).await;
        self.save_kyb(&file, None).await
    }

    /// Begins onboardings at these providers; answers their references.
    pub async fn on_board(&self, codes: &[&str]) -> Vec<String> {
        let reply = self.caller.post("/v1/onboarding", wanted(codes)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        let all = reply.body["data"]["onboardings"].as_array().unwrap();
        all.iter().map(|one| one["reference_id"].as_str().unwrap().to_owned()).collect()
    }

    /// An onboarding as its client reads it.
    pub async fn onboarding(&self, reference: &str) -> Value {
        let reply = self.caller.get(&format!("/v1/onboarding/{reference}")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body["data"].clone()
    }

    /// An act of the client.
    pub async fn act(&self, reference: &str, act: &str, body: Value) -> Reply {
        self.caller.post(&format!("/v1/onboarding/{reference}/{act}"), body).await
    }

    /// Awaits that an onboarding's story satisfies `done`. Nobody in the process tells of it, so it is read again and again.
    pub async fn until_story(&self, reference: &str, done: impl Fn(&Value) -> bool) -> Value {
        let look = async {
            loop {
                let story = self.onboarding(reference).await;
                if done(&story) {
                    return story;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), look).await {
            Ok(story) => story,
            Err(_) => panic!("it never got there: {:#}", self.onboarding(reference).await),
        }
    }

    /// Awaits a status.
    pub async fn until_stands(&self, reference: &str, status: &str) -> Value {
        self.until_story(reference, |story| story["onboarding"]["status"] == status).await
    }
}

/// The body that asks for these providers.
pub fn wanted(codes: &[&str]) -> Value {
    let providers: Vec<Value> = codes.iter().map(|code| json!({ "provider": code })).collect();
    json!({ "providers": providers })
}

/// What the conversation says, line by line: kind, status, and how often.
pub fn lines(story: &Value) -> Vec<String> {
    let text = |line: &Value, field: &str| line[field].as_str().map(str::to_owned);
    let line = |line: &Value| {
        let status = text(line, "status").map(|status| format!(" {status}")).unwrap_or_default();
        format!("{}{status} v{}", text(line, "kind").unwrap(), line["file_version"])
    };
    story["conversation"].as_array().unwrap().iter().map(line).collect()
}

/// An empty JSON object.
pub fn nothing() -> Value {
    Value::Object(Map::new())
}
