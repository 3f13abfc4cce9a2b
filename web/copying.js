/** An answer as Markdown, to be pasted into a note. */

import { together } from "./table.js";
import { lineNumbers } from "./view.js";

/** @import { Reply } from "./api.js" */
/** @import { Quoted } from "./table.js" */

/**
 * @param {Reply} reply an answered one
 * @returns {string} each quote as a block quote, rows of one table as one, and under it where it stands
 */
export function inMarkdown(reply) {
  const blocks = together(reply).map((quoted) => {
    const { quotes } = quoted;
    const { note, heading } = reply.passages[quotes[0].citation - 1];
    const first = Math.min(...quotes.map((quote) => quote.start_line));
    const last = Math.max(...quotes.map((quote) => quote.end_line));
    const lines = linesOf(quoted).map((line) => `> ${line}`.trimEnd());
    return `${lines.join("\n")}\n\n— ${[note, ...heading].join(" › ")}, ${lineNumbers(first, last)}\n`;
  });
  return blocks.join("\n");
}

/** @param {Quoted} quoted @returns {string[]} */
function linesOf({ quotes, header, delimiter }) {
  const rest = quotes.filter((quote) => quote !== header).flatMap(({ text }) => text.split("\n"));
  return header ? [header.text, delimiter, ...rest] : rest;
}
