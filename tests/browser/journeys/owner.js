// The owner signs in, invites three people, sets up a second step, makes the console their own, and reads what they did.
import assert from "node:assert/strict";

import { Desk } from "../support/desk.js";
import { account, menu, nextCode, signIn, signOut } from "./doors.js";

export async function owner(place) {
  const me = { email: place.email, password: place.password };
  place.people.owner = me;
  const desk = await Desk.open(place, "owner");
  const { page } = desk;

  await desk.go("/console/");
  await page.getByRole("heading", { name: "Sign in to your console" }).waitFor();
  await desk.look("sign-in");
  await page.getByLabel("E-mail").fill(me.email);
  await page.getByLabel("Password").fill("not my password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "E-mail or password is wrong." }).waitFor();
  await desk.look("sign-in-wrong");
  await signIn(desk, me);
  await page.getByRole("heading", { level: 1, name: "Dummy Company" }).waitFor();
  await desk.look("home");

  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(new URL(page.url()).hash, "#main", "the first stop of the keyboard skips to the content");

  await invite(desk, place);
  await secondStep(desk, me);
  await signOut(desk);
  await desk.look("signed-out");
  await signIn(desk, me);
  await appearance(desk);
  await people(desk);
  await audit(desk);
}

async function invite(desk, place) {
  const { page } = desk;
  await menu(desk, "Team");
  await page.getByLabel("E-mail").fill("nobody");
  await page.getByRole("button", { name: "Make invitation" }).click();
  assert.ok(await page.getByLabel("E-mail").evaluate((field) => !field.validity.valid), "the browser itself holds back what is no address");
  for (const [role, name] of [["Admin", "Bayu Admin"], ["Finance", "Fitri Finance"], ["Operation", "Oka Operation"]]) {
    const person = { name, email: `${role.toLowerCase()}@example.com`, password: `kopi tubruk untuk ${role}` };
    await page.getByLabel("E-mail").fill(person.email);
    await page.getByRole("radio", { name: new RegExp(`^${role}`) }).check();
    await page.getByRole("button", { name: "Make invitation" }).click();
    await page.getByRole("heading", { name: `Invitation for ${person.email}` }).waitFor();
    person.link = await page.getByLabel("Link").inputValue();
    place.people[role.toLowerCase()] = person;
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
  }
  await desk.look("team-invited");
}

async function secondStep(desk, me) {
  const { page } = desk;
  await menu(desk, "Your security");
  await desk.look("security");
  await page.getByRole("link", { name: "Add a second step" }).click();
  await page.getByRole("heading", { level: 1, name: "Add a second step" }).waitFor();
  await desk.look("second-step");
  me.key = await page.locator(".secret").innerText();
  await page.getByRole("img", { name: "QR code of your key" }).waitFor();
  const address = await page.getByRole("link", { name: "open it in the app" }).getAttribute("href");
  assert.equal(new URL(address).searchParams.get("secret"), me.key.replaceAll(" ", ""));
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.getByLabel("Password").fill(me.password);
  await page.getByRole("button", { name: "Turn on" }).click();
  await page.getByText("Password or code is wrong.").waitFor();
  await desk.look("second-step-wrong");
  await page.getByLabel("Code", { exact: true }).fill(nextCode(me));
  await page.getByLabel("Password").fill(me.password);
  await page.getByRole("button", { name: "Turn on" }).click();
  await page.getByRole("heading", { name: "Keep these ten codes" }).waitFor();
  me.recovery = await page.getByRole("main").getByRole("listitem").allInnerTexts();
  assert.equal(me.recovery.length, 10);
  await desk.look("recovery-codes");
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.getByText("Every sign-in asks for a code from your app.").waitFor();
}

async function appearance(desk) {
  const { page } = desk;
  const choose = async (name) => {
    await account(desk);
    await page.getByRole("button", { name, exact: true }).click();
  };
  const root = page.locator("html");
  await choose("Bahasa Indonesia");
  await page.getByRole("navigation", { name: "Menu" }).getByRole("link", { name: "Transaksi" }).waitFor();
  assert.equal(await root.getAttribute("lang"), "id");
  await desk.look("home-id");
  await choose("English");
  await choose("Dark");
  assert.equal(await root.getAttribute("data-theme"), "dark");
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).map(Number));
  assert.ok(Math.max(...(await ground())) < 60, "the chosen theme holds against the system's");
  await choose("System");
  assert.ok(Math.min(...(await ground())) > 200, "the system says light");
}

/** The list of people: who is invited is there, and one invitation too many goes again. */
async function people(desk) {
  const { page } = desk;
  await menu(desk, "Team");
  await desk.look("team");
  await page.getByRole("row", { name: /admin@example\.com/ }).getByRole("button", { name: "Withdraw" }).click();
  await page.getByText("The invitation is withdrawn.").waitFor();
  await page.getByRole("link", { name: /^Manage/ }).first().click();
  await page.getByRole("heading", { level: 1, name: "Dewi Lestari" }).waitFor();
  await desk.look("member");
}

async function audit(desk) {
  const { page } = desk;
  await menu(desk, "Audit log");
  await desk.look("audit");
  const mine = page.getByRole("row", { name: /Dewi Lestari/ });
  for (const [what, times] of [["Invited somebody", 3], ["Added a second step", 1], ["Withdrew an invitation", 1]])
    assert.equal(await mine.filter({ hasText: what }).count(), times, what);
  await mine.filter({ hasText: "Invited somebody" }).filter({ hasText: "finance@example.com" }).waitFor();
  await page.getByLabel("About").selectOption({ label: "Second step" });
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/area=second_factor/);
  assert.equal(await page.getByRole("row", { name: /Dewi Lestari/ }).count(), 1);
}
