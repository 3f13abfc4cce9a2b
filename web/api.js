/** The only module that talks to the server. Shapes are those of the HTTP contract; see /docs. */

/**
 * @typedef {{text: string, evidence: boolean}} Run
 * @typedef {{note: string, heading: string[], start_line: number, end_line: number}} Place
 * @typedef {{rank: number, id: string, note: string, heading: string[], start_line: number, end_line: number,
 *   text: string, score: number, runs: Run[], citation: string, link: string, also_at: Place[]}} Passage
 * @typedef {{text: string, citation: number, start_line: number, end_line: number}} Quote
 * @typedef {{question: string, interpreted_as: string | null, conversation: string | null, answered: boolean,
 *   confidence: number, answer: {text: string, quotes: Quote[]} | null, reason: string | null,
 *   passages: Passage[]}} Reply
 * @typedef {{note: string, start_line: number | null, end_line: number | null}} Lines
 * @typedef {{mark: number, id: string, note: string, heading: string[], start_line: number, end_line: number}} Cited
 * @typedef {{question: string, interpreted_as: string | null, asked: string, answered: boolean, answer: string | null,
 *   citations: Cited[]}} Turn
 * @typedef {{id: string, title: string, began: string, turns: number}} Conversation
 * @typedef {{id: string, state: "current" | "moved" | "changed", then: Lines, now: Lines, text: string | null}} Found
 * @typedef {{level: number, title: string, id: string, line: number}} Heading
 * @typedef {{note: string, html: string, outline: Heading[], link: string}} Rendered
 * @typedef {{notes: number, passages: number, notes_folder: string | null, index: string, least_confidence: number,
 *   syncing: boolean}} Status
 * @typedef {{note: string, bytes: number | null, passages: number,
 *   state: "indexed" | "new" | "changed" | "removed" | "unreadable", why: string | null}} ListedNote
 * @typedef {{added: string[], changed: string[], removed: string[], unreadable: Record<string, string>}} SyncReport
 * @typedef {{kind: "question" | "heading", text: string, heading: string | null, note: string | null}} Suggestion
 * @typedef {{questions: string, asked: number, answerable: number, environment: Record<string, string>,
 *   figures: {name: string, value: string, interval: string, n: string, meaning: string}[],
 *   plots: {file: string, alt: string, caption: string}[], written: string, page: string}} Report
 */

/** An error that the server explained; `code` is the contract's. */
export class Refused extends Error {
  /** @param {string} message @param {string} code */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** The server did not answer, or not to the end. */
export class Offline extends Error {}

/** The server takes no longer question. */
export const MOST_CHARACTERS = 1_000;

const UNANSWERED = "studybot does not answer; is it still running in your terminal?";

/**
 * @param {{question: string, conversation?: string, as_typed?: boolean, min_confidence?: number}} asked
 * @param {AbortSignal} signal
 * @returns {Promise<Reply>}
 */
export const ask = (asked, signal) => send("POST", "/api/ask", asked, signal);

/** @param {number} most @returns {Promise<Conversation[]>} the newest first */
export async function conversations(most) {
  /** @type {Conversation[]} */
  const found = [];
  while (found.length < most) {
    const part = { limit: String(Math.min(most - found.length, 200)), offset: String(found.length) };
    const more = await send("GET", `/api/conversations?${new URLSearchParams(part)}`);
    if (!more.length) break;
    found.push(...more);
  }
  return found;
}

/** @param {string} id @param {AbortSignal} signal @returns {Promise<Conversation & {turns: Turn[]}>} */
export const conversation = (id, signal) => send("GET", conversationAddress(id), undefined, signal);

/** @param {string} id @param {string} title @returns {Promise<Conversation>} */
export const rename = (id, title) => send("PATCH", conversationAddress(id), { title });

/** @param {string} id */
export const forget = (id) => send("DELETE", conversationAddress(id));

/** @param {string} id @returns {string} where the conversation is to be had as Markdown */
export const exportAddress = (id) => `${conversationAddress(id)}/export`;

/** @param {string} citation @returns {Promise<Found>} */
export const cite = (citation) => send("GET", `/api/citations/${encodeURIComponent(citation)}`);

/** @returns {Promise<ListedNote[]>} */
export const notes = () => send("GET", "/api/notes");

/**
 * @param {string} path @param {Blob} content
 * @param {boolean} mayReplace whether a note that is there is replaced, or the request refused
 * @returns {Promise<boolean>} whether there was none
 */
export async function addNote(path, content, mayReplace) {
  const { status } = await request("PUT", noteAddress(path), content, { replaces: mayReplace });
  return status === 201;
}

/** @param {string} path */
export const deleteNote = (path) => send("DELETE", noteAddress(path));

/** @param {string} text what is typed so far @param {AbortSignal} signal @returns {Promise<Suggestion[]>} */
export const suggestions = (text, signal) =>
  send("GET", `/api/suggestions?${new URLSearchParams({ text })}`, undefined, signal);

/** @returns {Promise<{heading: string, note: string}[]>} a few, others each time */
export const someHeadings = () => send("GET", "/api/examples");

/** @returns {Promise<Report | null>} */
export const report = () => send("GET", "/api/report");

/** @param {string} file @returns {string} */
export const plotAddress = (file) => `/api/report/${encodeURIComponent(file)}`;

/** @param {string} path @param {number} line where an editor opens it @returns {Promise<Rendered>} a note to be read */
export const rendered = (path, line) => send("GET", `/api/rendered/${encodedPath(path)}?line=${line}`);

/** @returns {Promise<Status>} */
export const status = () => send("GET", "/api/status");

/** @returns {Promise<{started: boolean}>} */
export const sync = () => send("POST", "/api/index");

/** @param {string} token */
export const login = (token) => send("POST", "/login", { token });

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
    onEvent("failed", { message: UNANSWERED });
  });
}

/** @param {string} method @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] */
const send = async (method, path, body, signal) => (await request(method, path, body, { signal })).content;

/**
 * @param {string} method @param {string} path @param {unknown} body
 * @param {{signal?: AbortSignal, replaces?: boolean}} how `replaces` whether what is there already may be replaced
 * @returns {Promise<{status: number, content: any}>}
 */
async function request(method, path, body, { signal, replaces = true }) {
  /** @type {Record<string, string>} */
  const headers = {};
  const isText = body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = isText ? "text/markdown" : "application/json";
  if (!replaces) headers["If-None-Match"] = "*";
  let response, text;
  try {
    response = await fetch(path, { method, headers, body: isText ? body : JSON.stringify(body), signal });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Offline(UNANSWERED);
  }
  const content = parsed(text, response);
  const said = `the server said ${response.status} ${response.statusText}`.trim();
  if (!response.ok) throw new Refused(content?.error?.message ?? said, content?.error?.code ?? "");
  return { status: response.status, content };
}

/** @param {string} text @param {Response} response */
function parsed(text, { ok, status, statusText }) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    // What stands between the page and studybot answers for it.
    if (!ok) return null;
    throw new Refused(`what answers here is not studybot: it said ${status} ${statusText}`.trim(), "");
  }
}

/** @param {string} path */
const noteAddress = (path) => `/api/notes/${encodedPath(path)}`;

/** @param {string} path */
const encodedPath = (path) => path.split("/").map(encodeURIComponent).join("/");

/** @param {string} id */
const conversationAddress = (id) => `/api/conversations/${encodeURIComponent(id)}`;
