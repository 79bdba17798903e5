// Another provider is another form: it is fetched as it is chosen, and what was typed of both stays. Secrets do not.
"use strict";

const choose = document.querySelector("form[data-choose]");
let asked;

async function change() {
  asked?.abort();
  asked = new AbortController();
  const address = new URL(choose.action);
  address.search = new URLSearchParams(new FormData(choose));
  try {
    const answer = await fetch(address, { signal: asked.signal });
    if (!answer.ok || answer.redirected) return choose.submit();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const typed = new Map();
    for (const input of document.querySelectorAll("#chosen input[name], #chosen textarea[name]")) {
      if (!["hidden", "password", "radio", "checkbox"].includes(input.type) && !input.matches(".veiled")) typed.set(input.name, input.value);
    }
    const focused = document.activeElement.id;
    document.querySelector("#chosen").replaceWith(page.querySelector("#chosen"));
    choose.querySelector(".pair").replaceWith(page.querySelector("form[data-choose] .pair"));
    for (const [name, value] of typed) {
      const input = document.querySelector(`#chosen [name="${CSS.escape(name)}"]`);
      if (input && value) input.value = value;
    }
    document.getElementById(focused)?.focus();
    history.replaceState(null, "", address);
  } catch (problem) {
    if (problem.name !== "AbortError") choose.submit();
  }
}

choose.querySelector("button").hidden = true;
choose.addEventListener("change", change);
