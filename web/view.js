/** What is seen: values in, elements out. Text enters as text, never as HTML. */

import { button, element } from "./dom.js";
import { isRow, tableOf, together } from "./table.js";

/** @import { Reply, Turn, Passage, Place, Found } from "./api.js" */

/** From which confidence on an answer is called so. */
const SURE = 0.8;
const LIKELY = 0.5;

/**
 * @param {Reply} reply
 * @param {{onAsTyped: () => void, onCopy: (output: HTMLElement) => void, onFollow: () => void}} does what the card's
 *   buttons do
 * @returns {Node[]} the answer card's content
 */
export function answerCard(reply, { onAsTyped, onCopy, onFollow }) {
  const asTyped = button("Ask it as typed", onAsTyped);
  const understood = reply.interpreted_as
    ? [element("p", { className: "understood" }, `Understood as “${reply.interpreted_as}” `, asTyped)]
    : [];
  if (!reply.answer) {
    const nearest = element("a", { href: "#passages" }, "Look at the nearest passages");
    return [
      element("h2", {}, "Not in your notes"),
      ...understood,
      element("p", { className: "reason" }, reply.reason ?? "Your notes do not seem to answer this."),
      confidence(reply.confidence, "would be"),
      element("p", { className: "actions" }, ...(reply.passages.length ? [nearest] : []), button("Ask a follow-up", onFollow)),
    ];
  }
  const quotes = together(reply).map((quoted) => {
    const [{ text, citation }] = quoted.quotes;
    const ariaLabel = `Passage ${citation}: ${place(reply.passages[citation - 1])}`;
    const mark = element("a", { className: "number", href: `#passage-${citation}`, ariaLabel }, `[${citation}]`);
    return element("blockquote", {}, quoted.quotes.length > 1 ? tableOf(quoted) : text, mark);
  });
  const output = element("output", {});
  const copy = button("Copy as Markdown", () => onCopy(output));
  return [
    element("h2", {}, "From your notes"),
    ...understood,
    ...quotes,
    confidence(reply.confidence, "are"),
    element("p", { className: "actions" }, copy, button("Ask a follow-up", onFollow), output),
  ];
}

/** @param {Turn} turn @returns {HTMLElement} a question asked before and what came of it */
export function turnCard(turn) {
  const sources = turn.citations.map((cited) => {
    const where = element("span", { className: "note" }, cited.note);
    return element("cite", {}, `[${cited.mark}] `, element("a", { href: readerAddress(cited, cited.id) }, where, ` › ${place(cited)}`));
  });
  return element(
    "article",
    {},
    element("h2", {}, turn.question),
    ...(turn.interpreted_as ? [element("p", { className: "understood" }, `Understood as “${turn.interpreted_as}”`)] : []),
    turn.answer === null ? element("p", {}, "Not in your notes.") : element("blockquote", {}, turn.answer),
    ...sources,
  );
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
  const reader = element("a", { href: readerAddress(passage, passage.citation) }, "Open in reader");
  const check = button("Check against the note", () => onCheck(passage, output));
  const body = element("blockquote", {}, ...passage.runs.map((run) => element(run.evidence ? "mark" : "span", {}, run.text)));
  // Rows of a table line up only where every letter is as wide as the next and no line is broken.
  if (passage.text.split("\n").every(isRow)) body.classList.add("table");
  return element(
    "li",
    { id: `passage-${passage.rank}` },
    element("cite", {}, `[${passage.rank}] `, element("span", { className: "note" }, passage.note), ` › ${place(passage)}`),
    body,
    ...passage.also_at.map((other) => {
      const link = element("a", { href: readerAddress(other) }, `${other.note} › ${place(other)}`);
      return element("p", { className: "also" }, "Also in ", link);
    }),
    element("p", { className: "actions" }, reader, element("a", { href: passage.link }, "Open in editor"), check, output),
  );
}

/**
 * @param {number} value the probability that the answer is right
 * @param {"are" | "would be"} are of answers that are given, or withheld
 * @returns {HTMLElement} a confidence in words and as a small bar
 */
function confidence(value, are) {
  const word = value >= SURE ? "sure" : value >= LIKELY ? "likely" : "unsure";
  const rounded = Math.round(value * 10);
  const right = rounded === 10 ? "nearly all" : rounded === 0 ? "hardly any" : `about ${rounded}`;
  const meaning = `Of ten such answers, ${right} ${are} right.`;
  const bar = element("meter", { min: 0, max: 1, low: LIKELY, high: SURE, optimum: 1, value, ariaLabel: "Confidence" });
  const said = element("span", {}, element("span", { className: "word" }, word), ` · ${meaning}`);
  return element("p", { className: "confidence", title: `${Math.round(value * 100)} %: ${meaning}` }, bar, said);
}

/** @param {Place} place @param {string} [cited] the citation of it, which finds it again in a note that was changed */
const readerAddress = ({ note, start_line, end_line }, cited) =>
  `/read?${new URLSearchParams({ note, lines: `${start_line}-${end_line}`, ...(cited && { cited }) })}`;

/** @param {Place} passage */
const place = (passage) => [...passage.heading, lineNumbers(passage.start_line, passage.end_line)].join(" › ");

/** @param {number | null} start @param {number | null} end @returns {string} */
export const lineNumbers = (start, end) => (start === end ? `line ${start}` : `lines ${start}–${end}`);

/** @param {number} number @param {string} thing @returns {string} */
export const count = (number, thing) => `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;

/** @param {number} bytes @returns {string} in the units of the server, whose MB has 1,024 × 1,024 */
export function size(bytes) {
  if (bytes < 2 ** 10) return count(bytes, "byte");
  const [value, unit] = bytes < 2 ** 20 ? [bytes / 2 ** 10, "KB"] : [bytes / 2 ** 20, "MB"];
  return `${value.toLocaleString("en", { maximumSignificantDigits: 3 })} ${unit}`;
}
