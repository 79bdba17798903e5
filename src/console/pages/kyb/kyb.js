// Where scripts run, a long list of industries can be searched, and a file is taken as soon as it is chosen, with its
// progress. Without them files go along with the form.
for (const box of document.querySelectorAll(".find")) {
  box.hidden = false;
  const all = [...box.parentElement.querySelectorAll(".list .check")];
  const input = box.querySelector("input");
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const one of all) one.hidden = !one.textContent.toLowerCase().includes(wanted) && !one.querySelector("input").checked;
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}

const form = document.querySelector("form[data-documents]");
const say = form?.querySelector("[data-say]");
let underWay = 0;
/** The button that was pressed while files were on their way. */
let pressed = null;

const make = (tag, properties = {}, ...inside) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
};

function take(place, file) {
  const { name } = place.dataset;
  const bar = make("progress", { max: 1, value: 0 });
  bar.setAttribute("aria-label", `${form.dataset.uploading} ${file.name}`);
  const note = make("small", { textContent: form.dataset.uploading });
  const line = make("li", { className: "is-new" }, make("span", { className: "file" }, make("span", { className: "wrap", textContent: file.name }), note, bar));
  const list = place.querySelector(".files");
  if (!("many" in place.dataset)) for (const old of [...list.children]) old.hidden = true;
  list.append(line);
  const wrong = (text) => {
    line.remove();
    for (const old of [...list.children]) old.hidden = false;
    place.classList.add("is-wrong");
    place.querySelector(".error")?.remove();
    place.append(make("p", { className: "error", id: `${name}-error`, textContent: `${file.name}: ${text}` }));
    say.textContent = `${file.name}: ${text}`;
  };
  const told = ({ id, name: shown, about, path }) => {
    if (!("many" in place.dataset)) for (const old of [...list.children]) if (old !== line) old.remove();
    place.classList.remove("is-wrong");
    place.querySelector(".error")?.remove();
    const tick = make("input", { type: "checkbox", name: `remove.${name}`, value: id });
    line.replaceChildren(
      make("input", { type: "hidden", name, value: id }),
      make("span", { className: "file" }, make("a", { href: path, textContent: shown }), make("small", { textContent: `${about} · ${form.dataset.uploaded}` })),
      make("label", { className: "check" }, tick, make("span", {}, form.dataset.remove, make("span", { className: "sr", textContent: ` ${shown}` }))),
    );
    say.textContent = `${shown}: ${form.dataset.uploaded}`;
  };
  const body = new FormData();
  body.append("form_token", form.querySelector("[name=form_token]").value);
  body.append(`file.${name}`, file);
  const request = new XMLHttpRequest();
  request.open("POST", form.dataset.documents);
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  });
  request.addEventListener("loadend", () => {
    underWay -= 1;
    form.toggleAttribute("aria-busy", underWay > 0);
    if (request.status === 200 && request.response?.id) told(request.response);
    else {
      wrong(request.response?.wrong ?? form.dataset.broken);
      pressed = null;
    }
    if (underWay === 0 && pressed) form.requestSubmit(pressed);
  });
  underWay += 1;
  form.toggleAttribute("aria-busy", true);
  request.send(body);
}

for (const place of form?.querySelectorAll(".document") ?? []) {
  const input = place.querySelector("input[type=file]");
  input.addEventListener("change", () => {
    for (const file of input.files) take(place, file);
    input.value = "";
  });
}
// A save waits for what is on its way, and goes on by itself.
form?.addEventListener("submit", (event) => {
  if (underWay === 0) return;
  event.preventDefault();
  pressed = event.submitter;
  say.textContent = form.dataset.uploading;
});
