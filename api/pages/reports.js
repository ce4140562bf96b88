import { at, begin, complain, doing, show } from "./common.js";
import { address, current } from "./reports/address.js";
import { record } from "./reports/record.js";
import { describe, rows } from "./reports/rows.js";
import { download, linkOf, sheet, sheetPath } from "./reports/sheet.js";

let open = false;
let left = null; // the figure whose rows were looked at

/** Everything that the address asks for; `moved`: somebody went there, and wants to read on there. */
async function render(moved = false) {
  if (!open) return;
  complain("");
  show("again", false);
  const state = current();
  const returns = arrange(state) && moved;
  if (returns) attend();
  const parts = [shown(sheet, sheetPath).then(() => {
    describe();
    if (returns && document.activeElement === document.body) attend();
  })];
  for (const [part, path] of [[rows, state.rows], [record, state.record]]) {
    if (path) parts.push(shown(part, () => path));
    else part.clear();
  }
  const failed = (await Promise.allSettled(parts)).find((part) => part.status === "rejected");
  if (!failed) return;
  complain(failed.reason.message);
  show("again");
}

const shown = async (part, path) => part.show(path());

/** Whether another part of the page is to be read now. */
function arrange(state) {
  const showing = state.record ? "record" : state.rows ? "rows" : "sheet";
  const changed = document.body.dataset.showing !== showing;
  document.body.dataset.showing = showing;
  for (const view of document.querySelectorAll("#views a")) {
    if (view.dataset.view === state.view) view.setAttribute("aria-current", "true");
    else view.removeAttribute("aria-current");
    view.href = address({ view: view.dataset.view, rows: null, record: null });
  }
  const [isReport, isProof] = [state.view === "report", state.view === "number-proof"];
  const fields = at("choose").elements;
  [fields.kind.value, fields.day.value] = [state.kind, state.day];
  show("choose", isReport || isProof);
  show("kinds", isReport);
  show("files", !isProof);
  document.querySelector("[data-format=pdf]").hidden = !isReport;
  show("rows", Boolean(state.rows));
  show("record", Boolean(state.record));
  at("rows-back").href = address({ rows: null, record: null });
  at("record-back").href = address({ record: null });
  left = state.rows ?? left;
  return changed;
}

/** Where somebody goes on reading: the heading of what opened, or the figure that was left. */
function attend() {
  const { showing } = document.body.dataset;
  (showing === "sheet" ? linkOf(left) : at(`${showing}-title`))?.focus();
}

function go(href) {
  history.pushState(null, "", href);
  render(true);
}

addEventListener("popstate", () => render(true));

addEventListener("click", (event) => {
  const link = event.composedPath().find((each) => each instanceof HTMLAnchorElement);
  const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (!link || !plain || link.origin !== location.origin || link.pathname !== "/reports") return;
  event.preventDefault();
  go(link.href);
});

at("choose").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = at("choose").elements;
  sheet.clear(); // a period that is not over may have other figures by now
  go(address({ kind: fields.kind.value, day: fields.day.value, rows: null, record: null }));
});

for (const button of document.querySelectorAll("[data-format]")) {
  button.addEventListener("click", doing(async () => {
    button.disabled = true;
    await download(button.dataset.format).finally(() => { button.disabled = false; });
  }));
}

at("print").addEventListener("click", () => print());
at("again").addEventListener("click", () => render());

begin(async () => {
  open = true;
  show("desk");
  history.replaceState(null, "", address());
  await render();
}, () => {
  open = false;
  for (const part of [sheet, rows, record]) part.clear();
  for (const id of ["desk", "rows", "record"]) show(id, false);
});
