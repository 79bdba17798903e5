// What people do with providers and sequences, with scripts and without: steps that several journeys share.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { menu } from "./doors.js";

/** The account at the simulator of OY!, as the provider's own dashboard would show it. */
export function account(place) {
  const [first] = readFileSync(join(place.data, "sandbox", "oy.jsonl"), "utf8").split("\n");
  const { username, api_key: key } = JSON.parse(first).opened;
  return { username, key, address: place.simulators["OY! sandbox"] };
}

/** Opens the form that adds a provider. */
export async function beginProvider(desk) {
  const { page } = desk;
  await menu(desk, "Provider management");
  await page.getByRole("link", { name: "Add provider" }).click();
  await page.getByRole("heading", { level: 1, name: "Add provider" }).waitFor();
}

/** Fills the form of OY! and sends it. */
export async function fillProvider(desk, { label, username, key, address }) {
  const { page } = desk;
  await page.getByLabel("Provider name").fill(label);
  await page.getByLabel("Username", { exact: true }).fill(username);
  await page.getByLabel("API key", { exact: true }).fill(key);
  await page.getByLabel("Base address").fill(address);
  await page.getByRole("checkbox", { name: "Send Money" }).check();
  await page.getByRole("radio", { name: "No fee" }).check();
  await page.getByRole("button", { name: "Add provider" }).click();
}

/** Opens the page of a provider from the list. */
export async function openProvider(desk, label) {
  const { page } = desk;
  await menu(desk, "Provider management");
  await page.getByRole("link", { name: label, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: label }).waitFor();
}

/** Opens the default sequence. */
export async function openSequence(desk) {
  const { page } = desk;
  await menu(desk, "Sequences");
  await page.getByRole("link", { name: "Default", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Send Money: default sequence" }).waitFor();
}

/** Asks where a payment to BCA would go. Answers who would be tried, in order. */
export async function preview(desk) {
  const { page } = desk;
  await menu(desk, "Sequences");
  const form = page.locator("form", { has: page.getByRole("button", { name: "Show", exact: true }) });
  await form.getByLabel("Destination").selectOption("BCA");
  await form.getByLabel("Amount").fill("250.000");
  await form.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByText("By the default sequence").waitFor();
  const tried = page.getByRole("listitem").filter({ hasText: /Tried (first|if)/ });
  assert.match(await tried.first().innerText(), /Tried first\./);
  return tried.getByRole("link").allInnerTexts();
}

/** Sets the status of the provider whose page stands open. */
export async function setStatus(desk, deed, reason) {
  const { page } = desk;
  await page.getByRole("link", { name: deed }).click();
  await page.getByLabel("Reason").fill(reason);
  await desk.look("provider-status");
  await page.getByRole("button", { name: deed }).click();
  await page.getByText("The status is set.").waitFor();
}
