/** Rows of a Markdown table as they are quoted, and the table that they make. */

import { element } from "./dom.js";

/** @import { Passage, Quote, Reply } from "./api.js" */

/**
 * What is shown as one: a quote, or rows of one table. `header` is the table's, where it is among them, and `delimiter`
 * the line below it in the note.
 * @typedef {{quotes: Quote[], header: Quote | undefined, delimiter: string}} Quoted
 */

const DELIMITER = /^\s*\|[\s:|-]*-[\s:|-]*$/;

/** @param {string} line @returns {boolean} */
export const isRow = (line) => line.trimStart().startsWith("|");

/** @param {Reply} reply @returns {Quoted[]} its quotes, those rows of one table together that follow each other */
export function together({ answer, passages }) {
  /** @type {Quote[][]} */
  const groups = [];
  for (const quote of answer?.quotes ?? []) {
    const group = groups.at(-1);
    if (group && areOfOneTable(group[0], quote, passages[quote.citation - 1])) group.push(quote);
    else groups.push([quote]);
  }
  return groups.map((quotes) => {
    const passage = passages[quotes[0].citation - 1];
    const header = quotes.length > 1 ? quotes.find((quote) => isHeader(quote, passage)) : undefined;
    return { quotes, header, delimiter: header ? line(passage, header.end_line + 1).trim() : "" };
  });
}

/** @param {Quoted} quoted rows @returns {HTMLElement} a table of their cells, word for word */
export function tableOf({ quotes, header }) {
  const rows = quotes.filter((quote) => quote !== header).map(({ text }) => cells(text));
  const head = header && element("tr", {}, ...cells(header.text).map((cell) => element("th", { scope: "col" }, cell)));
  const body = rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))));
  return element("table", {}, ...(head ? [element("thead", {}, head)] : []), element("tbody", {}, ...body));
}

/** @param {Quote} one @param {Quote} other @param {Passage} passage that of the other */
function areOfOneTable(one, other, passage) {
  if (one.citation !== other.citation) return false;
  const first = Math.min(one.start_line, other.start_line);
  const last = Math.max(one.end_line, other.end_line);
  return [...Array(last - first + 1).keys()].every((below) => isRow(line(passage, first + below)));
}

/** @param {Quote} quote a row @param {Passage} passage */
const isHeader = ({ start_line, end_line }, passage) =>
  DELIMITER.test(line(passage, end_line + 1)) && !isRow(line(passage, start_line - 1));

/** @param {Passage} passage @param {number} number @returns {string} that line of its note; "" outside of the passage */
const line = ({ text, start_line }, number) => text.split("\n")[number - start_line] ?? "";

/** @param {string} row @returns {string[]} what stands between its bars; one behind a backslash is a letter like any other */
function cells(row) {
  const inner = row.trim().replace(/^\||(?<!\\)\|$/g, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}
