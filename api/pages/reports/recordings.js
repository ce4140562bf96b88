// Which calls can be listened to.

import { ask, clock, make, put } from "../common.js";

const PLAYABLE = new Set(["whole", "truncated"]);

/** The playable recordings of these calls (at most 200), by call. */
export async function recordingsOf(calls, signal) {
  const found = new Map();
  if (!calls.length) return found;
  let cursor = null;
  do {
    const query = new URLSearchParams(calls.map((id) => ["call_id", id]));
    query.set("limit", "200");
    if (cursor) query.set("cursor", cursor);
    const page = await ask(`/v1/recordings?${query}`, { signal });
    for (const each of page.items) {
      if (PLAYABLE.has(each.state)) found.set(each.call_id, [each, ...(found.get(each.call_id) ?? [])]);
    }
    cursor = page.next_cursor;
  } while (cursor);
  return found;
}

/** To the one recording, or to the list of several; nothing where there is none. */
export function listen(call, recordings = []) {
  if (!recordings.length) return "";
  const [only, ...others] = recordings;
  const link = put(make("a"), others.length ? `收听 ${recordings.length} 段 · Listen` : `收听 ${clock(only.seconds)} · Listen`);
  link.href = `/playback?${new URLSearchParams(others.length ? { call } : { recording: only.id })}`;
  return link;
}
