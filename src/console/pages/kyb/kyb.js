// Where scripts run, a long list of industries can be searched.
for (const box of document.querySelectorAll(".find")) {
  box.hidden = false;
  const all = [...box.parentElement.querySelectorAll(".list .check")];
  box.querySelector("input").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const one of all) one.hidden = !one.textContent.toLowerCase().includes(wanted) && !one.querySelector("input").checked;
  });
  box.querySelector("input").addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}
