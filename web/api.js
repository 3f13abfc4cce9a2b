/** The only module that talks to the server. Shapes are those of the HTTP contract; see /docs. */

/**
 * @typedef {{text: string, evidence: boolean}} Run
 * @typedef {{rank: number, id: string, note: string, heading: string[], start_line: number, end_line: number,
 *   text: string, score: number, runs: Run[], citation: string, link: string}} Passage
 * @typedef {{text: string, citation: number, start_line: number, end_line: number}} Quote
 * @typedef {{question: string, interpreted_as: string | null, conversation: string | null, answered: boolean,
 *   confidence: number, answer: {text: string, quotes: Quote[]} | null, reason: string | null,
 *   passages: Passage[]}} Reply
 * @typedef {{note: string, start_line: number | null, end_line: number | null}} Lines
 * @typedef {{id: string, state: "current" | "moved" | "changed", then: Lines, now: Lines, text: string | null}} Found
 * @typedef {{notes: number, passages: number, notes_folder: string | null, syncing: boolean}} Status
 */

/** An error that the server explained. */
export class Refused extends Error {}

/** The server did not answer. */
export class Offline extends Error {}

/** @param {string} question @param {AbortSignal} signal @returns {Promise<Reply>} */
export const ask = (question, signal) => send("POST", "/api/ask", { question }, signal);

/** @param {string} citation @returns {Promise<Found>} */
export const cite = (citation) => send("GET", `/api/citations/${encodeURIComponent(citation)}`);

/** @returns {Promise<Status>} */
export const status = () => send("GET", "/api/status");

/** @returns {Promise<{started: boolean}>} */
export const sync = () => send("POST", "/api/index");

/**
 * Follow the sync that is running.
 * @param {(name: string, data: Record<string, any>) => void} onEvent is given "progress", "done", "failed" or "idle"
 */
export function followSync(onEvent) {
  const source = new EventSource("/api/index/events");
  for (const name of ["progress", "done", "failed", "idle"]) {
    source.addEventListener(name, (event) => {
      if (name !== "progress") source.close();
      onEvent(name, JSON.parse(event.data));
    });
  }
  source.addEventListener("error", () => {
    source.close();
    onEvent("failed", { message: "studybot does not answer; is it still running?" });
  });
}

/** @param {string} method @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] */
async function send(method, path, body, signal) {
  let response;
  try {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Offline("studybot does not answer; is it still running in your terminal?");
  }
  const content = await response.json();
  if (!response.ok) throw new Refused(content.error?.message ?? `the server said ${response.status}`);
  return content;
}
