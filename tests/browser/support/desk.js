// A person at a browser: one context, one page, and everything that went wrong there that nobody may see going wrong.
// Journeys act through `page` as a person would; `look` judges what stands there. Nothing here knows a page of the console.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

export class Desk {
  /** What every desk of a run has in common: where the console is, and where pictures go (`null`: nowhere). */
  constructor(place, name) {
    this.place = place;
    this.name = name;
    this.wrong = [];
    /** Addresses that scripts ask and that may answer 422: what is typed is not whole yet. */
    this.unfinished = [];
    this.seen = new Set();
  }

  static async open(place, name, { script = true, locale = "en-GB" } = {}) {
    const desk = new Desk(place, name);
    desk.context = await place.browser.newContext({
      baseURL: place.url,
      javaScriptEnabled: script,
      locale,
      viewport: DESK,
      colorScheme: "light",
      // A colour on its way from one to another has no contrast to judge.
      reducedMotion: "reduce",
    });
    desk.context.setDefaultTimeout(20_000);
    desk.page = await desk.context.newPage();
    desk.#watch();
    place.desks.push(desk);
    return desk;
  }

  #watch() {
    const { page } = this;
    const own = new URL(this.place.url).origin;
    const tell = (what) => this.wrong.push(`${page.url()}: ${what}`);
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol !== "data:" && origin !== own) tell(`asks elsewhere: ${request.url()}`);
    });
    page.on("response", (response) => {
      const answered = `${response.status()} for ${response.request().method()} ${response.url()}`;
      if (response.status() === 422 && this.unfinished.includes(new URL(response.url()).pathname)) return;
      if (response.status() >= 500) tell(answered);
      else if (response.status() >= 400 && !response.request().isNavigationRequest()) tell(answered);
    });
    page.on("requestfailed", (request) => {
      // Going on while a page still loads or listens ends its requests; that is no fault.
      if (request.failure()?.errorText !== "net::ERR_ABORTED") tell(`${request.failure()?.errorText}: ${request.url()}`);
    });
    page.on("pageerror", (error) => tell(`a script failed: ${error.message}`));
    page.on("console", (message) => {
      // Refused pages are judged by `response` above.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource: the server responded"))
        tell(`the browser complains: ${message.text()}`);
    });
  }

  async go(path) {
    return this.page.goto(path);
  }

  /** Judges the page as it stands, once for each name: by axe in light and dark, at a desk and on a phone, and by its width. */
  async look(name) {
    if (this.place.seen.has(name)) return;
    this.place.seen.add(name);
    const { page } = this;
    const contrast = { runOnly: ["color-contrast"] };
    const full = { runOnly: RULES, rules: { "target-size": { enabled: true } } };
    await this.#judge(name, DESK, "light", full);
    await this.#judge(name, DESK, "dark", contrast);
    if (this.place.shots) await this.#judge(name, PHONE, "light", contrast);
    await this.#judge(name, PHONE, "dark", full);
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(DESK);
  }

  async #judge(name, size, theme, options) {
    const { page, place } = this;
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: theme });
    await page.mouse.move(0, 0);
    await page.evaluate(() => window.scrollTo(0, 0));
    const at = `${name} at ${size.width} in ${theme}`;
    if (place.shots) {
      const path = join(place.shots, `${name}-${size.width}-${theme}.png`);
      await page.screenshot({ path, fullPage: true });
    }
    // At a desk the page's own button is judged with the mouse on it.
    const button = page.locator("main .primary:visible").first();
    if (size === DESK && (await button.count())) await button.hover();
    if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
    const { violations } = await page.evaluate((options) => window.axe.run(document, { ...options, resultTypes: ["violations"], preload: false }), options);
    for (const { id, impact, help, nodes } of violations) {
      if (impact !== "serious" && impact !== "critical") continue;
      const first = nodes[0];
      this.wrong.push(`${at}: ${impact} ${id}, ${help}: ${first.html} (${nodes.length}) ${first.failureSummary}`);
    }
    for (const text of await page.evaluate(tooWide)) this.wrong.push(`${at}: wider than the window: ${text}`);
  }

  /** Throws where anything went wrong since the desk was opened or asked last. */
  checked() {
    const wrong = this.wrong.splice(0);
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
  }

  /** Keeps what the page looks like and is made of, for who looks into a failure. Answers where. */
  async keep(folder) {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, this.name.replaceAll(/[^a-z0-9]+/gi, "-"));
    writeFileSync(`${path}.html`, `<!-- ${this.page.url()} -->\n${await this.page.content()}`);
    await this.page.screenshot({ path: `${path}.png`, fullPage: true });
    return `${path}.png and .html`;
  }
}

/** In the page: what reaches out of the window and can only be seen by scrolling the whole page sideways, or not at all. */
function tooWide() {
  const width = document.documentElement.clientWidth;
  const found = [];
  if (document.documentElement.scrollWidth > width) found.push(`the page itself: ${document.documentElement.scrollWidth} px`);
  const scrolls = (element) => {
    for (let at = element; at && at !== document.body; at = at.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(at).overflowX)) return true;
    return false;
  };
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    // What is only read aloud stands in one pixel somewhere.
    if (box.width <= 1 || box.height <= 1 || !element.checkVisibility() || element.closest("svg, .sr, .skip")) continue;
    if ((box.right > width + 1 || box.left < -1) && !scrolls(element))
      found.push(`${element.outerHTML.slice(0, 120)} from ${Math.round(box.left)} to ${Math.round(box.right)}`);
  }
  return found.slice(0, 5);
}
