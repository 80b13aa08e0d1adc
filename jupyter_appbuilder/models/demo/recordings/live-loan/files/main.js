import { watchPython } from "./python/call-python.js";
import { setUpTheme } from "./theme.js";

/** @typedef {{ year: number, left: number, interest: number }} Year */

const form = /** @type {HTMLFormElement} */ (document.querySelector("#loan"));
const state = document.querySelector("#state");
const sum = document.querySelector("#sum");
const chart = document.querySelector("#chart");
const theme = document.querySelector("#theme");
const money = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

if (theme) setUpTheme(theme);

/** What stands in the form, as the function takes it. */
const given = () => ({
  amount: Number(form.elements["amount"].value),
  rate: Number(form.elements["rate"].value),
  years: Number(form.elements["years"].value),
});

/** @param {Year[]} years */
function draw(years) {
  const most = Math.max(...years.map((each) => each.left), 1);
  chart.replaceChildren(
    ...years.map(({ year, left }) => {
      const item = document.createElement("li");
      const bar = document.createElement("span");
      bar.style.inlineSize = `${(100 * left) / most}%`;
      item.append(`Year ${year}`, bar, money.format(left));
      return item;
    }),
  );
  const interest = years.reduce((all, each) => all + each.interest, 0);
  sum.textContent = `Interest over ${years.length} ${years.length === 1 ? "year" : "years"}: ${money.format(interest)}`;
}

const answer = watchPython("repayment", given(), ({ data, loading, error, stale }) => {
  state.textContent = error?.message ?? (loading ? "Asking the notebook…" : "Answered by the notebook");
  sum.classList.toggle("stale", stale);
  if (data) draw(data);
});

form.addEventListener("input", () => {
  if (form.checkValidity()) answer.reload(given());
});
form.addEventListener("submit", (event) => event.preventDefault());
