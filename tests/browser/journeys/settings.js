// The owner sets up what a system of theirs needs: an endpoint that is told, a key that pays, a list of addresses. They watch
// the payment come to Home, hold all sending back for a while, and approve what finance proposed.
import assert from "node:assert/strict";
import { createServer } from "node:http";

import { Desk } from "../support/desk.js";
import { account, menu, openPayment, signIn } from "./doors.js";

export async function settings(place) {
  const desk = await Desk.open(place, "settings");
  const told = await listen();
  try {
    await signIn(desk, place.people.owner);
    await endpoint(desk, told);
    const key = await makeKey(desk);
    await pay(desk, place, key);
    await deliveries(desk, told);
    await pause(desk, place, key);
    await addresses(desk);
    await approve(desk);
    await revoke(desk, place, key);
    await indonesian(desk);
  } finally {
    told.server.close();
  }
}

/** A system of the owner's own: takes what it is told, and remembers its kinds. */
async function listen() {
  const told = { kinds: [], status: 200 };
  told.server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      told.kinds.push(JSON.parse(body).type);
      response.writeHead(told.status).end();
    });
  });
  await new Promise((ready) => told.server.listen(0, "127.0.0.1", ready));
  told.url = `http://127.0.0.1:${told.server.address().port}/hooks`;
  return told;
}

async function endpoint(desk, told) {
  const { page } = desk;
  await menu(desk, "Webhooks");
  await desk.look("webhooks");
  await page.getByRole("link", { name: "New endpoint" }).click();
  await page.getByLabel("Address").fill("ftp://example.com/hooks");
  await page.getByRole("button", { name: "Make endpoint" }).click();
  await page.getByText("This address cannot be told.").waitFor();
  await desk.look("webhook-new-wrong");
  await page.getByLabel("Address").fill(told.url);
  await page.getByLabel("What it is for").fill("Checkout");
  await page.getByRole("button", { name: "Make endpoint" }).click();
  await page.getByRole("heading", { name: "Keep this now" }).waitFor();
  assert.match(await page.getByLabel("Signing secret").inputValue(), /^whsec_/);
  await desk.look("webhook-made");
  await page.getByRole("link", { name: "I have kept it" }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("The test arrived: HTTP 200.").waitFor();
  assert.equal(told.kinds.length, 1);
  await desk.look("webhook-tested");
}

async function makeKey(desk) {
  const { page } = desk;
  await menu(desk, "API keys");
  await desk.look("keys");
  await page.getByRole("link", { name: "New key" }).click();
  await page.getByLabel("Name").fill("Checkout");
  await page.getByRole("button", { name: "Make key" }).click();
  await page.getByText("Give it at least one right").waitFor();
  await desk.look("key-new-wrong");
  await page.getByRole("radio", { name: "Payments: Read & write" }).check();
  await page.getByRole("button", { name: "Make key" }).click();
  await page.getByRole("heading", { name: "Keep this key now" }).waitFor();
  const key = await page.getByLabel("API key", { exact: true }).inputValue();
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  await desk.look("key-made");
  await page.getByRole("link", { name: "I have kept it" }).click();
  await page.getByRole("row", { name: /^Checkout/ }).waitFor();
  assert.ok(!(await page.content()).includes(key), "it is shown once");
  return key;
}

/** Asks for a payment as a program would. */
async function send(place, key, externalId, wait) {
  const body = { externalId, amount: 777_000, receiverName: "Budi Santoso", receiverAccountNo: "1239812390", receiverBankCode: "BCA" };
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", prefer: `wait=${wait}` };
  return fetch(`${place.url}/v1/send-money`, { method: "POST", headers, body: JSON.stringify(body) });
}

/** A payment comes to Home while it stands open. */
async function pay(desk, place, key) {
  const { page } = desk;
  await page.getByRole("navigation", { name: "Menu" }).getByRole("link", { name: "Home" }).click();
  const volume = page.locator(".figure", { hasText: "Paid volume" }).locator(".below");
  const before = await volume.innerText();
  await page.evaluate(() => (window.stood = true));
  const answer = await send(place, key, "browser-paid", 20);
  assert.equal(answer.status, 200, await answer.text());
  await volume.filter({ hasNotText: before }).waitFor();
  assert.ok(await page.evaluate(() => window.stood), "the page was not loaded again");
  await page.getByText("Show as a table").click();
  await desk.look("home-live");
}

async function deliveries(desk, told) {
  const { page } = desk;
  await menu(desk, "Webhooks");
  await page.getByRole("link", { name: `Manage ${told.url}` }).click();
  const row = page.getByRole("row", { name: /^payment\.succeeded/ });
  await row.filter({ hasText: "HTTP 200" }).waitFor();
  await desk.look("webhook");
  const before = told.kinds.length;
  await row.getByRole("button", { name: "Send again" }).click();
  await page.getByText("It is being sent again.").waitFor();
  await desk.page.getByText("Change them").click();
  await desk.look("webhook-change");
  await page.getByRole("button", { name: "Make a new secret" }).click();
  await page.getByRole("heading", { name: "Keep this now" }).waitFor();
  await page.getByRole("link", { name: "I have kept it" }).click();
  await page.getByText("The old secret signs as well until").waitFor();
  await page.getByRole("row", { name: /^payment\.succeeded.*again: 1/ }).filter({ hasText: "HTTP 200" }).waitFor();
  assert.ok(told.kinds.length > before);
  await givenUp(desk, told, row);
  await page.getByRole("button", { name: "Switch off" }).click();
  await page.getByText("The endpoint is off.").waitFor();
}

/** A system that says it is gone is told nothing more, until it is switched on and what was given up goes again. */
async function givenUp(desk, told, row) {
  const { page } = desk;
  told.status = 410;
  await row.getByRole("button", { name: "Send again" }).first().click();
  await page.getByText("It is being sent again.").waitFor();
  await reloaded(page, page.getByRole("button", { name: "Switch on" }));
  await desk.look("webhook-gone");
  told.status = 200;
  await page.getByRole("button", { name: "Switch on" }).click();
  await page.getByRole("button", { name: "Send all given up again (1)" }).click();
  await page.getByText("What was given up is being sent again.").waitFor();
  await reloaded(page, row.filter({ hasText: "again: 3" }).filter({ hasText: "HTTP 200" }));
  assert.equal(await page.getByRole("button", { name: /^Send all given up/ }).count(), 0);
}

/** Looks again until it stands there, as a person would. */
async function reloaded(page, locator) {
  for (let looks = 0; !(await locator.first().isVisible()); looks++) {
    assert.ok(looks < 40, `${locator} does not come`);
    await page.waitForTimeout(250);
    await page.reload();
  }
}

/** Nothing leaves while sending is paused; what waits can be cancelled. */
async function pause(desk, place, key) {
  const { page } = desk;
  await menu(desk, "Sending");
  await desk.look("sending");
  await page.getByLabel("Reason").fill("A drill.");
  await page.getByRole("button", { name: "Pause all sending" }).click();
  await page.locator(".flash", { hasText: "Sending is paused." }).waitFor();
  await desk.look("sending-paused");
  const answer = await send(place, key, "browser-held", 0);
  assert.equal(answer.status, 200, await answer.text());
  await openPayment(desk, "browser-held");
  await page.getByRole("status").filter({ hasText: "Sending is paused: no payment leaves." }).filter({ hasText: "A drill." }).waitFor();
  await page.getByRole("link", { name: "Cancel payment" }).click();
  await desk.look("payment-cancel");
  await page.getByLabel("Yes, it must not be sent.").check();
  await page.getByRole("button", { name: "Cancel payment" }).click();
  await page.getByText("The payment is cancelled.").waitFor();
  await page.getByRole("link", { name: "Look at it" }).click();
  await page.getByRole("button", { name: "Resume sending" }).click();
  await page.getByText("Sending goes on.").waitFor();
  assert.equal(await page.getByText("no payment leaves").count(), 0);
}

async function addresses(desk) {
  const { page } = desk;
  await menu(desk, "IP allow-list");
  await desk.look("addresses");
  await page.getByLabel("Addresses").fill("127.0.0.1\nour office");
  await page.getByRole("button", { name: "Save the list" }).click();
  await page.getByText('Line 2: "our office" is no address or block.').waitFor();
  await desk.look("addresses-wrong");
  // The demo's own programs call from this machine: who lets in nobody else is asked twice.
  await page.getByLabel("Addresses").fill("127.0.0.1\n::1");
  await page.getByRole("button", { name: "Save the list" }).click();
  await page.getByLabel("Yes, this is what we want.").check();
  await desk.look("addresses-sure");
  await page.getByRole("button", { name: "Save the list" }).click();
  await page.getByText("The list is saved.").waitFor();
  await page.getByText("Nobody from the internet gets in").waitFor();
}

/** The second person for what finance proposed. */
async function approve(desk) {
  const { page } = desk;
  await menu(desk, "Transactions");
  await page.getByRole("link", { name: "Money in doubt" }).click();
  await page.getByRole("link", { name: /^Look and approve .*9999999999/ }).click();
  await page.getByText("Letter 17 of the bank").waitFor();
  await desk.look("approve");
  await page.getByLabel("I have seen the document").check();
  await page.getByRole("button", { name: "Approve and book" }).click();
  await page.getByText("It is resolved and booked.").waitFor();
  await page.locator(".head").getByText("Failed").waitFor();
}

async function revoke(desk, place, key) {
  const { page } = desk;
  await menu(desk, "API keys");
  await page.getByRole("link", { name: "Manage Checkout" }).click();
  await desk.look("key");
  await page.getByLabel("No program of ours needs it any more.").check();
  await page.getByRole("button", { name: "Revoke Checkout" }).click();
  await page.getByText("The key is revoked.").waitFor();
  assert.equal((await send(place, key, "browser-late", 0)).status, 401);
}

/** What was done, in the other language, details too. */
async function indonesian(desk) {
  const { page } = desk;
  await menu(desk, "Audit log");
  await account(desk);
  await page.getByRole("button", { name: "Bahasa Indonesia" }).click();
  const row = (deed) => page.getByRole("row").filter({ hasText: deed });
  await row("Mengusulkan keputusan").filter({ hasText: "Hasil: Tidak dibayar" }).first().waitFor();
  await row("Menjeda pengiriman").filter({ hasText: "Alasan: A drill." }).waitFor();
  await desk.look("audit-id");
  await account(desk);
  await page.getByRole("button", { name: "English" }).click();
}
