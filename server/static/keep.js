/* What is typed into a record's form is kept in this tab until it is saved: leaving, going back or reloading loses nothing.
   A form with confidential fields is not kept anywhere; leaving it asks first. */
"use strict";

const KEPT = "sen-form ";
let leavingAsks = false, sentFrom = "";

function keptUnder() { return KEPT + (document.body.dataset.me || "") + " " + location.pathname; }

function textsOf(form) {
  return [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "csrf_token");
}

function keepForm() {
  const form = document.getElementById("form");
  if (!form) return;
  if (form.dataset.sealed) { leavingAsks = true; return; }
  try { sessionStorage.setItem(keptUnder(), JSON.stringify(textsOf(form))); } catch { leavingAsks = true; }
}

function forgetForm(key) { leavingAsks = false; sessionStorage.removeItem(key || keptUnder()); }

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => { if (event.target.form?.id === "form") keepForm(); });
}

document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.target?.id === "form") sentFrom = keptUnder(); });
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const answer = event.detail.xhr;
  const saved = answer.status < 400 && (answer.getResponseHeader("HX-Redirect") || answer.getResponseHeader("HX-Replace-Url"));
  if (event.detail.target?.id === "form" && saved) forgetForm(sentFrom);
});

window.addEventListener("beforeunload", (event) => { if (leavingAsks) event.preventDefault(); });
document.addEventListener("click", (event) => { if (event.target.closest("[data-forget]")) forgetForm(); });
document.addEventListener("submit", (event) => { if (event.target.matches("[data-forget-all]")) sessionStorage.clear(); });

/* the server draws the form as it was left: with its rows, and with what it showed when it was opened */
async function restoreForm() {
  const form = document.getElementById("form"), told = sessionStorage.getItem(keptUnder());
  if (!form || !told || told === JSON.stringify(textsOf(form))) return;
  const body = new FormData();
  JSON.parse(told).forEach(([name, value]) => body.append(name, value));
  body.append("csrf_token", form.elements.csrf_token.value);
  body.append("go", "look");
  const answer = await fetch(form.action, {method: "POST", headers: {"HX-Request": "true"}, body});
  if (!answer.ok) return;
  form.outerHTML = await answer.text();
  htmx.process(document.getElementById("form"));
  const note = document.createElement("div"), drop = document.createElement("button");
  note.className = "note soon";
  note.setAttribute("role", "status");
  note.textContent = document.body.dataset.restored + " ";
  drop.className = "linklike";
  drop.textContent = document.body.dataset.drop;
  drop.addEventListener("click", () => { forgetForm(); location.reload(); });
  note.append(drop);
  document.getElementById("problems")?.replaceChildren(note);
}
restoreForm();
