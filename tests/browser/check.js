// Walks the console of a running demo as the people who use it, in one browser: scripts/check-console starts both and
// says by the environment where they are. Each journey is a file; what the people of one leave behind, the next ones find.
import { join } from "node:path";
import test, { after, before } from "node:test";
import { chromium } from "playwright-core";

import { finance } from "./journeys/finance.js";
import { judges } from "./journeys/judges.js";
import { kyb, onboarding } from "./journeys/kyb.js";
import { operator } from "./journeys/operator.js";
import { owner } from "./journeys/owner.js";
import { plain } from "./journeys/plain.js";
import { settings } from "./journeys/settings.js";
import { strangers } from "./journeys/strangers.js";

const { CONSOLE_FACTS, CONSOLE_BROWSER, CONSOLE_SHOTS, CONSOLE_KEPT } = process.env;
/** What the demo printed, and what the journeys tell each other: `people` by role, each with e-mail, password or link. */
const place = { ...JSON.parse(CONSOLE_FACTS), shots: CONSOLE_SHOTS, people: {}, seen: new Set(), desks: [] };

before(async () => {
  const args = ["--no-proxy-server", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
  place.browser = await chromium.launch({ executablePath: CONSOLE_BROWSER, args });
});
after(() => place.browser?.close());

/** `who`: the people that an earlier journey must have invited. */
function journey(name, walk, who = []) {
  test(name, { timeout: 120_000 }, async () => {
    place.desks = [];
    try {
      for (const role of who) if (!place.people[role]) throw new Error(`the owner's journey did not come to ${role}`);
      await walk(place);
      for (const desk of place.desks) desk.checked();
    } catch (error) {
      const kept = place.desks.map((desk) => desk.keep(join(CONSOLE_KEPT, name)).catch((failed) => `nothing: ${failed.message}`));
      console.error(`${name} failed; the pages as they stood: ${(await Promise.all(kept)).join(", ") || "none was open"}`);
      for (const desk of place.desks) error.message += desk.wrong.map((line) => `\n${line}`).join("");
      throw error;
    } finally {
      await Promise.all(place.desks.map((desk) => desk.context.close()));
    }
  });
}

journey("the judges see what is wrong", judges);
journey("owner", owner);
journey("finance", finance, ["finance"]);
journey("operator", operator, ["operation"]);
journey("settings", settings, ["owner", "finance"]);
journey("kyb", kyb);
journey("onboarding", onboarding, ["kyb"]);
journey("without JavaScript", plain, ["operation"]);
journey("strangers", strangers, ["owner"]);
