/** The page of the figures: what the last evaluation of this index found, or how to make one. */

import { plotAddress, report, status } from "./api.js";
import { element, find, saying } from "./dom.js";
import { count } from "./view.js";

/** @import { Report } from "./api.js" */

const say = saying(find("state", HTMLElement));
const section = find("report", HTMLElement);

show();

async function show() {
  try {
    const found = await report();
    section.replaceChildren(...(found ? content(found) : howTo((await status()).index)));
    section.hidden = false;
    say(found ? told(found) : "Nothing was measured on this index yet.");
  } catch (error) {
    say(error.message, "failed");
  }
}

/** @param {Report} found */
function told({ questions, asked, answerable, written }) {
  const when = new Date(written).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
  const answered = `of which the notes answer ${answerable.toLocaleString("en")}`;
  return `${count(asked, "question")} of ${questions}, ${answered}; measured on ${when}.`;
}

/** @param {Report} found @returns {Node[]} */
function content({ figures, plots, environment, page }) {
  const head = ["figure", "value, 95 % interval", "n"];
  const rows = figures.map(({ name, value, interval, n, meaning }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name, element("small", {}, meaning)),
      element("td", {}, value, element("small", {}, interval)),
      element("td", {}, n),
    ),
  );
  const table = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...rows),
  );
  const facts = Object.entries(environment).map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
  return [
    ...plots.map(({ file, alt, caption }) =>
      element("figure", {}, element("img", { src: plotAddress(file), alt }), element("figcaption", {}, caption)),
    ),
    element("h2", {}, "In numbers"),
    table,
    element("details", {}, element("summary", {}, "Measured with"), element("dl", {}, ...facts.flat())),
    element("p", { className: "whole" }, "All of it, with the questions that went wrong: ", element("code", {}, page)),
  ];
}

/** @param {string} index @returns {Node[]} */
function howTo(index) {
  /** @param {string} path */
  const quoted = (path) => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
  const at = `--index ${quoted(index)}`;
  return [
    element("p", {}, "Write down questions, and where in your notes their answers stand; studybot helps you with it:"),
    element("pre", {}, `studybot eval --new ${at}`),
    element("p", {}, "Then ask them all; this page shows how many were answered rightly, and what a confidence is worth:"),
    element("pre", {}, `studybot eval questions.jsonl ${at} --report ${quoted(`${index}/report`)}`),
  ];
}
