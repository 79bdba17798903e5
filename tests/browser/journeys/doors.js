// How people come in and get about: signing in, joining by a link, the menu. Steps that several journeys share.
import assert from "node:assert/strict";

import { code, step } from "../support/totp.js";

/** Signs in from wherever the console sends a stranger, with the code of the second step where there is one. */
export async function signIn(desk, person, path = "/console/") {
  const { page } = desk;
  await desk.go(path);
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  if (person.key) {
    await page.getByRole("heading", { name: "Enter your code" }).waitFor();
    await desk.look("code");
    await page.getByLabel("Code", { exact: true }).fill(nextCode(person));
    await page.getByRole("button", { name: "Continue" }).click();
  }
  await page.getByText("Your account:").waitFor();
}

/** A code of the app, or where those of this moment are used up, one of the codes kept for a lost phone: each is taken once. */
export function nextCode(person) {
  const next = Math.max(step(), (person.step ?? 0) + 1);
  if (next > step() + 1) return person.recovery.pop();
  person.step = next;
  return code(person.key, next);
}

/** Joins by the link of an invitation as somebody new, with nothing but the keyboard. */
export async function join(desk, person) {
  const { page } = desk;
  await desk.go(person.link);
  await page.getByRole("heading", { name: /^Join / }).waitFor();
  await desk.look("invitation");
  const type = async (label, text) => {
    for (let tabs = 0; !(await page.getByLabel(label, { exact: true }).evaluate((field) => field === document.activeElement)); tabs++) {
      assert.ok(tabs < 10, `Tab does not come to ${label}`);
      await page.keyboard.press("Tab");
    }
    await page.keyboard.type(text);
  };
  await type("Name", person.name);
  await type("New password", person.password);
  await type("New password again", person.password);
  await page.keyboard.press("Enter");
  await page.getByText("Welcome.").waitFor();
}

/** Opens a page by the menu. */
export async function menu(desk, name) {
  await desk.page.getByRole("navigation", { name: "Menu" }).getByRole("link", { name, exact: true }).click();
  await desk.page.getByRole("heading", { level: 1, name }).waitFor();
}

/** Opens the menu of one's own account, in whichever language. */
export async function account(desk) {
  await desk.page.locator("summary", { has: desk.page.locator(".avatar") }).click();
}

export async function signOut(desk) {
  const { page } = desk;
  await account(desk);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByText("You are signed out.").waitFor();
}

/** The payment of the demo's journey whose order id ends like this, opened from the list. */
export async function openPayment(desk, end) {
  const { page } = desk;
  await menu(desk, "Transactions");
  await page.getByRole("row").getByRole("link", { name: new RegExp(`${end}$`) }).click();
  await page.getByRole("heading", { name: "What happened" }).waitFor();
}

/** Is refused a page that the role does not reach. */
export async function refused(desk, path) {
  const answer = await desk.go(path);
  assert.equal(answer.status(), 403, `${path} is not refused`);
  await desk.page.getByRole("heading", { name: "Your role does not include this" }).waitFor();
}
