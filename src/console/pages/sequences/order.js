// An order is changed in place, by its buttons or by dragging. Without this file each button asks the server.
"use strict";

const form = document.querySelector("form[data-sequence]");
const inside = form.querySelector("[data-inside]");
const outside = form.querySelector("[data-outside]");

// Handles are for who can drag: without this file there are none.
form.classList.add("can-drag");

function told() {
  form.elements.order.value = [...inside.children].map((item) => item.dataset.id).join(",");
  form.querySelector("[data-draft]").hidden = false;
}

function say(item) {
  const text = item.parentElement === inside ? form.dataset.moved : form.dataset.left;
  const values = { name: item.dataset.name, n: [...inside.children].indexOf(item) + 1, all: inside.children.length };
  form.querySelector("[data-say]").textContent = text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function move(item, how) {
  if (how === "up") item.previousElementSibling?.before(item);
  else if (how === "down") item.nextElementSibling?.after(item);
  else if (how === "out") outside.append(item);
  else inside.append(item);
  told();
  say(item);
}

form.addEventListener("click", (event) => {
  const button = event.target.closest(".moves button");
  if (!button) return;
  event.preventDefault();
  const item = button.closest("li");
  move(item, button.value.split(".")[0]);
  // The button may have gone with the place: the focus stays with the item.
  const seen = [button, ...item.querySelectorAll(".moves button")].find((one) => getComputedStyle(one).visibility === "visible" && one.offsetParent);
  seen?.focus();
});

inside.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest(".handle");
  if (!handle || event.button !== 0) return;
  event.preventDefault();
  const item = handle.closest("li");
  const before = form.elements.order.value;
  handle.setPointerCapture(event.pointerId);
  item.classList.add("dragged");
  const drag = (moved) => {
    const over = [...inside.children].find((one) => {
      const box = one.getBoundingClientRect();
      return one !== item && moved.clientY > box.top && moved.clientY < box.bottom;
    });
    if (!over) return;
    const box = over.getBoundingClientRect();
    const isBelow = item.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
    const middle = box.top + box.height / 2;
    // Places change once it has gone past the middle, so that nothing flickers. The others move around it: what is
    // taken out of the page loses the pointer.
    if (isBelow && moved.clientY > middle) while (item.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING) item.before(item.nextElementSibling);
    else if (!isBelow && moved.clientY < middle) while (item.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_PRECEDING) item.after(item.previousElementSibling);
  };
  const drop = () => {
    handle.removeEventListener("pointermove", drag);
    item.classList.remove("dragged");
    if (before !== [...inside.children].map((one) => one.dataset.id).join(",")) {
      told();
      say(item);
    }
  };
  handle.addEventListener("pointermove", drag);
  handle.addEventListener("lostpointercapture", drop, { once: true });
});
