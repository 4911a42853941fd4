/* What a page does beyond htmx: errors keep what was typed, dates have a calendar, Ctrl+K searches. */
"use strict";

function problems() { return document.getElementById("problems"); }

function tell(text) {
  const place = problems();
  if (!place) return;
  const box = document.createElement("div");
  box.className = "problem";
  box.setAttribute("role", "alert");
  box.textContent = text;
  place.replaceChildren(box);
  place.scrollIntoView({block: "center"});
}

function word(name) { return document.body.dataset[name] || ""; }

async function renewToken() {
  const answer = await fetch("/session/token", {headers: {Accept: "text/plain"}});
  if (!answer.ok || !(answer.headers.get("Content-Type") || "").startsWith("text/plain")) return;
  const token = await answer.text();
  document.querySelectorAll("input[name=csrf_token]").forEach((field) => { field.value = token; });
}

document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status === 401) {  // the session has ended: the form stays, the person signs in beside it
    event.preventDefault();
    tell(word("signIn"));
    const link = document.createElement("a");
    link.href = "/sign-in"; link.target = "_blank"; link.rel = "noopener"; link.textContent = " " + word("signInLink");
    problems()?.firstChild?.append(link);
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const status = event.detail.xhr.status;
  if (status >= 400 && status !== 401) {  // what was typed stays; the reason stands above it
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    if (event.detail.xhr.responseText.includes("<html")) return;  // a whole page that says at its place what is wrong
    event.detail.target = problems() || event.detail.target;
    event.detail.swapOverride = "innerHTML";
    if (event.detail.xhr.responseText.includes("csrf_failed")) renewToken();
  }
});

let cameFrom = null;

document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.target?.id === "drawer") cameFrom = event.detail.elt; });

function closeDrawer() {  // whoever opened it goes on where it was opened
  const drawer = document.getElementById("drawer");
  if (!drawer?.firstChild) return;
  drawer.replaceChildren();
  cameFrom?.focus();
}

document.addEventListener("htmx:afterSwap", (event) => {
  const place = problems();
  if (event.detail.target?.id === "drawer") event.detail.target.querySelector("h2")?.focus();
  if (event.detail.target === place) place.scrollIntoView({block: "center"});
});

document.addEventListener("htmx:sendError", () => tell(word("noNetwork")));

/* a form that is drawn anew keeps its open sections, and what was typed while the answer was on its way */
let opened = [], sent = new Map(), typed = new Map();

function written(form) {
  const found = new Map();
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string") found.set(name, [...(found.get(name) || []), value]);
  }
  return found;
}

function put(form, name, values) {
  const left = [...values];
  let changed = null;
  for (const one of form.elements) {
    if (one.name !== name || ["hidden", "file", "submit"].includes(one.type)) continue;
    if (one.type === "checkbox" || one.type === "radio") one.checked = values.includes(one.value);
    else one.value = left.shift() ?? "";
    changed = one;
  }
  return changed;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id === "form") sent = written(event.detail.target);
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "form") return;
  opened = [...document.querySelectorAll("details[open][id]")].map((one) => one.id);
  typed = written(document.getElementById("form"));
});
document.addEventListener("htmx:afterSettle", (event) => {
  const form = document.getElementById("form");
  if (event.detail.target?.id !== "form" || !form || !typed.size) return;
  opened.forEach((id) => { const one = document.getElementById(id); if (one) one.open = true; });
  let live = null;
  for (const name of new Set([...sent.keys(), ...typed.keys()])) {
    if (JSON.stringify(sent.get(name)) === JSON.stringify(typed.get(name))) continue;
    const one = put(form, name, typed.get(name) || []);
    if (one?.closest("[hx-post]") !== form) live = one ?? live;
  }
  typed = new Map();
  live?.dispatchEvent(new Event("change", {bubbles: true}));
});

/* the calendar beside a date that is typed as dd/mm/yyyy */
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-calendar]");
  if (!button) return;
  const picker = button.parentElement.querySelector("input[type=date]");
  const text = button.parentElement.querySelector("input[type=text]");
  const parts = text.value.match(/(\d{1,2})\/(\d{1,2})\/(\d{4})/);
  if (parts) picker.value = `${parts[3]}-${parts[2].padStart(2, "0")}-${parts[1].padStart(2, "0")}`;
  picker.showPicker();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-day-of]")) {
    const text = document.getElementById(event.target.dataset.dayOf);
    const [year, month, day] = event.target.value.split("-");
    if (year) text.value = `${day}/${month}/${year}` + (text.value.match(/ \d{1,2}:\d{2}$/) || [""])[0];
    text.dispatchEvent(new Event("change", {bubbles: true}));
  }
  if (event.target.matches("[data-brings]")) {  // the person brings the unit
    const unit = event.target.selectedOptions[0]?.dataset.brings;
    if (unit) document.getElementById(event.target.dataset.brings).value = unit;
  }
  if (event.target.matches("[data-tick-all]")) {
    document.querySelectorAll(`input[type=checkbox][name="${event.target.dataset.tickAll}"]`).forEach((one) => { one.checked = event.target.checked; });
  }
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); document.getElementById("find")?.focus(); }
  if (event.key === "Escape") closeDrawer();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) closeDrawer();
});
