// The same pages with scripts switched off: forms, filters, menus, stories and the order of providers are plain links and
// forms.
import assert from "node:assert/strict";

import { Desk } from "../support/desk.js";
import { account, menu, openPayment, signIn, signOut } from "./doors.js";
import { account as atOy, beginProvider, fillProvider, openSequence, preview } from "./routes.js";

export async function plain(place) {
  const desk = await Desk.open(place, "without-scripts", { script: false });
  const { page } = desk;
  await signIn(desk, place.people.operation);
  await menu(desk, "Provider management");
  await page.getByLabel("Search by name").fill("doku");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("row", { name: /^DOKU sandbox/ }).waitFor();
  await routes(desk, place);
  await openPayment(desk, "1000000044");
  await page.getByText("Attempt 3 at KasPro sandbox").waitFor();
  await page.getByText("What came").first().click();
  await menu(desk, "Your security");
  await account(desk);
  await page.getByRole("button", { name: "Bahasa Indonesia" }).click();
  await page.getByRole("heading", { name: "Keamanan Anda" }).waitFor();
  await account(desk);
  await page.getByRole("button", { name: "English" }).click();
  await signOut(desk);
}

/** A provider is added where each choice is a page of its own, and put first by its button. */
async function routes(desk, place) {
  const { page } = desk;
  const label = "OY! third";
  await beginProvider(desk);
  await page.getByLabel("Provider", { exact: true }).selectOption("kaspro");
  await page.getByRole("button", { name: "Show its form" }).click();
  await page.getByLabel("Client secret").waitFor();
  await page.getByLabel("Provider", { exact: true }).selectOption("oy");
  await page.getByRole("button", { name: "Show its form" }).click();
  await fillProvider(desk, { label, ...atOy(place) });
  await page.getByText("The provider is connected.").waitFor();
  const before = await preview(desk);
  assert.equal(before.at(-1), label, "a new one comes last");
  await openSequence(desk);
  // Past the one that the demo on-boarded, which is not switched on, and past the last that is.
  for (let times = 0; times < 2; times++) {
    await page.getByRole("button", { name: `Move ${label} up` }).click();
    await page.getByText("Not saved yet.").waitFor();
  }
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The sequence is saved.").waitFor();
  assert.deepEqual(await preview(desk), [...before.slice(0, -2), label, before.at(-2)]);
}
