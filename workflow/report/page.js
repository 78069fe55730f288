"use strict";
// Sort the table of tests by a click on a column's name, and filter it by verdict. Without scripts it is a plain table.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.trim().toLowerCase();
  };
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
  headings.forEach((heading, column) => {
    heading.querySelector("button")?.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      const rows = [...body.rows].map((row) => [key(row, column), row]);
      // Rows without a number stay at the end, whichever way the others are sorted.
      const empty = rows.filter(([value]) => Number.isNaN(value));
      const full = rows.filter(([value]) => !Number.isNaN(value));
      full.sort(([a], [b]) => (down ? compare(b, a) : compare(a, b)));
      headings.forEach((other) => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...[...full, ...empty].map(([, row]) => row));
    });
  });
}
const filters = [...document.querySelectorAll(".filter button")];
for (const filter of filters) {
  filter.addEventListener("click", () => {
    filters.forEach((other) => other.setAttribute("aria-pressed", String(other === filter)));
    for (const row of document.querySelectorAll("#claims-table tbody tr")) {
      row.hidden = filter.dataset.verdict !== "" && row.dataset.verdict !== filter.dataset.verdict;
    }
  });
}

// A link to something folded opens it, where the browser does not do so itself.
const unfold = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();
// Paper has nothing to unfold.
const folded = () => [...document.querySelectorAll("details:not([open], .play)")];
let opened = [];
addEventListener("beforeprint", () => (opened = folded()).forEach((one) => (one.open = true)));
addEventListener("afterprint", () => opened.forEach((one) => (one.open = false)));
