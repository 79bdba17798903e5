//! Providers managed by API: what can be connected, whether a connection works, what it costs and from when, and the
//! status that ends by itself.

use serde_json::Value;

use crate::support::run;

#[tokio::test]
async fn the_catalogue_is_what_the_adapters_say() {
    run(async |world| {
        let reply = world.caller.get("/v1/providers/catalogue").await;
        assert_eq!((reply.status, &reply.body["data"]["nextCursor"]), (200, &Value::Null));
        let mut lines = Vec::new();
        for entry in reply.body["data"]["items"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            lines.push(format!("{}: {} ({})", text(&entry["provider"]), text(&entry["name"]), text(&entry["type"])));
            for service in entry["services"].as_array().unwrap() {
                let all = service["destinations"].as_array().unwrap();
                let of = |kind: &str| all.iter().filter(|to| to["kind"] == kind).collect::<Vec<_>>();
                let (banks, wallets) = (of("bank"), of("ewallet"));
                assert_eq!(banks.len() + wallets.len(), all.len());
                let ends = [banks.first(), wallets.last()].map(|one| one.map(|one| one.to_string()).unwrap_or_default());
                let count = format!("{} banks, {} e-wallets", banks.len(), wallets.len());
                lines.push(format!("  {}: {count} {}", text(&service["service"]), ends.join(" ")));
            }
            for field in entry["form"].as_array().unwrap() {
                let words: Vec<String> = field.as_object().unwrap().values().map(Value::to_string).collect();
                lines.push(format!("  {}", words.join(" ")));
                // A field with every word a form needs, and nothing else.
                let names: Vec<&str> = field.as_object().unwrap().keys().map(String::as_str).collect();
                assert_eq!(names, ["format", "hint", "label", "name", "part", "required", "secret"]);
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r###"
        doku: DOKU (AGGREGATOR)
          send_money: 102 banks, 0 e-wallets {"code":"BRI","kind":"bank","name":"Bank Rakyat Indonesia"} 
          "code" "From DOKU's dashboard, such as BRN-0201-1676357010382. It never changes." "Client ID" "client_id" "credentials" true false
          "token" "From DOKU's dashboard, such as SK-…; it signs every call." "Secret key" "secret_key" "credentials" true true
          "rsa_private_key" "The key of your own whose public half you gave to DOKU; it signs the call for a token." "Private key" "private_key" "credentials" true true
          "code" "The purse of Kirim DOKU that payouts leave, such as A41879. It never changes." "Agent key" "agent_key" "credentials" true false
          "rsa_public_key" "Checks what DOKU signs with its own key; nothing of Kirim DOKU is." "DOKU's public key" "public_key" "credentials" false false
          "url" "Instead of DOKU's own address." "Base address" "base_url" "settings" false false
          "text" "Who pays, as DOKU passes it on with every payout." "Sender's name" "sender_name" "settings" true false
          "phone" "The sender's number, such as 6281234567890; DOKU asks for it with every payout." "Sender's phone" "sender_phone" "settings" true false
        kaspro: KasPro (AGGREGATOR)
          send_money: 102 banks, 0 e-wallets {"code":"BRI","kind":"bank","name":"Bank Rakyat Indonesia"} 
          "token" "From KasPro; with the client secret it gets access tokens." "Client ID" "client_id" "credentials" true false
          "token" "From KasPro." "Client secret" "client_secret" "credentials" true true
          "token" "Names you in every signature (Partner-Key). It never changes." "HMAC key" "hmac_key" "credentials" true false
          "token" "Signs every call." "HMAC secret" "hmac_secret" "credentials" true true
          "url" "As KasPro told you; the development gateway is https://apigw-devel.kaspro.id." "Base address" "base_url" "settings" true false
          "ip" "The address of your server that KasPro has on its list." "Origin" "origin" "settings" true false
          "phone" "The number of the wallet that pays, such as 081234567890." "Mobile number" "mobile_number" "settings" true false
          "path" "Of the status call, where KasPro gave you one. Without it an unclear payment waits for its resolution by people." "Status path" "status_path" "settings" false false
        oy: OY! Indonesia (AGGREGATOR)
          send_money: 102 banks, 5 e-wallets {"code":"BRI","kind":"bank","name":"Bank Rakyat Indonesia"} {"code":"SHOPEEPAY","kind":"ewallet","name":"ShopeePay"}
          "token" "The account at OY!, as its dashboard shows it. It never changes." "Username" "username" "credentials" true false
          "token" "From OY!'s dashboard; staging and production have one each." "API key" "api_key" "credentials" true true
          "url" "Instead of OY!'s own address; its path is kept." "Base address" "base_url" "settings" false false
          "header_name" "The same engine runs under other brands with x-username." "Username header" "username_header" "settings" false false
        "###);
        world
    })
    .await;
}
