// Keeps the example of a fee true while somebody types. The server computes it, as it does for payments.
"use strict";

const waiting = new WeakMap();

async function refresh(part) {
  waiting.get(part)?.abort();
  const asked = new AbortController();
  waiting.set(part, asked);
  const address = new URL(part.dataset.example, location.href);
  for (const input of part.querySelectorAll("input[name]")) {
    if (input.type === "radio" || input.type === "checkbox" ? input.checked : true) address.searchParams.set(input.name, input.value);
  }
  try {
    const answer = await fetch(address, { signal: asked.signal });
    // 422 is an answer too: it says what is missing.
    if (answer.ok || answer.status === 422) part.querySelector("output").textContent = await answer.text();
  } catch {
    // Overtaken by the next sign, or offline: the button still asks.
  }
}

let pause;
document.addEventListener("input", (event) => {
  const part = event.target.closest("fieldset[data-example]");
  if (!part) return;
  clearTimeout(pause);
  pause = setTimeout(() => refresh(part), 150);
});
