// Operations joins, looks at the providers, finds out why payments went where they went, and changes where they go.
import assert from "node:assert/strict";

import { Desk } from "../support/desk.js";
import { join, menu, openPayment, refused } from "./doors.js";
import { account, beginProvider, fillProvider, openProvider, openSequence, preview, setStatus } from "./routes.js";

const SECOND = "OY! second";

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
  await page.getByRole("button", { name: "Send webhooks again" }).click();
  await page.getByText("It is being sent again.").waitFor();
  // A bank with a sequence of its own.
  await openPayment(desk, "1239812391");
  await story.filter({ hasText: "Attempt 1 at KasPro sandbox" }).filter({ hasText: "BRI" }).waitFor();
  // Nobody knows yet.
  await menu(desk, "Transactions");
  await page.getByLabel("Only in doubt").check();
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/doubt=1/);
  await desk.look("transactions-doubt");
  await menu(desk, "Transactions");
  await page.getByRole("link", { name: "Money in doubt" }).click();
  const waiting = page.getByRole("table", { name: "Waiting for a second person" });
  await waiting.getByRole("row", { name: /9999999999/ }).filter({ hasText: "Fitri Finance" }).waitFor();
  await desk.look("doubt");

  await add(desk, place);
  await fee(desk);
  await order(desk);
  await maintenance(desk);
  await custom(desk);
  await pages(desk);
  await refused(desk, "/console/settings/team");
}

/** A second account at OY!: refused beside its field, connected with a wrong key, told so by the test, mended. */
async function add(desk, place) {
  const { page } = desk;
  const theirs = account(place);
  await beginProvider(desk);
  await page.getByLabel("Provider name").fill(SECOND);
  await page.getByLabel("Provider", { exact: true }).selectOption("kaspro");
  await page.getByLabel("Client secret").waitFor();
  assert.equal(await page.getByLabel("Provider name").inputValue(), SECOND, "what was typed stays while the form changes");
  await page.getByLabel("Provider", { exact: true }).selectOption("oy");
  await page.getByLabel("Username", { exact: true }).waitFor();
  await desk.look("provider-add");
  await fillProvider(desk, { label: SECOND, ...theirs, key: "not-the-key", address: "nonsense" });
  const address = page.locator(".field.is-wrong", { has: page.getByLabel("Base address") });
  await address.getByText("A public address that begins with https://").waitFor();
  assert.equal(await page.getByLabel("Username", { exact: true }).inputValue(), theirs.username);
  assert.equal(await page.getByLabel("API key", { exact: true }).inputValue(), "", "a secret is not sent back");
  await desk.look("provider-add-wrong");
  await fillProvider(desk, { label: SECOND, ...theirs, key: "not-the-key" });
  await page.getByText("The provider is connected.").waitFor();
  await desk.look("provider");

  await page.getByRole("button", { name: "Test connection" }).click();
  await page.getByRole("heading", { name: "The connection does not work" }).waitFor();
  await page.getByRole("status").getByText("refuses the secret").waitFor();
  await desk.look("provider-tested");
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await desk.look("provider-edit");
  await page.getByLabel("API key", { exact: true }).fill(theirs.key);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The changes are saved.").waitFor();
  await page.getByRole("button", { name: "Test connection" }).click();
  await page.getByRole("heading", { name: "The connection works" }).waitFor();
}

/** A fee, with what it comes to computed while one types. */
async function fee(desk) {
  const { page } = desk;
  await openProvider(desk, SECOND);
  await page.getByRole("link", { name: "Change fees" }).click();
  desk.unfinished.push("/console/providers/example");
  await page.getByRole("radio", { name: "Flat fee" }).check();
  await page.getByText("Fill in the fee to see an example.").waitFor();
  await page.getByLabel("Fee", { exact: true }).fill("4.000");
  const example = page.getByRole("status").filter({ hasText: "costs" });
  await example.filter({ hasText: "Rp4.000" }).waitFor();
  await page.getByLabel("VAT applies to the fee").check();
  await page.getByLabel("VAT in percent").fill("11");
  await example.filter({ hasText: "costs Rp4.440" }).waitFor();
  await desk.look("provider-fees");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The fee is saved.").waitFor();
  await page.getByRole("row", { name: /Send Money.*4\.000.*In force/ }).waitFor();
}

/** The second account comes first: with the keyboard, and by the handle. */
async function order(desk) {
  const { page } = desk;
  assert.deepEqual(await preview(desk), ["OY! sandbox", "DOKU sandbox", "KasPro sandbox", SECOND]);
  await desk.look("preview");
  await openSequence(desk);
  await desk.look("sequence");
  await page.getByRole("button", { name: `Move ${SECOND} up` }).focus();
  // What the demo on-boarded stands in it too, and is not switched on.
  for (const place of [4, 3, 2, 1]) {
    await page.keyboard.press("Enter");
    await page.getByText(`${SECOND} is now number ${place} of 5.`).waitFor();
  }
  await page.getByText("Not saved yet.").waitFor();
  await desk.look("sequence-draft");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The sequence is saved.").waitFor();
  assert.equal((await preview(desk))[0], SECOND);

  await openSequence(desk);
  const handle = (name) => page.locator(`li[data-name="${name}"] .handle`);
  const from = await handle("KasPro sandbox").boundingBox();
  const to = await handle("DOKU sandbox").boundingBox();
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + to.width / 2, to.y - 4, { steps: 8 });
  await page.mouse.up();
  await page.getByText("KasPro sandbox is now number 3 of 5.").waitFor();
  await page.getByRole("link", { name: "Cancel", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Sequences" }).waitFor();
  await desk.look("sequences");
}

/** Under maintenance it is passed over, with the reason; then it takes its place again. */
async function maintenance(desk) {
  const { page } = desk;
  await openProvider(desk, SECOND);
  await setStatus(desk, "Mark as maintenance", "They announced a window.");
  await page.getByText("They announced a window.").first().waitFor();
  assert.deepEqual(await preview(desk), ["OY! sandbox", "DOKU sandbox", "KasPro sandbox"]);
  await page.getByRole("listitem").filter({ hasText: SECOND }).filter({ hasText: "It is under maintenance." }).waitFor();
  await desk.look("preview-skipped");
  await openProvider(desk, SECOND);
  await setStatus(desk, "Reactivate", "The window is over.");
  assert.equal((await preview(desk))[0], SECOND);
}

/** One bank gets an order of its own, and follows the default again. */
async function custom(desk) {
  const { page } = desk;
  await menu(desk, "Sequences");
  const form = page.locator("form", { has: page.getByRole("button", { name: "Make", exact: true }) });
  await form.getByLabel("Destination").selectOption("BNI");
  await form.getByRole("button", { name: "Make", exact: true }).click();
  await page.getByText("This destination follows the default now.").waitFor();
  await page.getByRole("button", { name: `Take ${SECOND} out` }).click();
  await page.getByText(`${SECOND} is out of the sequence.`).waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The sequence is saved.").waitFor();
  await desk.look("sequence-custom");
  await page.getByRole("button", { name: "Remove custom sequence" }).click();
  await page.getByText("The custom sequence is removed.").waitFor();
}

/** The rest of a provider's pages: the menu of its row, monitoring, and what asks before it removes. */
async function pages(desk) {
  const { page } = desk;
  await menu(desk, "Provider management");
  const actions = page.getByRole("row", { name: new RegExp(`^${SECOND}`) }).locator("summary");
  await actions.click();
  await page.getByRole("link", { name: "Edit credentials or configuration" }).waitFor();
  await desk.look("providers-menu");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Edit credentials or configuration" }).waitFor({ state: "hidden" });
  await openProvider(desk, SECOND);
  await page.getByRole("link", { name: "Monitoring" }).click();
  await page.getByLabel("Fewest sends").fill("many");
  await page.getByRole("button", { name: "Switch on" }).click();
  await page.getByText("Give a whole number from").waitFor();
  await desk.look("provider-monitoring");
  await page.getByLabel("Fewest sends").fill("20");
  await page.getByRole("button", { name: "Switch on" }).click();
  await page.getByText("Monitoring is on.").first().waitFor();
  await page.getByRole("link", { name: "Remove provider" }).click();
  await page.getByRole("heading", { name: `Remove ${SECOND}?` }).waitFor();
  await desk.look("provider-remove");
  await page.getByRole("link", { name: "Cancel", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: SECOND }).waitFor();
  await page.getByRole("link", { name: "Remove provider" }).click();
  await page.getByRole("button", { name: "Remove for good" }).click();
  await page.getByText("The provider is removed.").waitFor();
  assert.equal(await page.getByRole("row", { name: new RegExp(`^${SECOND}`) }).count(), 0);
  assert.deepEqual(await preview(desk), ["OY! sandbox", "DOKU sandbox", "KasPro sandbox"]);
}
