// Home looks again every few seconds while somebody can see it, and changes only what has changed. It says what needs
// attention when that changes, keeps open what is open, and stops where nobody is signed in any more.
(() => {
  const now = document.getElementById("home-now");
  const said = document.getElementById("home-said");
  const period = 5000;
  let timer = 0;
  let lost = 0;

  const parts = (root) => [...root.querySelectorAll("[data-part]")];
  const words = (root) => root.querySelector("[data-announce]")?.dataset.announce ?? "";

  const stop = (text) => {
    clearTimeout(timer);
    timer = -1;
    now.classList.add("is-over");
    said.textContent = text;
    const line = now.querySelector(".fresh span + span");
    if (line) line.textContent = text;
  };

  const show = (html) => {
    const next = new DOMParser().parseFromString(html, "text/html").body;
    if (!next.querySelector("[data-part]")) return;
    if (words(next) !== words(now)) said.textContent = words(next);
    const names = (root) => parts(root).map((part) => part.dataset.part).join();
    if (names(next) !== names(now)) {
      if (!now.contains(document.activeElement)) now.replaceChildren(...next.childNodes);
      return;
    }
    const fresh = parts(next);
    parts(now).forEach((old, at) => {
      const part = fresh[at];
      // Who reads or uses a part with the keyboard keeps it until the next time.
      if (old.contains(document.activeElement)) return;
      part.querySelectorAll("details[id]").forEach((one) => {
        one.open = document.getElementById(one.id)?.open ?? false;
      });
      if (old.outerHTML !== part.outerHTML) old.replaceWith(part);
    });
  };

  const again = async () => {
    try {
      const answer = await fetch(now.dataset.again, { redirect: "manual", headers: { Accept: "text/html" } });
      if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) return stop(now.dataset.over);
      if (!answer.ok) throw new Error(answer.status);
      show(await answer.text());
      lost = 0;
      now.classList.remove("is-lost");
    } catch {
      lost += 1;
      now.classList.add("is-lost");
      if (lost === 3) said.textContent = now.dataset.lost;
    }
    plan();
  };

  const plan = () => {
    clearTimeout(timer);
    if (timer === -1 || document.hidden) return;
    timer = setTimeout(again, Math.min(period * 2 ** lost, 60000));
  };

  if (!now) return;
  now.classList.add("is-live");
  document.addEventListener("visibilitychange", () => {
    if (timer === -1) return;
    if (document.hidden) clearTimeout(timer);
    else again();
  });
  plan();
})();
