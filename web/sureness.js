/** How sure an answer must be, as the reader wants it; kept in this browser. */

const KEY = "studybot.min_confidence";

/**
 * Make the slider say and keep what is chosen.
 * @param {{slider: HTMLInputElement, output: HTMLElement, reset: HTMLButtonElement}} controls
 * @returns {{chosen: () => number | null, setUsual: (value: number) => void}} what gives the confidence that is chosen,
 *   0 to 1, or null for the usual one; and what is told the usual one
 */
export function sureness({ slider, output, reset }) {
  let chosen = kept();
  let usual = 0.5;
  const show = () => {
    slider.value = String(chosen ?? usual);
    output.textContent = chosen === null ? "as usual" : `at least ${Math.round(chosen * 100)} %`;
    slider.setAttribute("aria-valuetext", output.textContent);
    slider.classList.toggle("unset", chosen === null);
    reset.disabled = chosen === null;
  };
  /** @param {number | null} value */
  const choose = (value) => {
    chosen = value;
    keep(value);
    show();
  };
  slider.addEventListener("input", () => choose(Number(slider.value)));
  reset.addEventListener("click", () => {
    // A disabled button loses the focus to the page.
    slider.focus();
    choose(null);
  });
  const setUsual = (/** @type {number} */ value) => {
    usual = value;
    show();
  };
  show();
  return { chosen: () => chosen, setUsual };
}

/** @returns {number | null} */
function kept() {
  try {
    const value = Number.parseFloat(localStorage.getItem(KEY) ?? "");
    return value >= 0 && value <= 1 ? value : null;
  } catch {
    // A browser that keeps nothing for this page forbids even to ask.
    return null;
  }
}

/** @param {number | null} value */
function keep(value) {
  try {
    if (value === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, String(value));
  } catch {
    // It holds until the page is left.
  }
}
