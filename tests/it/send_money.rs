//! One payment, from the request to the verified webhook.

use serde_json::json;

use crate::support::{World, run};

#[tokio::test]
async fn a_payment_succeeds_and_its_end_is_told_once() {
    run(async |world| {
        world.endpoint("main").await;
        let reply = world.caller.post("/v1/send-money", World::body("ORDER-1", "1239812390", 10_000)).await;
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 200
        {
          "data": {
            "action": "Do not pay this again by other means. Wait for the webhook.",
            "amount": 10000,
            "attributes": {
              "receiverAccountNo": "1239812390",
              "receiverBankCode": "BCA",
              "receiverName": "Budi Santoso"
            },
            "createdAt": "[createdAt]",
            "currency": "IDR",
            "evidence": "prepared",
            "externalId": "ORDER-1",
            "finalAt": null,
            "id": "[id]",
            "message": "The request was accepted. The result comes to your webhook endpoint.",
            "metadata": null,
            "mode": "test",
            "possibleDuplicateOf": null,
            "reason": null,
            "remark": "Invoice 12",
            "status": "PROCESSING",
            "type": "SEND_MONEY",
            "unknownSince": null,
            "updatedAt": "[updatedAt]",
            "version": 1
          },
          "errors": null,
          "status": 200
        }
        "###);
        let id = reply.body["data"]["id"].as_str().unwrap().to_owned();
        world.until_status(&id, "SUCCESS").await;
        let told = world.sandbox.merchant.wait_for(|receipt| receipt.payment_id.as_deref() == Some(&id)).await;
        assert!(told.verified, "{told:?}");
        assert_eq!((told.kind.as_str(), told.copies), ("payment.succeeded", 1));
        let reference = world.reference(&id, 1).await;
        let theirs = world.sandbox.oy.payment(&reference).expect("the provider knows it");
        assert!(theirs.moved && theirs.amount == 10_000, "{theirs:?}");
        world
    })
    .await;
}

#[tokio::test]
async fn the_example_of_the_public_page_is_accepted() {
    run(async |world| {
        let body = json!({
            "type": "SEND_MONEY", "externalId": "trx-1", "amount": 10000, "currency": "IDR", "remark": "Payment",
            "metadata": "{\"orderId\":\"ORD-2025-00123\"}",
            "attributes": {
                "receiverName": "John Doe", "receiverAccountNo": "1234567899", "receiverBankCode": "BCA"
            },
        });
        let reply = world.caller.post("/v1/send-money", body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.body["data"]["metadata"], "{\"orderId\":\"ORD-2025-00123\"}");
        world.until_status(reply.body["data"]["id"].as_str().unwrap(), "SUCCESS").await;
        world
    })
    .await;
}
