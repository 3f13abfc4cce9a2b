/** What is seen: values in, elements out. Text enters as text, never as HTML. */

/** @import { Reply, Passage, Found } from "./api.js" */

/** @param {Reply} reply @returns {Node[]} the answer card's content */
export function answerCard(reply) {
  if (!reply.answer) {
    return [
      element("h2", {}, "Not in your notes"),
      element("blockquote", {}, reply.reason ?? "Your notes do not seem to answer this."),
      confidence(reply.confidence),
    ];
  }
  const quotes = reply.answer.quotes.map(({ text, citation }) => {
    const ariaLabel = `Passage ${citation}: ${place(reply.passages[citation - 1])}`;
    const mark = element("a", { className: "number", href: `#passage-${citation}`, ariaLabel }, `[${citation}]`);
    return element("blockquote", {}, text, mark);
  });
  return [element("h2", {}, "From your notes"), ...quotes, confidence(reply.confidence)];
}

/**
 * @param {Reply} reply
 * @param {(passage: Passage, output: HTMLElement) => void} onCheck is called to check a passage against today's notes
 * @returns {Node[]} the list of passages, best first
 */
export function passageList(reply, onCheck) {
  const title = reply.answered ? "Where it stands" : "The nearest passages";
  return [element("h2", {}, title), element("ol", {}, ...reply.passages.map((passage) => passageItem(passage, onCheck)))];
}

/** @param {Found} found @returns {string} what became of a citation, in words */
export function foundInWords(found) {
  const lines = `${found.now.note}, ${lineNumbers(found.now.start_line, found.now.end_line)}`;
  if (found.state === "current") return "Checked: your note says so word for word.";
  if (found.state === "moved") return `Moved: the same words now stand in ${lines}.`;
  return found.now.start_line ? `Changed: the section now stands in ${lines}.` : "Changed: this is no longer in your notes.";
}

/** @param {Passage} passage @param {(passage: Passage, output: HTMLElement) => void} onCheck */
function passageItem(passage, onCheck) {
  const output = element("output", {});
  const check = element("button", { type: "button", onclick: () => onCheck(passage, output) }, "Check against the note");
  const body = element("blockquote", {}, ...passage.runs.map((run) => element(run.evidence ? "mark" : "span", {}, run.text)));
  // Rows of a table line up only where every letter is as wide as the next and no line is broken.
  if (passage.text.split("\n").every((line) => line.trimStart().startsWith("|"))) body.classList.add("table");
  if (body.className) Object.assign(body, { tabIndex: 0 });
  return element(
    "li",
    { id: `passage-${passage.rank}` },
    element("cite", {}, `[${passage.rank}] `, element("span", { className: "note" }, passage.note), ` › ${place(passage)}`),
    body,
    element("p", { className: "actions" }, element("a", { href: passage.link }, "Open in editor"), check, output),
  );
}

/** @param {number} value @returns {HTMLElement} a confidence in words and as a bar */
function confidence(value) {
  const words = value >= 0.75 ? "sure" : value >= 0.5 ? "likely" : "unsure";
  const bar = element("meter", { min: 0, max: 1, low: 0.5, high: 0.75, optimum: 1, value, ariaLabel: "Confidence" });
  return element("p", { className: "confidence" }, bar, `${words}: ${Math.round(value * 100)} % likely to answer your question`);
}

/** @param {Passage} passage */
const place = (passage) => [...passage.heading, lineNumbers(passage.start_line, passage.end_line)].join(" › ");

/** @param {number | null} start @param {number | null} end */
const lineNumbers = (start, end) => (start === end ? `line ${start}` : `lines ${start}–${end}`);

/** @param {string} name @param {Record<string, unknown>} properties @param {...(Node | string)} children @returns {HTMLElement} */
export function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
