// A page of our own making with every fault in it, to know that none of the judges sleeps.
import assert from "node:assert/strict";

import { Desk } from "../support/desk.js";

const FAULTY = `<!doctype html><html lang="en"><title>x</title><body><main><h1>x</h1>
  <script>document.title = "ran"</script>
  <img src="http://127.0.0.2:9/x.png" alt="x">
  <script src="/console/assets/none.js"></script>
  <p style="color: #ccc; background: #fff">unreadable</p>
  <table><tr><td class="wide">${"wide".repeat(200)}</td></tr></table>
  <input type="text"></main></body></html>`;

export async function judges(place) {
  const desk = await Desk.open(place, "judges");
  const policy = "default-src 'none'; img-src *; style-src 'self' 'unsafe-inline'; script-src 'self'";
  await desk.page.route("**/console/faulty", (route) =>
    route.fulfill({ body: FAULTY, contentType: "text/html", headers: { "content-security-policy": policy } }),
  );
  await desk.go("/console/faulty");
  const shots = place.shots;
  place.shots = undefined;
  await desk.look("faulty");
  place.shots = shots;
  const wrong = desk.wrong.splice(0).join("\n");
  for (const fault of [/Content Security Policy/, /asks elsewhere/, /404 for GET .*none\.js/, /color-contrast/, /critical label/, /the page itself: \d+ px/])
    assert.ok(fault.test(wrong), `${fault} was not noticed`);
}
