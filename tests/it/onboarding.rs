//! Onboardings by API, with stand-ins that verify, fetch and answer: from draft to connected, revised, rejected, withdrawn,
//! told to webhooks, and seen by nobody else.

use paystrator::crypto::hmac_sha256;
use paystrator::domain::access::Rights;
use paystrator::domain::service::Mode;
use paystrator::flows::access;
use serde_json::{Value, json};

use crate::support::kyb::{example, set as set_field};
use crate::support::onboarding::{lines, nothing, set, wanted};
use crate::support::{Options, World, run_with};

fn options(codes: &[&str]) -> Options {
    Options { kyb: codes.iter().map(|code| (*code).to_owned()).collect(), ..Options::default() }
}

/// Status and code of a refusal.
fn told(reply: &crate::support::http::Reply) -> String {
    format!("{} {}", reply.status, reply.body["error"]["code"].as_str().unwrap_or_default())
}

fn account(world: &World) -> Value {
    let oy = world.sandbox.describe()["oy"].take();
    json!({ "label": "By onboarding", "credentials": oy["credentials"], "settings": oy["settings"] })
}

#[tokio::test]
async fn the_seeds_example_goes_from_draft_to_connected() {
    run_with(options(&["oy"]), async |world| {
        let office = world.office("oy");
        let secret = world.sandbox.describe()["oy"]["credentials"]["api_key"].clone();
        set(office, json!({ "plan": "approve", "account_secret": secret }));
        let events = world.endpoint("main").await;
        let path = format!("/v1/webhook-endpoints/{events}");
        let body = json!({ "events": ["onboarding.updated"] }).to_string();
        assert_eq!(world.caller.call("PATCH", &path, Some(body), &[("If-Match", "*")]).await.status, 200);
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        let story = world.until_stands(&reference, "approved").await;
        assert_eq!(lines(&story), ["submitted v1", "answered received v1", "told processing v1", "told approved v1"]);
        let mut reply = world.caller.get(&format!("/v1/onboarding/{reference}")).await;
        let age = reply.body["data"]["onboarding"].as_object_mut().unwrap().remove("age_s");
        assert!(age.unwrap().as_i64().unwrap() < 60);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 200
        {
          "data": {
            "conversation": [
              {
                "at": "[at]",
                "changed_fields": [],
                "file_version": 1,
                "kind": "submitted",
                "last_at": "[last_at]",
                "note": null,
                "remarks": null,
                "status": null,
                "times": 1,
                "who": "Ani"
              },
              {
                "at": "[at]",
                "changed_fields": [],
                "file_version": 1,
                "kind": "answered",
                "last_at": "[last_at]",
                "note": null,
                "remarks": null,
                "status": "received",
                "times": 1,
                "who": "provider"
              },
              {
                "at": "[at]",
                "changed_fields": [],
                "file_version": 1,
                "kind": "told",
                "last_at": "[last_at]",
                "note": null,
                "remarks": null,
                "status": "processing",
                "times": 1,
                "who": "provider"
              },
              {
                "at": "[at]",
                "changed_fields": [],
                "file_version": 1,
                "kind": "told",
                "last_at": "[last_at]",
                "note": null,
                "remarks": null,
                "status": "approved",
                "times": 1,
                "who": "provider"
              }
            ],
            "onboarding": {
              "connection_id": null,
              "created_at": "[created_at]",
              "created_by": "Ani",
              "file_version": 1,
              "may_submit": false,
              "mode": "test",
              "next": {
                "explanation": "Connect the account that the provider gave you.",
                "step": "connect"
              },
              "next_try_at": null,
              "provider": "oy",
              "provider_name": "OY! Indonesia",
              "reference_id": "[reference_id]",
              "since": "[since]",
              "status": "approved",
              "stuck": false,
              "tries": 0,
              "updated_at": "[updated_at]"
            }
          },
          "errors": null,
          "status": 200
        }
        "###);

        // What the provider got: signed, whole, and every document by its link.
        let receipt = office.wait_for(|| office.received().into_iter().find(|receipt| receipt.fetched)).await;
        assert_eq!((receipt.reference_id.as_str(), receipt.version, receipt.copies), (reference.as_str(), Some(1), 1));
        assert_eq!(receipt.body["stakeholder"][0]["director_name"], "John Doe");
        assert_eq!(receipt.body["business_info"], example()["business_info"]);
        assert!(receipt.body.get("revision").is_none() && !receipt.body.to_string().contains("per_"));
        assert_eq!(receipt.documents.len(), 15);
        for document in &receipt.documents {
            assert_eq!((document.status, document.bytes), (Some(200), 3_000), "{document:?}");
        }

        // Connected: a token of the credentials, the service, the environment and the callback's address.
        let done = world.act(&reference, "connect", account(&world)).await;
        assert_eq!((done.status, &done.body["data"]["works"]), (200, &json!(true)), "{}", done.body);
        let test = office.tests().remove(0);
        assert_eq!((test.service.as_deref(), test.env.as_deref()), (Some("send_money"), Some("sandbox")));
        assert!(test.endpoint.unwrap().contains("/v1/callback/send/send_money/"));
        assert_eq!((&test.claims["iss"], &test.claims["aud"]), (&json!("paystrator"), &json!("oy")));
        let connection = done.body["data"]["connection_id"].as_str().unwrap();
        let made = world.caller.get(&format!("/v1/providers/{connection}")).await;
        assert_eq!(
            (&made.body["data"]["status"], &made.body["data"]["label"]),
            (&json!("INACTIVE"), &json!("By onboarding"))
        );
        let story = world.onboarding(&reference).await;
        assert_eq!(story["onboarding"]["status"], "connected");
        assert_eq!((lines(&story).len(), lines(&story)[4].as_str()), (5, "connected connected v1"));
        // The same call again finds it done, and makes nothing.
        let again = world.act(&reference, "connect", account(&world)).await;
        assert_eq!((again.status, again.body["data"]["connection_id"].as_str()), (200, Some(connection)));
        // At the end the links lead nowhere.
        let link = &receipt.documents[0].url;
        assert_eq!(reqwest::get(link).await.unwrap().status(), 404);

        // Told without remarks, names or anything else of the file.
        let merchant = &world.sandbox.merchant;
        for (version, status) in
            [(1, "submitted"), (2, "received"), (3, "processing"), (4, "approved"), (5, "connected")]
        {
            let got = merchant.wait_for(|got| got.version == Some(version) && got.kind == "onboarding.updated").await;
            let body: Value = serde_json::from_str(&got.body).unwrap();
            let expected = json!({
                "reference_id": reference, "provider": "oy", "mode": "test", "status": status, "version": version,
            });
            assert_eq!(body["data"], expected);
        }
        world
    })
    .await;
}

#[tokio::test]
async fn a_revision_is_a_conversation() {
    run_with(options(&["oy"]), async |world| {
        let office = world.office("oy");
        set(office, json!({ "plan": "revise" }));
        let mut file = world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        let story = world.until_stands(&reference, "need_revision").await;
        let asked = &story["conversation"][3];
        assert_eq!(asked["remarks"], "The NIB certificate cannot be read. Upload a sharper scan.");
        assert_eq!(story["onboarding"]["next"]["step"], "revise");
        // The same version again is nothing new.
        assert_eq!(told(&world.act(&reference, "submit", nothing()).await), "409 nothing_new");
        let sharper = crate::support::files::uploaded(&world.caller, "sharper.pdf").await;
        set_field(&mut file, "documents.nib_document", Some(json!(sharper)));
        set_field(&mut file, "stakeholder[0].phone", Some(json!("+628111222333")));
        world.save_kyb(&file, Some("\"1\"")).await;
        let listed = world.caller.get("/v1/onboarding").await;
        assert_eq!(listed.body["data"]["items"][0]["may_submit"], true);
        let submitted = world.act(&reference, "submit", nothing()).await;
        assert_eq!(
            (submitted.status, &submitted.body["data"]["status"]),
            (200, &json!("submitted")),
            "{}",
            submitted.body
        );
        let story = world.until_stands(&reference, "approved").await;
        assert_eq!(
            lines(&story),
            [
                "submitted v1",
                "answered received v1",
                "told processing v1",
                "told need_revision v1",
                "submitted v2",
                "answered received v2",
                "told processing v2",
                "told approved v2",
            ]
        );
        let changed = json!(["documents.nib_document", "stakeholder[0].phone"]);
        assert_eq!(story["conversation"][4]["changed_fields"], changed);
        let receipts = office.received();
        assert_eq!(receipts.len(), 2);
        assert_eq!(receipts[1].body["revision"], json!({ "version": 2, "changed_fields": changed }));
        assert_eq!(receipts[1].idempotency_key, format!("{reference}.2"));
        // What was approved takes no further version.
        world.save_kyb(&world.with_uploads(example()).await, Some("\"2\"")).await;
        assert_eq!(told(&world.act(&reference, "submit", nothing()).await), "409 onboarding_stands");
        world
    })
    .await;
}

#[tokio::test]
async fn it_begins_at_all_or_at_none() {
    run_with(options(&["oy", "kaspro"]), async |world| {
        let begin = async |codes: &[&str]| world.caller.post("/v1/onboarding", wanted(codes)).await;
        // No file, then one that lacks something: named for each provider.
        assert_eq!(told(&begin(&["oy"]).await), "422 kyb_incomplete");
        let mut file = world.with_uploads(example()).await;
        set_field(&mut file, "supporting.bank_account_proof", None);
        let file = world.save_kyb(&file, None).await;
        let reply = begin(&["oy", "kaspro"]).await;
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 422
        {
          "error": {
            "action": "Complete the file with PUT /v1/kyb as error.fields says, provider by provider. Nothing was sent.",
            "code": "kyb_incomplete",
            "fields": [
              {
                "field": "oy.supporting.bank_account_proof",
                "message": "Upload the first page of the company's bank book."
              },
              {
                "field": "kaspro.supporting.bank_account_proof",
                "message": "Upload the first page of the company's bank book."
              }
            ],
            "message": "oy.supporting.bank_account_proof: Upload the first page of the company's bank book. kaspro.supporting.bank_account_proof: Upload the first page of the company's bank book.",
            "reason": "It cannot be sent to a provider as it is."
          },
          "requestId": "[requestId]",
          "status": 422
        }
        "###);
        let mut whole = file.clone();
        let proof = crate::support::files::uploaded(&world.caller, "proof.pdf").await;
        set_field(&mut whole, "supporting.bank_account_proof", Some(json!(proof)));
        world.save_kyb(&whole, Some("\"1\"")).await;
        // Nobody's, nobody's of live mode, twice, and questions nobody asks.
        let reply = begin(&["oy", "nobody"]).await;
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 422
        {
          "error": {
            "action": "Correct what error.fields names and send the request again. Nothing was begun.",
            "code": "onboarding_not_possible",
            "fields": [
              {
                "field": "providers[1].provider",
                "message": "takes no onboardings of mode test here; those who do: kaspro, oy"
              }
            ],
            "message": "providers[1].provider: takes no onboardings of mode test here; those who do: kaspro, oy",
            "reason": "It cannot be sent to a provider as it is."
          },
          "requestId": "[requestId]",
          "status": 422
        }
        "###);
        assert_eq!(told(&begin(&["oy", "oy"]).await), "422 onboarding_not_possible");
        assert_eq!(told(&begin(&[]).await), "400 wrong_parameters_in_request");
        let asked = json!({ "providers": [{ "provider": "oy", "details": { "bank_id": "7" } }] });
        let reply = world.caller.post("/v1/onboarding", asked).await;
        assert_eq!(told(&reply), "422 onboarding_not_possible");
        assert_eq!(reply.body["error"]["fields"][0]["field"], "providers[0].details.bank_id");
        assert_eq!(world.office("oy").received().len() + world.office("kaspro").received().len(), 0);
        // One runs: the other is not begun either.
        let [first] = world.on_board(&["oy"]).await.try_into().unwrap();
        let reply = begin(&["kaspro", "oy"]).await;
        assert_eq!(told(&reply), "409 onboarding_running");
        assert_eq!(reply.body["error"]["fields"], json!([{ "field": "oy", "message": first }]));
        let listed = world.caller.get("/v1/onboarding").await;
        assert_eq!(listed.body["data"]["items"].as_array().unwrap().len(), 1);
        // A repeat under one key begins nothing more, at once or one after the other.
        let body = wanted(&["kaspro"]).to_string();
        let call = || world.caller.call("POST", "/v1/onboarding", Some(body.clone()), &[("Idempotency-Key", "once")]);
        let both = futures_util::future::join(call(), call()).await;
        let of = |reply: &crate::support::http::Reply| reply.body["data"]["onboardings"][0]["reference_id"].clone();
        assert_eq!(of(&both.0), of(&both.1));
        let mut statuses = [both.0.status, both.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 201]);
        let reused = world.caller.call(
            "POST",
            "/v1/onboarding",
            Some(wanted(&["oy"]).to_string()),
            &[("Idempotency-Key", "once")],
        );
        assert_eq!(told(&reused.await), "422 idempotency_key_reused");
        world
    })
    .await;
}

#[tokio::test]
async fn what_is_withdrawn_is_sent_no_more_and_read_no_more() {
    run_with(options(&["oy"]), async |world| {
        let office = world.office("oy");
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        let receipt = office.wait_for(|| office.received().into_iter().find(|receipt| receipt.fetched)).await;
        world.until_stands(&reference, "received").await;
        let link = receipt.documents[0].url.clone();
        assert_eq!(reqwest::get(&link).await.unwrap().status(), 200);
        let withdrawn = world.act(&reference, "withdraw", nothing()).await;
        assert_eq!((withdrawn.status, &withdrawn.body["data"]["status"]), (200, &json!("withdrawn")));
        assert_eq!(reqwest::get(&link).await.unwrap().status(), 404);
        assert_eq!(world.act(&reference, "withdraw", nothing()).await.status, 200);
        assert_eq!(told(&world.act(&reference, "submit", nothing()).await), "409 onboarding_stands");
        assert_eq!(told(&world.act(&reference, "connect", account(&world)).await), "409 onboarding_stands");
        assert_eq!(world.number("SELECT count(*) FROM connection").await, 1, "nothing was made for it");
        let (status, body) = office.post(&reference, "approved", None, None).await.unwrap();
        assert_eq!((status, &body["error"]["existing"]["status"]), (409, &json!("withdrawn")));
        // The place is free again.
        world.on_board(&["oy"]).await;
        world
    })
    .await;
}

#[tokio::test]
async fn connecting_needs_no_status_and_explains_what_is_wrong() {
    run_with(options(&["oy"]), async |world| {
        let office = world.office("oy");
        let secret = world.sandbox.describe()["oy"]["credentials"]["api_key"].clone();
        set(office, json!({ "account_secret": secret }));
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        // Wrong fields are named, and nothing is made.
        let mut wrong = account(&world);
        wrong["credentials"] = json!({ "username": "u" });
        let reply = world.act(&reference, "connect", wrong.clone()).await;
        assert_eq!(told(&reply), "400 wrong_parameters_in_request");
        // A secret that the provider does not know.
        wrong["credentials"] = json!({ "username": "somebody", "api_key": "not-the-key" });
        let reply = world.act(&reference, "connect", wrong.clone()).await;
        let data = &reply.body["data"];
        assert_eq!(
            (reply.status, &data["works"], &data["result"]),
            (200, &json!(false), &json!("wrong_secret")),
            "{}",
            reply.body
        );
        let first = data["connection_id"].clone();
        assert_ne!(data["onboarding"]["status"], "connected");
        // What was said is found again by a keyed hash: a bare one of a short secret could be guessed back.
        let said = json!([wrong["label"], null, wrong["credentials"], wrong["settings"]]).to_string();
        let keyed = hmac_sha256(&world.app.keys.purpose_key("onboarding account"), &[said.as_bytes()]);
        let kept = "SELECT key, body_hash FROM idempotency WHERE key LIKE $1 || '/%'";
        let kept: Vec<(String, Vec<u8>)> = sqlx::query_as(kept).bind(&reference).fetch_all(&world.sql).await.unwrap();
        assert_eq!(kept, [(format!("{reference}/{}/0", hex::encode(&keyed[..8])), keyed.to_vec())]);
        // The same again tests the same connection; other credentials put another in its place, under the same label.
        let again = world.act(&reference, "connect", wrong).await;
        assert_eq!(again.body["data"]["connection_id"], first);
        let good = world.act(&reference, "connect", account(&world)).await;
        assert_eq!((good.status, &good.body["data"]["works"]), (200, &json!(true)), "{}", good.body);
        assert_ne!(good.body["data"]["connection_id"], first);
        assert_eq!(world.caller.get(&format!("/v1/providers/{}", first.as_str().unwrap())).await.status, 404);
        assert_eq!(world.onboarding(&reference).await["onboarding"]["status"], "connected");
        let (status, body) = office.post(&reference, "approved", None, None).await.unwrap();
        assert_eq!((status, &body["error"]["code"]), (409, &json!("status_out_of_order")));
        world
    })
    .await;
}

#[tokio::test]
async fn nobody_else_sees_it_and_the_other_mode_does_not() {
    run_with(options(&["oy"]), async |world| {
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        let rights = Rights::all();
        // By the flows, as live keys are refused at this speed.
        let caller = access::Caller {
            client_id: world.client_id,
            by: access::By::Key(uuid::Uuid::nil()),
            mode: Mode::Live,
            rights,
            person: "Ani".into(),
            by_token: false,
        };
        let flows = paystrator::flows::onboarding::list(&world.app, &caller, None, 10).await.unwrap();
        assert!(flows.is_empty());
        let id = paystrator::domain::onboarding::parse_reference(&reference).unwrap();
        assert!(paystrator::flows::onboarding::read(&world.app, &caller, id).await.unwrap().is_none());
        let withdrawn = paystrator::flows::onboarding::withdraw(&world.app, &caller, id).await;
        assert!(matches!(withdrawn, Err(paystrator::flows::onboarding::Refused::NotFound)));
        let stranger = world.stranger().await;
        assert_eq!(stranger.get("/v1/onboarding").await.body["data"]["items"], json!([]));
        assert_eq!(stranger.get(&format!("/v1/onboarding/{reference}")).await.status, 404);
        let none = world.caller.get(&format!("/v1/onboarding/{reference}/provider-data")).await;
        assert_eq!((none.status, &none.body["data"]["data"]), (200, &Value::Null));
        world
    })
    .await;
}

#[tokio::test]
async fn the_list_goes_page_by_page() {
    run_with(options(&["oy", "kaspro", "a", "b", "c"]), async |world| {
        world.complete_file().await;
        let all = world.on_board(&["oy", "kaspro", "a", "b", "c"]).await;
        let mut seen = Vec::new();
        let mut path = "/v1/onboarding?limit=2".to_owned();
        loop {
            let page = world.caller.get(&path).await.body["data"].take();
            let items = page["items"].as_array().unwrap();
            seen.extend(items.iter().map(|item| item["reference_id"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            path = format!("/v1/onboarding?limit=2&cursor={cursor}");
        }
        assert_eq!(seen, all.into_iter().rev().collect::<Vec<_>>());
        assert_eq!(told(&world.caller.get("/v1/onboarding?cursor=x").await), "400 wrong_parameters_in_request");
        world
    })
    .await;
}
