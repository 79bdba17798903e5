// What others try with the browser of somebody who is signed in: forms and frames on their own pages, a planted session,
// script in what they send us to show. The browser is the real one, so what it adds and holds back by itself counts too.
import assert from "node:assert/strict";
import { createServer } from "node:http";

import { Desk } from "../support/desk.js";
import { menu, signIn, signOut } from "./doors.js";

const SCRIPT = `"><script>document.title='ran'</script><img src=x onerror="document.title='ran'">`;

export async function strangers(place) {
  const me = place.people.owner;
  const desk = await Desk.open(place, "strangers");
  await planted(desk, place, me);
  await cookies(desk);
  const site = await elsewhere();
  try {
    const { port } = site.address();
    // Another port of the same host counts as the same site, so the cookies come along; another name does not.
    for (const host of ["127.0.0.1", "localhost"]) {
      await forged(desk, place, `http://${host}:${port}`);
      for (const page of ["/console/", "/docs/"]) await framed(desk, `${place.url}${page}`, `http://${host}:${port}`);
    }
  } finally {
    site.close();
  }
  await written(desk, place);
  await reference(desk);
  await afterwards(desk);
}

/** Somebody else's site: shows whatever page its address asks for. */
async function elsewhere() {
  const site = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(new URL(request.url, "http://any").searchParams.get("page") ?? "");
  });
  await new Promise((ready) => site.listen(0, ready));
  return site;
}

/** Who plants a session in a browser does not have it when somebody signs in there. */
async function planted(desk, place, me) {
  const { context } = desk;
  const visitor = await Desk.open(place, "planter");
  await visitor.go("/console/sign-in");
  const visit = (await visitor.context.cookies()).find((cookie) => cookie.name === "paystrator_visit");
  await context.addCookies([visit, { ...visit, name: "paystrator_session", value: "a".repeat(64) }]);
  await signIn(desk, me);
  const now = (await context.cookies()).find((cookie) => cookie.name === "paystrator_session");
  assert.notEqual(now.value, "a".repeat(64), "the planted token is not taken over");
  await visitor.context.addCookies([{ ...visit, name: "paystrator_session", value: "a".repeat(64) }]);
  await visitor.go("/console/settings/team");
  await visitor.page.getByRole("heading", { name: "Sign in to your console" }).waitFor();
}

async function cookies(desk) {
  for (const cookie of await desk.context.cookies()) {
    if (!["paystrator_session", "paystrator_visit"].includes(cookie.name)) continue;
    assert.ok(cookie.httpOnly && cookie.sameSite === "Lax" && cookie.path === "/" && cookie.expires === -1, JSON.stringify(cookie));
  }
  assert.equal(await desk.page.evaluate(() => document.cookie), "", "no script reads a cookie of ours");
}

/** Opens a page of theirs in the same browser. */
async function theirs(desk, origin, html) {
  const page = await desk.context.newPage();
  await page.goto(`${origin}/?page=${encodeURIComponent(html)}`);
  return page;
}

/** A form on their page that sends itself off: it comes back refused, whatever it asks for and whatever token it carries. */
async function forged(desk, place, origin) {
  await menu(desk, "Team");
  const rows = await desk.page.getByRole("row").count();
  const token = await desk.page.locator("input[name=form_token]").first().inputValue();
  const fields = { email: "evil@example.com", role: "owner", password: place.password, mode: "live", form_token: token };
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
  for (const path of ["settings/team/invite", "sign-in", "sign-out", "mode"]) {
    const form = `<form method="post" action="${place.url}/console/${path}">${inputs.join("")}<button>Win</button></form>`;
    const page = await theirs(desk, origin, form);
    const answer = page.waitForResponse((response) => response.url().endsWith(`/console/${path}`));
    await page.getByRole("button", { name: "Win" }).click();
    assert.equal((await answer).status(), 403, `${path} from ${origin}`);
    await page.getByRole("heading", { name: "This form is out of date" }).waitFor();
    await page.close();
  }
  await desk.page.reload();
  assert.equal(await desk.page.getByRole("row").count(), rows, "nobody was invited, and the session stands");
  await desk.page.getByRole("button", { name: "Test", pressed: true }).waitFor();
}

/** A page of ours inside a frame of theirs shows nothing. */
async function framed(desk, address, origin) {
  const page = await desk.context.newPage();
  const refused = page.waitForEvent("console", (message) => /frame-ancestors/.test(message.text()));
  await page.goto(`${origin}/?page=${encodeURIComponent(`<iframe src="${address}"></iframe>`)}`);
  await refused;
  assert.equal(await page.frameLocator("iframe").locator("a").count(), 0);
  await page.close();
}

/** Script in every text that a payment brings is shown as what it is. */
async function written(desk, place) {
  const { page } = desk;
  const body = {
    externalId: `x ${SCRIPT}`,
    amount: 10_000,
    receiverName: `Budi ${SCRIPT}`,
    receiverAccountNo: "1239812390",
    receiverBankCode: "BCA",
    remark: `remark ${SCRIPT}`,
  };
  const headers = { authorization: `Bearer ${place.key}`, "content-type": "application/json", prefer: "wait=20" };
  const answer = await fetch(`${place.url}/v1/send-money`, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.text());
  await menu(desk, "Transactions");
  await page.getByRole("link", { name: body.externalId }).click();
  for (const text of [body.receiverName, body.remark, body.externalId]) await page.getByText(text, { exact: true }).first().waitFor();
  await desk.go(`/console/transactions?order=${encodeURIComponent(SCRIPT)}`);
  assert.equal(await page.getByLabel("Order id").inputValue(), SCRIPT);
  await menu(desk, "Team");
  await page.getByLabel("E-mail").evaluate((field) => (field.type = "text"));
  await page.getByLabel("E-mail").fill(SCRIPT);
  await page.getByRole("radio", { name: /^Finance/ }).check();
  await page.getByRole("button", { name: "Make invitation" }).click();
  await page.getByText("This is no e-mail address.").waitFor();
  assert.equal(await page.getByLabel("E-mail").inputValue(), SCRIPT);
  await desk.look("team-wrong");
  assert.notEqual(await page.title(), "ran");
}

/** The reference stands on the same host: it shows our document whatever a link asks for, and asks nobody else. */
async function reference(desk) {
  const { page } = desk;
  const other = encodeURIComponent("http://127.0.0.2:8099/openapi.json");
  await desk.go(`/docs/?url=${other}&configUrl=${other}`);
  await page.getByRole("heading", { name: /^Paystrator/ }).waitFor();
  await page.getByText("/v1/send-money", { exact: true }).first().waitFor();
  await desk.go("/console/");
}

/** Nothing of it can be seen again by going back. */
async function afterwards(desk) {
  const { page } = desk;
  await menu(desk, "Transactions");
  await signOut(desk);
  await page.goBack();
  await page.getByRole("heading", { name: "Sign in to your console" }).waitFor();
}
