// The owner of a new company fills in its KYB file from nothing, on-boards at two providers at once, is asked for a
// revision by one of them and gives it, and connects the account of the other.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

import { Desk } from "../support/desk.js";
import { join, menu, signIn } from "./doors.js";
import { account as atOy } from "./routes.js";

/** The example of seed 000: by step, fields and what is typed there. */
const COMPANY = {
  "Registered name": "PT SANDBOX COMPANY",
  "Brand name": "Sanbox",
  "NIB (business registration number)": "234234234234234",
  Phone: "+62918237123",
  Website: "http://kolaborasibersama.id",
  "Street address": "Jl. Belokan Bawah I No.11, Tamban",
  Province: "Banten",
  "City (kota or kabupaten)": "Tangerang Selatan",
  "District (kecamatan)": "Serpong",
  "Sub-district (kelurahan or desa)": "Buaran",
  "Postal code": "55581",
};
const DIRECTOR = {
  "Full name": "John Doe",
  "E-mail": "john.doe@example.co.id",
  Phone: "+628127756464",
  "Place of birth": "Jakarta Timur",
  "Date of birth": "1988-10-23",
  Occupation: "Entrepreneur",
  "Home address": "Jl. Basuki Rahmat No.1A, Blok G3A",
  "Province of residence": "DKI Jakarta",
  "City of residence": "Jakarta Timur",
};
const DOCUMENTS = ["NIB certificate", "NPWP card", "Proof of the business address", "Deed of establishment (Akta Pendirian)", "Certificate of Kemenkumham"];

export async function kyb(place) {
  const name = "Toko Baru";
  const person = { name: "Nadia Baru", email: "nadia@example.com", password: "kopi tubruk untuk Nadia" };
  const link = new URL(invite(place, name, person.email));
  person.link = link.pathname + link.search;
  const desk = await Desk.open(place, "kyb");
  await join(desk, person);
  await fill(desk);
  await lookBack(desk);
  place.people.kyb = person;
}

export async function onboarding(place) {
  const person = place.people.kyb;
  const desk = await Desk.open(place, "onboarding");
  await signIn(desk, person);
  const reference = await board(desk);
  await revise(desk);
  await connect(desk, place);
  await withoutScripts(place, person, reference);
}

/** A client of its own, as who runs the installation makes it. Answers the link by which its owner comes in. */
function invite(place, client, email) {
  const env = { ...process.env, PAYSTRATOR__DATA__DIR: place.data, PAYSTRATOR__SERVER__PUBLIC_URL: place.url };
  const run = (...words) => execFileSync(place.program, words, { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  return run("user", "create", "--email", email, "--client", run("client", "create", client));
}

const pdf = (name) => ({ name: `${name}.pdf`, mimeType: "application/pdf", buffer: Buffer.from(`%PDF-1.7\n% ${name}\n%%EOF\n`) });

/** Chooses files, and waits until each is taken. */
async function upload(page, label, ...names) {
  await page.getByLabel(label, { exact: true }).setInputFiles(names.map(pdf));
  for (const name of names) await page.getByText(`${name}.pdf: Uploaded, not saved yet`).or(page.getByRole("link", { name: `${name}.pdf` })).first().waitFor();
}

async function type(page, fields) {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
}

/** Saves the step that stands open, and goes to the next. */
async function next(page, heading, button = "Save and go on") {
  await page.getByRole("button", { name: button }).click();
  await page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor();
}

async function fill(desk) {
  const { page } = desk;
  await menu(desk, "KYB file");
  await desk.look("kyb-none");
  await page.getByRole("link", { name: "Begin" }).click();
  await type(page, { "E-mail of the submitter": "john@example.co.id", "Name of the submitter": "John Doe" });
  for (const product of ["QR Code", "Open VA", "Close VA"]) await page.getByRole("checkbox", { name: product }).check();
  await desk.look("kyb-start");
  await next(page, "Company");

  await type(page, { ...COMPANY, Phone: "0918237123" });
  await page.getByLabel("Type of legal entity").selectOption("PT");
  for (const industry of ["Agriculture", "General E-commerce"]) {
    await page.getByLabel("Find an industry").fill(industry.slice(0, 7));
    await page.getByRole("checkbox", { name: industry, exact: true }).check();
  }
  await page.getByRole("button", { name: "Save and go on" }).click();
  await page.getByRole("alert").getByRole("link", { name: "Phone" }).waitFor();
  await desk.look("kyb-company-wrong");
  await page.getByLabel("Phone", { exact: true }).fill(COMPANY.Phone);
  await next(page, "Documents");

  for (const label of DOCUMENTS) await upload(page, label, label);
  await page.getByLabel("NPWP (tax number)").fill("234234234234234");
  await page.getByRole("button", { name: "Add a further document" }).click();
  await page.getByLabel("Name of the document").fill("sertifikasi iso 27000");
  await upload(page, "Document", "iso 27000");
  await desk.look("kyb-documents");
  await next(page, "Directors");

  await type(page, DIRECTOR);
  await upload(page, "KTP", "ktp");
  // Who does not wait for an upload loses nothing: the form goes on when it has come.
  await page.getByLabel("Photo holding the KTP", { exact: true }).setInputFiles(pdf("selfie"));
  await page.getByRole("button", { name: "Add a director" }).click();
  await page.getByRole("heading", { name: "Director 2" }).waitFor();
  await page.getByRole("link", { name: "selfie.pdf" }).waitFor();
  await page.getByText("Not saved yet.").waitFor();
  await desk.look("kyb-directors");
  await page.getByRole("button", { name: "Take director 2 out" }).click();
  await page.getByRole("heading", { name: "Director 2" }).waitFor({ state: "detached" });
  await next(page, "Supporting papers");

  await upload(page, "First page of the bank book", "bank book");
  await upload(page, "Photos of the premises", "front", "back");
  await desk.look("kyb-supporting");
  await next(page, "Business");
  await type(page, { "Monthly revenue": "100.000.000", "Monthly profit": "120.000.000", "Opens at": "00:00", "Closes at": "23:59" });
  await page.getByLabel("Business premises").selectOption("Rented");
  await desk.look("kyb-business");
  await next(page, "KYB file", "Save and finish");
  await page.getByRole("heading", { name: "The file is complete" }).waitFor();
  await desk.look("kyb-overview");
}

/** What was filled in can be read, version by version. */
async function lookBack(desk) {
  const { page } = desk;
  await page.getByRole("link", { name: "Version 4" }).click();
  await page.getByRole("heading", { level: 1, name: "Version 4" }).waitFor();
  await page.getByText("Entrepreneur").waitFor();
  await page.getByRole("link", { name: "ktp.pdf" }).waitFor();
  await desk.look("kyb-version");
}

/** On Board at two at once. Answers the reference of the one that will want a revision. */
async function board(desk) {
  const { page } = desk;
  await menu(desk, "Marketplace");
  await desk.look("marketplace");
  for (const name of ["OY! Indonesia", "KasPro"]) await page.getByRole("checkbox", { name: `Choose ${name}` }).check();
  await page.getByRole("button", { name: "On Board at all chosen" }).click();
  await page.getByRole("heading", { level: 1, name: "On Board" }).waitFor();
  await desk.look("board");
  await page.getByRole("button", { name: "On Board" }).click();
  await page.getByText("On Board: your file is on its way.").waitFor();
  const row = page.getByRole("row", { name: /KasPro/ });
  const reference = await row.locator("code, .mono").first().innerText();
  assert.match(reference, /^paystrator-kyb-[0-9a-f]{32}$/);
  return reference;
}

/** Looks at the onboarding of a provider until it stands so. */
async function stands(desk, provider, status) {
  const { page } = desk;
  await menu(desk, "Marketplace");
  const badge = page.getByRole("listitem").filter({ hasText: provider }).getByText(status);
  for (let looks = 0; !(await badge.isVisible()); looks++) {
    assert.ok(looks < 120, `${provider} never comes to ${status}`);
    await page.waitForTimeout(250);
    await page.reload();
  }
  await page.getByRole("link", { name: `See how it stands ${provider}` }).click();
  await page.getByRole("heading", { level: 1, name: provider }).waitFor();
}

async function revise(desk) {
  const { page } = desk;
  await stands(desk, "KasPro", "Needs revision");
  await page.getByText("KasPro says:").first().waitFor();
  await desk.look("onboarding-revise");
  await page.getByRole("link", { name: "Correct the KYB file" }).click();
  await page.getByRole("link", { name: "Documents", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Documents" }).waitFor();
  await upload(page, "NIB certificate", "a sharper scan");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("status").filter({ hasText: "Saved." }).waitFor();
  await stands(desk, "KasPro", "Needs revision");
  await page.getByRole("button", { name: "Submit version 7" }).click();
  await page.getByText("The newer version is on its way.").waitFor();
  await page.getByText("Changed: NIB certificate").waitFor();
  await stands(desk, "KasPro", "Approved");
  await desk.look("onboarding-approved");
  await page.getByRole("link", { name: "Onboardings" }).first().click();
  await page.getByRole("heading", { level: 1, name: "Onboardings" }).waitFor();
  await desk.look("onboardings");
}

async function connect(desk, place) {
  const { page } = desk;
  const { username, key, address } = atOy(place);
  await stands(desk, "OY! Indonesia", "Approved");
  await page.getByRole("link", { name: "Connect the account" }).click();
  await page.getByLabel("Provider name").fill("OY! by onboarding");
  await page.getByLabel("Username", { exact: true }).fill(username);
  await page.getByLabel("Base address").fill(address);
  await page.getByRole("button", { name: "Test and save" }).click();
  await page.getByRole("alert").filter({ hasText: "Nothing was saved." }).waitFor();
  await desk.look("onboarding-connect-wrong");
  await page.getByLabel("API key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Test and save" }).click();
  await page.getByText("The account works, and the onboarding is at its end.").waitFor();
  await desk.look("onboarding-connected");
  await menu(desk, "Provider management");
  const row = page.getByRole("row", { name: /OY! by onboarding/ });
  await row.getByText("Inactive").waitFor();
}

/** The same pages with scripts switched off: a file goes along with the form, and an onboarding is taken back. */
async function withoutScripts(place, person, reference) {
  const desk = await Desk.open(place, "kyb-without-scripts", { script: false });
  const { page } = desk;
  await signIn(desk, person);
  await desk.go("/console/kyb/supporting");
  await page.getByLabel("Organisation chart (optional)").setInputFiles(pdf("chart"));
  await page.getByLabel("Letter of authority (optional)").setInputFiles({ ...pdf("letter"), buffer: Buffer.from("no pdf") });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("This file is no PDF, JPEG or PNG.").waitFor();
  await page.getByRole("link", { name: "chart.pdf" }).waitFor();
  await page.getByRole("checkbox", { name: "Take out front.pdf" }).check();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved.").waitFor();
  await page.getByRole("link", { name: "chart.pdf" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "front.pdf" }).count(), 0);
  await desk.go(`/console/marketplace/onboardings/${reference}`);
  await page.getByText("Take it back").click();
  await page.getByRole("button", { name: "Take the onboarding back" }).click();
  await page.getByText("The onboarding is taken back.").waitFor();
}
