//! The KYB file in the console: every field can be filled in and comes back, whatever is wrong stands beside it, nobody's
//! work is lost to another's, people come and go, and versions can be read.

use paystrator::console::words::Lang;
use paystrator::domain::ids;
use paystrator::domain::kyb::fields::Rule;
use paystrator::domain::role::Role;
use paystrator::flows::access;
use paystrator::flows::kyb::{self, Erasure};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::browser::{Browser, Page};
use crate::support::files::{jpeg, pdf, png};
use crate::support::kyb::{example, fields, run, set, without_ids};

const SCRIPT: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";

/// The steps and the blocks that are filled in there.
const STEPS: [(&str, &[&str]); 6] = [
    ("start", &["submitter", "product_selection"]),
    ("company", &["legal_entity"]),
    ("documents", &["documents"]),
    ("directors", &["stakeholder"]),
    ("supporting", &["supporting"]),
    ("business", &["business_info"]),
];

type Typed = Vec<(String, String)>;

/// What a person types and ticks to fill in what stands in a part of a file.
fn typed(value: &Value, at: &str, all: &mut Typed) {
    match value {
        Value::Object(block) => {
            for (name, value) in block {
                typed(value, &if at.is_empty() { name.clone() } else { format!("{at}.{name}") }, all);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                typed(item, &if item.is_object() { format!("{at}[{n}]") } else { at.to_owned() }, all);
            }
        }
        Value::String(labels) if at == "product_selection" => {
            all.extend(labels.split(", ").map(|label| (at.to_owned(), label.to_owned())));
        }
        Value::String(text) => all.push((at.to_owned(), text.clone())),
        other => all.push((at.to_owned(), other.to_string())),
    }
}

/// The step of a file as its form sends it.
fn of_step(file: &Value, blocks: &[&str]) -> Typed {
    let mut all = Vec::new();
    for block in blocks.iter().filter(|block| file.get(**block).is_some()) {
        typed(&file[*block], block, &mut all);
    }
    all
}

/// Sends a step as it was typed into the page that stands there now.
async fn send(browser: &Browser, step: &str, typed: &Typed, deed: &str) -> Page {
    let page = browser.get(&format!("/console/kyb/{step}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    send_from(browser, &page, step, typed, deed).await
}

/// The same from a page that was looked at before.
async fn send_from(browser: &Browser, page: &Page, step: &str, typed: &Typed, deed: &str) -> Page {
    let version = page.between("name=\"version\" value=\"", "\"");
    let mut all = vec![("version", version), ("do", deed)];
    all.extend(typed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    browser.post(&format!("/console/kyb/{step}"), &all).await
}

/// The error that stands beside a field.
fn error<'a>(page: &'a Page, name: &str) -> &'a str {
    let mark = format!("id=\"{name}-error\">");
    if page.has(&mark) { page.between(&mark, "</p>") } else { "" }
}

async fn file(world: &World) -> Value {
    world.caller.get("/v1/kyb").await.body["data"].clone()
}

#[test]
fn every_field_has_a_name_in_both_languages() {
    for (path, field) in fields() {
        let asked = !matches!(field.rule, Rule::PersonId | Rule::Erased | Rule::Hours);
        for lang in Lang::ALL.into_iter().filter(|_| asked) {
            let key = format!("kyb_field.{}", path.replace("[0]", ""));
            assert!(lang.find(&key).is_some(), "{key} in {lang:?}");
        }
    }
}

#[tokio::test]
async fn the_seeds_example_is_filled_in_step_by_step() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let page = browser.get("/console/kyb").await;
        assert!(page.has("Nothing is filled in yet") && page.has("href=\"/console/kyb/start\">Begin"), "{}", page.body);
        for (n, (step, blocks)) in STEPS.iter().enumerate() {
            let form = browser.get(&format!("/console/kyb/{step}")).await;
            assert!(form.has("aria-current=\"step\"") && !form.has("Nothing is missing here."), "{step}");
            let sent = send(&browser, step, &of_step(&example(), blocks), "next").await;
            let next = STEPS.get(n + 1).map_or("/console/kyb".to_owned(), |(next, _)| format!("/console/kyb/{next}"));
            assert_eq!((sent.status, sent.location()), (303, next.as_str()), "{step}: {}", sent.body);
        }
        let saved = file(&world).await;
        assert_eq!((without_ids(saved["file"].clone()), saved["version"].as_i64()), (example(), Some(6)));
        assert!(saved["saved_by"].as_str().unwrap().starts_with("usr_"), "a person, no key");
        // The forms show what stands, and sending them as they stand changes nothing.
        for (step, blocks) in STEPS {
            let form = browser.get(&format!("/console/kyb/{step}")).await;
            assert!(form.has("Nothing is missing here."), "{step}: {}", form.body);
            let all = of_step(&saved["file"], blocks);
            for (_, value) in &all {
                let grouped = value.parse().map(paystrator::console::show::grouped).unwrap_or_default();
                let shown = [value, &grouped].map(|value| form.has(&format!("value=\"{value}\"")));
                assert!(shown.contains(&true), "{value} is not at {step}: {}", form.body);
            }
            let again = send(&browser, step, &all, "stay").await;
            assert_eq!((again.status, again.location()), (303, format!("/console/kyb/{step}").as_str()));
            assert!(browser.get("/console/kyb").await.has("There was nothing to change."));
        }
        let page = browser.get("/console/kyb").await;
        for text in ["The file is complete", "Version 6", "newest"] {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }
        assert_eq!(file(&world).await["version"], 6);
        world
    })
    .await;
}

#[tokio::test]
async fn whatever_is_wrong_stands_beside_its_field() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let long = "x".repeat(400);
        for lang in Lang::ALL {
            browser.set_cookie("paystrator_language", lang.code());
            for (step, blocks) in STEPS {
                let all = of_step(&example(), blocks);
                for (name, _) in &all {
                    for wrong in [SCRIPT, "Burung\u{202e}Kenari", "!?$", long.as_str()] {
                        let spoilt: Typed = all
                            .iter()
                            .filter(|(known, _)| known != name)
                            .cloned()
                            .chain([(name.clone(), wrong.to_owned())])
                            .collect();
                        let page = send(&browser, step, &spoilt, "next").await;
                        assert_eq!(page.status, 422, "{name} {wrong}: {}", page.body);
                        assert!(!error(&page, name).is_empty(), "{name} {wrong}: {}", page.body);
                        assert_eq!(page.body.matches("class=\"error\"").count(), 1, "{name} {wrong}: {}", page.body);
                        assert!(!page.has("<script>alert") && !page.has("<img src=x"), "{name}: {}", page.body);
                        let named = page.between("role=\"alert\"", "</div>");
                        assert!(named.contains(&format!("href=\"/console/kyb/{step}#")), "{name}: {named}");
                    }
                }
            }
        }
        assert_eq!(world.number("SELECT count(*) FROM kyb_version").await, 0, "nothing was saved");
        // What was typed stays, and each says what is right.
        browser.set_cookie("paystrator_language", "id");
        let typed =
            [("legal_entity.phone", "0812"), ("legal_entity.legal_name", "PT <b>"), ("legal_entity.website", "x")];
        let typed = typed.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let page = send(&browser, "company", &typed, "next").await;
        assert!(error(&page, "legal_entity.phone").starts_with("Mulai dengan +62"), "{}", page.body);
        assert!(error(&page, "legal_entity.website").contains("https://"));
        assert!(page.has("value=\"0812\"") && page.has("value=\"PT &#60;b&#62;\""), "{}", page.body);
        let typed = vec![("business_info.monthly_profit".to_owned(), "banyak".to_owned())];
        let page = send(&browser, "business", &typed, "next").await;
        assert!(error(&page, "business_info.monthly_profit").contains("minus") && page.has("value=\"banyak\""));
        assert_eq!(world.number("SELECT count(*) FROM kyb_version").await, 0);
        world
    })
    .await;
}

#[tokio::test]
async fn nobodys_step_is_lost_to_anothers() {
    run(async |world| {
        world.save_kyb(&example(), None).await;
        let (mine, theirs) = (
            world.signed_in("owner@example.com", Role::Owner).await,
            world.signed_in("admin@example.com", Role::Admin).await,
        );
        let seen = mine.get("/console/kyb/company").await;
        let business = vec![("business_info.monthly_revenue".to_owned(), "Rp 5.000".to_owned())];
        assert_eq!(send(&theirs, "business", &business, "stay").await.status, 303);
        // Another step may have changed meanwhile; this one may not.
        let mut company = of_step(&example(), &["legal_entity"]);
        company.retain(|(name, _)| name != "legal_entity.brand_name");
        company.push(("legal_entity.brand_name".into(), "Mine".into()));
        let sent = send_from(&mine, &seen, "company", &company, "stay").await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let stands = file(&world).await;
        assert_eq!(stands["file"]["business_info"], json!({ "monthly_revenue": 5000 }));
        assert_eq!(stands["file"]["legal_entity"]["brand_name"], "Mine");
        company.retain(|(name, _)| name != "legal_entity.brand_name");
        company.push(("legal_entity.brand_name".into(), "Late".into()));
        let late = send_from(&theirs, &seen, "company", &company, "stay").await;
        assert!(late.status == 409 && late.has("Somebody changed this step"), "{}", late.body);
        assert!(late.has("value=\"Late\""), "what was typed stays");
        assert_eq!(file(&world).await["file"]["legal_entity"]["brand_name"], "Mine");
        let again = send_from(&theirs, &late, "company", &company, "stay").await;
        assert_eq!(again.status, 303, "{}", again.body);
        assert_eq!(file(&world).await["file"]["legal_entity"]["brand_name"], "Late");
        for wrong in ["x", "99999999999"] {
            let sent = mine.post("/console/kyb/company", &[("version", wrong)]).await;
            assert_eq!(sent.status, 400, "{wrong}");
        }
        // A version that never was is no leave to write over the one that stands.
        let sent = mine.post("/console/kyb/company", &[("version", "77")]).await;
        assert_eq!(sent.status, 409, "{}", sent.body);
        world
    })
    .await;
}

#[tokio::test]
async fn directors_come_and_go_and_stay_who_they_are() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let one = of_step(&example(), &["stakeholder"]);
        let page = send(&browser, "directors", &one, "add.stakeholder").await;
        assert!(page.status == 200 && page.has("Director 2") && page.has("Not saved yet."), "{}", page.body);
        assert!(page.has("name=\"stakeholder[1].director_name\"") && page.has("value=\"John Doe\""));
        assert_eq!(world.number("SELECT count(*) FROM kyb_version").await, 0);
        let mut two = one.clone();
        two.push(("stakeholder[1].director_name".into(), "Siti Aminah".into()));
        two.push(("stakeholder[2].director_name".into(), String::new()));
        assert_eq!(send(&browser, "directors", &two, "stay").await.status, 303);
        let saved = file(&world).await["file"]["stakeholder"].clone();
        assert_eq!(saved.as_array().unwrap().len(), 2, "an empty entry is none");
        let page = browser.get("/console/kyb").await;
        assert!(page.has("Director 2: KTP") && page.has("/console/kyb/directors#stakeholder[1].ktp_document"));
        // The first goes, the second stays who she is.
        let both = of_step(&json!({ "stakeholder": saved }), &["stakeholder"]);
        let page = send(&browser, "directors", &both, "out.stakeholder[0]").await;
        assert!(
            page.has("<h2>Director 1</h2>") && !page.has("<h2>Director 2</h2>") && !page.has("John Doe"),
            "{}",
            page.body
        );
        let siti = saved[1]["person_id"].as_str().unwrap();
        assert_eq!(page.between("name=\"stakeholder[0].person_id\" value=\"", "\""), siti);
        let left = of_step(&json!({ "stakeholder": [saved[1]] }), &["stakeholder"]);
        assert_eq!(send(&browser, "directors", &left, "stay").await.status, 303);
        assert_eq!(file(&world).await["file"]["stakeholder"], json!([saved[1]]));
        // Somebody else's id is nobody here.
        let mut stranger = left.clone();
        stranger.retain(|(name, _)| !name.ends_with("person_id"));
        stranger.push(("stakeholder[0].person_id".into(), format!("per_{:032x}", 1)));
        let page = send(&browser, "directors", &stranger, "stay").await;
        assert!(page.status == 422 && page.has("not of this file any more"), "{}", page.body);
        // Whoever was erased can be replaced in place.
        let person = ids::parse(ids::PERSON, siti).unwrap();
        assert_eq!(kyb::erase(&world.app, world.client_id, person, "Ani").await.unwrap(), Erasure::Done);
        let page = browser.get("/console/kyb/directors").await;
        assert!(page.has("data of this person were erased") && !page.has("Siti"), "{}", page.body);
        let mut heir: Typed =
            vec![("stakeholder[0].person_id".into(), siti.into()), ("stakeholder[0].erased".into(), "true".into())];
        assert_eq!(send(&browser, "directors", &heir, "stay").await.status, 303);
        assert_eq!(file(&world).await["file"]["stakeholder"], json!([{ "person_id": siti, "erased": true }]));
        heir.push(("stakeholder[0].director_name".into(), "Budi Heir".into()));
        assert_eq!(send(&browser, "directors", &heir, "stay").await.status, 303);
        let stands = file(&world).await["file"]["stakeholder"].clone();
        assert_eq!((stands[0]["director_name"].as_str(), stands.as_array().unwrap().len()), (Some("Budi Heir"), 1));
        assert_ne!(stands[0]["person_id"].as_str(), Some(siti));
        for deed in ["add.legal_entity", "add.nobody", "out.stakeholder[x]", "out.stakeholder", "add."] {
            let page = send(&browser, "directors", &heir, deed).await;
            assert!([200, 303].contains(&page.status), "{deed}: {}", page.status);
        }
        world
    })
    .await;
}

#[tokio::test]
async fn lists_take_what_no_list_offers() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let typed: Typed = [
            ("product_selection", "Send Money"),
            ("product_selection", "QR Code"),
            ("product_selection.other", "Sultan Pay, BNPL"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        assert_eq!(send(&browser, "start", &typed, "stay").await.status, 303);
        assert_eq!(file(&world).await["file"]["product_selection"], "Send Money, QR Code, Sultan Pay, BNPL");
        let page = browser.get("/console/kyb/start").await;
        assert!(page.has("value=\"Sultan Pay\" checked") && page.has("value=\"Open VA\">"), "{}", page.body);
        let typed: Typed = [
            ("legal_entity.company_industry", "Software"),
            ("legal_entity.company_industry", "Agriculture"),
            ("legal_entity.company_industry.other", "Batik, cap"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        assert_eq!(send(&browser, "company", &typed, "stay").await.status, 303);
        let saved = file(&world).await;
        let industries = json!(["Software", "Agriculture", "Batik, cap"]);
        assert_eq!(saved["file"]["legal_entity"], json!({ "company_industry": industries }));
        let page = browser.get("/console/kyb").await;
        assert!(page.has("not known here") && page.has("not in the published list"), "{}", page.body);
        world
    })
    .await;
}

#[tokio::test]
async fn versions_are_read_by_their_own_client_alone() {
    run(async |world| {
        let first = world.save_kyb(&example(), None).await;
        let mut body = first.clone();
        set(&mut body, "legal_entity.address.city", Some(json!("Bogor")));
        set(&mut body, "stakeholder[0].occupation", Some(json!("Farmer")));
        world.save_kyb(&body, Some("\"1\"")).await;
        let browser = world.signed_in("admin@example.com", Role::Admin).await;
        let page = browser.get("/console/kyb").await;
        assert!(page.has("Company, Directors") && page.has("Fields: 2"), "{}", page.body);
        let second = browser.get("/console/kyb/versions/2").await;
        for text in ["Bogor", "Farmer", "PT (private limited company)", "by Ani", "Version 1"] {
            assert!(second.has(text), "{text} is missing: {}", second.body);
        }
        assert_eq!(second.body.matches("<span class=\"tag\">changed</span>").count(), 2, "{}", second.body);
        let before = browser.get("/console/kyb/versions/1").await;
        assert!(before.has("Tangerang Selatan") && before.has("Entrepreneur") && before.has("Version 2"));
        for none in ["0", "3", "-1", "x", "99999999999999"] {
            assert_eq!(browser.get(&format!("/console/kyb/versions/{none}")).await.status, 404, "{none}");
        }
        for n in 3..15 {
            set(&mut body, "legal_entity.brand_name", Some(json!(format!("Brand {n}"))));
            world.save_kyb(&body, Some("*")).await;
        }
        let page = browser.get("/console/kyb").await;
        assert!(page.has("/console/kyb?before=5#versions") && !page.has("/versions/4\""), "{}", page.body);
        assert!(browser.get("/console/kyb?before=5").await.has("/versions/1\""));
        assert_eq!(browser.get("/console/kyb?before=x").await.status, 200);
        // Of another client nothing is there.
        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        world.person(other, "stranger@example.com", "Eka", Role::Owner).await;
        let abroad = Browser::new(&world);
        abroad.sign_in("stranger@example.com").await;
        assert_eq!(abroad.get("/console/kyb/versions/1").await.status, 404);
        let page = abroad.get("/console/kyb/company").await;
        assert!(page.status == 200 && !page.has("SANDBOX"), "{}", page.body);
        world
    })
    .await;
}

#[tokio::test]
async fn files_come_with_the_form() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let (nib, photo, chart) = (pdf(1, 4_000), jpeg(600, 400, 10), png(300, 200));
        let page = browser.get("/console/kyb/documents").await;
        assert!(page.has("enctype=\"multipart/form-data\"") && page.has("name=\"file.documents.nib_document\""));
        let typed = [("do", "stay"), ("documents.npwp_number", "234234234234234")];
        let files: [(&str, &str, &[u8]); 3] = [
            ("file.documents.nib_document", "nib <1>.pdf", &nib),
            ("file.documents.npwp_document", "npwp.pdf", b"no pdf at all"),
            ("file.documents.proof_of_address", "", b""),
        ];
        // Nothing is saved while a file is refused; what is right of it stays.
        let page = browser.post_files("/console/kyb/documents", &typed, &files).await;
        assert_eq!(page.status, 422, "{}", page.body);
        assert_eq!(error(&page, "documents.npwp_document"), "This file is no PDF, JPEG or PNG.");
        assert!(error(&page, "documents.nib_document").contains("Rename this file"), "{}", page.body);
        assert!(page.has("value=\"234234234234234\"") && !page.has("nib <1>"));
        let files: [(&str, &str, &[u8]); 4] = [
            ("file.documents.legal_certification", "", b""),
            ("file.documents.nib_document", "nib 1.pdf", &nib),
            ("file.documents.proof_of_address", "", b""),
            ("file.documents.npwp_document", "npwp.pdf", b"%PDF-1.7 and no end"),
        ];
        let page = browser.post_files("/console/kyb/documents", &typed, &files).await;
        assert!(page.status == 422 && page.has("nib 1.pdf") && page.has("not whole"), "{}", page.body);
        let kept = page.between("name=\"documents.nib_document\" value=\"", "\"").to_owned();
        assert_eq!(world.number("SELECT count(*) FROM kyb_version").await, 0);
        let again = [typed[0], typed[1], ("documents.nib_document", kept.as_str())];
        let page = browser.post_files("/console/kyb/documents", &again, &[]).await;
        assert_eq!(page.status, 303, "{}", page.body);
        let saved = file(&world).await["file"]["documents"].clone();
        assert_eq!(saved, json!({ "nib_document": kept, "npwp_number": "234234234234234" }));
        // Many at one place; taken out again; and read, which is written down.
        let files: [(&str, &str, &[u8]); 2] = [
            ("file.supporting.business_location_photo", "front.jpg", &photo),
            ("file.supporting.business_location_photo", "back.png", &chart),
        ];
        let page = browser.post_files("/console/kyb/supporting", &[("version", "1"), ("do", "stay")], &files).await;
        assert_eq!(page.status, 303, "{}", page.body);
        let page = browser.get("/console/kyb/supporting").await;
        assert!(page.has("front.jpg") && page.has("JPEG, ") && page.has("back.png"), "{}", page.body);
        let photos = file(&world).await["file"]["supporting"]["business_location_photo"].clone();
        let [front, back] = [0, 1].map(|n| photos[n].as_str().unwrap().to_owned());
        let name = "supporting.business_location_photo";
        let out = [("version", "2"), (name, front.as_str()), (name, back.as_str())];
        let remove = format!("remove.{name}");
        let out = [&out[..], &[(remove.as_str(), front.as_str())]].concat();
        assert_eq!(browser.post_files("/console/kyb/supporting", &out, &[]).await.status, 303);
        assert_eq!(file(&world).await["file"]["supporting"], json!({ "business_location_photo": [back] }));
        let link = browser.get(&format!("/console/kyb/files/{kept}")).await;
        assert_eq!(link.status, 303, "{}", link.body);
        let (status, headers, content) = world.caller.fetch("GET", link.location()).await;
        assert_eq!((status, content.as_ref()), (200, Some(&nib)));
        assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        // The same at a second place is refused there.
        let twice = [("version", "3"), ("documents.nib_document", kept.as_str()), ("documents.npwp_document", &kept)];
        let page = browser.post_files("/console/kyb/documents", &twice, &[]).await;
        assert!(error(&page, "documents.npwp_document").contains("file of its own"), "{}", page.body);
        world
    })
    .await;
}

#[tokio::test]
async fn no_file_is_taken_from_anybody_who_may_not() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let content = pdf(9, 3_000);
        let one: [(&str, &str, &[u8]); 1] = [("file.documents.nib_document", "nib.pdf", &content)];
        let before = world.number("SELECT count(*) FROM document").await;
        for path in ["/console/kyb/files", "/console/kyb/documents"] {
            // Without the token, with another's, and with the token after the file.
            assert_eq!(browser.post_parts(path, &[], &one).await.status, 403, "{path}");
            assert_eq!(browser.post_parts(path, &[("form_token", &"0".repeat(64))], &one).await.status, 403, "{path}");
            assert_eq!(browser.post_files(path, &[], &[("nib", "nib.pdf", &content)]).await.status, 400, "{path}");
        }
        let finance = world.signed_in("finance@example.com", Role::Finance).await;
        for path in ["/console/kyb/files", "/console/kyb/documents"] {
            assert_eq!(finance.post_files(path, &[], &one).await.status, 403, "{path}");
        }
        assert_eq!(world.number("SELECT count(*) FROM document").await, before, "nothing was taken");
        // One by one, as the script sends them.
        let taken = browser.post_files("/console/kyb/files", &[], &one).await;
        let told: Value = serde_json::from_str(&taken.body).unwrap();
        assert_eq!((taken.status, &told["name"], &told["about"]), (200, &json!("nib.pdf"), &json!("PDF, 3 kB")));
        let wrong = browser.post_files("/console/kyb/files", &[], &[("file.x", "x.pdf", b"<script>")]).await;
        assert_eq!((wrong.status, wrong.header("content-type")), (422, "application/json"));
        // Of another client it is not there, and a file without a name is no file.
        let id = told["id"].as_str().unwrap();
        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        world.person(other, "stranger@example.com", "Eka", Role::Owner).await;
        let abroad = Browser::new(&world);
        abroad.sign_in("stranger@example.com").await;
        assert_eq!(abroad.get(&format!("/console/kyb/files/{id}")).await.status, 404);
        assert_eq!(browser.get("/console/kyb/files/doc_0").await.status, 404);
        let theirs = [("do", "stay"), ("documents.nib_document", id)];
        let page = abroad.post_files("/console/kyb/documents", &theirs, &[]).await;
        assert!(page.status == 422 && !page.has("nib.pdf"), "{}", page.body);
        world
    })
    .await;
}
