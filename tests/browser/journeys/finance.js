// Finance joins by the link the owner made, looks a payment up, proposes how an unclear one ended, and is refused where the
// matrix refuses.
import assert from "node:assert/strict";

import { Desk } from "../support/desk.js";
import { join, menu, openPayment, refused, signIn, signOut } from "./doors.js";

export async function finance(place) {
  const me = place.people.finance;
  const desk = await Desk.open(place, "finance");
  const { page } = desk;
  await join(desk, me);
  await page.getByRole("heading", { level: 1, name: "Dummy Company" }).waitFor();
  await desk.look("home-finance");
  for (const hidden of ["Team", "Audit log"])
    assert.equal(await page.getByRole("navigation", { name: "Menu" }).getByRole("link", { name: hidden }).count(), 0);

  await menu(desk, "Transactions");
  await desk.look("transactions");
  assert.ok((await page.getByRole("row").count()) >= 9, "the demo's payments and the head");
  await page.getByLabel("Status").selectOption({ label: "Failed" });
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/status=FAILED/);
  assert.equal(await page.getByRole("row").count(), 3, "two of the demo's payments fail");
  await page.getByLabel("Order id").fill("none such");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("heading", { name: "No payment fits" }).waitFor();
  await desk.look("transactions-none");
  await page.getByRole("link", { name: "Clear filters" }).first().click();

  await openPayment(desk, "1239812390");
  await page.getByText("Told: payment.succeeded").waitFor();
  await desk.look("payment");
  await page.getByText("What came").first().click();
  await page.getByRole("table", { name: "What was booked" }).getByRole("row", { name: /^Fee/ }).waitFor();
  await page.getByRole("navigation", { name: "Where you are" }).getByRole("link", { name: "Transactions" }).click();

  await propose(desk);

  for (const path of ["/console/settings/team", "/console/settings/audit", "/console/settings/keys"]) await refused(desk, path);
  await desk.look("forbidden");
  assert.equal((await desk.go("/console/transactions/sm_00000000000000000000000000000000")).status(), 404);
  await desk.look("not-found");
  await page.getByRole("link", { name: "To the home page" }).click();
  await signOut(desk);

  // The link worked once; whoever finds it is told so.
  await desk.go(me.link);
  await page.getByRole("heading", { name: "This invitation is over" }).waitFor();
  await desk.look("invitation-over");
  await signIn(desk, me, "/console/transactions");
  await page.getByRole("heading", { level: 1, name: "Transactions" }).waitFor();
}

/** Says how the payment ended that its bank is unclear about. It takes a second person: not oneself. */
async function propose(desk) {
  const { page } = desk;
  await openPayment(desk, "9999999999");
  const path = new URL(page.url()).pathname;
  await page.getByRole("link", { name: "Resolve" }).click();
  await page.getByRole("heading", { name: "How did it end?" }).waitFor();
  await page.getByRole("radio", { name: /^It was not paid/ }).check();
  await page.getByLabel("Reason").fill("The bank returned it by letter.");
  await page.getByLabel("Document").fill("   ");
  await page.getByRole("button", { name: "Propose" }).click();
  await page.getByText("Tell where the proof is kept").waitFor();
  assert.equal(await page.getByLabel("Reason").inputValue(), "The bank returned it by letter.");
  await desk.look("propose");
  const letter = async (number) => {
    await page.getByLabel("Document").fill(`Letter ${number} of the bank`);
    await page.getByRole("button", { name: "Propose" }).click();
    await page.getByText("The resolution is proposed.").waitFor();
  };
  await letter(71);
  // Who mistook something takes it back before anybody approves, and says it anew.
  await page.getByRole("button", { name: "Withdraw the proposal" }).click();
  await page.getByText("The proposal is withdrawn.").waitFor();
  await page.getByRole("link", { name: "Resolve" }).click();
  await page.getByRole("radio", { name: /^It was not paid/ }).check();
  await page.getByLabel("Reason").fill("The bank returned it by letter.");
  await letter(17);
  await page.getByText("You proposed it, so somebody else approves it.").waitFor();
  assert.equal(await page.getByRole("link", { name: "Look and approve" }).count(), 0);
  await desk.look("payment-proposed");
  await desk.go(`${path}/approve`);
  await page.getByText("You proposed this yourself. Another person must approve it.").waitFor();
}
