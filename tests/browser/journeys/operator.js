// Operations joins, looks at the providers, and finds out why payments went where they went.
import assert from "node:assert/strict";

import { Desk } from "../support/desk.js";
import { join, menu, openPayment, refused } from "./doors.js";

export async function operator(place) {
  const desk = await Desk.open(place, "operator");
  const { page } = desk;
  await join(desk, place.people.operation);

  await menu(desk, "Provider management");
  await desk.look("providers");
  for (const label of ["OY! sandbox", "DOKU sandbox", "KasPro sandbox"])
    await page.getByRole("row", { name: new RegExp(`^${label}.*Send Money.*Active`) }).waitFor();
  await page.getByLabel("Search by name").fill("kas");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/kas/);
  assert.equal(await page.getByRole("row").count(), 2, "one provider and the head");
  await page.getByLabel("Search by name").fill("nowhere");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("heading", { name: "No provider fits" }).waitFor();
  await desk.look("providers-none");

  // No balance at the first: the story names the refusal, and why the second was asked.
  await openPayment(desk, "1000000033");
  const story = page.getByRole("listitem");
  await story.filter({ hasText: "Attempt 1 at OY! sandbox" }).filter({ hasText: "State now: refused." }).waitFor();
  const second = story.filter({ hasText: "Attempt 2 at DOKU sandbox" });
  await second.filter({ hasText: "Because:" }).waitFor();
  await second.filter({ hasText: "Passed over OY! sandbox" }).waitFor();
  await desk.look("payment-moved");
  // A bank with a sequence of its own.
  await openPayment(desk, "1239812391");
  await story.filter({ hasText: "Attempt 1 at KasPro sandbox" }).filter({ hasText: "BRI" }).waitFor();
  // Nobody knows yet.
  await menu(desk, "Transactions");
  await page.getByLabel("Only in doubt").check();
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/doubt=1/);
  await desk.look("transactions-doubt");
  await refused(desk, "/console/settings/team");
}
