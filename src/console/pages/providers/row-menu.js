// Menus of rows close as menus do: by Escape, by a click elsewhere, and when another one opens.
"use strict";

const menus = () => document.querySelectorAll("details.row-menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  for (const menu of menus()) if (menu !== event.target) menu.open = false;
}, true);
