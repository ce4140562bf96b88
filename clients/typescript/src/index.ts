/** The API of the hotline linkage with its types, as `/openapi.json` describes it. */

import { EventSourceParserStream } from "eventsource-parser/stream";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type Handoff = components["schemas"]["HandoffOut"];
export type Call = components["schemas"]["CallOut"];
export type Seat = components["schemas"]["SeatOut"];
export type Line = components["schemas"]["LineOut"];
export type Conference = components["schemas"]["ConferenceOut"];
export type Problem = components["schemas"]["Problem"];

/** What happened; `kind` is `handoff`, `call`, `seat`, `alarm` …, or `gap`: notices were lost, read all anew. */
export interface Notice {
  id: string | undefined;
  kind: string;
  data: Record<string, unknown>;
}

/** Asks with the token that holds now: of a sign-in (`POST /v1/sessions`), or of a program's key.
 *
 *      const { data, error } = await hotline(base, () => token).POST("/v1/handoffs", {
 *        params: { header: { "Idempotency-Key": idempotencyKey() } },
 *        body: { call_id, mode: "transfer", target: "110", release: "on_answer" },
 *      });
 */
export function hotline(baseUrl: string, token: () => string | null) {
  const client = createClient<paths>({ baseUrl });
  client.use({
    onRequest({ request }) {
      const held = token();
      if (held) request.headers.set("Authorization", `Bearer ${held}`);
      return request;
    },
  });
  return client;
}

/** One for each press of a button: a request that is repeated with the same key is carried out once. */
export const idempotencyKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** What happens from now on, or after the notice `lastId`; ends when the connection or the token does: begin again with
 *  the last `id`. Throws Error when it is refused.
 */
export async function* notices(
  baseUrl: string,
  token: () => string | null,
  lastId: string | null = null,
  signal?: AbortSignal,
): AsyncGenerator<Notice, void, undefined> {
  const headers: Record<string, string> = { Authorization: `Bearer ${token() ?? ""}` };
  if (lastId) headers["Last-Event-ID"] = lastId;
  const answer = await fetch(new URL("/v1/events", baseUrl), { headers, ...(signal ? { signal } : {}) });
  if (!answer.ok || !answer.body) throw new Error(`/v1/events: ${answer.status}`);
  const stream = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (value.event) yield { id: value.id, kind: value.event, data: JSON.parse(value.data) };
    }
  } finally {
    await reader.cancel();
  }
}
