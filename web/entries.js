/** Entries of the browser's history, which the back button goes through: each has a question and what came of it. */

/** @import { Reply } from "./api.js" */

/**
 * What the browser keeps with an entry, so that reload and back show the reply without asking again. `conversation` is
 * the one to ask in until there is a `reply`, and then the reply's; `place` is how many of its turns came before.
 * @typedef {{conversation: string | null, asTyped?: boolean, reply?: Reply, place?: number}} Entry
 */

/** @returns {{entry: Entry, question: string, isToBeAsked: boolean}} where the browser is, as it keeps it and its address says */
export function here() {
  const said = new URLSearchParams(location.search);
  const question = said.get("q") ?? "";
  /** @type {Entry} */
  const entry = history.state ?? { conversation: said.get("c") };
  // Without an entry of its own a question was asked in that conversation by another page; it is among its turns.
  const isToBeAsked = Boolean(question && !entry.reply && (history.state || !entry.conversation));
  return { entry, question, isToBeAsked };
}

/** Go to an entry of its own. @param {Entry} entry @param {string} [question] */
export function go(entry, question = "") {
  const { conversation } = entry;
  const said = new URLSearchParams({ ...(question && { q: question }), ...(conversation && { c: conversation }) });
  history.pushState(entry, "", said.size ? `?${said}` : "/");
}

/** Let the entry where the browser is hold something else. @param {Entry} entry */
export function keep(entry) {
  history.replaceState(entry, "");
}

/** Tell the entry where the browser is from the others. @param {string} words */
export function entitle(words) {
  document.title = words ? `${words} – studybot` : "studybot";
}

/**
 * @param {() => Entry} shown what is on the page
 * @param {(isSame: boolean) => void} onMove is called when the reader goes back or forward, and told whether to the reply
 *   that is shown
 */
export function followMoves(shown, onMove) {
  window.addEventListener("popstate", () => {
    // A link to a passage makes an entry of its own, which is about the same reply.
    if (location.hash && !history.state) keep(shown());
    else onMove(isSameReply(history.state, shown()));
  });
}

/** @param {Entry | null} one @param {Entry} other */
function isSameReply(one, other) {
  return Boolean(one?.reply && JSON.stringify(one.reply) === JSON.stringify(other.reply));
}
