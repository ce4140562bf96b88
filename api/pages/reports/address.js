// What the report page shows stands in its address: it can be shared, reloaded and gone back from.

import { meta } from "../common.js";

const today = () => new Intl.DateTimeFormat("en-CA", { timeZone: meta("zone") }).format(new Date());

/** `rows`: a list of the API, as a report links to it. `record`: `calls/…` or `handoffs/…`. */
export function current() {
  const given = new URLSearchParams(location.search);
  return {
    view: given.get("view") || "report",
    kind: given.get("kind") || "month",
    day: given.get("day") || today(),
    rows: given.get("rows"),
    record: given.get("record"),
  };
}

/** Of the page as it is, with changes; null leaves something out. */
export function address(changes = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...current(), ...changes })) {
    if (value) query.set(name, value);
  }
  return `/reports?${query}`;
}

/** The days beside a day "2026-11-30". */
export const dayAfter = (day, days = 1) => new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
